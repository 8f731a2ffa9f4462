"""What commands print and ask: tables for people, JSON for programs. Memories are made harmless for a terminal."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from ..errors import InvalidInput
from ..memory.records import Record, SearchResult
from ..memory.rules.times import local
from . import NOT_FOUND


def confirm(question: str) -> None:
    """Ask on the terminal, and stop the command unless the answer is yes. Raise InvalidInput if there is none."""
    if not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask on; pass --yes to do it without a question")
    click.confirm(question, abort=True, err=True)


def print_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_json))


def print_records(records: Sequence[Record], *, as_json: bool, empty: str) -> None:
    """Print memories: as {"memories": [...]}, as a table on a terminal, else one tab-separated line each."""
    if as_json:
        print_json({"memories": [record_json(record) for record in records]})
    elif not records:
        click.echo(empty, err=True)
    else:
        scored = isinstance(records[0], SearchResult)
        heads = ["id", *(["score"] if scored else []), "saved", "by", "scope", "memory"]
        print_table(heads, [_cells(record) for record in records])


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal, and tab-separated lines without heads into a pipe or file."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            click.echo("\t".join(row))
    elif importlib.util.find_spec("rich") is None:
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        for row in ([head.upper() for head in heads], *cells):
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False)
        for index, head in enumerate(heads):
            last = index == len(heads) - 1
            table.add_column(head, no_wrap=not last, overflow="fold", style=None if last else "cyan")
        for row in cells:
            table.add_row(*map(Text, row))
        Console().print(table)  # keeps to NO_COLOR by itself


def print_fields(fields: Mapping[str, str]) -> None:
    """Print names and values, a line each."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {plain(value)}")


def report(memory_id: str, *, done: bool, as_json: bool, key: str, said: str, kind: str) -> int:
    """Print what became of one memory, and return the exit status; `kind` is what the memory had to be."""
    if as_json:
        print_json({"id": memory_id, key: done})
    elif done:
        click.echo(said)
    if not done:
        click.echo(f"headroom: there is no {kind} {plain(memory_id)}; headroom list and events show the ids", err=True)
    return 0 if done else NOT_FOUND


def record_json(record: Record) -> dict[str, Any]:
    """Return a memory as the documented JSON object. Times are ISO 8601, UTC."""
    shape: dict[str, Any] = {name: getattr(record, name) for name in _FIELDS}
    shape["relationships"] = [list(edge) for edge in record.relationships]
    shape["sources"] = [{name: getattr(source, name) for name in source.__slots__} for source in record.sources]
    if isinstance(record, SearchResult):
        shape |= {"score": record.score, "parts": record.parts._asdict(), "cosine": record.cosine}
    return shape


_FIELDS = (
    "id content user_id scope session_id agent_id turn_id importance metadata created_at valid_until superseded_by "
    "expires_at held_until entities"
).split()


def plain(text: str) -> str:
    """Make text one line that cannot move the cursor, change colours or hide characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def moment(time: datetime) -> str:
    """Return a time as people read it: local, to the minute."""
    return local(time, None).replace(tzinfo=None).isoformat(" ", "minutes")


def rounded(score: float) -> str:
    """Return a score to two places, and a weak one to two digits, so that it does not read as none."""
    return f"{score:.2f}" if score >= 0.1 else f"{score:.2g}"


def _cells(record: Record) -> list[str]:
    by = record.sources[0].agent_id if record.sources else record.agent_id
    score = [rounded(record.score)] if isinstance(record, SearchResult) else []
    return [record.id, *score, moment(record.created_at), by or "-", record.scope.value, record.content]


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
