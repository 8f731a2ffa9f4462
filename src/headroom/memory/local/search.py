"""Candidates by vector and by word among what a reader may see, and what is known of them for ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

import apsw
import numpy as np

from ..protocols import Bools, Floats, Ints, Vector, Vectors
from ..query import Query
from ..records import Parts
from ..rules.search import dates, ranking
from ..rules.search.relevance import rivals
from ..rules.search.words import OF_SELF, mark, question_words, telling
from ..rules.times import DAY, micros
from ..rules.visibility import visible
from .cache.user import UserColumns
from .cache.visible import View, some
from .nearest.arrays import union
from .nearest.matrix import best_of
from .reminding import recalled
from .tables import postings
from .tables.postings import among

_NONE = np.empty(0, np.int64)
_FEW = 20
"""So many memories are half of what it takes to believe in what they have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Positions of memories, best first, of shape (n,), and the parts of their scores, (len(Parts), n)."""

    positions: Ints
    parts: Floats
    allowed: Bools
    """What the query may find, by position."""
    rivals: frozenset[int] = frozenset()
    """Of notes for a chat, the positions of those beside which another one speaks of the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the words of a question say about the memories, by position."""

    words: Sequence[str]
    share: Floats
    """The weight of the rarer words that a memory holds, as a share of the weight of all words."""
    rare: Bools
    """It holds a telling one that few memories of this user hold."""
    worded: Ints
    """Those with a share, in any order."""
    common: Ints
    """Some that hold a word which many hold."""
    holding: Sequence[tuple[float, Ints]]
    """The share of each word that many hold, and the memories that hold it, ascending."""

    def share_of(self, positions: Ints) -> Floats:
        """Return the weight of all words that each position holds, as a share of the weight of all."""
        share = self.share[positions]
        for weight, holding in self.holding:
            share += np.float32(weight) * among(positions, holding)
        return share


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a query asks of a user's memories."""

    asked: Asked
    vector: Vector
    """Zeros if there is none of this file's width."""
    focus: Vector
    """The vector without what the memories that hold common words of the question have in common."""
    times: Sequence[dates.Span]
    zone: tzinfo | None
    dated: Ints
    """Positions of the memories that were told on the very day that the question names."""


