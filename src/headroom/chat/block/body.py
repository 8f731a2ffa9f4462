"""What the body of a block says: JSON as models write it, or a list of lines with bullets. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .item import Item, Unusable, item
from .loose_json import Level, Loose, loads

_FENCE_OPENS = re.compile(r"`{3,}\w*\s*")
_BULLET = re.compile(r"\s*(?:[-*•–]|\d{1,4}[.)])(?:\s+(.*))?")
_LABEL = re.compile(r"(?:content|fact|memory)\s*:\s*", re.IGNORECASE)
_FIELD = re.compile(r"\s+(scope|importance|entities|relationships|replaces|forget)\s*:\s*(.*)", re.IGNORECASE)
_WRAPPERS = ("memories", "facts", "memory", "items")
_NOTHING = frozenset({"", "none", "nothing", "n/a"})
JSON_STARTS = "[{\"'"
UNREADABLE = "unreadable block"
CUT_OFF = "cut off by the end of the reply"
MAX_BODY = 400_000
"""Characters of a block that are read; a longer one is no list of facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a body said."""

    items: tuple[Item, ...] = ()
    skipped: Counter[str]
    """Why something was not taken -> how often."""
    sure: bool
    """The body is in our format: it holds an item, or says in so many signs that there is none."""


def read(body: str) -> Reading:
    """Read the whole body of a block."""
    if len(body) > MAX_BODY:
        return Reading(skipped=Counter([UNREADABLE]), sure=False)
    text = _unfenced(body)
    if not text:
        return Reading(skipped=Counter(), sure=True)
    if text[0] in JSON_STARTS:
        loose = loads(text)
        whole = not (loose.open or loose.words) and loose.unended is None
        said = _reading(_elements(loose), explicit=whole)
        unread = Counter([] if said.items or said.skipped or whole else [UNREADABLE])
        return replace(said, skipped=said.skipped + unread, sure=said.sure and not loose.stray)
    values = _bullets(text.splitlines())
    return Reading(skipped=Counter([UNREADABLE]), sure=False) if values is None else _reading(values, explicit=True)


def read_cut(body: str) -> Reading | None:
    """Read a body that the reply ended in: its complete items, or None if it looks like a part of the answer."""
    if len(body) > MAX_BODY:
        return Reading(skipped=Counter([UNREADABLE]), sure=True)
    text = _unfenced(body)
    if not text:
        return Reading(skipped=Counter(), sure=True)
    if text[0] not in JSON_STARTS:
        lines = text.splitlines()
        whole = lines if body.endswith("\n") or not _is_bullet(lines[0]) else lines[:-1]
        values = _bullets(whole)
        return None if values is None else _cut_off(_reading(values, explicit=True), len(whole) < len(lines))
    loose = loads(text)
    said = _reading(_elements(loose), explicit=True)
    unquoted = loose.words or (loose.unended is not None and not loose.open)
    answer = loose.stray or "\n" in (loose.unended or "") or (unquoted and not said.items)
    return None if answer else _cut_off(said, bool(loose.unended) or any(_has_begun(level) for level in loose.open))


def _cut_off(said: Reading, lost: bool) -> Reading:
    """Count what was not complete."""
    return replace(said, skipped=said.skipped + Counter([CUT_OFF])) if lost else said


def _has_begun(level: Level) -> bool:
    """Return whether an object had begun to say something."""
    return isinstance(level.into, dict) and bool(level.key or level.into)


def _unfenced(body: str) -> str:
    body = body.strip()
    if fence := _FENCE_OPENS.match(body):
        body = body[fence.end() :]
        inside = body.rstrip("`")
        if len(body) - len(inside) >= 3:
            body = inside.rstrip()
    return body


def _reading(values: Iterable[object], *, explicit: bool) -> Reading:
    """Make items of `values`; with none at all, `explicit` tells whether that was said on purpose."""
    items, skipped = [], Counter[str]()
    for value in values:
        try:
            items.append(item(value))
        except Unusable as why:
            skipped[str(why)] += 1
    sure = bool(items) or (explicit and not skipped)
    return Reading(items=tuple(items), skipped=skipped, sure=sure)


def _elements(loose: Loose) -> Iterator[object]:
    """Yield what may be items: the values of the list, of the list under a wrapper's key, or bare ones at the top."""
    for root in loose.roots:
        yield from _unwrapped(root)
    outer = loose.open[0] if loose.open else None
    inner = loose.open[1] if len(loose.open) > 1 else None
    if outer and isinstance(outer.into, list):
        yield from outer.into
    elif outer and inner and outer.key and outer.key.lower() in _WRAPPERS and isinstance(inner.into, list):
        yield from inner.into


def _unwrapped(root: Any) -> Iterator[object]:
    if isinstance(root, list):
        yield from root
        return
    if not isinstance(root, dict):
        yield root
        return
    wrapped = [value for key, value in root.items() if key.lower() in _WRAPPERS and isinstance(value, list)]
    for values in wrapped:
        yield from values
    if root and (not wrapped or "forget" in root):
        yield root


def _is_bullet(line: str) -> bool:
    """Return whether `line` begins an entry of a list."""
    return _BULLET.fullmatch(line) is not None


def _bullets(lines: list[str]) -> list[object] | None:
    """Read a list of lines; return None if one is neither a bullet nor an indented part of one."""
    bullets: list[_Bullet] = []
    for line in filter(str.strip, lines):
        if found := _BULLET.fullmatch(line):
            bullets.append(_Bullet([_LABEL.sub("", found[1] or "", count=1)], {}))
        elif not bullets or not line[0].isspace():
            return None
        elif field := _FIELD.fullmatch(line):
            bullets[-1].fields[field[1].lower()] = next(iter(loads(field[2]).roots), field[2])
        else:
            bullets[-1].lines.append(line.strip())
    return [bullet.value() for bullet in bullets if not bullet.is_nothing()]


class _Bullet(NamedTuple):
    lines: list[str]
    fields: dict[str, object]

    def value(self) -> object:
        text = " ".join(self.lines).strip()
        if text[:1] in ('"', "{") and len(roots := loads(text).roots) == 1:
            return roots[0]
        return {"content": text, **self.fields}

    def is_nothing(self) -> bool:
        return " ".join(self.lines).strip(" .").lower() in _NOTHING
