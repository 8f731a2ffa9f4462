"""From what a reply's block says to what is written: the rules of the turn. Pure but for the caller's own hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from ..errors import InvalidInput
from ..memory.dedup import folded
from ..memory.drafts import check_draft
from ..memory.records import Change, Draft, Reader, Scope, SearchResult
from .items import Item
from .prompt import inert
from .report import Skipped

Redact: TypeAlias = Callable[[str], "str | None"]
"""Change a text on its way into the memory; None drops the fact that holds it."""

_IMPORTANCE = 0.5


class Facts(NamedTuple):
    """What to write, and what was left out."""

    changes: list[Change]
    skipped: list[Skipped]


def facts(items: Iterable[Item], shown: Sequence[SearchResult], reader: Reader, redact: Redact | None) -> Facts:
    """Turn `items` into changes. Handles mean the notes `shown` in this very turn, which are never learned again."""
    injected = {folded(text) for note in shown for text in (note.content, inert(note.content))}
    found = Facts([], [])
    for item in items:
        replaces = _named(item.replaces + item.forget, shown, item, found.skipped)
        draft = _draft(item, injected, reader, redact, found.skipped)
        if draft is not None or replaces:
            found.changes.append(Change(draft=draft, replaces=replaces))
    return found


def _named(
    handles: Sequence[int], shown: Sequence[SearchResult], item: Item, skipped: list[Skipped]
) -> tuple[str, ...]:
    """Resolve handles to ids; one that was not shown in this turn names nothing."""
    for handle in handles:
        if not 1 <= handle <= len(shown):
            skipped.append(Skipped(content=item.content or "", reason=f"no note [{handle}] was shown"))
    return tuple(dict.fromkeys(shown[handle - 1].id for handle in handles if 1 <= handle <= len(shown)))


def _draft(
    item: Item, injected: set[str], reader: Reader, redact: Redact | None, skipped: list[Skipped]
) -> Draft | None:
    if item.content is None:
        return None
    content = item.content if redact is None else redact(item.content)
    if folded(item.content) in injected:
        skipped.append(Skipped(content=item.content, reason="it was injected"))
    elif content is None:
        skipped.append(Skipped(content=item.content, reason="the redact hook dropped it"))
    else:
        draft = Draft(
            content,
            scope=item.scope or Scope.USER,
            importance=_IMPORTANCE if item.importance is None else item.importance,
            entities=_redacted(item.entities, redact),
            relationships=[edge for edge in item.relationships if _redacted(edge, redact) == tuple(edge)],
        )
        try:
            return check_draft(draft, reader)
        except InvalidInput as exc:
            skipped.append(Skipped(content=item.content, reason=str(exc)))
    return None


def _redacted(names: Iterable[str], redact: Redact | None) -> tuple[str, ...]:
    if redact is None:
        return tuple(names)
    return tuple(name for name in map(redact, names) if name)
