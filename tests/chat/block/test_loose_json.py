"""Rules of lenient JSON: the same as JSON if it is JSON, and the complete values if it is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom.chat.block.loose_json import _scan, loads

pytestmark = pytest.mark.quick

scalars = (
    st.none() | st.booleans() | st.integers(-99, 99).map(float) | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner), max_leaves=12
)


@settings(max_examples=60)
@given(value=st.lists(values) | st.dictionaries(st.text("abc", min_size=1), values), indent=st.sampled_from([None, 1]))
def test_json_is_read_as_json(value: object, indent: int | None) -> None:
    """The lenient pass agrees with the standard library on all that the latter reads."""
    for ascii_only in (True, False):
        loose = _scan(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
        assert (loose.roots, loose.open, loose.unended, loose.stray) == ([value], [], None, False)


@settings(max_examples=60)
@given(value=st.lists(values, min_size=1), place=st.integers(0, 1000))
def test_half_a_list_gives_its_first_values_whole(value: list[object], place: int) -> None:
    """Wherever it is cut, each value read is one that was written, but for a number that may go on."""
    text = json.dumps(value)
    loose = loads(text[: 1 + place % len(text)])
    read = loose.roots[0] if loose.roots else loose.open[0].into
    assert isinstance(read, list)
    if read and isinstance(read[-1], float | None):
        read.pop()
    assert read == value[: len(read)]


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("[1, 2,]", [[1, 2]]),
        ("{'a': True, 'b': None,}", [{"a": True, "b": None}]),
        ("{a: 'x'}", [{"a": "x"}]),
        ("['it's', 'the dogs', \"6\" wide\"]", [["it's", "the dogs", '6" wide']]),
        ('["a\nb"]', [["a\nb"]]),
        (r'["tab\t, quote\", \u00e9, \/",]', [['tab\t, quote", é, /']]),
        ('"a", "b"', ["a", "b"]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('[{"a": 1, {"b": 2}]', [[None]]),
        ('[{"a": oops, "b": 2}]', [[{"a": None, "b": 2}]]),
        (r'["\ud83c\udf75",]', [["🍵"]]),
        ("", []),
    ],
)
def test_what_models_write_is_read(text: str, roots: list[object]) -> None:
    """Trailing commas, single and stray quotes, bare keys, line ends in strings, values without a list."""
    assert loads(text).roots == roots


def test_what_ended_inside_is_told() -> None:
    """The open containers hold their complete values, and the string that did not end is in none."""
    loose = loads('{"memories": [{"content": "a"}, {"content": "b')
    assert [level.into for level in loose.open] == [{}, [{"content": "a"}], {}]
    assert [level.key for level in loose.open] == ["memories", None, "content"]
    assert loose.unended == "b"


@pytest.mark.parametrize(
    ("text", "stray", "words"),
    [('["a"] and more', True, True), ("]", True, False), ("[see above]", False, True), ('[{"a": tru', False, False)],
)
def test_words_are_told_from_values(text: str, stray: bool, words: bool) -> None:
    """Text at the top is stray; a word where a value should stand is noted, but for one that was cut."""
    loose = loads(text)
    assert (loose.stray, loose.words) == (stray, words)
