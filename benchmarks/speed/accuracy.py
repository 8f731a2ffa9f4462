"""How many of the ten nearest memories the default index finds, held against exact search over the vectors as made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headroom.memory.engine import Engine
from headroom.memory.protocols import Vectors
from headroom.memory.query import Query
from headroom.memory.records import Reader

from ..figures import Aim, Figure, memories
from ..lab import Known, Lab, user_of
from ..measure import Spread

_NEAREST = 10
_SLACK = 1e-4
"""Cosines that are this near to the tenth are as good: 16-bit vectors cannot tell them apart."""


def real(lab: Lab) -> Iterator[Figure]:
    """Ask with embedded questions among the embedded corpus."""
    size = max(lab.scale.real)
    questions = lab.embedder.embed(lab.questions(min(lab.scale.rounds, 100)))
    yield recall(lab, lab.sizes, user_of(size), lab.facts[:size], lab.vectors[:size], questions)


def recall(lab: Lab, path: Path, user: str, facts: list[str], vectors: Vectors, questions: Vectors) -> Figure:
    """Search by vectors alone: a question of words that no memory holds, among memories that are equal in all else."""
    texts = [f"zq{index}" for index in range(len(questions))]
    known = Known(lab.embedder, dict(zip(texts, questions, strict=True)))
    rows = {fact: row for row, fact in enumerate(facts)}
    with lab.engine(path, known) as engine:
        shares = [
            _share(engine, user, text, vectors @ question, rows)
            for text, question in zip(texts, questions, strict=True)
        ]
    return Figure(
        what=f"recall@10 of exact search, {memories(len(facts))}",
        measured=Spread.exactly(float(np.mean(shares))),
        unit="",
        aim=Aim(at_least=0.99),
        detail=f"{len(questions)} questions",
    )


def _share(engine: Engine, user: str, text: str, cosines: Vectors, rows: dict[str, int]) -> float:
    # Other benchmarks have stored a few more memories of this user, which are none of the ten.
    found = engine.search(Query(reader=Reader(user_id=user), text=text, top_k=2 * _NEAREST))
    known = [rows[result.content] for result in found if result.content in rows]
    return share_of_nearest(cosines, known[:_NEAREST], _SLACK)


def share_of_nearest(cosines: Vectors, found: npt.ArrayLike, slack: float) -> float:
    """Return the share of the ten nearest, or of what is as near but for `slack`, among the rows `found`."""
    wanted = min(_NEAREST, len(cosines))
    bar = np.partition(cosines, -wanted)[-wanted] - slack
    return min(1.0, int((cosines[np.asarray(found, np.int64)] >= bar).sum()) / wanted)
