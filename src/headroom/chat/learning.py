"""From what a reply's block says to what is written: the rules of the turn. Pure but for the caller's own hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TypeAlias

from ..errors import InvalidInput
from ..memory.records import Change, Draft, Reader, Scope, SearchResult
from ..memory.rules.checks import check_draft
from ..memory.rules.duplicates import all_folded, folded
from ..memory.rules.gate import Allowance, Gate
from .block.item import Item
from .last_turn import Skipped
from .prompt.quoting import readings

Redact: TypeAlias = Callable[[str], "str | None"]
"""Change a text on its way into the memory; None drops the fact that holds it."""

_IMPORTANCE = 0.5


class Facts:
    """The changes that a reply makes, and what was left out. Handles mean the notes `shown` in this very turn.

    `gate` says whose word a fact is, and whether it waits for a review. If content that is not the user's word was in
    sight, a reply may not do more than `allowance` says, nor store anything at a raised importance.
    """

    def __init__(
        self,
        shown: Sequence[SearchResult],
        reader: Reader,
        redact: Redact | None,
        *,
        examples: Iterable[str] = (),
        length: int | None = None,
        gate: Gate | None = None,
        allowance: Allowance | None = None,
        scope: Scope = Scope.USER,
        expires_in: timedelta | None = None,
    ) -> None:
        self.changes: list[Change] = []
        self.skipped: list[Skipped] = []
        self._shown, self._reader, self._redact = shown, reader, redact
        (self._examples,) = all_folded([examples])
        self._length = length
        self._gate, self._allowance = gate or Gate(()), allowance or Allowance()
        self._foreign = self._gate.foreign
        self._scope, self._expires_in = scope, expires_in

    @cached_property
    def _said(self) -> list[set[str]]:
        """What each note says, as it is stored and as it was shown: cut, and with its escapes."""
        return all_folded(readings([note.content for note in self._shown], self._length))

    def add(self, item: Item) -> None:
        """Add the changes that one item makes, or say why it is skipped."""
        replaces, forget = self._named(item.replaces, item), self._named(item.forget, item)
        same = None if item.content is None else folded(item.content)
        if item.content is not None and any(same in said for said in self._said):
            # A note that was injected is never learned again; the other ones that it replaces are over all the same.
            self._skip(item.content, "it was injected")
            forget += [handle for handle in replaces if same not in self._said[handle - 1]]
        elif item.content is not None and same in self._examples:
            self._skip(item.content, "it is one of the examples")
        elif item.content is not None and (draft := self._draft(item, item.content)) and self._may_store(item.content):
            held = self._gate.holds(item.content)
            self.changes.append(Change(draft=draft, replaces=self._ended(replaces, item), held=held))
        if forget and (ended := self._ended(forget, item)):
            self.changes.append(Change(draft=None, replaces=ended))

    def _may_store(self, content: str) -> bool:
        """Return whether one more fact may be stored, and count it."""
        if self._foreign is None:
            return True
        self._allowance.facts -= 1
        if self._allowance.facts < 0:
            self._skip(content, f"a turn with content of a {self._foreign.value} in sight stores no more facts")
        return self._allowance.facts >= 0

    def _ended(self, handles: Sequence[int], item: Item) -> tuple[str, ...]:
        """Return the ids of the memories that end with these notes, as far as this turn may end them."""
        handles = [handle for handle in handles if self._may_end(handle, item)]
        if self._foreign is None:
            return self._ids(handles)
        allowed = handles[: self._allowance.ends]
        self._allowance.ends -= len(allowed)
        for handle in handles[len(allowed) :]:
            reason = f"a turn with content of a {self._foreign.value} in sight takes back no more than one note"
            self._skip(item.content or "", f"{reason}, so [{handle}] stays")
        return tuple(self._shown[handle - 1].id for handle in allowed)

    def _may_end(self, handle: int, item: Item) -> bool:
        """Return whether the reply may take back a note, by what the user said."""
        note = self._shown[handle - 1].content
        if handle in item.replaces and item.content is not None:
            allowed = self._gate.may_replace(note, item.content)
        else:
            allowed = self._gate.may_forget(note)
        if not allowed:
            self._skip(item.content or "", f"the user did not say that [{handle}] is over")
        return allowed

    def _named(self, handles: Iterable[int], item: Item) -> list[int]:
        """Keep the handles of notes that were shown; any other is skipped."""
        known = []
        for handle in handles:
            if 1 <= handle <= len(self._shown):
                known.append(handle)
            else:
                self._skip(item.content or "", f"no note [{handle}] was shown")
        return known

    def _ids(self, handles: Iterable[int]) -> tuple[str, ...]:
        """Return the ids of the notes and of those that they stand for, which are corrected or forgotten with them."""
        notes = [self._shown[handle - 1] for handle in handles]
        return tuple(dict.fromkeys(memory_id for note in notes for memory_id in (note.id, *note.stands_for)))

    def _draft(self, item: Item, content: str) -> Draft | None:
        """Make what is stored; None if the hook drops it or the store would refuse it."""
        allowed = content if self._redact is None else self._redact(content)
        if allowed is None:
            self._skip(content, "the redact hook dropped it")
            return None
        draft = Draft(
            allowed,
            scope=item.scope or self._scope,
            importance=self._importance(item),
            entities=self._redacted(item.entities),
            relationships=[edge for edge in item.relationships if self._redacted(edge) == tuple(edge)],
            expires_at=None if self._expires_in is None else datetime.now(timezone.utc) + self._expires_in,
            origin=self._gate.origin(content),
        )
        try:
            return check_draft(draft, self._reader)
        except InvalidInput as exc:
            self._skip(content, str(exc))
            return None

    def _importance(self, item: Item) -> float:
        said = _IMPORTANCE if item.importance is None else item.importance
        return said if self._foreign is None else min(said, _IMPORTANCE)

    def _redacted(self, names: Iterable[str]) -> tuple[str, ...]:
        if self._redact is None:
            return tuple(names)
        return tuple(name for name in map(self._redact, names) if name)

    def _skip(self, content: str, reason: str) -> None:
        self.skipped.append(Skipped(content=content, reason=reason))
