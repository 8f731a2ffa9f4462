"""The sessions of the server's clients: who speaks, whose memory it is, and how much one session may change."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

from ..errors import HeadroomError, LimitReached, NotFound
from ..memory.records import Change, Draft, Origin
from ..memory.rules.amending import is_present, reworded
from ..memory.rules.gate import Allowance, reads_as_instruction
from ..memory.rules.secrets.redaction import redact
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


class Session:
    """One client's session: its memory, and what it may still change.

    An agent reads files, pages and tool output all the time, and any of these may try to make it rewrite the memory. So
    a session may do what one turn of a chat with such content in sight may, and what reads as an instruction to an
    assistant waits until a person accepts it.
    """

    def __init__(self, memory: UserMemory, allowance: Allowance) -> None:
        self.memory = memory
        self.seen = time.monotonic()
        self._allowance, self._left = allowance, replace(allowance)
        self._lock = threading.Lock()

    def save(self, content: str, *, entities: Sequence[str]) -> Saved:
        """Store a fact without the secrets in it. Raise LimitReached if the session stored too many."""
        draft = Draft(content, entities=tuple(entities), origin=Origin.AGENT)
        with self._lock:
            if self._left.facts <= 0:
                raise LimitReached(what=f"{self._allowance.facts} stored facts")
            stored = self._store(draft, replaces=())
            self._left.facts -= 1
        return stored

    def update(self, memory_id: str, content: str) -> Saved:
        """Replace a memory by a new version. Raise NotFound if this session sees no such present memory."""
        old = self.memory.get(memory_id)
        if old is None or not is_present(old, datetime.now(timezone.utc)):
            raise NotFound(memory_id=memory_id)
        with self._ending():
            return self._store(reworded(old, content, Origin.AGENT), replaces=(memory_id,))

    def forget(self, memory_id: str) -> Forgotten:
        """Hide a memory."""
        with self._ending():
            return Forgotten(id=memory_id, forgotten=self.memory.forget(memory_id))

    def _store(self, draft: Draft, replaces: tuple[str, ...]) -> Saved:
        clean, secrets = redact(draft)
        change = Change(draft=clean, replaces=replaces, held=reads_as_instruction(clean.content))
        (done,) = self.memory.engine.apply(self.memory.reader, [change])
        return saved(done, redacted=sum(secrets.values()))

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Count what replaces or forgets a memory; what fails does not count."""
        with self._lock:
            if self._left.ends <= 0:
                raise LimitReached(what=f"{self._allowance.ends} replaced or forgotten memories")
            yield
            self._left.ends -= 1


class Sessions:
    """All sessions of a server, found by the transport's session id and the client's name."""

    def __init__(self, open_memory: OpenMemory, agent: str | None, allowance: Allowance) -> None:
        self._open, self._agent, self._allowance = open_memory, agent, allowance
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
                session = Session(self._open(agent), self._allowance)
            session.memory = self._usable(session.memory, agent)
            session.seen = time.monotonic()
            self._sessions[session_id, agent] = session
            if len(self._sessions) > _SESSIONS:
                _, oldest = self._sessions.popitem(last=False)
                oldest.memory.close()
            return session

    def reading(self) -> UserMemory:
        """Return the memory for what no session asks: resources, and loading the embedder early."""
        with self._lock:
            opened = self._reading or self._open(self._agent)
            self._reading = self._usable(opened, self._agent)
            return self._reading

    def _usable(self, memory: UserMemory, agent: str | None) -> UserMemory:
        """Open the file again if it was exchanged, such as by a restored back-up: servers run for days."""
        if memory.engine.usable():
            return memory
        memory.close()
        return self._open(agent)

    def warm_up(self) -> None:
        """Load the embedder on a thread of its own, so that the first search need not wait for it."""
        self._warming = threading.Thread(target=self._load, name="headroom-warm")
        self._warming.start()

    def _load(self) -> None:
        try:
            self.reading().warm()
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
