"""Whose memory, in which file: the options that most commands share."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import memory
from ..errors import InvalidInput, StoreMissing
from ..integrations.identity import project_user, read_key

if TYPE_CHECKING:
    from ..memory import MemoryConfig, UserMemory

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The memory that a command works on."""

    db: str | None = None
    user: str | None = None
    project: str | None = None
    session: str | None = None
    agent: str | None = None
    key_file: str | None = None
    embedder: str | None = None
    model: str | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        if self.project is not None and self.user is not None:
            raise InvalidInput("--project and --user name two memories; leave out one of them")
        if "" in (self.project, self.user):  # an unset variable of a script must not end up in another memory
            raise InvalidInput("--user and --project must not be empty; leave them out for your own memory")

    @property
    def user_id(self) -> str:
        """The user: the one named, the project's if asked, else the name that one is logged in by."""
        if self.project is not None:
            return project_user(Path(self.project))
        return self.user or os.environ.get("HEADROOM_USER") or getpass.getuser()

    @property
    def config(self) -> MemoryConfig:
        """The configuration of the file and its embedder."""
        settings: dict[str, Any] = {}
        if self.embedder is not None:
            settings["embedder_backend"] = self.embedder
        if self.backend is not None:
            settings["backend"] = self.backend
        if (key := read_key(self.key_file)) is not None:
            settings["encryption_key"] = key
        return memory.MemoryConfig(db_path=self.db, embedder_model=self.model, **settings)

    def open(self, *, agent: str | None = None, new: bool = False) -> UserMemory:
        """Open the memory; close it after use. Raise StoreMissing if --db names no file, unless it may be `new`."""
        user, config = self.user_id, self.config
        if not new and self.db is not None and config.backend == "local" and not config.path.exists():
            raise StoreMissing(path=config.path)
        return memory.UserMemory(user, self.session, agent or self.agent, config=config)

    def arguments(self) -> tuple[str, ...]:
        """Return the options that name the same memory again, for a command line that is written into a file."""
        named = {
            "--db": self.db and str(Path(self.db).expanduser().absolute()),
            "--user": self.user,
            "--project": self.project,
            "--key-file": self.key_file and str(Path(self.key_file).expanduser().absolute()),
            "--embedder": self.embedder,
            "--model": self.model,
            "--backend": self.backend,
        }
        return tuple(word for name, value in named.items() if value for word in (name, value))


db_option = click.option(
    "--db", type=click.Path(), metavar="PATH", help="The memory file. [default: $HEADROOM_HOME/memory.db]"
)
key_file_option = click.option(
    "--key-file", type=click.Path(), metavar="PATH", help="The key of an encrypted file, in a file of mode 0600."
)


def target_options(command: C) -> C:
    """Add the options that name a memory; the command gets a `Target` as its first argument."""

    @db_option
    @click.option("--user", metavar="ID", help="Whose memory. [default: $HEADROOM_USER, else your login name]")
    @click.option(
        "--project",
        type=click.Path(),
        metavar="FOLDER",
        help="The memory of the repository that FOLDER is in, instead of a user's.",
    )
    @key_file_option
    @click.option(
        "--embedder", metavar="NAME", envvar="HEADROOM_EMBEDDER", help="onnx (default), local, openai, ollama."
    )
    @click.option("--model", metavar="NAME", envvar="HEADROOM_EMBEDDER_MODEL", help="The embedder's model.")
    @click.option("--backend", metavar="NAME", envvar="HEADROOM_BACKEND", help="local (default), or qdrant-neo4j.")
    @wraps(command)
    def with_target(
        *,
        db: str | None,
        user: str | None,
        project: str | None,
        key_file: str | None,
        embedder: str | None,
        model: str | None,
        backend: str | None,
        **rest: Any,
    ) -> Any:
        scope = {name: rest.pop(name) for name in ("session", "agent") if name in rest}
        target = Target(
            db=db,
            user=user,
            project=project,
            key_file=key_file,
            embedder=embedder,
            model=model,
            backend=backend,
            **scope,
        )
        return command(target, **rest)

    return with_target  # type: ignore[return-value]  # click's decorators keep the callable a callable


def scope_options(command: C) -> C:
    """Add --session and --agent: who looks or writes."""
    command = click.option("--agent", metavar="ID", help="See and store as this agent.")(command)
    return click.option("--session", metavar="ID", help="See and store within this session.")(command)


class Whole(click.IntRange):
    """A whole number, named so in the answer to what is none."""

    name = "whole number"


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def date_time(value: str) -> datetime:
    """Read a time such as 2026-11-25 or 2026-11-25T14:00+02:00, local if it names no zone, and return it in UTC.

    At the ends of the calendar, the nearest time that there is.
    """
    try:
        read = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no date or time, such as 2026-11-25 or 2026-11-25T14:00+02:00"
        ) from None
    try:
        return read.astimezone(timezone.utc)
    except (OverflowError, OSError, ValueError):
        return read.replace(tzinfo=timezone.utc)
