"""Rules of the place in a Markdown text: line starts and code fences, as CommonMark has them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom.chat.block.fences import Lines

pytestmark = pytest.mark.quick


def after(*pieces: str) -> tuple[bool, bool]:
    lines = Lines()
    for piece in pieces:
        lines.feed(piece)
    return lines.at_start, lines.fenced


@pytest.mark.parametrize("text", ["", "\n", "a\n", "a\n   ", "a\r\n", "  ", "\n\n \n"])
def test_a_line_starts_after_three_spaces_at_most(text: str) -> None:
    """Four spaces or a tab make code of it."""
    assert after(text)[0]
    assert not after(text + "    ")[0]
    assert not after(text + "\t")[0]
    assert not after(text + " a")[0]


@pytest.mark.parametrize(
    "text",
    [
        "```\n",
        "~~~\n",
        "   ```\n",
        "````\n```\n",
        "```\n~~~\n",
        "~~~ ` `\n",
        "```py\n",
        "```\n``` x\n",
        "```\n    ```\n",
        "```\r\n",
        "a\n```\nb\n\n",
        "```\n```\n```\n",
    ],
)
def test_inside_a_fence(text: str) -> None:
    """A fence closes with a run of its own character that is as long and stands alone."""
    assert after(text)[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "``\n",
        "    ```\n",
        "a ```\n",
        "``` ` \n",
        "```\n```\n",
        "```\n`````  \n",
        "~~~x\n~~~\n",
        "```\n   ```\n",
        "```",
        "> ```\n",
        "```\r\n```\r\n",
        "``\n`\n",
    ],
)
def test_outside_a_fence(text: str) -> None:
    """A run that is short, indented, inside a line, or has backticks after it opens none."""
    assert not after(text)[1]


@settings(max_examples=200)
@given(text=st.text(st.sampled_from("`~ \n\ra"), max_size=40), place=st.integers(0, 40))
def test_every_way_of_cutting_agrees(text: str, place: int) -> None:
    """The place after a text depends on the text alone."""
    assert after(*text) == after(text[:place], text[place:]) == after(text)
