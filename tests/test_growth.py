"""The made year of the growth benchmark: what comes up, what it means, and that a loss would be counted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from benchmarks.growth.examine import held
from benchmarks.growth.model import Meanings, live
from benchmarks.growth.topics import TOPICS
from benchmarks.growth.year import CORRECTS, Kind, Said, truth, year
from headroom.memory import MemoryConfig
from headroom.memory.open import acquire, release
from headroom.memory.records import Reader
from headroom.memory.rules.duplicates import folded
from headroom.testing import HashEmbedder

from .asking import listed

ENDS = datetime(2025, 6, 1, tzinfo=timezone.utc)
ALICE = Reader(user_id="alice")


@pytest.fixture(scope="module")
def said() -> list[Said]:
    return list(year(3_000, seed=3, ends=ENDS))


def test_a_seed_makes_one_year(said: list[Said]) -> None:
    """The same seed gives the same year, another one another; it is in order and a year long."""
    assert said == list(year(3_000, seed=3, ends=ENDS))
    assert said != list(year(3_000, seed=4, ends=ENDS))
    moments = [one.at for one in said]
    assert moments == sorted(moments)
    assert moments[0] == ENDS - timedelta(days=365)
    assert moments[-1] < ENDS


def test_the_phrasings_are_forty_and_say_one_thing_each(said: list[Said]) -> None:
    """No two facts share a text, so a text tells what it means; a question does not give its answer away."""
    assert len({phrasing for topic in TOPICS for phrasing in topic.says}) == 40
    meanings: dict[str, tuple[str, str]] = {}
    for one in said:
        assert meanings.setdefault(folded(one.text), (one.subject, one.value)) == (one.subject, one.value)
    assert not any("{value}" in topic.asks for topic in TOPICS)


def test_each_kind_is_what_it_says(said: list[Said]) -> None:
    """New subjects are new, repeats keep the value in other words, variants the folded text; the others change it."""
    values: dict[str, list[str]] = {}
    last: dict[str, str] = {}
    for one in said:
        before = values.setdefault(one.subject, [])
        assert (one.kind is Kind.NEW) == (not before)
        if one.kind in (Kind.REPEAT, Kind.VARIANT):
            assert one.value == before[-1]
            assert (folded(one.text) == last[one.subject]) == (one.kind is Kind.VARIANT)
        elif before:
            assert one.value != before[-1]
            assert one.kind is not Kind.RETURN or one.value in before
        before.append(one.value)
        last[one.subject] = folded(one.text)
    assert {one.kind for one in said} == set(Kind)
    assert {name: one.value for name, one in truth(said).items()} == {name: has[-1] for name, has in values.items()}


@pytest.mark.parametrize("careful", [False, True])
def test_what_is_lost_outdated_or_repeated_is_counted(tmp_path: Path, said: list[Said], careful: bool) -> None:
    """The counts of a store add up, and a deleted fact is a lost one."""
    few, meanings = said[:150], Meanings()
    engine = acquire(MemoryConfig(db_path=tmp_path / "memory.db"), HashEmbedder())
    turns = [live(engine, ALICE, one, meanings, careful=careful) for one in few]
    found = held(engine, ALICE, few, meanings)
    assert (found.lost, found.facts) == (0, len(truth(few)))
    assert found.rows == found.facts + found.repeats + found.outdated
    assert found.missed <= found.outdated
    assert any(turn.applied and turn.applied.ended for turn in turns if turn.said.kind in CORRECTS)
    # A new subject is held by one row, which nothing repeats yet.
    (last,) = [fact for fact in truth(few).values() if fact.kind is Kind.NEW][-1:]
    (row,) = [record for record in listed(engine, ALICE) if record.content == last.text]
    engine.delete(row.id)
    assert held(engine, ALICE, few, meanings).lost == 1
    release(engine)
