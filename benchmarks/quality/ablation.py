"""What each idea of the ranking is worth: recall without it, and with its share a little smaller or larger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

from headroom.memory.local import search
from headroom.memory.rules import dates, ranking

from . import recall
from .locomo import Conversation

Changes = Sequence[tuple[ModuleType, str, Any]]

WITHOUT: Mapping[str, Changes] = {
    "all ideas": (),
    "words": [(ranking, "WORDS", 0.0), (ranking, "_WHOLE", 0.0)],
    "vectors": [(ranking, "WORDS", 1.0)],
    "what the common words stand for taken from the question": [
        (search, "_focus", lambda columns, vector, common: vector)
    ],
    "the best of the sitting": [(ranking, "_SITTING", 0.0)],
    "the memories before and behind": [(ranking, "_PREVIOUS", 0.0), (ranking, "_NEXT", 0.0)],
    "the time that the question names": [(dates, "spans", lambda *asked, **oldest: [])],
    "the subject": [(ranking, "_SUBJECT", 0.0)],
    "fullness": [(ranking, "_FULLNESS", 0.0)],
    "all words of the question": [(ranking, "_WHOLE", 0.0)],
}
NEAR: Mapping[str, Changes] = {
    "words 0.45": [(ranking, "WORDS", 0.45)],
    "words 0.55": [(ranking, "WORDS", 0.55)],
    "sitting 0.35": [(ranking, "_SITTING", 0.35)],
    "sitting 0.7": [(ranking, "_SITTING", 0.7)],
    "before 0.1": [(ranking, "_PREVIOUS", 0.1)],
    "before 0.3": [(ranking, "_PREVIOUS", 0.3)],
    "subject 0.1": [(ranking, "_SUBJECT", 0.1)],
    "subject 0.3": [(ranking, "_SUBJECT", 0.3)],
}

Row = tuple[list[float], list[float]]
"""Recall@5 and recall@10 of one store, by conversation."""


async def run(
    folder: Path, conversations: Sequence[Conversation], settings: Mapping[str, Changes]
) -> Iterator[tuple[str, dict[str, Row]]]:
    """Measure every setting; each in files of its own."""
    rows = []
    for number, (name, changes) in enumerate(settings.items()):
        place = folder / f"setting-{number}"
        place.mkdir()
        with _changed(changes):
            rows.append((name, {store: await _row(place, conversations, store) for store in ("facts", "turns")}))
    return iter(rows)


async def _row(folder: Path, conversations: Sequence[Conversation], store: str) -> Row:
    asked = [await recall.ask(folder, conversation, store) for conversation in conversations]
    at_5, at_10 = ([fmean(one.recall[depth] for one in each) for each in asked] for depth in (0, 1))
    return at_5, at_10


@contextmanager
def _changed(changes: Changes) -> Iterator[None]:
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def held_out(rows: Sequence[Row]) -> float:
    """Recall@10 where each conversation is answered by the setting that is best on all the others."""
    conversations = range(len(rows[0][1]))
    chosen = [
        max(rows, key=lambda row: fmean(row[1][other] for other in conversations if other != one))
        for one in conversations
    ]
    return fmean(row[1][one] for one, row in zip(conversations, chosen, strict=True))
