"""Recall: the share of a question's evidence among the memories that a search returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from headroom.memory import Draft, Memory

from .locomo import Conversation, Item

DEPTHS = (5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question's recall at each depth, in the order of DEPTHS."""

    conversation: str
    category: int
    recall: tuple[float, ...]


async def fill(memory: Memory, user_id: str, items: Sequence[Item], *, plain: bool = False) -> dict[str, Item]:
    """Store `items` session by session and give them by id; `plain` leaves out sessions and dates."""
    kept: dict[str, Item] = {}
    for session, group in groupby(items, key=lambda item: item.session):
        said = list(group)
        drafts = [Draft(item.text, created_at=None if plain else item.said_at) for item in said]
        ids = await memory.save_many(drafts, user_id, session_id=None if plain else session)
        for memory_id, item in zip(ids, said, strict=True):
            kept[memory_id] = _both(kept.get(memory_id), item)
    return kept


def _both(known: Item | None, item: Item) -> Item:
    """A text that was said twice is one memory; it stands for both turns."""
    if known is None:
        return item
    return Item(text=known.text, session=known.session, said_at=known.said_at, turns=known.turns | item.turns)


async def ask(folder: Path, conversation: Conversation, store: str, *, plain: bool = False) -> list[Answered]:
    """Ask all questions of a conversation of one of its stores, in a memory file of its own."""
    path = folder / f"{conversation.name}-{store}{'-plain' * plain}.db"
    async with Memory(db_path=path) as memory:
        return await answers(memory, await fill(memory, "user", conversation.stores[store], plain=plain), conversation)


async def answers(memory: Memory, kept: Mapping[str, Item], conversation: Conversation) -> list[Answered]:
    """Ask all questions of a conversation of a memory that holds `kept`, the items by their ids."""
    answered = []
    for question in conversation.questions:
        results = await memory.search(question.text, "user", top_k=max(DEPTHS))
        found = [kept[result.id].turns for result in results]
        shares = tuple(share(question.evidence, found[:depth]) for depth in DEPTHS)
        answered.append(Answered(conversation=conversation.name, category=question.category, recall=shares))
    return answered


def share(evidence: Sequence[str], found: Iterable[frozenset[str]]) -> float:
    """Return the share of `evidence` among the turns that were found."""
    returned = frozenset[str]().union(*found)
    return sum(turn in returned for turn in evidence) / len(evidence)
