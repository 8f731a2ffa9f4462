"""Searches with a filter against the same searches without one, once the fields that it asks about were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from headroom.memory.engine import Engine
from headroom.memory.query import Query
from headroom.memory.records import Draft, Reader
from headroom.memory.rules.filters import parse

from ..figures import Aim, Figure, against, memories
from ..lab import Known, Lab
from ..measure import Timed, settle, take_turns

_READER = Reader(user_id="filtered")
Where = Callable[[int], Mapping[str, object]]
"""The filter of each round."""
_KINDS = ("note", "plan", "drink", "meal", "trip")


def by_size(lab: Lab) -> Iterator[Figure]:
    """Ask one user with memories of five kinds, and another price and day each."""
    for size in (max(lab.scale.real), *lab.scale.made):
        yield from _asked(lab, size)


def _asked(lab: Lab, size: int) -> Iterator[Figure]:
    rounds, warm_up = lab.scale.rounds, 5
    questions = lab.questions(rounds + warm_up)
    embedder = Known(lab.embedder, dict(zip(questions, lab.embedder.embed(questions), strict=True)))
    with lab.engine(lab.folder / f"filtered-{size}.db", embedder) as engine:
        _fill(lab, engine, size)
        engine.search(Query(reader=_READER, text=questions[0]))
        settle()
        engine.search(Query(reader=_READER, text=questions[0]))

        def ask(where: Where | None, index: int) -> None:
            filters = None if where is None else parse(where(index))
            engine.search(Query(reader=_READER, text=questions[index], where=filters))

        ways: dict[str, Where] = {
            "another kind each time": lambda index: {"kind": _KINDS[index % len(_KINDS)]},
            "another range of prices each time": lambda index: {"price": {"$gte": index, "$lt": index + size / 3}},
            "kind, not tag, and importance": _joined,
        }
        plain, *filtered = take_turns(
            rounds, partial(ask, None), *(partial(ask, where) for where in ways.values()), warm_up=warm_up
        )
        yield from _figures(size, plain, dict(zip(ways, filtered, strict=True)))


def _joined(index: int) -> Mapping[str, object]:
    kinds = {"$in": [_KINDS[index % 5], _KINDS[(index + 2) % 5]]}
    return {"kind": kinds, "$not": {"tags": "even"}, "record.importance": {"$gt": index % 7 / 10}}


def _figures(size: int, plain: Timed, filtered: Mapping[str, Timed]) -> Iterator[Figure]:
    for name, times in filtered.items():
        yield against(f"search filtered by {name} / unfiltered, {memories(size)}", times, plain, Aim(at_most=1.5))


def _fill(lab: Lab, engine: Engine, size: int) -> None:
    vectors = lab.vectors[:size] if size <= max(lab.scale.real) else lab.made.rows(size, seed=7)
    for start in range(0, size, 10_000):
        rows = vectors[start : start + 10_000]
        drafts = [_draft(number) for number in range(start, start + len(rows))]
        engine.store(_READER, drafts, rows)


def _draft(number: int) -> Draft:
    return Draft(
        f"User bought part number {number} for the workshop",
        importance=number % 10 / 10,
        metadata={"kind": _KINDS[number % 5], "price": number, "tags": ["even" if number % 2 else "odd"]},
    )
