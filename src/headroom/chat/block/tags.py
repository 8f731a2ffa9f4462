"""The signs in a reply that a block, a code fence or a model's thinking begins or ends with. Pure."""

from __future__ import annotations

import re

_TAG = r"[ \t]{0,3}memory[ \t]{0,3}>"
OPEN = re.compile(f"<{_TAG}", re.IGNORECASE)
CLOSE = re.compile(f"<[ \t]{{0,3}}/{_TAG}", re.IGNORECASE)
# What ends a body: its closing tag, or the next block; if words follow the tag, a blank line as well, for then the
# reply speaks about the tag.
END = re.compile(rf"(?P<close>{CLOSE.pattern})|\n {{0,3}}{OPEN.pattern}", re.IGNORECASE)
END_OF_WORDS = re.compile(rf"{END.pattern}|\n[ \t\r]{{0,3}}\n", re.IGNORECASE)
LONGEST_END = 20
"""Characters of the longest tag, with stray spaces."""

THINK = re.compile(r"<(?:think|thinking)>", re.IGNORECASE)
THOUGHT = re.compile(r"(?<!`)</(?:think|thinking)>", re.IGNORECASE)
LONGEST_THOUGHT = len("</thinking>")

_FENCE_LINE = r"(?P<fence>`{3,9}|~{3,9})[\w.+-]{0,20}[ \t]{0,8}"
FENCED_OPEN = re.compile(rf"{_FENCE_LINE}\r?\n[ \t]{{0,3}}<{_TAG}", re.IGNORECASE)
"""A code fence that begins with the tag."""
_FENCED_PREFIX = re.compile(rf"`{{1,2}}|~{{1,2}}|{_FENCE_LINE}(?:\r|\r?\n[ \t]{{0,3}}(?P<tag><[^\n]{{0,18}})?)?")
LONGEST_START = 70
"""Characters of the longest start of something that may be a block."""
CLOSE_FENCE = re.compile(r"(?P<run>`{3,}|~{3,})(?=[ \t]*\r?\n)")

NEXT_LINE = re.compile(r"\n {0,3}[<`~]")
"""The start of a line that may begin something."""
SPACE = re.compile(r"\s+")

_MENTION = re.compile(r"<\s?memory|`memory|memory[ -](?:tag|block|format)", re.IGNORECASE)
LONGEST_MENTION = 20
# The shortest start of the tag that no element of HTML shares.
_SURELY_OURS = "<mem"


def may_become(rest: str, *tags: str) -> bool:
    """Return whether a text that ends in `rest` may go on as one of `tags`, with stray spaces and in any case."""
    if len(rest) >= LONGEST_END or "\n" in rest:
        return False
    begun = squeezed(rest)
    return any(tag.startswith(begun) for tag in tags)


def may_become_fenced(rest: str) -> bool:
    """Return whether a text that ends in `rest` may go on as a code fence that begins with the tag."""
    found = _FENCED_PREFIX.fullmatch(rest) if len(rest) < LONGEST_START else None
    return found is not None and "<memory>".startswith(squeezed(found["tag"] or ""))


def is_surely_ours(rest: str) -> bool:
    """Return whether a reply that ends in `rest` was cut inside the opening tag."""
    return squeezed(rest).startswith(_SURELY_OURS)


def without_tag_prefix(body: str) -> str:
    """Cut off what may be the start of the closing tag at the end of a body."""
    tag = body.rfind("<", -LONGEST_END)
    return body[:tag] if tag >= 0 and "</memory>".startswith(squeezed(body[tag:])) else body


def mentions_tag(text: str) -> bool:
    """Return whether a text speaks about the block, as an answer about this very format does."""
    return _MENTION.search(text) is not None


def squeezed(tag: str) -> str:
    """Return a tag without its spaces, in lower case."""
    return "".join(tag.split()).lower()
