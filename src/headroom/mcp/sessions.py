"""The sessions of the server's clients: who speaks, whose memory it is, and how much one session may change."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..errors import HeadroomError, LimitReached
from ..memory.records import Draft, Origin
from ..memory.rules.secrets.redaction import redact, redact_text
from .results import Forgotten, Saved, saved

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

    from ..memory.user_memory import UserMemory

OpenMemory: TypeAlias = "Callable[[str | None], UserMemory]"
"""Open the memory of the server's user for an agent, by the agent's id; None for no agent in particular."""

_IDLE = 1800.0
"""Seconds after which a silent client begins a new session."""
_SESSIONS = 64
"""Sessions that are kept; a client that comes back later begins a new one."""
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one session may change. An agent reads files, pages and tool output all the time, and any of these may
    try to make it rewrite the memory: so by default a session may do what one such turn of a chat may."""

    saves: int = 5
    """Facts that it may store."""
    changes: int = 1
    """Memories that it may replace or forget."""


class Session:
    """One client's session: its memory, and what it may still change."""

    def __init__(self, memory: UserMemory, limits: Limits) -> None:
        self.memory = memory
        self.seen = time.monotonic()
        self._saves = _Allowance(limits.saves, "stored facts")
        self._changes = _Allowance(limits.changes, "replaced or forgotten memories")

    def save(self, content: str, *, entities: Sequence[str]) -> Saved:
        """Store a fact without the secrets in it. Raise LimitReached if the session stored too many."""
        draft, secrets = redact(Draft(content, entities=tuple(entities), origin=Origin.AGENT))
        self._saves.count()
        (memory_id,) = self.memory.add_many([draft])
        stored = self.memory.get(memory_id)
        known = stored is not None and len(stored.sources) > 1
        return saved(memory_id, known=known, redacted=sum(secrets.values()))

    def update(self, memory_id: str, content: str) -> Saved:
        """Replace a memory by a new version. Raise NotFound if there is no such present memory."""
        clean, secrets = redact_text(content)
        self._changes.count()
        return saved(self.memory.update(memory_id, clean), redacted=sum(secrets.values()))

    def forget(self, memory_id: str) -> Forgotten:
        """Hide a memory."""
        self._changes.count()
        return Forgotten(id=memory_id, forgotten=self.memory.forget(memory_id))


class _Allowance:
    """How often something may still be done; safe from many threads."""

    def __init__(self, most: int, what: str) -> None:
        self._left, self._what = most, f"{most} {what}"
        self._lock = threading.Lock()

    def count(self) -> None:
        """Use one. Raise LimitReached if none is left."""
        with self._lock:
            if self._left == 0:
                raise LimitReached(what=self._what)
            self._left -= 1


class Sessions:
    """All sessions of a server, found by the transport's session id and the client's name."""

    def __init__(self, open_memory: OpenMemory, agent: str | None, limits: Limits) -> None:
        self._open, self._agent, self._limits = open_memory, agent, limits
        self._lock = threading.Lock()
        self._sessions: OrderedDict[tuple[str | None, str], Session] = OrderedDict()
        self._reading: UserMemory | None = None
        self._warming: threading.Thread | None = None

    def of(self, context: Context) -> Session:
        """Return the session of a request. Opens the memory file at the first call."""
        headers = context.headers or {}
        return self._session(headers.get("mcp-session-id"), self._agent or client_name(context))

    def _session(self, session_id: str | None, agent: str) -> Session:
        with self._lock:
            session = self._sessions.pop((session_id, agent), None)
            if session is None or time.monotonic() - session.seen > _IDLE:
                if session is not None:
                    session.memory.close()
                session = Session(self._open(agent), self._limits)
            session.seen = time.monotonic()
            self._sessions[session_id, agent] = session
            if len(self._sessions) > _SESSIONS:
                _, oldest = self._sessions.popitem(last=False)
                oldest.memory.close()
            return session

    def reading(self) -> UserMemory:
        """Return the memory for what no session asks: resources, and loading the embedder early."""
        with self._lock:
            if self._reading is None:
                self._reading = self._open(self._agent)
            return self._reading

    def warm_up(self) -> None:
        """Load the embedder on a thread of its own, so that the first search need not wait for it."""
        self._warming = threading.Thread(target=self._load, name="headroom-warm")
        self._warming.start()

    def _load(self) -> None:
        try:
            self.reading().search("what is known about the user", top_k=1)
        except HeadroomError as exc:
            # The first tool call says the same to the client; this line is for the client's log of the server.
            print(f"headroom mcp: {exc}", file=sys.stderr)  # noqa: T201

    def close(self) -> None:
        """Close the memories of all sessions."""
        if self._warming is not None:
            self._warming.join()  # a process must not end while native code starts its threads
        with self._lock:
            if self._reading is not None:
                self._reading.close()
                self._reading = None
            for session in self._sessions.values():
                session.memory.close()
            self._sessions.clear()


def client_name(context: Context) -> str:
    """Return the client's name in the handshake, made fit for an id; "mcp" if it gave none."""
    params = context.session.client_params
    name = params.client_info.name if params is not None else ""
    fit = "".join(char if char.isalnum() or char in "-_." else "-" for char in name.strip().lower())
    return fit[:_LONGEST_NAME].strip("-") or "mcp"
