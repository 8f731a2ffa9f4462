"""What an installer puts into a settings file, and how it takes it out again. Pure: text in, text out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import SettingsUnreadable
from ..runtime.extras import need

NAME = "headroom"
"""The name of our entry in the list of MCP servers."""


class Part(Protocol):
    """One thing that an agent needs in one file."""

    @property
    def path(self) -> Path:
        """The file that holds it."""

    def put(self, text: str | None) -> str | None:
        """Return the file's text with this part in it; None is no file. Putting it twice is putting it once.

        Raise SettingsUnreadable if the text cannot be parsed.
        """

    def take(self, text: str) -> str | None:
        """Return the file's text without this part, or None if nothing else was in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonEntry:
    """One value under a path of keys in a JSON file, such as ("mcpServers", "headroom")."""

    path: Path
    keys: tuple[str, ...]
    value: dict[str, Any]

    def put(self, text: str | None) -> str:
        """Set the value."""
        document = _parsed(self.path, text, self.value)
        _parent(self.path, document, self.keys)[self.keys[-1]] = self.value
        return _written(document, text)

    def take(self, text: str) -> str | None:
        """Remove the value, and each object on the way to it that is then empty."""
        document = _parsed(self.path, text, {})
        if not _has(document, self.keys):
            return text
        _parent(self.path, document, self.keys).pop(self.keys[-1])
        _prune(document, self.keys[:-1])
        return _written(document, text) if document else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonItem:
    """One item of a list in a JSON file, such as a hook under ("hooks", "UserPromptSubmit")."""

    path: Path
    keys: tuple[str, ...]
    value: dict[str, Any]
    ours: Callable[[object], bool]
    """Whether an item of that list is one that this library put there."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Top-level values that the file must have; one that is there already stays."""

    def put(self, text: str | None) -> str:
        """Put the item where an older one of ours is, or at the end."""
        document = _parsed(self.path, text, self.value)
        for key, value in self.defaults.items():
            document.setdefault(key, value)
        parent = _parent(self.path, document, self.keys)
        items = parent.setdefault(self.keys[-1], [])
        if not isinstance(items, list):
            raise SettingsUnreadable(path=self.path, reason=f"{'.'.join(self.keys)} is not a list", snippet="")
        at = next((index for index, item in enumerate(items) if self.ours(item)), len(items))
        rest = [item for item in items[at:] if not self.ours(item)]
        parent[self.keys[-1]] = [*items[:at], self.value, *rest]
        return _written(document, text)

    def take(self, text: str) -> str | None:
        """Remove each item that is ours, and what is then empty."""
        document = _parsed(self.path, text, {})
        if not _has(document, self.keys):
            return text
        parent = _parent(self.path, document, self.keys)
        items = parent[self.keys[-1]]
        kept = [item for item in items if not self.ours(item)] if isinstance(items, list) else items
        if kept == items:
            return text
        parent[self.keys[-1]] = kept
        _prune(document, self.keys)
        empty = not document or document == self.defaults
        return None if empty else _written(document, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlEntry:
    """One table under a path of keys in a TOML file. Comments and formatting of the rest stay as they are."""

    path: Path
    keys: tuple[str, str]
    value: dict[str, Any]

    def put(self, text: str | None) -> str:
        """Set the table."""
        toml = need("tomlkit", "mcp")
        document = self._parsed(text)
        outer, inner = self.keys
        if outer not in document:
            document[outer] = toml.table(is_super_table=True)
        elif not isinstance(document[outer], dict):
            raise SettingsUnreadable(path=self.path, reason=f"{outer} is not a table", snippet="")
        if document[outer].get(inner) == self.value:
            return text or ""
        table = toml.table()
        table.update(self.value)
        document[outer][inner] = table
        return str(toml.dumps(document))

    def take(self, text: str) -> str | None:
        """Remove the table, and the one around it if it is then empty."""
        document = self._parsed(text)
        outer, inner = self.keys
        if not isinstance(document.get(outer), dict) or inner not in document[outer]:
            return text
        del document[outer][inner]
        if not document[outer]:
            del document[outer]
        left = str(need("tomlkit", "mcp").dumps(document)).rstrip()
        return left + "\n" if left else None

    def _parsed(self, text: str | None) -> Any:
        toml = need("tomlkit", "mcp")
        try:
            return toml.parse(text or "")
        except toml.exceptions.ParseError as exc:
            snippet = toml.dumps({self.keys[0]: {self.keys[1]: self.value}})
            raise SettingsUnreadable(path=self.path, reason=str(exc), snippet=snippet) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A file that is wholly ours, such as a skill."""

    path: Path
    content: str

    def put(self, text: str | None) -> str:
        """Write the content."""
        return self.content

    def take(self, text: str) -> str | None:
        """Remove the file."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A part that an earlier installation may have put there, and that this one leaves out."""

    part: Part

    @property
    def path(self) -> Path:
        """The file that may hold it."""
        return self.part.path

    def put(self, text: str | None) -> str | None:
        """Take the part out."""
        return self.take(text) if text else text

    def take(self, text: str) -> str | None:
        """Take the part out."""
        return self.part.take(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A marked block in a Markdown file that others write too, such as GEMINI.md."""

    path: Path
    mark: str
    """Tells this block from other blocks of ours in the same file."""
    content: str

    def put(self, text: str | None) -> str:
        """Replace the block, or add it at the end."""
        rest = (self.take(text) if text else None) or ""
        block = f"{self._begin}\n{self.content.strip()}\n{self._end}\n"
        if text and self._begin in text:
            before, _, after = text.partition(self._begin)
            return before + block + after.partition(self._end)[2].removeprefix("\n")
        return f"{rest.rstrip()}\n\n{block}" if rest.strip() else block

    def take(self, text: str) -> str | None:
        """Remove the block."""
        before, begin, rest = text.partition(self._begin)
        _, end, after = rest.partition(self._end)
        if not (begin and end):
            return text
        left = before.rstrip() + ("\n" + after if after.strip() else "\n")
        return left if left.strip() else None

    @property
    def _begin(self) -> str:
        return f"<!-- {self.mark}: begin -->"

    @property
    def _end(self) -> str:
        return f"<!-- {self.mark}: end -->"


def _parsed(path: Path, text: str | None, value: object) -> dict[str, Any]:
    """Parse a JSON object. Comments, trailing commas and repeated keys are refused: a rewrite would lose them."""
    if not text or not text.strip():
        return {}
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except ValueError as exc:
        raise SettingsUnreadable(path=path, reason=_reason(text, exc), snippet=_dumped(value)) from exc
    if not isinstance(document, dict):
        raise SettingsUnreadable(path=path, reason="it is no JSON object", snippet=_dumped(value))
    return document


def _reason(text: str, exc: ValueError) -> str:
    return f"comments would be lost ({exc})" if "//" in text or "/*" in text else str(exc)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key is there twice")
    return document


def _parent(path: Path, document: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return the object that holds the last of `keys`; the objects on the way are made if they are missing."""
    at = document
    for depth, key in enumerate(keys[:-1], 1):
        at = at.setdefault(key, {})
        if not isinstance(at, dict):
            raise SettingsUnreadable(path=path, reason=f"{'.'.join(keys[:depth])} is no object", snippet="")
    return at


def _has(document: dict[str, Any], keys: Sequence[str]) -> bool:
    at: object = document
    for key in keys:
        if not isinstance(at, dict) or key not in at:
            return False
        at = at[key]
    return True


def _prune(document: dict[str, Any], keys: Sequence[str]) -> None:
    """Remove what is empty at the end of a path of keys, from the inside out."""
    for depth in range(len(keys), 0, -1):
        parent: Any = document
        for key in keys[: depth - 1]:
            parent = parent[key]
        if parent[keys[depth - 1]]:
            return
        del parent[keys[depth - 1]]


def _written(document: dict[str, Any], before: str | None) -> str:
    """Write as the file was written: its indentation, and its line at the end or none."""
    indent = _indent(before) if before and before.strip() else 2
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return text if before and before.strip() and not before.endswith("\n") else text + "\n"


def _indent(text: str) -> int | str:
    for line in text.splitlines()[1:]:
        if white := line[: len(line) - len(line.lstrip())]:
            return "\t" if white[0] == "\t" else len(white)
    return 2


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
