"""What a chat is reminded of: how many notes, how long, and how many of them have to do with the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom.memory import Memory
from headroom.memory.records import Reader, SearchResult

from .locomo import Conversation
from .recall import fill

_NOTES = 5
"""Notes that a chat gets at most, by default."""
_LETTERS_A_TOKEN = 4
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """One message: notes that went in, tokens of their texts, and how many notes hold evidence."""

    message: str
    notes: int
    tokens: int
    relevant: int


async def questions(folder: Path, conversation: Conversation) -> list[Reminded]:
    """Ask the questions of a conversation of its facts, as messages of a chat."""
    async with Memory(db_path=folder / f"{conversation.name}-reminding.db") as memory:
        kept = await fill(memory, "user", conversation.stores["facts"])
        reminded = []
        for question in conversation.questions:
            notes = memory.engine.recall(Reader(user_id="user"), question.text, top_k=_NOTES)
            relevant = sum(not kept[note.id].turns.isdisjoint(question.evidence) for note in notes)
            reminded.append(_reminded(question.text, notes, relevant))
        return reminded


async def small_talk(folder: Path) -> list[Reminded]:
    """Chat about nothing, as a user with 200 memories."""
    async with Memory(db_path=folder / "small-talk.db") as memory:
        await memory.save_many((_HERE / "user.txt").read_text(encoding="utf-8").splitlines(), "user")
        return [
            _reminded(message, memory.engine.recall(Reader(user_id="user"), message, top_k=_NOTES), 0)
            for message in (_HERE / "small_talk.txt").read_text(encoding="utf-8").splitlines()
        ]


def _reminded(message: str, notes: Sequence[SearchResult], relevant: int) -> Reminded:
    letters = sum(len(note.content) for note in notes)
    return Reminded(message=message, notes=len(notes), tokens=letters // _LETTERS_A_TOKEN, relevant=relevant)
