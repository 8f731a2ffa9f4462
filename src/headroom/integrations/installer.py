"""Install the memory into an agent, and take it out again: what would change, and the changing of it."""

from __future__ import annotations

import difflib
import glob
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InvalidInput, SettingsUnreadable
from .antigravity import ANTIGRAVITY
from .claude_code import CLAUDE_CODE
from .claude_desktop import CLAUDE_DESKTOP
from .codex import CODEX
from .cursor import CURSOR
from .gemini import GEMINI
from .places import Agent, Place, Setup
from .settings.part import Part
from .settings.text_file import OwnFile
from .vscode import VSCODE

AGENTS = {agent.name: agent for agent in (CLAUDE_CODE, CLAUDE_DESKTOP, CODEX, GEMINI, ANTIGRAVITY, CURSOR, VSCODE)}


_BACKUP = ".headroom-backup"
_ANY = Setup(program=("headroom",), record_turns=True)
"""To find the parts of an installation, whatever its options were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What happens to one file. None stands for no file."""

    path: Path
    before: str | None
    after: str | None

    def diff(self) -> str:
        """Show the change as a unified diff."""
        lines = difflib.unified_diff(
            _lines(self.before),
            _lines(self.after),
            os.devnull if self.before is None else str(self.path),
            os.devnull if self.after is None else str(self.path),
        )
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def installation(agent: Agent, place: Place, setup: Setup) -> list[FileChange]:
    """Work out what installing would change; an empty list if all of it is there already.

    Raise SettingsUnreadable if a file cannot be parsed: then nothing may be changed.
    """
    return _changes(agent.parts(place, setup), installing=True)


def removal(agent: Agent, place: Place) -> list[FileChange]:
    """Work out what uninstalling would change.

    A file of ours that another installed agent reads as well stays, and so does one that was edited: see `edited`.
    """
    return _changes(_own_parts(agent, place), installing=False)


def edited(agent: Agent, place: Place) -> list[Path]:
    """List the files of ours that somebody has edited, such as a skill: uninstalling leaves them in place."""
    own = (part for part in _own_parts(agent, place) if isinstance(part, OwnFile))
    return [part.path for part in own if (text := _read(part.path)) is not None and part.is_edited(text)]


def _own_parts(agent: Agent, place: Place) -> list[Part]:
    """List the parts of an agent but for the files that another installed agent reads as well."""
    others = (other for other in AGENTS.values() if other is not agent and is_installed(other, place))
    shared = {part.path for other in others for part in other.parts(place, _ANY)}
    return [part for part in agent.parts(place, _ANY) if not (isinstance(part, OwnFile) and part.path in shared)]


def is_installed(agent: Agent, place: Place) -> bool:
    """Return whether the agent's MCP entry, its first part, is there."""
    try:
        part = agent.parts(place, _ANY)[0]
        text = _read(part.path)
        return text is not None and part.take(text) != text
    except (InvalidInput, SettingsUnreadable):
        return False


def apply(changes: Iterable[FileChange]) -> list[Path]:
    """Carry out the changes and return the back-ups made, one beside each file that was there.

    Each file is written anew beside the old one, and all of them are renamed when all are written: a folder that cannot
    be written leaves everything as it was, and a crash leaves either the old file or the new one. A symbolic link
    stays, and the file that it names changes. Raise SettingsUnreadable if one changed meanwhile, or cannot be written.
    """
    changes = [replace(change, path=change.path.resolve()) for change in changes]
    for change in changes:
        if _read(change.path) != change.before:
            raise SettingsUnreadable(path=change.path, reason="it changed just now; run the command again", snippet="")
    with ExitStack() as unfinished:
        written = [_written(change, unfinished) for change in changes]
        return [backup for pair in zip(changes, written, strict=True) if (backup := _put_in_place(*pair)) is not None]


def _changes(parts: Sequence[Part], *, installing: bool) -> list[FileChange]:
    before: dict[Path, str | None] = {}
    after: dict[Path, str | None] = {}
    for part in parts:
        if part.path not in before:
            before[part.path] = after[part.path] = _read(part.path)
        text = after[part.path]
        if installing:
            after[part.path] = part.put(text)
        elif text is not None:
            after[part.path] = part.take(text)
    if not installing:
        after = {path: _as_it_was(path, text, parts) if text != before[path] else text for path, text in after.items()}
    return [
        FileChange(path=path, before=before[path], after=after[path]) for path in before if before[path] != after[path]
    ]


def _as_it_was(path: Path, after: str | None, parts: Sequence[Part]) -> str | None:
    """Return the text of the back-up of which `after` is what is left, so that a file comes back as it was.

    That is, nothing of ours is in the back-up, and it says the same once the parts are put into it and taken out again.
    Return `after` if there is none such.
    """
    own = [part for part in parts if part.path == path and not isinstance(part, OwnFile)]
    real = path.resolve()
    for backup in sorted(real.parent.glob(f"{glob.escape(real.name)}.*{_BACKUP}"), reverse=True):
        text = _read(backup)
        with suppress(SettingsUnreadable):
            if text is None or _said(_without(text, own), path) != _said(text, path):
                continue
            if _said(_without(_with(text, own), own), path) == _said(after, path):
                return text
    return after


def _with(text: str | None, parts: Sequence[Part]) -> str | None:
    """Put parts into a text."""
    for part in parts:
        text = part.put(text)
    return text


def _without(text: str | None, parts: Sequence[Part]) -> str | None:
    """Take parts out of a text."""
    for part in parts:
        text = None if text is None else part.take(text)
    return text


def _said(text: str | None, path: Path) -> object:
    """Return what a file says, whatever its white space: no file, and an empty one, say what an empty object says."""
    if path.suffix == ".json":
        with suppress(ValueError):
            return json.loads(text or "{}") if (text or "").strip() else {}
    return "".join((text or "").split())


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsUnreadable(path=path, reason=str(exc), snippet="") from exc


def _written(change: FileChange, unfinished: ExitStack) -> Path | None:
    """Write the new file beside the old one; None if there is to be none. `unfinished` removes it if it stays there."""
    path = change.path
    if change.after is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
        unfinished.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        if change.before is not None:
            shutil.copymode(path, name)
        else:
            os.chmod(name, 0o644)
    except OSError as exc:
        reason = f"its folder cannot be written ({exc.strerror})"
        raise SettingsUnreadable(path=path, reason=reason, snippet="") from exc
    return Path(name)


def _put_in_place(change: FileChange, written: Path | None) -> Path | None:
    """Exchange the file, or remove it, and return the back-up of the old one; one that was ours alone needs none."""
    path = change.path
    if written is None:
        path.unlink()
        with suppress(OSError):  # the folder of a skill; one that holds more stays
            path.parent.rmdir()
        return None
    backup = _backup(path) if change.before is not None else None
    os.replace(written, path)
    return backup


def _backup(path: Path) -> Path:
    """Copy a file beside itself, under a name that is not taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{path.name}.{stamp}{number}{_BACKUP}" for number in ("", *(f"-{n}" for n in range(2, 100))))
    backup = next(free for name in names if not (free := path.with_name(name)).exists())
    shutil.copy2(path, backup)
    return backup


def _lines(text: str | None) -> list[str]:
    return [] if text is None else text.splitlines(keepends=True)
