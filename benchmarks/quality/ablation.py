"""What each idea of the ranking is worth: recall without it, and with its share a little smaller or larger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import numpy as np

from headroom.memory import Memory
from headroom.memory.local import search
from headroom.memory.protocols import Floats
from headroom.memory.rules.search import dates, ranking

from . import recall
from .sets import Set

Changes = Sequence[tuple[ModuleType | type, str, Any]]

_NEVER = re.compile(r"(?!)")
_DAY = 24 * 3_600_000_000
_from_neighbours = ranking._from_neighbours


def _only_in_sessions(own: Floats, found: ranking.Candidates) -> Floats:
    """Share among neighbours as if what has no session had been told on a day of its own."""
    return _from_neighbours(own, replace(found, created_at=np.arange(len(own)) * _DAY))


WITHOUT: Mapping[str, Changes] = {
    "all ideas": (),
    "words": [(ranking, "WORDS", 0.0), (ranking, "_WHOLE", 0.0)],
    "vectors": [(ranking, "WORDS", 1.0)],
    "what the common words stand for taken from the question": [
        (search, "_focus", lambda columns, vector, common: vector)
    ],
    "the words that many memories hold": [(search.Asked, "share_of", lambda asked, positions: asked.share[positions])],
    "the nearest vectors counting more": [(ranking, "_STEEPNESS", 1.0)],
    "the best of the sitting": [(ranking, "_SITTING", 0.0)],
    "the memories before and behind": [(ranking, "_PREVIOUS", 0.0), (ranking, "_NEXT", 0.0)],
    "these two if there are no sessions": [(ranking, "_from_neighbours", _only_in_sessions)],
    "the best of the sitting fading without sessions": [(ranking, "_FADING", 10**9)],
    "the time that the question names": [(dates, "times", lambda *asked, **known: [])],
    "a day in numbers": [(dates, "_NUMBERS", _NEVER)],
    "a day that many share, and one that only bounds, deciding less": [
        (ranking, "_ON_DAY", 2.0),
        (ranking, "_ALONE", 0.0),
        (dates, "_BOUND", _NEVER),
    ],
    "a time's words weighing nothing if none holds them": [(dates, "time_words", lambda question: frozenset())],
    "the subject": [(ranking, "_SUBJECT", 0.0)],
    "what somebody says of himself": [(ranking, "_OF_SELF", 0.0)],
    "fullness": [(ranking, "_FULLNESS", 0.0)],
    "all words of the question": [(ranking, "_WHOLE", 0.0)],
    "words counting less in a long text": [(ranking, "_LONG", 10**9)],
    "fullness and all words of the question counting less among long texts": [(ranking, "_TURN", 10**9)],
}
NEAR: Mapping[str, Changes] = {
    "steepness 1.2": [(ranking, "_STEEPNESS", 1.2)],
    "steepness 1.5": [(ranking, "_STEEPNESS", 1.5)],
    "words 0.45": [(ranking, "WORDS", 0.45)],
    "words 0.55": [(ranking, "WORDS", 0.55)],
    "sitting 0.35": [(ranking, "_SITTING", 0.35)],
    "sitting 0.7": [(ranking, "_SITTING", 0.7)],
    "before 0.1": [(ranking, "_PREVIOUS", 0.1)],
    "before 0.3": [(ranking, "_PREVIOUS", 0.3)],
    "fading 10": [(ranking, "_FADING", 10)],
    "fading 40": [(ranking, "_FADING", 40)],
    "of self 0.1": [(ranking, "_OF_SELF", 0.1)],
    "of self 0.3": [(ranking, "_OF_SELF", 0.3)],
    "long 60": [(ranking, "_LONG", 60)],
    "long 100": [(ranking, "_LONG", 100)],
    "fullness 0.1": [(ranking, "_FULLNESS", 0.1)],
    "subject 0.1": [(ranking, "_SUBJECT", 0.1)],
    "subject 0.3": [(ranking, "_SUBJECT", 0.3)],
}


async def run(folder: Path, sets: Sequence[Set], settings: Mapping[str, Changes]) -> dict[str, dict[str, float]]:
    """Return recall@10 of every set, by the name of the setting. All settings search the same files."""
    found: dict[str, dict[str, float]] = {name: {} for name in settings}
    for place, each in enumerate(sets):
        recalls: dict[str, list[float]] = {name: [] for name in settings}
        for number, one in enumerate(each.conversations):
            async with Memory(db_path=folder / f"ablation-{place}-{number}.db") as memory:
                kept = await recall.fill(memory, "user", one.stores[each.store], plain=each.plain)
                for name, changes in settings.items():
                    with _changed(changes):
                        answered = await recall.answers(memory, kept, one)
                    recalls[name] += [answer.recall[1] for answer in answered]
        for name, all_ in recalls.items():
            found[name][each.name] = fmean(all_)
    return found


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


def held_out(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Recall@10 of each set with the setting that is best, on average, on all the other sets."""
    sets = next(iter(rows.values())).keys()
    chosen = {}
    for one in sets:
        best = max(rows.values(), key=lambda row: fmean(value for name, value in row.items() if name != one))
        chosen[one] = best[one]
    return chosen
