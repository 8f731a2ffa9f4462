"""Replies made to be slow to read, in a process of their own: `python -m tests.chat.block.hostile KIND CHARACTERS`.

It writes how long each took, in seconds of processor time, and at an eighth of the length. What is linear takes about
eight times as long; a step that goes over a text again for each of its characters would take hours for a megabyte.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

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
    "thinking": "<think>",
    "ends of thinking": "</think>",
    "starts of the end of thinking": "</thin",
    "fences with the tag": "```\n<memory>",
    "fenced blocks": '\n```\n<memory>["x"]</memory>\n```',
    "fenced blocks and words": '\n```\n<memory>["x"]</memory>\n``` x',
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
    "spaces": " ",
    "backticks": "`",
    "lines": "\n",
    "tabs": "\t",
}
STARTS = ("<memory>", "<memory>[", "<memory>\n- ", '<memory>["', "<memory>```json\n[")


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
    "thinking": ("<think>", "</thin"),
    "fenced blocks": ("", '\n```\n<memory>["x"]</memory>\n```'),
    "a fence that goes on": ('```\n<memory>["x"]</memory>\n', "`"),
}


def stream(text: str) -> None:
    """Read `text` in pieces of a token's size."""
    reply = BlockFilter()
    for at in range(0, len(text), 4):
        reply.feed(text[at : at + 4])
    reply.close()


def cases(kind: str) -> Iterator[tuple[str, Callable[[str], object], str, str]]:
    """Yield the replies of a kind: a name, what reads it, how it begins, and what it repeats."""
    if kind == "whole":
        yield from ((name, parse, "", part) for name, part in HOSTILE.items())
    elif kind == "body":
        yield from ((f"{start!r} {name}", parse, start, part) for start in STARTS for name, part in INSIDE.items())
    else:
        yield from ((name, stream, start, part) for name, (start, part) in STREAMS.items())


def seconds(read: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    read(text)
    return time.process_time() - began


if __name__ == "__main__":
    for name, read, start, part in cases(sys.argv[1]):
        small, large = (start + part * (size // len(part)) for size in (int(sys.argv[2]) // 8, int(sys.argv[2])))
        sys.stdout.write(f"{seconds(read, small):8.3f} {seconds(read, large):8.3f}  {name}\n")
