"""What a store holds of what is true, what a search finds of it, and what a chat is reminded of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from headroom.memory.engine import Engine
from headroom.memory.query import Listing, Query
from headroom.memory.records import Reader

from .model import Meanings, reminded
from .year import CORRECTS, Said, truth

_FOUND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Rows of a store, by what they say of the subjects that came up."""

    facts: int
    """Subjects whose value is known: the true facts."""
    lost: int
    """True facts that no present row says."""
    rows: int
    """Present rows."""
    repeats: int
    """Present rows that say what another one says."""
    outdated: int
    """Present rows that say what is true no more."""
    missed: int
    """Those of them that stood there when an update came, and were not among its notes."""
    history: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One search for a true fact."""

    rank: int | None
    """The place of the first result that says it, from 0; None if none of the ten does."""
    outdated_first: bool
    """A result that says an earlier value stands above it."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """What a chat is reminded of when the user asks for a true fact."""

    notes: int
    tokens: int
    tells: bool
    """A note says the true value."""
    outdated: int
    """Notes that say what is true no more, of any subject."""
    misleads: bool
    """A note says an earlier value of the subject, and none the true one."""
    beside: bool
    """One says the true value and one an earlier one."""
    repeats: int
    """Notes that say what a better one says."""


def held(engine: Engine, reader: Reader, said: Sequence[Said], meanings: Meanings) -> Held:
    """Count what the store holds after all that was `said`."""
    true, corrected = truth(said), truth(one for one in said if one.kind in CORRECTS)
    rows = [(meanings.of(record.content), record.created_at) for record in engine.get_all(Listing(reader=reader))]
    current = [one.subject for one, _ in rows if one.value == true[one.subject].value]
    outdated = [(one.subject, at) for one, at in rows if one.value != true[one.subject].value]
    return Held(
        facts=len(true),
        lost=len(true) - len(set(current)),
        rows=len(rows),
        repeats=len(current) - len(set(current)),
        outdated=len(outdated),
        missed=sum(subject in corrected and at < corrected[subject].at for subject, at in outdated),
        history=engine.stats(reader)["superseded"],
    )


def searched(engine: Engine, reader: Reader, facts: Iterable[Said], meanings: Meanings) -> list[Asked]:
    """Search for each of `facts` by its question."""
    return [_asked(engine, reader, fact, meanings) for fact in facts]


def _asked(engine: Engine, reader: Reader, fact: Said, meanings: Meanings) -> Asked:
    started = perf_counter()
    found = engine.search(Query(reader=reader, text=fact.question, top_k=_FOUND))
    seconds = perf_counter() - started
    values = [meanings.about(result.content, fact.subject) for result in found]
    rank = values.index(fact.value) if fact.value in values else None
    return Asked(rank=rank, outdated_first=any(value is not None for value in values[:rank]), seconds=seconds)


def injected(
    engine: Engine, reader: Reader, facts: Iterable[Said], true: Mapping[str, Said], meanings: Meanings
) -> list[Injected]:
    """Let the user ask for each of `facts` in a chat."""
    return [_injected(engine, reader, fact, true, meanings) for fact in facts]


def _injected(engine: Engine, reader: Reader, fact: Said, true: Mapping[str, Said], meanings: Meanings) -> Injected:
    framed = reminded(engine, reader, fact.question, fact)
    said = [meanings.of(note.content) for note in framed.notes]
    mine = [one.value for one in said if one.subject == fact.subject]
    outdated = any(value != fact.value for value in mine)
    return Injected(
        notes=len(said),
        tokens=len(framed.text) // 4 if said else 0,
        tells=fact.value in mine,
        outdated=sum(one.value != true[one.subject].value for one in said),
        misleads=outdated and fact.value not in mine,
        beside=outdated and fact.value in mine,
        repeats=len(said) - len({(one.subject, one.value) for one in said}),
    )
