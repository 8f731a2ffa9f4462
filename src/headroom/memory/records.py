"""What goes into a memory and what comes out of it: plain frozen records, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple, TypeAlias, TypedDict

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class Scope(str, Enum):
    """How far a memory is seen, from broadest to narrowest."""

    USER = "user"
    SESSION = "session"
    AGENT = "agent"
    TURN = "turn"


class Origin(str, Enum):
    """Where a source of a memory came from, as the program that ran saw it; never as a model said it."""

    USER = "user"
    """The user's own words."""
    ASSISTANT = "assistant"
    """The assistant's: nothing that the user said bears it out."""
    TOOL = "tool"
    """What a tool returned, or a page that was read."""
    FILE = "file"
    """A file or picture in the conversation."""
    IMPORT = "import"
    APPLICATION = "application"
    """The program itself, by `save` or `add`."""
    AGENT = "agent"
    """An agent, by its tools and hooks."""


class Action(str, Enum):
    """What can happen to a memory."""

    SAVED = "saved"
    MERGED = "merged"
    """It was said again: one more source."""
    HELD = "held"
    """It was stored to wait for a review."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"
    """Another memory superseded it."""
    FORGOTTEN = "forgotten"
    RESTORED = "restored"
    UPDATED = "updated"
    """Its metadata, importance, entities, expiry or sources changed, and not its text."""


class Relationship(NamedTuple):
    """A directed edge between two entities, such as ("Alice", "works at", "Acme")."""

    source: str
    relation: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who looks or writes: a user, and if given the session, agent and turn."""

    user_id: str
    session_id: str | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    owner: bool = False
    """Look as the owner of the memories, who sees all of the user: every session, agent and turn."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A memory on its way in. Only `content` is required; `None` takes the default of the call."""

    content: str
    _: KW_ONLY
    scope: Scope | str = Scope.USER
    importance: float = 0.5
    entities: Sequence[str] = ()
    relationships: Sequence[Relationship | tuple[str, str, str] | Mapping[str, str]] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict)
    created_at: datetime | None = None
    expires_at: datetime | None = None
    origin: Origin | str = Origin.APPLICATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who said a memory, and when: one for each time it was saved."""

    agent_id: str | None
    session_id: str | None
    turn_id: str | None
    created_at: datetime
    origin: Origin = Origin.APPLICATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a memory: who did what, and when. It is erased with the memory."""

    memory_id: str
    action: Action
    at: datetime
    agent_id: str | None
    session_id: str | None
    turn_id: str | None
    before: Mapping[str, Json] | None = field(default=None, repr=False)
    """The fields that it changed, as they were before, so that it can be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version of one memory. Times are aware UTC datetimes."""

    id: str
    content: str
    user_id: str
    scope: Scope
    session_id: str | None
    agent_id: str | None
    turn_id: str | None
    importance: float
    metadata: Mapping[str, Json]
    created_at: datetime
    valid_until: datetime | None
    superseded_by: str | None
    expires_at: datetime | None
    entities: tuple[str, ...]
    relationships: tuple[Relationship, ...]
    sources: tuple[Source, ...]
    """In the order of saving."""
    held_until: datetime | None = None
    """The memory waits for a review until then, and no search sees it; None for all others."""
    would_replace: tuple[str, ...] = ()
    """The ids of the memories that a held one ends when it is accepted."""


