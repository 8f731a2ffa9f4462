"""Read JSON the way models write it: half-cut, with trailing commas, single or stray quotes, missing brackets. Pure.

One pass without recursion: its time is linear in the text, and no nesting exhausts the stack.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"""\s*(?:(?P<mark>[\[\]{}:,])|(?P<quote>["'])|(?P<word>[^\s\[\]{}:,"']+))""")
_QUOTE_OR_ESCAPE = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in "\"'"}
_AFTER_STRING = re.compile(r"[ \t\r]*(?:[,:\]}\n]|\Z)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"true": True, "false": False, "null": None, "none": None}
_UNKNOWN = object()
_MAX_DEPTH = 16


@dataclass(slots=True)
class Level:
    """A container that is still open, and the key its next value belongs to."""

    into: list[Any] | dict[str, Any]
    key: str | None = None


@dataclass(slots=True)
class Loose:
    """What a text holds, as far as it can be read. A value that cannot be read stands as None."""

    roots: list[Any] = field(default_factory=list)
    """The complete values at the top, in order; commas between them are optional."""
    open: list[Level] = field(default_factory=list)
    """The containers the text ended inside of, outermost first; each holds its complete values only."""
    unended: str | None = None
    """The string the text ended inside of, as far as it goes; it is in no container."""
    stray: bool = False
    """Something that is no value stands between the values at the top."""
    words: bool = False
    """There are words in the place of a value, or a key without one."""


def loads(text: str) -> Loose:
    """Read all of `text`."""
    try:
        return Loose(roots=[json.loads(text)])
    except (ValueError, RecursionError):
        return _scan(text)


def _scan(text: str) -> Loose:
    loose, at = Loose(), 0
    while len(loose.open) <= _MAX_DEPTH and (token := _TOKEN.match(text, at)):
        at = token.end()
        if token["mark"]:
            _mark(loose, token["mark"])
        elif token["word"]:
            _word(loose, token["word"], last=at == len(text))
        else:
            end = _string_end(text, at, token["quote"])
            if end < 0:
                loose.unended = text[at:]
                return loose
            _place(loose, _unescape(text[at : end - 1]))
            at = end
    return loose


def _mark(loose: Loose, mark: str) -> None:
    if mark in "[{":
        loose.open.append(Level([] if mark == "[" else {}))
    elif mark in "]}":
        _close(loose, list if mark == "]" else dict)
    elif not loose.open:
        loose.stray |= mark == ":"
    elif mark == ",":
        loose.words |= loose.open[-1].key is not None
        loose.open[-1].key = None


def _close(loose: Loose, kind: type) -> None:
    """Complete the innermost container of `kind`; what is open inside it lacks its own bracket and counts as unread."""
    if not any(isinstance(level.into, kind) for level in loose.open):
        loose.stray = True
        return
    while not isinstance((level := loose.open.pop()).into, kind):
        _place(loose, None)
    loose.words |= level.key is not None
    _place(loose, level.into)


def _word(loose: Loose, word: str, *, last: bool) -> None:
    level = loose.open[-1] if loose.open else None
    if level is not None and isinstance(level.into, dict) and level.key is None:
        level.key = word
        return
    value = _literal(word)
    loose.stray |= level is None
    loose.words |= value is _UNKNOWN and not last
    _place(loose, None if value is _UNKNOWN else value)


def _literal(word: str) -> object:
    try:
        return float(word)
    except ValueError:
        return _LITERALS.get(word.lower(), _UNKNOWN)


def _place(loose: Loose, value: Any) -> None:
    if not loose.open:
        loose.roots.append(value)
        return
    level = loose.open[-1]
    if isinstance(level.into, list):
        level.into.append(value)
    elif level.key is None:
        level.key = value if isinstance(value, str) else ""
    else:
        level.into[level.key], level.key = value, None


def _string_end(text: str, start: int, quote: str) -> int:
    """Return the end of the string: the first quote that is followed by what may follow a string; -1 if there is none.

    So an apostrophe, an inch mark or a quoted word inside a string is part of it.
    """
    for found in _QUOTE_OR_ESCAPE[quote].finditer(text, start):
        if found[0] == quote and _AFTER_STRING.match(text, found.end()):
            return found.end()
    return -1


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_unescaped, text)
    # JSON escapes a character beyond 16 bits as two halves: join them.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2])
