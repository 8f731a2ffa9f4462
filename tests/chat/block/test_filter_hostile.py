"""Rules of the block for replies made to be slow: time grows with the length, and no nesting exhausts the stack."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from headroom.chat.block.filter import BlockFilter, parse

HOSTILE = {
    "tags without an end": "<memory",
    "tags on lines": "\n<memory>",
    "tags on lines and words": "\n<memory>a",
    "tags and lists": '\n<memory>["a"]\n',
    "tags and open strings": '\n<memory>["</memory>x',
    "blocks that are not sure": "\n<memory>x</memory>",
    "blocks": '\n<memory>["x"]</memory>',
    "closing tags": "</memory>",
    "backticks": "`",
    "lines of backticks": "```\n",
    "line starts of a tag": "\n<",
    "spaces": " ",
    "lines": "\n",
}
INSIDE = {
    "brackets": "[",
    "braces": '{"a":',
    "closed brackets": "[]",
    "quotes": '"',
    "quotes apart": '" ',
    "apostrophes": "'",
    "backslashes": "\\",
    "escaped quotes": '"\\"',
    "commas": ",",
    "words": "a ",
    "bullets": "\n- a",
    "lines under a bullet": "\n- a\n b",
    "fields under a bullet": "\n- a\n scope: [",
    "starts of the closing tag": "</memor",
    "digits": "9",
    "white space": "\n ",
}


def stream(text: str) -> None:
    """Read `text` in pieces of a token's size."""
    reply = BlockFilter()
    for at in range(0, len(text), 4):
        reply.feed(text[at : at + 4])
    reply.close()


def seconds(read: Callable[[str], object], text: str) -> float:
    """Time one reading in processor time, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        read(text)
        best = min(best, time.process_time() - start)
    return best


def growth(read: Callable[[str], object], start: str, part: str, length: int) -> float:
    """Tell how much longer eight times the length takes; eight is linear, 64 is its square."""
    small, large = (start + part * (size // len(part)) for size in (length, 8 * length))
    return seconds(read, large) / max(seconds(read, small), 0.002)


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_a_whole_reply_is_read_in_linear_time(part: str) -> None:
    """Eight times the text takes about eight times the time."""
    assert growth(parse, "", part, 10_000) < 24


@pytest.mark.parametrize("start", ["<memory>", "<memory>[", "<memory>\n- ", '<memory>["'])
@pytest.mark.parametrize("part", INSIDE.values(), ids=INSIDE)
def test_a_body_is_read_in_linear_time(start: str, part: str) -> None:
    """However it begins, and whatever it repeats."""
    assert growth(parse, start, part, 10_000) < 24


STREAMS = {
    "spaces": ("", " "),
    "lines": ("", "\n"),
    "backticks": ("", "`"),
    "tags without an end": ("", "<memory"),
    "tags on lines": ("", "\n<memory>"),
    "white space in a block": ("<memory>", "\n"),
    "an endless list": ("<memory>[", '"a",'),
    "starts of the closing tag": ("<memory>", "</memory"),
    "words in a block": ("<memory>", "x "),
    "blocks that are not sure": ("", "\n<memory>x</memory>"),
}


@pytest.mark.parametrize(("start", "part"), STREAMS.values(), ids=STREAMS)
def test_a_stream_is_read_in_linear_time(start: str, part: str) -> None:
    """What is held is not gone over again with each piece."""
    assert growth(stream, start, part, 8_000) < 24