class Parts(NamedTuple):
    """What a score is made of; they sum to it. `vector` below 0: further off than the user's memories in general."""

    vector: float = 0.0
    words: float = 0.0
    context: float = 0.0
    """What was said just before and after in the same session, and how well the best of that sitting fits."""
    fullness: float = 0.0
    """A longer text tells more."""
    time: float = 0.0
    """It was said at the time that the question names."""
    importance: float = 0.0
    recency: float = 0.0
    graph: float = 0.0
    """It shares an entity with a memory that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult(Record):
    """A memory that a search found. `score` is in 0..1, higher is better, comparable within one query."""

    score: float
    parts: Parts = field(default_factory=Parts)
    stands_for: tuple[str, ...] = ()
    """If notes for a chat are recalled: the ids of others that say the same in slightly other words."""

    cosine: float = 0.0
    """Of the memory's vector and the question's, as the embedder has them; 0 while one of them waits for its vector."""
    told: date | None = None
    """If notes for a chat are recalled: its day, if another one of them speaks of the same thing on another day."""

    def explain(self) -> dict[str, float]:
        """Return the parts of the score by name, which sum to it, and the `cosine` that it comes from."""
        return {**self.parts._asdict(), "cosine": self.cosine}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to write: a new memory, the end of old ones, or both at once (a correction).

    `replaces` names memories by id; without a `draft` they are forgotten, which keeps their history. A draft that is
    held waits for a review, and what it replaces stays present until then.
    """

    draft: Draft | None
    replaces: tuple[str, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one `Change`."""

    id: str | None
    """The memory that now holds the draft's content; None if there was no draft."""
    merged: bool
    """The content was known: that memory got one more source, and no row was added."""
    ended: tuple[str, ...]
    """Those of `replaces` that were found and are now history."""
    held: bool = False
    """That memory waits for a review, or was turned down in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What `undo` did, by the ids of memories."""

    hidden: tuple[str, ...] = ()
    """Stored since, and hidden now; their history is kept."""
    restored: tuple[str, ...] = ()
    """Replaced or forgotten since, and present again."""
    changed: tuple[str, ...] = ()
    """Said again or updated since, and put back as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Memories that say nearly the same; none of them is history."""

    memories: tuple[Record, ...]
    """Newest first."""
    cosines: tuple[float, ...]
    """How near each is to the first: 1 for the first itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All there is of one user, such as for a data request."""

    user_id: str
    memories: tuple[Record, ...]
    """Present ones, history and held ones, of every session, agent and turn; newest first."""
    events: tuple[Event, ...]
    """Newest first."""
    turns: tuple[KeptTurn, ...]
    """What `record_turns` kept of the user's chats, newest first."""


class Stats(TypedDict):
    """Counts of memories, of one user or of all."""

    total: int
    """Present memories."""
    superseded: int
    """History."""
    held: int
    """Waiting for a review."""
    without_vector: int
    """Stored while the embedder did not answer."""
    by_agent: dict[str, int]
    """Present memories by the agents that saved them; one that two agents saved counts for both."""
    by_origin: dict[str, int]
    """Present memories by where their sources came from; one of two origins counts for both."""
    file_bytes: int
    """Bytes of the whole file, of all users; 0 with servers, which do not say how much a collection takes."""
    erasing: int
    """1 while the write-ahead log of the file may still hold what was erased; within a second of rest it is 0."""


EFFECTS = ("stored", "held", "replaced", "forgotten")
"""The fields of a kept turn that name the memories which it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptNote:
    """A memory that was shown in a kept turn, with its score at that time."""

    id: str
    score: float
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTurn:
    """What one chat turn did with memory: ids and scores, and no text unless the program asked for it.

    It is erased with any of the memories that it names.
    """

    user_id: str
    turn_id: str
    at: datetime
    session_id: str | None = None
    agent_id: str | None = None
    asked: str | None = field(default=None, repr=False)
    """The user's message; None unless `record_turns="text"` asked for it."""
    notes: tuple[KeptNote, ...] = ()
    """What went into the request, best first."""
    stored: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    """Stored to wait for a review."""
    replaced: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()

    def named(self) -> tuple[str, ...]:
        """Return the ids of all memories that it names, each once."""
        shown = [note.id for note in self.notes]
        return tuple(dict.fromkeys([*shown, *self.stored, *self.held, *self.replaced, *self.forgotten]))


class Health(str, Enum):
    """What a check found."""

    OK = "ok"
    MENDED = "mended"
    """It was wrong, and was rebuilt."""
    NOTE = "note"
    """Nothing is wrong, but somebody may want to know."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check of the store looked at."""

    name: str
    health: Health
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a comparison of Qdrant with Neo4j found, and mended unless it only looked."""

    memories: int
    """Compared."""
    half_replaced: int
    """Memories whose predecessors had not ended: both were present."""
    half_written: int
    """Memories of a bulk load that was cut off before it was complete: nobody saw them."""
    not_linked: int
    """Memories that were stored while Neo4j was away."""
    not_forgotten: int
    """Memories that were erased while Neo4j was away."""
    outdated: int
    """Memories whose entities and relations in Neo4j were not those in Qdrant."""
    orphaned: int
    """Memories in Neo4j that are not in Qdrant."""
    unused_entities: int
    """Entities in Neo4j that no memory mentions; counted only when they are removed."""
    expired: int
    """Memories that had expired and were still stored."""
