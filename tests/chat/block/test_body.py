"""Rules of a body: whether it is sure to be ours, and what a cut one still says."""

from __future__ import annotations

import pytest

from headroom.chat.block.body import read, read_cut

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"facts": []}', '["x"]', '["x", 5]', "- x", '{"forget": [1]}', '["x", "y']
)
def test_a_body_with_an_item_or_with_nothing_on_purpose_is_sure(body: str) -> None:
    """One good item beside bad ones is enough."""
    assert read(body).sure


@pytest.mark.parametrize(
    "body", ["x", "[1]", '["..."]', '{"size": 16}', "[", '["x', '["x"] x', "- x\nand so on", "{x}", "- 5\n..."]
)
def test_any_other_body_is_not_sure(body: str) -> None:
    """It may be an answer that shows something."""
    assert not read(body).sure


def test_a_wrapper_may_hold_more_than_its_list() -> None:
    """A forget beside the list counts; other keys do not."""
    said = read('{"memories": ["likes tea"], "forget": [2], "note": "x"}')
    assert [(item.content, item.forget) for item in said.items] == [("likes tea", ()), (None, (2,))]
    assert [item.content for item in read('{"memories": ["x"], "count": 1}').items] == ["x"]


def test_a_bullet_may_have_fields() -> None:
    """Lines under a bullet are its fields, or go on with its text."""
    (item,) = read("- fact: likes\n  green tea\n  importance: 0.9\n  replaces: [2]\n").items
    assert (item.content, item.importance, item.replaces) == ("likes green tea", 0.9, (2,))


@pytest.mark.parametrize(
    "body", ["words", '["x"]\nAn answer.', "[An answer.", '"An answer" of', "- x\nAn answer.\n", '["x\nAn answer.']
)
def test_a_cut_body_that_goes_on_as_an_answer_is_none(body: str) -> None:
    """What the reader of the reply should see is never swallowed."""
    assert read_cut(body) is None


@pytest.mark.parametrize(
    ("body", "contents"),
    [
        ("", []),
        ("[", []),
        ("```", []),
        ("- x", []),
        ("- x\n", ["x"]),
        ("- x\n-", ["x"]),
        ('["x", tru', ["x"]),
        ('"x", "y', ["x"]),
    ],
)
def test_a_cut_body_gives_its_complete_items(body: str, contents: list[str]) -> None:
    """A line counts as complete with its end, a value with its closing sign."""
    said = read_cut(body)
    assert said is not None
    assert [item.content for item in said.items if item.content] == contents
