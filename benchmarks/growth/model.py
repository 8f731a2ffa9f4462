"""One turn of a chat, with a made model: what it is shown is what was really recalled, and its reply is really read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headroom.chat.block.filter import parse
from headroom.chat.learning import Facts
from headroom.chat.prompt.frame import Frame, frame
from headroom.memory.engine import Engine
from headroom.memory.records import Applied, Change, Reader, SearchResult
from headroom.memory.rules.duplicates import folded

from .year import CORRECTS, Said

NOTES = 5
"""Notes that a chat gets at most, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What became of one fact that came up."""

    said: Said
    applied: Applied | None
    """None if nothing was stored, because the fact had been injected."""


class Meanings:
    """What the texts mean that were said so far: a model reads, this looks up."""

    def __init__(self) -> None:
        self._known: dict[str, Said] = {}

    def learn(self, said: Said) -> None:
        """Note what the text of `said` means."""
        self._known[folded(said.text)] = said

    def about(self, text: str, subject: str) -> str | None:
        """Return the value that `text` says `subject` has; None if it is about another one."""
        said = self._known[folded(text)]
        return said.value if said.subject == subject else None

    def of(self, text: str) -> Said:
        """Return what was said when `text` was stored."""
        return self._known[folded(text)]


def live(engine: Engine, reader: Reader, said: Said, meanings: Meanings, *, careful: bool) -> Turn:
    """Recall for the message, let the model reply, and store what its block says, as a chat turn does.

    A `careful` model leaves out what the notes already say, as it is told to; another one repeats it.
    """
    notes = reminded(engine, reader, said.message, said).notes
    meanings.learn(said)
    facts = Facts(notes, reader, redact=None)
    for item in parse(_reply(said, [note.content for note in notes], meanings, careful=careful)).items:
        facts.add(item)
    done = engine.apply(reader, [_dated(change, said) for change in facts.changes])
    stored = [applied for applied in done if applied.id is not None]
    return Turn(said=said, applied=stored[0] if stored else None)


def reminded(engine: Engine, reader: Reader, message: str, on: Said) -> Frame[SearchResult]:
    """Return the notes that go in front of `message`."""
    return frame(engine.recall(reader, message, top_k=NOTES), day=on.at.date())


def _reply(said: Said, shown: Sequence[str], meanings: Meanings, *, careful: bool) -> str:
    """Write the fact that came up; if it is an update, name the notes shown that say otherwise."""
    values = [meanings.about(text, said.subject) for text in shown]
    outdated = [handle for handle, value in enumerate(values, 1) if value not in (None, said.value)]
    known = careful and said.value in values
    item: dict[str, object] = {} if known else {"content": said.text}
    if said.kind in CORRECTS and outdated:
        item["forget" if known else "replaces"] = outdated
    return f"Noted.\n<memory>\n{json.dumps([item])}\n</memory>"


def _dated(change: Change, said: Said) -> Change:
    """Let the change happen on its day of the year."""
    return change if change.draft is None else replace(change, draft=replace(change.draft, created_at=said.at))
