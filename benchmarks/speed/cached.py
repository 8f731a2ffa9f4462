"""The cache from text to vector."""

from __future__ import annotations

from collections.abc import Iterator

from headroom.memory.embedders.cached import CachedEmbedder

from ..figures import Aim, Figure
from ..lab import Known, Lab
from ..measure import Spread, take_turns

_TEXTS = 1_000
_AGAIN = 100


def hit(lab: Lab) -> Iterator[Figure]:
    """Ask for vectors that are there, out of a full cache."""
    questions = [f"question {index}" for index in range(_TEXTS)]
    cached = CachedEmbedder(Known(lab.embedder, dict.fromkeys(questions, lab.vectors[0])), _TEXTS)
    for question in questions:
        cached.embed_query(question)
    asked = questions[:: _TEXTS // _AGAIN]

    def ask(index: int) -> None:
        for question in asked:
            cached.embed_query(question)

    (times,) = take_turns(lab.scale.rounds, ask)
    yield Figure(
        what="cache hit, text to vector",
        measured=Spread.of(times.wall / len(asked) * 1e3),
        unit="ms",
        aim=Aim(at_most=0.1),
    )
