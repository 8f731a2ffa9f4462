"""A user's memories as columns in memory: who may see which, and the vectors to compare. A rebuildable copy.

Positions run from 0 in the order of storing. A deleted memory keeps its position, empty and never allowed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import apsw
import numpy as np
import numpy.typing as npt

from ...protocols import Bools, Floats, Ints, Vectors
from ...query import Cell, Compare, Filter, Kind
from ...rules.filters import holds
from ...rules.times import FIRST, LAST
from ...rules.visibility import Rule
from ..file.database import integers
from ..file.faults import Damaged, damage_noticed
from ..nearest.matrix import VectorIndex
from ..tables import postings
from ..tables.vector_codec import decode
from .columns import Columns
from .entities import Graph
from .fields import FieldColumns, compared, evaluated
from .visible import FOREVER, View

Clauses = tuple[tuple[tuple[str, tuple[int, ...]], ...], ...]

_GONE = -1
_BATCH = 8192
# What is held is seen by no search, whatever the time that it asks about: as if it had ended before it began.
_SQL = """select m.seq, m.scope, m.session_id, m.agent_id, m.turn_id, m.created_at,
    iif(m.held_until is null, m.valid_until, -1), m.expires_at, m.importance, m.length, m.opening, {vector}
    from memories m left join vectors v on v.memory = m.seq"""
_NEWEST = "select (select coalesce(max(seq), 0) from memories), (select coalesce(max(seq), 0) from changes)"
_TYPES = {
    "seq": np.int64,
    "scope": np.int32,
    "session_id": np.int32,
    "agent_id": np.int32,
    "turn_id": np.int32,
    "created_at": np.int64,
    "valid_until": np.int64,
    "expires_at": np.int64,
    "importance": np.float64,
    "length": np.int32,
    "opening": np.int64,
}
_WITHIN: dict[str, tuple[Any, Any]] = {"created_at": (FIRST, LAST), "importance": (0, 1)}
_TEXTS = ("scope", "session_id", "agent_id", "turn_id")
_NUMBERS = ("created_at", "importance")
_WORDS_KEPT = 1024
_VIEWS_KEPT = 8
_NOTHING = np.empty(0, np.int64), 0
_WHOLE = FOREVER
"""Up to where a list of positions reaches that holds all there are: it grows with the columns."""
_FEW = 20
"""New memories whose words are put into the lists that are kept; with more, the lists are read anew."""


class Stamp(NamedTuple):
    """Whose vectors the file holds; of width 0 while it holds none."""

    embedder: str
    width: int


class UserColumns:
    """The columns and the vector index of one user, and how far in the file they have read.

    Hold `lock` from `catch_up` to the last use: a search must not see rows come in between.
    """

    def __init__(
        self, user: int, stamp: Stamp, expected: int, make_index: Callable[[UserColumns], VectorIndex]
    ) -> None:
        """`expected` is how many memories of the user there are to be read."""
        self.user = user
        self.stamp = stamp
        self._expected = expected
        self.lock = threading.RLock()
        self.revision = -1
        self.last_change = 0
        self._columns = Columns(_TYPES)
        self._codes: dict[str | None, int] = {None: 0}
        self._postings: dict[str, tuple[Ints, int]] = {}
        self._postings_bytes = 0
        self._measured = np.empty((2, 0), np.float32)
        self._views: dict[tuple[Clauses, Filter | None], View] = {}
        self._fields = FieldColumns(user, self.positions)
        self._graph, self._graph_revision = Graph(), -1
        self.vectors = make_index(self)
        self._sql = _SQL.format(vector="v.vector" if self.vectors.holds_rows else "null")

    def __len__(self) -> int:
        return len(self.seq)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns.values[name]

    @property
    def seq(self) -> Ints:
        return self["seq"]

    @property
    def last_seq(self) -> int:
        return int(self.seq[-1]) if len(self) else 0

    @property
    def nbytes(self) -> int:
        views = sum(view.nbytes for view in self._views.values())
        kept = self._columns.nbytes + self._postings_bytes + self._measured.nbytes
        return kept + views + self.vectors.nbytes + self._graph.nbytes + self._fields.nbytes

    def graph(self, cursor: apsw.Cursor) -> Graph:
        """Return the user's entities and relations, read anew if anything has changed."""
        if self._graph_revision != self.revision:
            self._graph, self._graph_revision = Graph.of_user(cursor, self.user), self.revision
        return self._graph

    def catch_up(self, cursor: apsw.Cursor, revision: int) -> None:
        """Read the rows stored since the last time, and again those that were changed or deleted."""
        known = self.last_seq
        newest, last_change = cursor.execute(_NEWEST).get
        if last_change > self.last_change:
            changed = "select distinct memory from changes where user = ? and seq > ? and memory <= ?"
            if reread := integers(cursor.execute(changed, (self.user, self.last_change, known))):
                self._views.clear()
                self._reread(cursor, reread)
            self.last_change = last_change
        # The index of a user's rows is in another order, and is walked whole: a few rows of others are passed sooner.
        user = "+m.user" if newest - known <= max(self._expected, len(self)) else "m.user"
        new = cursor.execute(f"{self._sql} where {user} = ? and m.seq > ? order by m.seq", (self.user, known))
        start = len(self)
        while rows := list(islice(new, _BATCH)):
            self._append(rows)
        self._list(cursor, start)
        self.revision = revision

    def view(self, cursor: apsw.Cursor, rule: Rule, where: Filter | None, now: int) -> View:
        """Return what `rule` and `where` let through of what holds now."""
        key = self._clauses(rule), where
        view = self._views.get(key)
        if view is not None and len(view.allowed) < len(self):
            view = self._grown(view, rule, now) if where is None else None
            if view is not None:
                self._views[key] = view
        if view is None or view.until <= now:
            allowed = self.allowed(rule, now=now, as_of=None)
            view = self.view_of(allowed if where is None else allowed & self.fitting(cursor, where))
            self._views[key] = view
            if len(self._views) > _VIEWS_KEPT:
                self._views.pop(next(iter(self._views)))
        return view

    def fitting(self, cursor: apsw.Cursor, where: Filter) -> Bools:
        """Mark the positions that a filter lets through, present or not."""

        def leaf(compare: Compare) -> Bools:
            name = compare.field.path[0] if compare.field.own else ""
            if name in _TEXTS:
                return self._coded(name, compare)
            if name in _NUMBERS:
                return compared(self[name], compare)
            return self._fields.marked(cursor, compare, last=self.last_seq, count=len(self))

        return evaluated(where, leaf)

    def _coded(self, name: str, compare: Compare) -> Bools:
        """Compare a column of texts, by the few distinct ones."""
        cells = ((code, Cell(Kind.TEXT, text)) for text, code in self._codes.items() if text is not None)
        fits = [code for code, cell in cells if holds(compare, cell)]
        return np.isin(self[name], fits)

    def view_of(self, allowed: Bools) -> View:
        """Return what is known of the memories that `allowed` marks."""
        return View.of(allowed, self.vectors, **self._told())

    def _told(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns that a view looks at."""
        return {name: self[name] for name in ("length", "created_at", "expires_at")}

    def _grown(self, view: View, rule: Rule, now: int) -> View:
        """Return a view with what was stored since it was made."""
        allowed = np.concatenate([view.allowed, self.allowed(rule, now=now, as_of=None, start=len(view.allowed))])
        return view.grown(allowed, self.vectors, **self._told())

    def allowed(self, rule: Rule, *, now: int, as_of: int | None, start: int = 0) -> Bools:
        """Mark the positions from `start` on that `rule` lets through and that hold now, or held at `as_of`."""
        mask = np.zeros(len(self) - start, np.bool_)
        for clause in self._clauses(rule):
            fits = np.ones(len(mask), np.bool_)
            for column, codes in clause:
                values = self[column][start:]
                fits &= np.isin(values, codes) if len(codes) > 1 else values == codes[0]
            mask |= fits
        if as_of is None:
            mask &= self["valid_until"][start:] == FOREVER
        else:
            mask &= (self["created_at"][start:] <= as_of) & (self["valid_until"][start:] > as_of)
        mask &= self["expires_at"][start:] > now
        return mask

    def _clauses(self, rule: Rule) -> Clauses:
        """Write `rule` in the numbers of the columns, without the clauses that no memory here can fulfil.

        So all readers see one view who differ only in the id of a turn in which nothing was stored.
        """
        coded = (
            tuple((name, tuple(self._codes[v] for v in values if v in self._codes)) for name, values in clause.items())
            for clause in rule
        )
        return tuple(clause for clause in coded if all(codes for _, codes in clause))

    def positions(self, seqs: Iterable[int] | Ints) -> Ints:
        """Find the positions of `seqs`; those that are not here are left out."""
        wanted = seqs if isinstance(seqs, np.ndarray) else np.fromiter(seqs, np.int64)
        if not len(self):
            return np.empty(0, np.int64)
        places = np.searchsorted(self.seq, wanted)
        places[places == len(self)] = 0
        return np.asarray(places[self.seq[places] == wanted])

    def with_word(self, cursor: apsw.Cursor, word: str, limit: int) -> Ints:
        """List the positions that hold `word`; if they are more than `limit`, at least `limit` + 1 of them."""
        token = postings.token(cursor, self.user, word)
        found, upto = self._postings.get(token, _NOTHING)
        if upto < self.last_seq and len(found) <= limit:
            more = postings.memories_with(cursor, self.user, word, above=upto, limit=limit + 1 - len(found))
            found = np.concatenate([found, self.positions(more)])
            self._keep(token, found, _WHOLE if len(found) <= limit else int(self.seq[found[-1]]))
        return found

    def _list(self, cursor: apsw.Cursor, start: int) -> None:
        """Put the memories from position `start` on into the lists of their words, as far as those are kept."""
        if len(self) - start > _FEW:
            self._postings, self._postings_bytes = {}, 0
        for position in range(start, len(self)) if self._postings else ():
            new = np.array([position])
            for token in postings.tokens_of(cursor, int(self.seq[position])):
                found, upto = self._postings.get(token, _NOTHING)
                if upto == _WHOLE:
                    self._postings[token] = (np.concatenate([found, new]), _WHOLE)
                    self._postings_bytes += new.nbytes

    def _drop_long_lists(self) -> None:
        """Read anew, when they are asked for, the lists that may have been cut on account of a deleted memory."""
        for token in [token for token, (found, _) in self._postings.items() if len(found) > postings.LONGEST_READ]:
            self._postings_bytes -= self._postings.pop(token)[0].nbytes

    def _keep(self, token: str, found: Ints, upto: int) -> None:
        self._postings_bytes += found.nbytes - self._postings.pop(token, _NOTHING)[0].nbytes
        self._postings[token] = (found, upto)
        if len(self._postings) > _WORDS_KEPT:
            oldest, _ = self._postings.pop(next(iter(self._postings)))
            self._postings_bytes -= oldest.nbytes

    def measured(self, positions: Ints, measure: Callable[[Vectors], Floats]) -> Floats:
        """Return what `measure` says of the vectors at n positions, shape (2, n); it is asked once of each vector.

        `measure` must be the same function of a vector in every call.
        """
        if (more := len(self) - self._measured.shape[1]) > 0:
            room = np.full((2, more + len(self) // 2), np.nan, np.float32)
            self._measured = np.concatenate([self._measured, room], axis=1)
        unknown = positions[np.isnan(self._measured[0, positions])]
        if len(unknown):
            self._measured[:, unknown] = measure(self.vectors.rows(unknown))
        return self._measured[:, positions]

    @damage_noticed()
    def _append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        *columns, blobs = zip(*rows, strict=True)
        self._columns.extend([self._as_numbers(name, values) for name, values in zip(_TYPES, columns, strict=True)])
        if self.vectors.holds_rows:
            self.vectors.add(decode(blobs, self.stamp.width))

    @damage_noticed()
    def _reread(self, cursor: apsw.Cursor, seqs: Sequence[int]) -> None:
        gone = False
        for seq in seqs:
            (position,) = self.positions([seq])
            row = cursor.execute(f"{self._sql} where m.user = ? and m.seq = ?", (self.user, seq)).fetchone()
            if row is None:
                gone = True
                self["valid_until"][position] = self["expires_at"][position] = _GONE
            else:
                for name, value in zip(_TYPES, row, strict=False):
                    self[name][position] = self._as_numbers(name, (value,))[0]
            self._fields.reread(cursor, seq, int(position))
            self._measured[:, position : position + 1] = np.nan
            if self.vectors.holds_rows:
                self.vectors.put(int(position), decode([row[-1] if row else b""], self.stamp.width)[0])
        if gone:
            self._drop_long_lists()

    def _as_numbers(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        if name in _TEXTS:
            return [self._codes.setdefault(value, len(self._codes)) for value in values]
        if name in ("valid_until", "expires_at"):
            return [FOREVER if value is None else value for value in values]
        least, most = _WITHIN.get(name, (None, None))
        if least is not None and (min(values) < least or max(values) > most):
            raise Damaged
        return values
