"""Parts of a JSON file: one value under a path of keys, or one item of a list. The rest stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsUnreadable
from .part import is_ours, require_ours


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonEntry:
    """One value under a path of keys in a JSON file, such as ("mcpServers", "headroom")."""

    path: Path
    keys: tuple[str, ...]
    value: dict[str, Any]

    def put(self, text: str | None) -> str:
        """Set the value."""
        document = _parsed(self.path, text, self.value)
        parent, name = _parent(self.path, document, self.keys), self.keys[-1]
        if name in parent:
            require_ours(parent[name], self.path, self.keys)
        parent[name] = self.value
        return _written(document, text)

    def take(self, text: str) -> str | None:
        """Remove the value, and each object on the way to it that is then empty."""
        document = _parsed(self.path, text, {})
        if not _has(document, self.keys):
            return text
        parent = _parent(self.path, document, self.keys)
        if not is_ours(parent[self.keys[-1]]):
            return text
        del parent[self.keys[-1]]
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
