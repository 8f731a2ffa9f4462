"""What is asked of a store: one frozen Query a search, one Listing a list, and the small tree that a filter is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from .records import Reader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Operator(str, Enum):
    """What a `Compare` asks of a field. The other operators of `where=` are read as these, or as their negation."""

    IN = "$in"
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"
    CONTAINS = "$contains"
    EXISTS = "$exists"


class Kind(int, Enum):
    """The kinds of values. Values of two kinds are never equal, and neither is above the other."""

    NULL = 0
    BOOL = 1
    NUMBER = 2
    TEXT = 3
    LIST = 4
    MAPPING = 5


class Cell(NamedTuple):
    """One value that a field holds. A field with a list holds the list itself and each of its elements."""

    kind: Kind
    value: Any
    """Hashable: the plain value, a tuple of Cells for a list, a frozenset of (name, Cell) for a mapping."""
    element: bool = False
    """It is an element of a list."""


class Field(NamedTuple):
    """A field of a memory: a path through its metadata, or one of the record's own fields."""

    path: tuple[str, ...]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """The field holds a value that fits one of `values`; `EXISTS` has none, and asks whether there is any value."""

    field: Field
    operator: Operator
    values: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds. No parts at all: everything holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = "Compare | AllOf | AnyOf | Not"
"""Made by `rules.filters.parse`; `rules.filters.matches` says what it lets through."""


class Ask(Protocol):
    """One part of a message: how it is looked for."""

    @property
    def vector(self) -> npt.NDArray[np.float32]:
        """Of the part's text."""

    @property
    def weights(self) -> Mapping[str, float]:
        """The words that say what it is about, and how much each says."""


class Relevance(Protocol):
    """Judges what deserves to be put into a chat; made by `rules.search.relevance.judge`."""

    @property
    def asks(self) -> Sequence[Ask]:
        """The parts of the message, the whole first."""

    @property
    def about_user(self) -> bool:
        """The message is about the user as such."""

    @property
    def openness(self) -> float:
        """How surely the message asks for all of a matter, 0..1."""

    def roughly(self, rows: npt.NDArray[np.float32], held: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return how far n notes stand out, at little cost. See `margins`."""

    def impostors(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what is the same of n notes for every message, shape (2, n)."""

    def margins(
        self, rows: npt.NDArray[np.float32], held: npt.NDArray[np.float32], impostors: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Return by how much n notes pass. `rows` are their vectors, `held` what they hold of each ask's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One search, from the public faces down to the backend. The engine checks it and adds the vector."""

    reader: Reader
    text: str
    top_k: int = 10
    min_score: float = 0.0
    include_graph: bool = False
    as_of: datetime | None = None
    where: Filter | None = None
    zone: tzinfo | None = None
    """The time zone in which the question names days; None is that of the system."""
    notes_only: bool = False
    """Keep only what deserves to be put into a chat, by `relevance`, or without it by `ranking.noteworthy`."""
    relevance: Relevance | None = None
    vector: npt.NDArray[np.float32] | None = None
    """Of the text; None if the embedder did not answer: the search goes by words alone."""


class State(str, Enum):
    """Which memories a list is about."""

    PRESENT = "present"
    HELD = "held"
    """Those that wait for a review."""
    FORGOTTEN = "forgotten"
    """Hidden by a `forget`, and superseded by nothing."""
    ALL = "all"
    """Present, held, and history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Some of the memories that a reader sees, newest first. Expired ones are in none."""

    reader: Reader
    state: State = State.PRESENT
    where: Filter | None = None
    limit: int | None = None
    after: str | None = None
    """The id of the memory behind which the list begins, such as the last of the page before."""
    as_of: datetime | None = None
    """List what was present at that moment, whatever `state` says."""
    changed: tuple[datetime, datetime] | None = None
    """List the versions that began or ended after the first moment and not after the second, whatever `state` says."""
