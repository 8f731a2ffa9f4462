"""Rules of one item: every field is read leniently, and what cannot be read is left out, never guessed."""

from __future__ import annotations

import pytest

from headroom.chat.block.item import MAX_CONTENT, Item, Unusable, item
from headroom.memory.records import Relationship, Scope

pytestmark = pytest.mark.quick

EDGE = Relationship("Ana", "lives in", "Madrid")


def test_an_item_says_all_it_may_say() -> None:
    """Every key the instruction names is read."""
    said = {
        "content": " User lives in Madrid ",
        "scope": "session",
        "importance": 0.8,
        "entities": ["User", "Madrid"],
        "relationships": [["Ana", "lives in", "Madrid"]],
        "replaces": [1, 2],
        "forget": [3],
    }
    assert item(said) == Item(
        content="User lives in Madrid",
        scope=Scope.SESSION,
        importance=0.8,
        entities=("User", "Madrid"),
        relationships=(EDGE,),
        replaces=(1, 2),
        forget=(3,),
    )


def test_a_string_is_an_item_with_nothing_but_a_content() -> None:
    """What an item does not say takes the default of the store."""
    assert item("likes tea") == Item(content="likes tea")
    assert item({"Content": "likes tea", "colour": "red"}) == Item(content="likes tea")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (5, "not an item"),
        (None, "not an item"),
        (["likes tea"], "not an item"),
        ({}, "no content"),
        ({"content": ["likes tea"]}, "no content"),
        ({"replaces": [1]}, "no content"),
        ({"forget": []}, "no content"),
        ("", "no words in it"),
        ("...", "no words in it"),
        ({"content": " – "}, "no words in it"),
        ("a" * (MAX_CONTENT + 1), f"longer than {MAX_CONTENT} characters"),
        ("a\0b", "not text"),
        ("half of an emoji \ud83d", "not text"),
        ({"content": "x", "scope": "everyone"}, "unknown scope"),
        ({"content": "x", "scope": ["user"]}, "unknown scope"),
    ],
)
def test_what_is_no_item_says_why(value: object, why: str) -> None:
    """The reason is fixed words, so that it can be logged."""
    with pytest.raises(Unusable) as error:
        item(value)
    assert str(error.value) == why


def test_a_forget_needs_no_content() -> None:
    """It names notes, and `replaces` without new words would only hide them, so it is left out."""
    assert item({"forget": [2], "replaces": [1]}) == Item(content=None, forget=(2,))


@pytest.mark.parametrize(
    ("said", "importance"),
    [
        (0, 0.0),
        (1, 1.0),
        (0.5, 0.5),
        ("0.7", 0.7),
        (1.5, None),
        (-1, None),
        (True, None),
        ("high", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([0.5], None),
    ],
)
def test_an_importance_is_a_number_in_0_to_1_or_not_said(said: object, importance: float | None) -> None:
    """A scale we do not know is not guessed at."""
    assert item({"content": "x", "importance": said}).importance == importance


@pytest.mark.parametrize(
    ("said", "handles"),
    [
        (1, (1,)),
        ("1", (1,)),
        ("[1]", (1,)),
        (["[1]", 2.0, "#3"], (1, 2, 3)),
        ([1, 1, 2], (1, 2)),
        (None, ()),
        ("one", ()),
        (0, ()),
        (-1, ()),
        (1.5, ()),
        (True, ()),
        (10**9, ()),
        ("²", ()),
        ({"note": 1}, ()),
        (float("nan"), ()),
    ],
)
def test_handles_are_read_in_every_form(said: object, handles: tuple[int, ...]) -> None:
    """Whether a handle was shown is the turn's to check."""
    assert item({"content": "x", "replaces": said}).replaces == handles
    assert item({"content": "x", "forget": said}).forget == handles


@pytest.mark.parametrize(
    ("said", "entities"),
    [
        ("Madrid", ("Madrid",)),
        (["Ana", " Ana ", "", 5, None, {"name": "Madrid", "type": "city"}, ["x"], "\0"], ("Ana", "Madrid")),
        ({"name": "Ana"}, ("Ana",)),
        (5, ()),
    ],
)
def test_entities_are_names(said: object, entities: tuple[str, ...]) -> None:
    """What is no name is left out, and each name counts once."""
    assert item({"content": "x", "entities": said}).entities == entities


@pytest.mark.parametrize(
    ("said", "edges"),
    [
        ([["Ana", "lives in", "Madrid"], ["Ana", "lives in", "Madrid"]], (EDGE,)),
        (["Ana", "lives in", "Madrid"], (EDGE,)),
        ([{"source": "Ana", "relation": "lives in", "target": "Madrid"}], (EDGE,)),
        ({"subject": "Ana", "predicate": "lives in", "object": "Madrid"}, (EDGE,)),
        ([["Ana", "Madrid"], ["Ana", "", "Madrid"], ["Ana", 1, "Madrid"], {"source": "Ana"}, "Ana", None], ()),
    ],
)
def test_relationships_are_three_names(said: object, edges: tuple[Relationship, ...]) -> None:
    """An edge with a part missing is no edge."""
    assert item({"content": "x", "relationships": said}).relationships == edges


def test_lists_in_an_item_are_bounded() -> None:
    """A model that runs on does not fill the graph."""
    runaway = [f"name {n}" for n in range(1000)]
    said = item({"content": "x", "entities": runaway, "replaces": list(range(1, 1000))})
    assert (len(said.entities), len(said.replaces)) == (32, 32)
