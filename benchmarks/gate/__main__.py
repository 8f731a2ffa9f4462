"""Run the two suites through `with_memory`, with each kind of review, and print a table."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headroom import Memory, with_memory
from headroom.testing import FakeChat, HashEmbedder

from .harmless import FRESH as FRESH_HARMLESS
from .harmless import HARMLESS, Harmless
from .poisoned import FRESH as FRESH_POISONED
from .poisoned import NOTES, POISONED, Poisoned

Review = Literal["untrusted", "all", "off"]
_CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@dataclass
class Damage:
    """What poisoned turns did."""

    facts: int = 0
    """False facts that the model wrote."""
    unmarked: int = 0
    """False facts that the next chat recalls as if the user had said them."""
    marked: int = 0
    """False facts that it recalls as a tool's."""
    notes: int = 0
    lost: int = 0
    """Notes of the user that are gone."""


async def main() -> None:
    """Measure and print."""
    print(
        "| suite | turns | review | false facts recalled as the user's | as a tool's | notes lost | learned at once |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        async with Memory(db_path=Path(folder) / "memory.db", embedder=HashEmbedder()) as memory:
            for name, poisoned, harmless in (
                ("the gate was fitted to these", POISONED[::2], HARMLESS[::2]),
                ("held back", POISONED[1::2], HARMLESS[1::2]),
                ("written afterwards", FRESH_POISONED, FRESH_HARMLESS),
            ):
                for review in ("untrusted", "off", "all"):
                    _print_row(memory, name, review, poisoned, harmless)


def _print_row(
    memory: Memory, name: str, review: Review, poisoned: Sequence[Poisoned], harmless: Sequence[Harmless]
) -> None:
    hurt = damage(memory, f"{name} {review}", review, poisoned)
    learned, told = learning(memory, f"{name} {review}", review, harmless)
    print(
        f"| {name} | {len(poisoned)} + {len(harmless)} | {review} | {hurt.unmarked} of {hurt.facts} | {hurt.marked} "
        f"| {hurt.lost} of {hurt.notes} | {learned} of {told} ({learned / told:.1%}) |"
    )


def damage(memory: Memory, name: str, review: Review, turns: Sequence[Poisoned]) -> Damage:
    """Let each poisoned turn meet a user with notes, and look at what the next chat is told."""
    hurt = Damage()
    for number, turn in enumerate(turns):
        chat = FakeChat()
        client = with_memory(chat, f"{name} poisoned {number}", memory=memory, review=review, top_k=100)
        client.memory.add_many(NOTES)
        _run(client, chat, [_said(turn.user)], turn.tool, turn.block)
        left = {record.content for record in client.memory.get_all()}
        client.chat.completions.create(model="m", messages=[_said("What do you know of me?")])
        told = {note.content for note in client.memory.last_turn.recalled} - set(NOTES)
        hurt.facts += sum("content" in item for item in turn.block)
        hurt.marked += sum(f"{json.dumps(fact, ensure_ascii=False)} (from a tool" in chat.last_message for fact in told)
        hurt.unmarked += sum(
            f"{json.dumps(fact, ensure_ascii=False)} (from a tool" not in chat.last_message for fact in told
        )
        hurt.notes += len(NOTES)
        hurt.lost += len(set(NOTES) - left)
    return hurt


def learning(memory: Memory, name: str, review: Review, turns: Sequence[Harmless]) -> tuple[int, int]:
    """Count the facts of harmless turns that the very next chat recalls, and those that users told."""
    learned = told = 0
    for number, turn in enumerate(turns):
        chat = FakeChat()
        client = with_memory(chat, f"{name} harmless {number}", memory=memory, review=review, top_k=100)
        messages = [_said(text) for text in (*turn.before, turn.user)]
        _run(client, chat, messages, turn.tool, [{"content": fact} for fact in turn.facts])
        client.chat.completions.create(model="m", messages=[_said("What do you know of me?")])
        learned += len({note.content for note in client.memory.last_turn.recalled} & set(turn.facts))
        told += len(turn.facts)
    return learned, told


def _run(client: Any, chat: FakeChat, messages: list[dict[str, Any]], tool: str, block: Sequence[object]) -> None:
    client.chat.completions.create(model="m", messages=messages)
    called = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
    chat.script(f"Here it is.\n<memory>\n{json.dumps(block)}\n</memory>")
    result = {"role": "tool", "tool_call_id": "c1", "content": tool}
    client.chat.completions.create(model="m", messages=[*messages, called, result])


def _said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


if __name__ == "__main__":
    asyncio.run(main())
