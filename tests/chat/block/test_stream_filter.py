"""Rules of the block in a streamed reply: the same as in a whole one, and nothing is held without need."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom.chat.block.filter import BlockFilter, Parsed, parse

pytestmark = pytest.mark.quick

BLOCK = '<memory>\n[{"content": "likes tea"}]\n</memory>'
# Pieces that mean something to the filter, whole and broken, so that random sequences of them reach every branch.
PARTS = [
    *('<memory>["a", "b"]</memory>', "<memory>\n- a\n- b\n</memory>", "<memory>oops</memory>", "<memory></memory>"),
    *("<memory>", "</memory>", "< MEMORY >", "<memory", "<me", "<", "</", ">", "<memory>\n<b>", "</ memory >"),
    *('["a", "b"]', '["a", "b', '{"memories": [{"content": "x"}, ', "['it's'", "[]", "- a", "\n- b", '"', "'", "\\"),
    *(
        "<think>",
        "</think>",
        "`</think>",
        "<thinking>\n",
        "```xml\n<memory>",
        '```\n<memory>["a"]</memory>\n```',
        "Like so:",
    ),
    *(
        "```",
        "\n```\n",
        "```json\n",
        "~~~\n",
        "\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "\r\n",
        "text",
        "more text.",
        "é",
        "\u2028",
    ),
]
replies = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    st.text(st.sampled_from("<>/memory \n`~[]{}\"',-a\\"), max_size=60),
)


def streamed(pieces: list[str]) -> Parsed:
    """Read the pieces one by one."""
    reply = BlockFilter()
    visible = "".join(map(reply.feed, pieces)) + reply.close()
    return Parsed(
        visible=visible,
        items=tuple(reply.items),
        cut=reply.cut,
        blocks=reply.blocks,
        skipped=dict(reply.skipped),
        removed=tuple(reply.removed),
    )


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=200)
@given(reply=replies, places=st.lists(st.integers(0, 1000), max_size=8))
def test_every_way_of_cutting_gives_what_the_whole_reply_gives(reply: str, places: list[int]) -> None:
    """Streamed and plain agree on the visible text, the items, the spans and the counts."""
    whole = parse(reply)
    assert streamed(cut(reply, places)) == whole
    assert streamed(list(reply)) == whole


@pytest.mark.parametrize(
    "reply",
    [
        f"Sure.\n\n```xml\n{BLOCK}\n```\n",
        f"<think>\n{BLOCK}\n</think>\nSure.\n```\n{BLOCK}\n``` \n\n",
        f"Hm\n{BLOCK}\n</think>{BLOCK}",
        f"Sure.\n\n{BLOCK}\n\nBye.\n",
        f"```\n{BLOCK}\n```\n{BLOCK}",
        f"{BLOCK}\n<memory>oops</memory>\n",
        "a\n<memor",
        f"Show `</think> and more.\n{BLOCK}",
        f"<think>`</think>, no</think>\n{BLOCK}",
        f"```json\nwords</think> more.\n{BLOCK}",
        f"<memory>\n{{<think>a</think>\n\nand more: {BLOCK}",
    ],
)
def test_every_single_cut_of_a_usual_reply_agrees(reply: str) -> None:
    """The same, at every place and not at random."""
    for place in range(len(reply) + 1):
        assert streamed([reply[:place], reply[place:]]) == parse(reply)
    assert streamed(list(reply)) == parse(reply)


@settings(max_examples=200)
@given(reply=replies)
def test_the_visible_text_and_the_spans_make_up_the_reply(reply: str) -> None:
    """No character is changed, moved, lost or made: what is not in a span is visible, in order."""
    parsed = parse(reply)
    start, left = 0, []
    for begin, end in parsed.removed:
        assert start <= begin < end <= len(reply)
        left.append(reply[start:begin])
        start = end
    assert "".join([*left, reply[start:]]) == parsed.visible


lines = st.sampled_from(["Sure.", "a < b", "- a point", "> quoted", "", "It is `<memory>`.", "  indented", "1. first"])
fences = st.builds("```{}\n{}\n```".format, st.sampled_from(["", "xml"]), st.sampled_from(["x = 1", BLOCK]))
blocks = st.sampled_from([BLOCK, '<memory>["x"]</memory>', "<memory>\n- a\n- b\n</memory>", "<memory>[]</memory>"])


@settings(max_examples=100)
@given(parts=st.lists(st.one_of(lines, fences, blocks), max_size=8))
def test_what_is_visible_is_visible(parts: list[str]) -> None:
    """Reading the visible text of a well-formed reply once more finds nothing in it."""
    visible = parse("\n".join(parts)).visible
    assert parse(visible) == Parsed(visible=visible, items=(), cut=False, blocks=0, skipped={}, removed=())


@settings(max_examples=200)
@given(reply=replies)
@example(reply="<thinking>\n`</think>")
def test_nothing_is_held_without_need(reply: str) -> None:
    """What is held is white space, a tag's prefix, the first line of a fence, or begins with the tag."""
    filtered, shown = BlockFilter(), 0
    for end in range(1, len(reply) + 1):
        shown += len(filtered.feed(reply[end - 1]))
        held = reply[shown + sum(stop - start for start, stop in filtered.removed) : end]
        squeezed = "".join(held.split()).lower()
        begun = re.sub(r"^(?:`+|~+)[\w.+-]*", "", squeezed)
        tags = ("<memory>", "<think>", "<thinking>", "</thinking>")
        assert any(tag.startswith(begun) for tag in tags) or begun.startswith("<memory>")


def test_the_first_token_is_shown_at_once() -> None:
    """An answer is not delayed: each piece comes out with itself, but for white space at its end."""
    reply = BlockFilter()
    assert [reply.feed(piece) for piece in ["Sure", ",", " I ", "can", ".\n", "Next"]] == [
        *("Sure", ",", " I", " can", ".", "\nNext")
    ]


def test_words_after_the_tag_are_held_for_a_paragraph_at_most() -> None:
    """An answer that speaks about the tag is shown with its next blank line."""
    reply = BlockFilter()
    assert reply.feed("<memory> is a tag") == ""
    assert reply.feed(".\n\nIt") == "<memory> is a tag.\n\nIt"


def test_an_element_with_children_is_shown_with_its_first_child() -> None:
    """XML is no body of ours, and that is clear at once."""
    reply = BlockFilter()
    assert reply.feed("<memory>\n  <s") == "<memory>\n  <s"


def test_a_block_is_held_until_it_ends_and_the_answer_goes_on() -> None:
    """Neither the block nor the white space before it comes out; what follows comes at once."""
    reply = BlockFilter()
    assert [reply.feed(piece) for piece in ["Sure.", "\n\n", "<mem", 'ory>["x"]</mem', "ory>", "\n", "Bye."]] == [
        *("Sure.", "", "", "", "", "", "\nBye.")
    ]
    assert [item.content for item in reply.items] == ["x"]


def test_close_returns_what_was_held_and_is_no_block() -> None:
    """White space and a tag that never came are shown at the end, once."""
    for held in ["\n\n", "\n<m", "\n<memory> is a tag"]:
        reply = BlockFilter()
        assert reply.feed("Sure." + held).rstrip() == "Sure."
        assert reply.close() == held
        assert reply.close() == ""


def test_a_stream_that_ends_early_gives_complete_items_only() -> None:
    """A client that stops reading inside the block still teaches what was whole."""
    reply = BlockFilter()
    assert reply.feed('Sure.\n<memory>["likes tea", "has a d') == "Sure."
    assert reply.close() == ""
    assert ([item.content for item in reply.items], reply.cut) == (["likes tea"], True)