def retrieve(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> Found:
    """Find the memories that `query` asks for; filters hold before anything is ranked."""
    view = _visible_to(cursor, columns, query, now)
    if not len(view.places):
        parts = np.empty((len(Parts._fields), 0), np.float32)
        return Found(positions=view.places, parts=parts, allowed=view.allowed)
    question = _read(cursor, columns, view, query, now)
    positions = _candidates(columns, view, question, max(50, 4 * query.top_k))
    relevance = query.relevance if len(view.places) > query.top_k else None
    if relevance is None:
        parts = _scored(cursor, columns, view, question, positions, now)
        order = _best_first(columns, view, question, positions, parts, query)
    else:
        chosen = recalled(cursor, columns, view, positions, question.dated, relevance, query.top_k, now)
        positions = np.sort(chosen)
        parts = _scored(cursor, columns, view, question, positions, now)
        order = np.searchsorted(positions, chosen)
    found = Found(positions=positions[order], parts=parts[:, order], allowed=view.allowed)
    return replace(found, rivals=_rivals(found, columns)) if query.notes_only else found


def _read(cursor: apsw.Cursor, columns: UserColumns, view: View, query: Query, now: int) -> Question:
    """Work out what a query asks of the memories that it may find."""
    asked = _ask(cursor, columns, view, query.text)
    width = columns.stamp.width
    vector = query.vector if query.vector is not None and len(query.vector) == width else np.zeros(width, np.float32)
    times = dates.times(query.text, query.zone, oldest=view.oldest, now=now)
    return Question(
        asked=asked,
        vector=vector,
        focus=_focus(columns, vector, asked.common),
        times=times,
        zone=query.zone,
        dated=view.places[dates.told_on(columns["created_at"][view.places], times, query.zone)] if times else _NONE,
    )


def _scored(
    cursor: apsw.Cursor, columns: UserColumns, view: View, question: Question, positions: Ints, now: int
) -> Floats:
    """Score the memories at `positions`, ascending, which is the order of storing: shape (len(Parts), n)."""
    rows = columns.vectors.rows(positions)
    cosine = rows @ question.vector
    told_at = columns["created_at"][positions]
    words = [mark(word) for word in question.asked.words]
    subject = (columns["opening"][positions][:, None] == words).any(axis=1)
    of_self = columns.with_word(cursor, OF_SELF, len(columns)) if subject.any() else _NONE
    return ranking.parts(
        ranking.Candidates(
            rank=np.searchsorted(view.places, positions),
            cosine=cosine,
            # A memory that waits for its vector is neither near nor far.
            lift=np.where(cosine == 0, 0, rows @ question.focus - view.middle @ question.focus),
            words=question.asked.share_of(positions),
            subject=subject,
            of_self=subject & among(positions, of_self),
            nearness=dates.told_near(told_at, question.times, question.zone),
            on_day=among(positions, question.dated),
            session=columns["session_id"][positions],
            created_at=told_at,
            length=columns["length"][positions].astype(np.float64),
            mean_length=view.length,
            importance=columns["importance"][positions],
            age_days=(now - told_at) / DAY,
        )
    )


def _best_first(
    columns: UserColumns, view: View, question: Question, positions: Ints, parts: Floats, query: Query
) -> Ints:
    """Order candidates by their scores; for a chat without a cohort keep those that stand out among the user's own."""
    order = np.argsort(-parts.sum(axis=0), kind="stable")
    if not query.notes_only or len(view.places) <= query.top_k:
        return order
    order = order[: 4 * query.top_k if any(map(telling, question.asked.words)) else 0]
    rows, sample = columns.vectors.rows(positions[order]), columns.vectors.rows(some(view.places))
    return order[_noted(question.vector, rows, sample, question.asked.rare[positions[order]], query.top_k)]


def _noted(vector: Vector, rows: Vectors, sample: Vectors, rare: Bools, most: int) -> Ints:
    """Pick of the best candidates those that deserve to go into a chat, by their places."""
    if not vector.any():  # the embedder did not answer in time: a rare word in common must do
        return np.flatnonzero(rare)[:most]
    return ranking.noteworthy(vector, rows, sample, rare, most)


def _rivals(found: Found, columns: UserColumns) -> frozenset[int]:
    """Return the positions of found memories beside which another one speaks of the same thing on another day."""
    days = columns["created_at"][found.positions] // DAY
    return frozenset(found.positions[rivals(columns.vectors.rows(found.positions), days)].tolist())


def _visible_to(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> View:
    """Return what `query` may find: seen by its reader, and let through by its filters."""
    rule = visible(query.reader)
    if query.as_of is None:
        return columns.view(cursor, rule, query.where, now)
    allowed = columns.allowed(rule, now=now, as_of=micros(query.as_of))
    return columns.view_of(allowed if query.where is None else allowed & columns.fitting(cursor, query.where))


def _ask(cursor: apsw.Cursor, columns: UserColumns, view: View, question: str) -> Asked:
    """Weigh the memories by the rarity of the words that they share with `question`.

    A word counts once, whatever the length of the text: memories are short, and both halves of BM25 that say
    otherwise lost recall here. Words that many hold count, but make no candidates if there are rarer ones.
    """
    share, rare = np.zeros(len(columns), np.float32), np.zeros(len(columns), np.bool_)
    total = len(view.places)
    limit = max(20, min(postings.LONGEST_LIST, int(ranking.COMMON * total)))
    lists = {word: columns.with_word(cursor, word, postings.LONGEST_READ) for word in question_words(question)}
    # What was forgotten or is not seen makes no word common, unless there is so much of it that the list was cut.
    holding = {word: view.seen(found) for word, found in lists.items()}
    common = [word for word, found in holding.items() if len(found) > limit or len(lists[word]) > postings.LONGEST_READ]
    rarer = [word for word in lists if word not in common]
    if not any(len(holding[word]) for word in rarer):
        rarer = list(lists)
    counts = {word: len(holding[word]) for word in lists if word in rarer or len(lists[word]) <= postings.LONGEST_READ}
    weights, worded = ranking.shares(counts, total, dates.time_words(question)), [_NONE]
    for word in rarer:
        found = holding[word]
        worded.append(found[share[found] == 0])
        share[found] += weights[word]
        if ranking.is_rare(word, len(found), total):
            rare[found] = True
    shared = [some(holding[word]) for word in common]
    return Asked(
        words=list(lists),
        share=share,
        rare=rare,
        worded=np.concatenate(worded),
        common=union(shared, len(columns)),
        holding=[(weights[word], holding[word]) for word in weights if word not in rarer],
    )


def _focus(columns: UserColumns, vector: Vector, common: Ints) -> Vector:
    """Take from a question what the memories that share its common words have in common.

    In "When did Anna move?", asked of a talk with Anna, her name pulls the vector towards everything she said.
    """
    if not len(common):
        return vector
    ground = columns.vectors.rows(common).mean(axis=0)
    pull = (vector @ ground) / max(float(ground @ ground), 1e-9)
    return np.asarray(vector - ground * pull * (len(common) / (len(common) + _FEW)), np.float32)


def _candidates(columns: UserColumns, view: View, question: Question, breadth: int) -> Ints:
    """Pick the best by vector, by words and of the days asked about, and what stands beside them; ascending."""
    asked, focus, dated = question.asked, question.focus, question.dated
    near = columns.vectors.search(focus, view.allowed, breadth)[0] if focus.any() else _NONE
    worded, _ = best_of(asked.worded, asked.share[asked.worded], breadth)
    if len(dated) > breadth:
        dated, _ = best_of(dated, columns.vectors.cosines(focus, dated), breadth)
    best = np.concatenate([near, worded, dated])
    session = columns["session_id"][best]
    if not session.any():
        return union([best], len(columns))
    rank = np.searchsorted(view.places, best)
    beside = np.concatenate([rank - 1, rank + 1]).clip(0, len(view.places) - 1)
    places = view.places[beside]
    told = places[(columns["session_id"][places] == np.tile(session, 2)) & np.tile(session > 0, 2)]
    return union([best, told], len(columns))
