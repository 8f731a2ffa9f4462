"""A year lived through by one user, examined near its beginning and at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean

from headroom.memory.engine import Engine
from headroom.memory.query import Query
from headroom.memory.records import Reader

from ..figures import Aim, Figure, number
from ..lab import Known, Lab
from ..measure import Spread, settle
from .examine import Asked, Held, Injected, held, injected, searched
from .model import Meanings, Turn, live
from .year import Kind, Said, truth, year

_PART = "growth"
_SEED = 11
_READER = Reader(user_id="alice")
_ASKED = 1_000
"""True facts that are searched for, at most."""
_MODELS = {"a model that repeats itself": False, "a careful model": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A store at one time of the year."""

    facts: int
    held: Held
    searches: list[Asked]
    injections: list[Injected]


def growth(lab: Lab) -> Iterator[Figure]:
    """Let each model take notes for a year."""
    early, count = lab.scale.year
    said = list(year(count, seed=_SEED, ends=datetime.now(timezone.utc)))
    for name, careful in _MODELS.items():
        path = lab.folder / f"{name}.db"
        turns, begins, ended = _lived(lab, path, said, early, careful=careful)
        yield from _figures(f"a year of {count:,} facts, {name}", turns, begins, ended, path.stat().st_size)


def _lived(
    lab: Lab, path: Path, said: list[Said], early: int, *, careful: bool
) -> tuple[list[Turn], Examined, Examined]:
    """Live through the year; look at the store after `early` facts and at the end."""
    embedder = Known(lab.embedder, {})
    meanings, turns, seen = Meanings(), [], []
    with lab.engine(path, embedder) as engine:
        for done, one in enumerate(said, 1):
            lab.progress.part(done, len(said), "fact")
            turns.append(live(engine, _READER, one, meanings, careful=careful))
            if done in (early, len(said)):
                seen.append(_examined(engine, embedder, said[:done], meanings))
    return turns, seen[0], seen[-1]


def _examined(engine: Engine, embedder: Known, said: list[Said], meanings: Meanings) -> Examined:
    true = truth(said)
    facts = list(true.values())[:: max(1, len(true) // _ASKED)]
    questions = [fact.question for fact in facts]
    embedder.learn(questions)
    engine.search(Query(reader=_READER, text=questions[0]))
    settle()
    return Examined(
        facts=len(true),
        held=held(engine, _READER, said, meanings),
        searches=searched(engine, _READER, facts, meanings),
        injections=injected(engine, _READER, facts, true, meanings),
    )


def _figures(name: str, turns: list[Turn], early: Examined, late: Examined, size: int) -> Iterator[Figure]:
    yield Figure(
        what=f"true facts lost, {name}",
        measured=Spread.exactly(early.held.lost + late.held.lost),
        unit="",
        aim=Aim(at_most=0),
        part=_PART,
        detail=f"of {late.held.facts:,}",
    )
    yield from _kept(name, turns, late.held)
    yield from _found(name, early, late)
    yield from _told(name, early, late)
    rows = late.held.rows + late.held.history
    yield _one(f"bytes a row, {name}", size / rows, "bytes", f"{size / 1e6:.1f} MB, {late.held.history:,} of history")


def _kept(name: str, turns: list[Turn], late: Held) -> Iterator[Figure]:
    again = [turn for turn in turns if turn.said.kind in (Kind.REPEAT, Kind.VARIANT)]
    became = Counter(_fate(turn) for turn in again)
    yield _one(
        f"share of repeats that became rows, {name}",
        became["row"] / max(len(again), 1),
        "",
        f"of {len(again):,}: {became['merged']:,} were merged, {became['left out']:,} left out as known",
    )
    yield _one(
        f"rows, {name}",
        late.rows,
        "",
        f"{late.facts:,} true facts, {late.repeats:,} repeats of them, {late.outdated:,} outdated, "
        f"{late.missed:,} of these because an update was not shown them",
    )


def _fate(turn: Turn) -> str:
    if turn.applied is None:
        return "left out"
    return "merged" if turn.applied.merged else "row"


def _found(name: str, early: Examined, late: Examined) -> Iterator[Figure]:
    for depth in (10, 1):
        before, after = (fmean(one.rank in range(depth) for one in seen.searches) for seen in (early, late))
        detail = f"{before:.3f} when {early.facts:,} facts were true"
        yield _one(f"recall@{depth} of a true fact by its question, {name}", after, "", detail)
    before, after = (fmean(one.outdated_first for one in seen.searches) for seen in (early, late))
    yield _one(f"share of searches with an outdated fact above the true one, {name}", after, "", f"{before:.3f} early")
    times = [Spread.of(1e3 * one.seconds for one in seen.searches) for seen in (early, late)]
    yield Figure(
        what=f"search without the embedder call, {name}",
        measured=times[1],
        unit="ms",
        part=_PART,
        detail=f"p99 {times[1].p99:.2f} ms; {number(times[0].median)} ms among the first {early.held.rows:,} rows",
    )


def _told(name: str, early: Examined, late: Examined) -> Iterator[Figure]:
    """Return what a chat is reminded of when the user asks for a true fact."""
    seen = late.injections
    notes = sum(one.notes for one in seen)
    yield _one(
        f"notes a chat is reminded of, {name}",
        notes / len(seen),
        "",
        f"{fmean(one.tokens for one in seen):.0f} tokens; {fmean(one.notes for one in early.injections):.1f} early; "
        f"{sum(one.repeats for one in seen) / max(notes, 1):.1%} repeat a better one",
    )
    yield _one(f"share of chats told the true fact, {name}", fmean(one.tells for one in seen), "", "")
    yield _one(
        f"share of notes that are outdated, {name}",
        sum(one.outdated for one in seen) / max(notes, 1),
        "",
        f"of the chats {fmean(one.beside for one in seen):.1%} see the true value and an earlier one, "
        f"{fmean(one.misleads for one in seen):.1%} an earlier one alone",
    )


def _one(what: str, value: float, unit: str, detail: str) -> Figure:
    return Figure(what=what, measured=Spread.exactly(value), unit=unit, detail=detail, part=_PART)
