"""A table of a TOML file. Comments and formatting of the rest stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SettingsUnreadable
from ...runtime.extras import need
from .part import is_ours, require_ours


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
        if inner in document[outer]:
            require_ours(document[outer][inner], self.path, self.keys)
        table = toml.inline_table() if isinstance(document[outer], toml.items.InlineTable) else toml.table()
        table.update(self.value)
        document[outer][inner] = table
        return str(toml.dumps(document))

    def take(self, text: str) -> str | None:
        """Remove the table, and the one around it if it is then empty."""
        document = self._parsed(text)
        outer, inner = self.keys
        if not isinstance(document.get(outer), dict) or not is_ours(document[outer].get(inner)):
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
