"""The seams: what an embedder and a store must do for the engine. Any object that fits will work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

from .query import Filter, Listing, Query
from .records import (
    Action,
    Applied,
    Event,
    Json,
    KeptTurn,
    Origin,
    Reader,
    Record,
    Relationship,
    Scope,
    SearchResult,
    Stats,
)

if TYPE_CHECKING:  # numpy takes 0.06 s to load, and hooks and servers stand on these seams before they need it
    import numpy as np
    import numpy.typing as npt

Vector: TypeAlias = "npt.NDArray[np.float32]"
"""Shape (width,), float32: a unit vector, or zeros for a blank text."""
Vectors: TypeAlias = "npt.NDArray[np.float32]"
"""Shape (n, width), float32: one unit row a text, in order; zeros for a blank text."""
Floats: TypeAlias = "npt.NDArray[np.float32]"
Ints: TypeAlias = "npt.NDArray[np.int64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"
"""Other arrays of numbers, such as scores, positions and marks; their shapes are said where they stand."""


@runtime_checkable
class Embedder(Protocol):
    """Text to vectors. Safe to call from many threads; the same text always gives the same vector."""

    @property
    def id(self) -> str:
        """Name of the model and its revision; two embedders of one id give comparable vectors. Cheap: loads nothing."""

    @property
    def width(self) -> int:
        """Length of a vector. May load the model, or ask its server once."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed `texts` into a (len(texts), width) float32 array of unit rows; a blank text gives a zero row."""

    def embed_query(self, text: str) -> Vector:
        """Embed one question; differs from `embed` only if the model wants a query prefix."""

    def close(self) -> None:
        """Free the model or the connection. Closing twice is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checked draft with its vector, ready to be stored. Times are microseconds since 1970, UTC."""

    content: str
    scope: Scope
    importance: float
    entities: tuple[str, ...]
    relationships: tuple[Relationship, ...]
    metadata: Mapping[str, Json]
    created_at: int
    expires_at: int | None
    origin: Origin
    held_until: int | None
    """The memory waits for a review until then; None if it is to be seen at once."""
    vector: Vector | None
    """None if the embedder did not answer: the memory is found by its words until the vector comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One step of a transaction: an entry to store, memories that it ends, or both.

    With `strict`, NotFound is raised if one of `replaces` is no present memory that the writer sees. An entry that is
    held ends nothing: what it would replace is kept with it.
    """

    entry: Entry | None
    replaces: tuple[str, ...] = ()
    strict: bool = False


class Story(NamedTuple):
    """A memory and all that happened to it, oldest first."""

    record: Record
    events: tuple[Event, ...]


class Stored(NamedTuple):
    """A memory as a store keeps it, whole, to be carried to another one."""

    record: Record
    events: tuple[Event, ...]
    """Oldest first."""
    vector: Vector | None
    """None if it waits for its vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A change of a stored memory: how it is to be, and how the event is called."""

    record: Record
    """With the same id, text, owner and scope; every other field is stored as it stands here."""
    action: Action
    before: Mapping[str, Json] = field(default_factory=dict)
    """What the event keeps; see `Event.before`."""


Decision: TypeAlias = Callable[[Sequence[Story]], Sequence[Amendment]]
"""Decides what becomes of memories. Pure, and quick: it runs within a transaction."""


