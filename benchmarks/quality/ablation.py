"""What each idea of the ranking is worth: recall without it, and with its share a little smaller or larger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

from headroom.memory.local import search
from headroom.memory.rules.search import dates, ranking

from . import recall
from .sets import Set

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
    "the time that the question names": [(dates, "times", lambda *asked, **known: [])],
    "the subject": [(ranking, "_SUBJECT", 0.0)],
    "fullness": [(ranking, "_FULLNESS", 0.0)],
    "all words of the question": [(ranking, "_WHOLE", 0.0)],
    "words counting less in a long text": [(ranking, "_LONG", 10**9)],
    "words and fullness counting less among long texts": [(ranking, "_TURN", 10**9)],
}
NEAR: Mapping[str, Changes] = {
    "words 0.45": [(ranking, "WORDS", 0.45)],
    "words 0.55": [(ranking, "WORDS", 0.55)],
    "sitting 0.35": [(ranking, "_SITTING", 0.35)],
    "sitting 0.7": [(ranking, "_SITTING", 0.7)],
    "before 0.1": [(ranking, "_PREVIOUS", 0.1)],
    "before 0.3": [(ranking, "_PREVIOUS", 0.3)],
    "long 60": [(ranking, "_LONG", 60)],
    "long 100": [(ranking, "_LONG", 100)],
    "fullness 0.1": [(ranking, "_FULLNESS", 0.1)],
    "subject 0.1": [(ranking, "_SUBJECT", 0.1)],
    "subject 0.3": [(ranking, "_SUBJECT", 0.3)],
}


async def run(
    folder: Path, sets: Sequence[Set], settings: Mapping[str, Changes]
) -> AsyncIterator[tuple[str, dict[str, float]]]:
    """Measure every setting on every set, each in files of its own: yield its name and recall@10 by set."""
    for number, (name, changes) in enumerate(settings.items()):
        found = {}
        with _changed(changes):
            for place, each in enumerate(sets):
                within = folder / f"setting-{number}-{place}"
                within.mkdir()
                found[each.name] = await _recall(within, each)
        yield name, found


async def _recall(folder: Path, each: Set) -> float:
    asked = [await recall.ask(folder, one, each.store, plain=each.plain) for one in each.conversations]
    return fmean(answer.recall[1] for answers in asked for answer in answers)


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
