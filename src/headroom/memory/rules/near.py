"""Memories that say nearly the same, as groups for a person to look at. Pure; n is the number of memories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from ..protocols import Vectors
from ..records import Record, Similar
from .words import fold

_BLOCK = 1024
"""Rows that are compared with all others at once: 100 MB of cosines at 25,000 memories."""
_NUMBER = re.compile(r"[\w.,:/-]*\d[\w.,:/-]*")
_NAME = re.compile(r"(?<![.!?] )(?<=\s)[^\W\d_a-z]\w*")
_DENIED = re.compile(r"n['’]t\b|\b(?:not|no|never|none|without|cannot|neither|nor)\b", re.IGNORECASE)


def groups(records: Sequence[Record], vectors: Vectors, *, threshold: float) -> list[Similar]:
    """Group memories whose cosine is at least `threshold`, the closest groups first.

    `vectors` are theirs, shape (n, width), unit rows; zeros for one that waits for its vector. Texts that differ in a
    number, a name or a negation are never in one group: vectors put "at 5 pm" and "at 6 pm" at 0.95, nearer than most
    paraphrases. Each memory of a group is compared with its first, so that no chain of small steps leads far away.
    """
    marks = [_marks(record.content) for record in records]
    leaders: dict[int, list[tuple[int, float]]] = {}
    led: set[int] = set()
    for first, other, cosine in _pairs(vectors, threshold):
        if marks[first] == marks[other] and first not in led and other not in led and other not in leaders:
            leaders.setdefault(first, []).append((other, cosine))
            led.add(other)
    found = [
        Similar(
            memories=(records[first], *(records[other] for other, _ in others)),
            cosines=(1.0, *(cosine for _, cosine in others)),
        )
        for first, others in leaders.items()
    ]
    return sorted(found, key=lambda group: -min(group.cosines))


def _pairs(vectors: Vectors, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of places whose cosine is high enough, by the first place."""
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors[start:].T
        for row, column in np.argwhere(cosines >= threshold):
            if column > row:
                yield start + int(row), start + int(column), min(1.0, float(cosines[row, column]))


def _marks(text: str) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return what two texts must have in common to be near: numbers, names, and whether something is denied."""
    numbers = frozenset(found.strip(".,:/-").lower() for found in _NUMBER.findall(text))
    return numbers, frozenset(map(fold, _NAME.findall(text))), bool(_DENIED.search(text))