class Backend(Protocol):
    """Where memories are kept. Each call is one transaction; each is safe from many threads.

    Every call that takes a reader sees what that reader sees and nothing else, by filters that hold inside the search,
    never after it. By id as by search: what a reader does not see is not found. A call by id without a reader is the
    application's own, and finds everybody's. Every change leaves an event with the memory that it concerns.
    """

    def lifetime(self, user_id: str) -> int | None:
        """Return a number that changes when any process clears the user; None if nothing is known of the user."""

    def apply(self, writer: Reader, writes: Sequence[Write]) -> list[Applied]:
        """Store, merge with what is known, and end what is replaced: all of it or nothing."""

    def amend(self, actor: Reader, memory_ids: Sequence[str], decision: Decision) -> list[Amendment]:
        """Let `decision` say what becomes of these memories that the actor sees, and return what was changed.

        Ids that are not found are left out, and so is an amendment that would make a second present memory of one text.
        """

    def search(self, query: Query) -> list[SearchResult]:
        """Find at most `query.top_k` memories, best first."""

    def get_many(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Record | None]:
        """Look up memories, also history and held ones, in the order of the ids; None for each that is not found."""

    def history(self, memory_id: str, reader: Reader | None) -> list[Record]:
        """List the versions of a memory that `reader` sees, oldest first."""

    def page(self, listing: Listing) -> list[Record]:
        """List memories, newest first. Raise NotFound if `listing.after` is no memory of this user."""

    def count(self, listing: Listing) -> int:
        """Count the memories of a listing, whatever its limit."""

    def events(self, reader: Reader, *, turn_id: str | None = None, since: datetime | None = None) -> list[Event]:
        """List what happened to the memories that `reader` sees, newest first; only in this turn, or since then."""

    def users(self) -> list[str]:
        """List the users who have memories, held ones included, or kept turns, in the order of their ids."""

    def vectors(self, memory_ids: Sequence[str], reader: Reader | None) -> list[Vector | None]:
        """Look up the vectors of memories, in the order of the ids; None for each that has none."""

    def delete(self, memory_ids: Sequence[str], reader: Reader | None) -> int:
        """Erase memories with the versions that they replaced; return how many of the ids were found."""

    def clear(self, reader: Reader, where: Filter | None = None) -> int:
        """Erase all memories of the user, or those bound to the session, agent or turn that is given; return how many.

        With `where`, those among them that it lets through, with the versions that they replaced.
        """

    def keep_turn(self, turn: KeptTurn) -> None:
        """Keep what a chat turn did, or add to the turn of this id. One that names an erased memory is not kept.

        It is erased with any memory that it names, with the memories of its session or agent, and with all of its user.
        """

    def turns(self, reader: Reader, *, limit: int, before: str | None) -> list[KeptTurn]:
        """List the turns that were kept, newest first, from behind the turn `before`.

        A reader who is not the owner sees those of the same session and agent.
        """

    def growth(self, reader: Reader, step: timedelta) -> list[tuple[datetime, int]]:
        """Count what `reader` sees after each step of time in which any of it came or went, with when that began."""

    def stored(self, user_id: str | None) -> Iterator[Stored]:
        """Yield memories whole, in the order of storing: present ones, history, held and expired ones.

        A store that can shows all of them as of one instant. What an import has not published is left out.
        """

    def owners(self, memory_ids: Sequence[str]) -> list[str | None]:
        """Return the user of each memory, in the order of the ids; None for each that there is not.

        Of what an import has not published yet, it is the name that `rules.staging` makes.
        """

    def stage(self, import_id: str, memories: Sequence[Stored]) -> None:
        """Store memories whole, ids, history and events included, where nobody sees them until `publish`.

        Ids that there are already are left alone; but what this import has staged before gets the sources that it has
        not yet. A successor may come in a later call.
        """

    def publish(self, import_id: str) -> int:
        """Let all that was staged be seen, in one transaction if the store has such; return how many memories.

        A present memory whose text the user knows becomes one more source of the one that is known.
        """

    def discard(self, import_id: str | None) -> int:
        """Erase what was staged and not published, by this import or by all; return how many memories."""

    def unembedded(self, limit: int) -> list[tuple[str, str]]:
        """List memories that wait for their vector, oldest first, as (id, content)."""

    def put_vectors(self, vectors: Mapping[str, Vector]) -> None:
        """Store the vectors of memories that wait for them, by id; those that no longer do are left alone."""

    def stats(self, reader: Reader | None) -> Stats:
        """Count the memories that `reader` sees, or all of everybody if it is None."""

    def usable(self) -> bool:
        """Return whether the store is still there; False if it is gone for good and must be opened anew."""

    def close(self) -> None:
        """Let go of files and connections. Closing twice is fine."""
