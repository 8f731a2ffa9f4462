"""Bytes on disk for a memory of 80 characters, everything counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..figures import Aim, Figure, memories
from ..lab import Lab
from ..measure import Spread
from ..sentences import Sentences

_LENGTHS = range(78, 83)
_EACH = 100


def per_memory(lab: Lab) -> Iterator[Figure]:
    """Fill one file for one user and one for many, close them, and add up what is in the folder."""
    facts = Sentences(seed=4).facts(min(len(lab.facts), 10_000), _LENGTHS)
    cases = {"one user": 1, f"users of {_EACH} memories": max(1, len(facts) // _EACH)}
    for name, users in cases.items():
        folder = lab.folder / f"disk, {name}"
        folder.mkdir()
        share = len(facts) // users
        with lab.engine(folder / "memory.db") as engine:
            for user in range(users):
                mine = slice(user * share, (user + 1) * share)
                # Vectors take their room whatever they say, so those of the corpus will do.
                lab.fill(engine, f"user-{user}", facts[mine], lab.vectors[: len(facts[mine])])
        yield Figure(
            what=f"bytes a memory of 80 characters, {name}",
            measured=Spread.exactly(bytes_in(folder) / (share * users)),
            unit="bytes",
            aim=Aim(at_most=1_600),
            detail=memories(share * users),
        )


def bytes_in(folder: Path) -> int:
    """Add up all files of a folder."""
    return sum(path.stat().st_size for path in folder.iterdir())
