"""What a reply's items change, by the notes that were shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom.chat.block.item import Item
from headroom.chat.learning import Facts
from headroom.memory import MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.open import acquire, release
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

from ..asking import listed

pytestmark = pytest.mark.quick

ALICE = Reader(user_id="alice")
SAME = ["User's sister Anna lives in Madrid", "Anna, the user's sister, now lives in Madrid"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A memory that holds one fact in two phrasings, and another one."""
    opened = acquire(MemoryConfig(db_path=tmp_path / "memory.db"), HashEmbedder())
    opened.save(ALICE, [*SAME, "User has a cat"])
    yield opened
    release(opened)


@pytest.mark.parametrize(
    ("item", "left"),
    [
        (Item(content=None, forget=(1,)), ["User has a cat"]),
        (
            Item(content="User's sister Anna lives in Porto", replaces=(1,)),
            ["User has a cat", "User's sister Anna lives in Porto"],
        ),
        (Item(content=SAME[0], replaces=(1, 2)), SAME[:1]),
        (Item(content=SAME[1], replaces=(1, 2)), SAME),
    ],
)
def test_what_says_the_same_as_a_note_goes_with_it(engine: Engine, item: Item, left: list[str]) -> None:
    """A note that stands for others is corrected and forgotten with them; a repeated one ends only the others."""
    notes = engine.recall(ALICE, "Where does my sister Anna live?", top_k=5)
    assert [len(note.stands_for) for note in notes] == [1, 0]
    facts = Facts(notes, ALICE, redact=None)
    facts.add(item)
    engine.apply(ALICE, facts.changes)
    assert sorted(record.content for record in listed(engine, ALICE)) == sorted(left)
