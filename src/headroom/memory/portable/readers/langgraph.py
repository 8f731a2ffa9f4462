"""LangGraph stores: the file of a `SqliteStore`, or its items as JSON.

Made for langgraph-checkpoint-sqlite 2 and 3 (the table `store`), `Item.dict()` of langgraph-checkpoint 2 and 3, and the
answers of `POST /store/items/search` of the LangGraph platform. A value that LangMem wrote, or one with a field
`content`, `memory`, `text` or `data`, is read as that text, and the other fields are metadata; any other value becomes
a memory of its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from ....errors import UnreadableImport
from ...records import Draft
from .brought import Brought, moment, pieces
from .json_files import items

_TEXTS = ("content", "memory", "text", "data")
_MAGIC = b"SQLite format 3\x00"


def read(path: Path, *, namespace: str | None = None) -> Iterator[Brought]:
    """Yield the items of a store as memories; the namespace of each is in its metadata, joined by "/".

    `namespace` says which part of a namespace is the user, such as "memories/{user_id}"; then only items of that form
    are read. Without it the items name no user.
    """
    for item in _rows(path) if _is_sqlite(path) else items(path, "*.json*", "items", "results"):
        parts = [str(part) for part in item.get("namespace") or ()]
        user = None if namespace is None else _user(namespace.strip("/").split("/"), parts)
        if namespace is None or user is not None:
            yield from _item(item, "/".join(parts), user)


def _user(form: Sequence[str], parts: Sequence[str]) -> str | None:
    """Find the user in a namespace that has this form; None if it has not."""
    if len(form) != len(parts):
        return None
    pairs = list(zip(form, parts, strict=True))
    if any(want not in (part, "{user_id}", "*") for want, part in pairs):
        return None
    return next((part for want, part in pairs if want == "{user_id}"), None)


def _item(item: Mapping[str, Any], namespace: str, user: str | None) -> Iterator[Brought]:
    value = item.get("value")
    metadata: dict[str, Any] = {"namespace": namespace} if namespace else {}
    text: object = None
    if isinstance(value, Mapping):
        # LangMem: {"kind": "Memory", "content": {"content": "..."}}
        inner = value["content"] if isinstance(value.get("content"), Mapping) else value
        field = next((name for name in _TEXTS if isinstance(inner.get(name), str)), None)
        text = json.dumps(value, ensure_ascii=False) if field is None else inner[field]
        if field is not None:
            metadata |= {name: part for name, part in inner.items() if name != field}
    for piece in pieces(text if text is not None else value):
        draft = Draft(
            piece,
            metadata=metadata,
            created_at=moment(item.get("created_at")),
            expires_at=moment(item.get("expires_at")),
        )
        yield Brought(draft=draft, user_id=user)


def _is_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Read the table of a store without writing to its file."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        columns = {name for _, name, *_ in connection.execute("pragma table_info(store)")}
        expiry = "expires_at" if "expires_at" in columns else "null"
        rows: Any = connection.execute(
            f"select prefix, key, value, created_at, {expiry} from store order by created_at, prefix, key"
        )
        for prefix, key, value, created_at, expires_at in rows:
            yield {
                "namespace": prefix.split("."),
                "key": key,
                "value": json.loads(value),
                "created_at": created_at,
                "expires_at": expires_at,
            }
    except (apsw.Error, ValueError) as exc:
        raise UnreadableImport(path=path, reason=f"its store cannot be read ({type(exc).__name__})") from None
