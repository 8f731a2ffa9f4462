"""Sizes that take made vectors: 100,000 memories of one user; a million of thousands of users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headroom.memory.records import Reader

from ..figures import Aim, Figure, against
from ..lab import Known, Lab
from ..measure import Spread, milliseconds, take_turns
from ..sentences import Sentences
from .accuracy import recall
from .crowded import loop, threads
from .disk import bytes_in
from .searching import BARE, END_TO_END, WITHOUT
from .starts import opened

_EACH = 100
_SEED = 7


def one_user(lab: Lab) -> Iterator[Figure]:
    """Search for users with more memories than can be embedded here."""
    for size in lab.scale.made:
        path = lab.folder / f"made-{size}.db"
        facts = Sentences(seed=_SEED).facts(size)
        vectors = lab.made.rows(size + 100, _SEED)
        vectors, questions = vectors[:size], vectors[size:]
        with lab.engine(path) as engine:
            lab.fill(engine, "alice", facts, vectors)
        yield from asked(lab, path, "alice", size, Aim(at_most=3))
        yield recall(lab, path, "alice", facts, vectors, questions)
        yield from opened(lab, path, ["alice"] * lab.scale.starts, f"{size:,} memories")


def crowd(lab: Lab) -> Iterator[Figure]:
    """Search in one file of very many users, most of them small and one large."""
    users, largest = lab.scale.crowd
    folder = lab.folder / "crowd"
    folder.mkdir()
    path, total = folder / "memory.db", users * _EACH + largest
    _fill_crowd(lab, path, users, largest)
    yield Figure(
        what=f"bytes a memory, {total:,} memories of {users:,} users, text of any length",
        measured=Spread.exactly(bytes_in(folder) / total),
        unit="bytes",
    )
    some = [f"user-{index}" for index in range(0, users, max(1, users // 200))]
    yield from opened(lab, path, some[: lab.scale.starts], f"{_EACH} of {total:,}")
    yield from opened(lab, path, ["largest"] * lab.scale.starts, f"{largest:,} of {total:,}")
    yield from asked(lab, path, some[0], _EACH, None, among=total)
    yield from asked(lab, path, "largest", largest, None, among=total)
    yield threads(lab, path, some)
    yield from loop(lab, path, some)


def asked(lab: Lab, path: Path, user: str, size: int, aim: Aim | None, among: int | None = None) -> Iterator[Figure]:
    """Take turns between the bare embedder call, the whole search, and the search with a vector that is known."""
    rounds, warm_up = lab.scale.rounds, 3
    fresh, again = lab.questions(rounds + warm_up), lab.questions(rounds + warm_up)
    known = Known(lab.embedder, dict(zip(again, lab.embedder.embed(again), strict=True)))
    reader = Reader(user_id=user)
    with lab.engine(path, known) as engine:
        bare, whole, recalled, without = take_turns(
            rounds,
            lambda i: lab.embedder.embed_query(fresh[i]),
            lambda i: engine.search(reader, fresh[i]),
            lambda i: engine.recall(reader, f"{fresh[i]} Please.", top_k=5),
            lambda i: engine.search(reader, again[i]),
            warm_up=warm_up,
        )
    place = f"{size:,} memories" if among is None else f"{size:,} memories in a file of {among:,}"
    measured = milliseconds(without)
    yield Figure(
        what=f"search without the embedder call, {place}",
        measured=measured,
        unit="ms",
        aim=aim,
        detail=f"p99 {measured.p99:.2f} ms",
    )
    ratio_aim = Aim(at_most=1.5) if among is not None and size > _EACH else None
    yield against(f"search / bare embedder call, {place}", whole, bare, ratio_aim)
    yield against(f"recall for a chat / bare embedder call, {place}", recalled, bare, ratio_aim)
    if among is None:
        for name, times in ((BARE, bare), (END_TO_END, whole), (WITHOUT, without)):
            yield Figure(what=f"{name}, {size:,}", measured=milliseconds(times), unit="ms", series=name, size=size)


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
