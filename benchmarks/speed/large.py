"""Sizes that take made vectors: 100,000 memories of one user; a million of thousands of users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..figures import Figure, memories
from ..lab import Lab
from ..measure import Spread
from ..sentences import Sentences
from .accuracy import recall
from .crowded import loop, threads
from .disk import bytes_in
from .growing import growing
from .searching import asked
from .starts import opened, resident_after

_EACH = 100
_SEED = 7
_QUESTIONS = 100
_SAVES = 400


def one_user(lab: Lab) -> Iterator[Figure]:
    """Search for users with more memories than can be embedded here."""
    for size in lab.scale.made:
        path = lab.folder / f"made-{size}.db"
        facts = Sentences(seed=_SEED).facts(size)
        made = lab.made.rows(size + _QUESTIONS, _SEED)
        vectors, questions = made[:size], made[size:]
        with lab.engine(path) as engine:
            lab.fill(engine, "alice", facts, vectors)
        yield from asked(lab, path, "alice", size)
        yield recall(lab, path, "alice", facts, vectors, questions)
        yield from opened(lab, path, ["alice"] * lab.scale.starts, memories(size))
        yield from growing(lab, path, "alice", size, lab.made.rows(_SAVES, _SEED + 2, among=size))


def crowd(lab: Lab) -> Iterator[Figure]:
    """Search in one file of very many users, most of them small and one large."""
    users, largest = lab.scale.crowd
    folder = lab.folder / "crowd"
    folder.mkdir()
    path, total = folder / "memory.db", users * _EACH + largest
    _fill_crowd(lab, path, users, largest)
    name = f"a file of {total:,} of {users + 1:,} users"
    bytes_each = Spread.exactly(bytes_in(folder) / total)
    yield Figure(what=f"bytes a memory, text of any length, {name}", measured=bytes_each, unit="bytes")
    some = [f"user-{index}" for index in range(0, users, max(1, users // 500))]
    yield from opened(lab, path, some[: lab.scale.starts], f"a user of {_EACH} in {name}")
    yield from opened(lab, path, ["largest"] * lab.scale.starts, f"a user of {largest:,} in {name}")
    yield from asked(lab, path, some[0], _EACH, within=total)
    yield from asked(lab, path, "largest", largest, within=total)
    yield resident_after(lab, path, [f"user-{index}" for index in range(users)], f"users of {_EACH} in {name}")
    yield threads(lab, path, some, name)
    yield from loop(lab, path, some, name)


def _fill_crowd(lab: Lab, path: Path, users: int, largest: int) -> None:
    """Store the users one after the other, each with sentences of his own."""
    sentences = Sentences(seed=_SEED + 1)
    with lab.engine(path) as engine:
        for start in range(0, users, _EACH):
            lab.progress.part(start, users, "users stored:")
            # One hundred users at a time; the seed gives each block clusters of its own.
            vectors = lab.made.rows(_EACH * _EACH, seed=start)
            for offset in range(min(_EACH, users - start)):
                rows = vectors[offset * _EACH : (offset + 1) * _EACH]
                lab.fill(engine, f"user-{start + offset}", sentences.facts(_EACH), rows)
        lab.fill(engine, "largest", sentences.facts(largest), lab.made.rows(largest, seed=users))
