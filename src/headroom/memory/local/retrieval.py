"""Candidates by vector and by word among what a reader may see, and what is known of them for ranking."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apsw
import numpy as np
import numpy.typing as npt

from .. import dates, ranking
from ..protocols import Query, Vector
from ..records import Json, Parts
from ..scoping import visible
from ..times import moment
from ..words import mark, question_words, telling
from . import text
from .columns import Bools, UserColumns
from .database import integers
from .text import Ints

Floats = npt.NDArray[np.float32]

_DAY = 86_400_000_000
_SAMPLE = 256
"""Memories that tell how near a user's memories are to a message in general."""
_FEW = 20
"""So many memories are half of what it takes to believe in what they have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Positions of memories, best first, of shape (n,), and the parts of their scores, (len(Parts), n)."""

    positions: Ints
    parts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the words of a question say about the memories, by position."""

    words: Sequence[str]
    share: Floats
    """The weight of the words that a memory holds, as a share of the weight of all."""
    rare: Bools
    """It holds a telling one that few memories of this user hold."""
    common: Ints
    """Some that hold a word which many hold."""


def retrieve(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> Found:
    """Find the memories that `query` asks for; filters hold before anything is ranked."""
    allowed = permitted(cursor, columns, query, now)
    places = np.flatnonzero(allowed)
    if not len(places):
        return Found(positions=places, parts=np.empty((len(Parts._fields), 0), np.float32))
    asked = _ask(cursor, columns, allowed, len(places), query.text)
    width = columns.stamp.width
    vector = query.vector if query.vector is not None and len(query.vector) == width else np.zeros(width, np.float32)
    focus = _focus(columns, vector, asked.common)
    positions = _candidates(columns, focus, asked.share, allowed, places, max(50, 4 * query.top_k))
    rows, sample = columns.vectors.rows(positions), columns.vectors.rows(_some(places))
    cosine = rows @ vector
    # A memory that waits for its vector is neither near nor far.
    lift = np.where(cosine == 0, 0, rows @ focus - (sample @ focus).mean())
    parts = ranking.parts(
        ranking.Candidates(
            rank=np.searchsorted(places, positions),
            cosine=cosine,
            lift=lift,
            words=asked.share[positions],
            subject=np.isin(columns["opening"][positions], [mark(word) for word in asked.words]),
            nearness=_nearness(columns, places, positions, query.text, now),
            session=columns["session_id"][positions],
            created_at=columns["created_at"][positions],
            length=columns["length"][positions] / max(float(columns["length"][places].mean()), 1.0),
            importance=columns["importance"][positions],
            age_days=(now - columns["created_at"][positions]) / _DAY,
        )
    )
    order = np.argsort(-parts.sum(axis=0), kind="stable")
    if query.notes_only and len(places) > query.top_k:
        order = order[: 4 * query.top_k if any(map(telling, asked.words)) else 0]
        order = order[ranking.noteworthy(vector, rows[order], sample, asked.rare[positions[order]])]
    return Found(positions=positions[order], parts=parts[:, order])


def permitted(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> Bools:
    """Mark the positions that `query` may give: seen by its reader, and let through by its filters."""
    allowed = columns.allowed(visible(query.reader), now=now, as_of=query.as_of)
    if query.saved_by is not None:
        allowed &= _marked(columns, _saved_by(cursor, columns.user, query.saved_by))
    if query.where:
        allowed &= _marked(columns, _with_metadata(cursor, columns.user, query.where))
    return allowed


def _ask(cursor: apsw.Cursor, columns: UserColumns, allowed: Bools, total: int, question: str) -> Asked:
    """Weigh the memories by the rarity of the words that they share with `question`.

    A word counts once, whatever the length of the text: memories are short, and both halves of BM25 that say
    otherwise lost recall here.
    """
    share, rare = np.zeros(len(columns), np.float32), np.zeros(len(columns), np.bool_)
    limit = max(20, min(text.LONGEST_LIST, int(text.COMMON * total)))
    lists = {word: columns.with_word(cursor, word, max(limit, _SAMPLE)) for word in question_words(question)}
    common = [found for found in lists.values() if len(found) > limit]
    weighed = {word: found for word, found in lists.items() if len(found) <= limit}
    if not any(len(found) for found in weighed.values()):
        weighed = {word: columns.with_word(cursor, word, 10 * text.LONGEST_LIST) for word in lists}
    most = 0.0
    for word, found in weighed.items():
        holding = found[allowed[found]]
        weight = text.rarity(len(holding), total)
        most += weight
        share[holding] += weight
        if len(holding) <= max(1, total // 20) and telling(word):
            rare[holding] = True
    shared = np.unique(np.concatenate([np.empty(0, np.int64), *(_some(found[allowed[found]]) for found in common)]))
    return Asked(words=list(lists), share=share / max(most, 1e-9), rare=rare, common=shared)


def _focus(columns: UserColumns, vector: Vector, common: Ints) -> Vector:
    """Take from a question what the memories that share its common words have in common.

    In "When did Anna move?", asked of a talk with Anna, her name pulls the vector towards everything she said.
    """
    if not len(common):
        return vector
    ground = columns.vectors.rows(common).mean(axis=0)
    return np.asarray(vector - ground * (len(common) / (len(common) + _FEW)), np.float32)


def _candidates(columns: UserColumns, focus: Vector, share: Floats, allowed: Bools, places: Ints, breadth: int) -> Ints:
    """Pick the best by vector, the best by words, and what stands beside them in their sessions; ascending."""
    near = columns.vectors.search(focus, allowed, breadth)[0] if focus.any() else np.empty(0, np.int64)
    worded = np.flatnonzero(share)
    if len(worded) > breadth:
        worded = worded[np.argpartition(share[worded], len(worded) - breadth)[len(worded) - breadth :]]
    best = np.concatenate([near, worded])
    rank, session = np.searchsorted(places, best), columns["session_id"]
    beside = [places[np.clip(rank + step, 0, len(places) - 1)] for step in (-1, 1)]
    told = [other[(session[other] == session[best]) & (session[best] > 0)] for other in beside]
    return np.unique(np.concatenate([best, *told]))


def _nearness(columns: UserColumns, places: Ints, positions: Ints, question: str, now: int) -> Floats:
    """Tell how near the memories were said to a time that the question names."""
    said_at = columns["created_at"]
    oldest = moment(int(said_at[places].min())).date()
    return dates.nearness(said_at[positions] // _DAY, dates.spans(question, moment(now).date(), oldest=oldest))


def _some(places: Ints) -> Ints:
    """Take a sample, evenly."""
    return places[:: max(1, len(places) // _SAMPLE)]


def _marked(columns: UserColumns, seqs: Ints) -> Bools:
    mask = np.zeros(len(columns), np.bool_)
    mask[columns.positions(seqs)] = True
    return mask


def _saved_by(cursor: apsw.Cursor, user: int, agent_id: str) -> Ints:
    rows = cursor.execute(
        """select seq from memories where user = ?1 and agent_id = ?2 union
        select s.memory from sources s join memories m on m.seq = s.memory where m.user = ?1 and s.agent_id = ?2""",
        (user, agent_id),
    )
    return np.array(integers(rows), np.int64)


def _with_metadata(cursor: apsw.Cursor, user: int, where: Mapping[str, Json]) -> Ints:
    rows = cursor.execute("select seq, metadata from memories where user = ? and metadata is not null", (user,))
    fitting = [seq for seq, stored in rows if _holds(json.loads(str(stored)), where)]
    return np.array(fitting, np.int64)


def _holds(metadata: Mapping[str, Json], where: Mapping[str, Json]) -> bool:
    return all(key in metadata and metadata[key] == value for key, value in where.items())
