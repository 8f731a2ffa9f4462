"""Candidates by vector and by word among what a reader may see, and their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import apsw
import numpy as np
import numpy.typing as npt

from .. import ranking
from ..protocols import Query
from ..records import Json
from ..scoping import visible
from ..words import question_words
from . import text
from .columns import Bools, UserColumns
from .database import integers
from .text import Ints

Floats = npt.NDArray[np.float32]

_DAY = 86_400_000_000
_SAMPLE = 1000
"""Cosines that tell how near a user's memories are to a message in general."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Positions of memories, best first, with their scores; both of shape (n,)."""

    positions: Ints
    scores: Floats


def retrieve(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> Found:
    """Find the memories that `query` asks for; filters hold before anything is ranked."""
    allowed = permitted(cursor, columns, query, now)
    total = int(allowed.sum())
    if not total:
        return Found(positions=np.empty(0, np.int64), scores=np.empty(0, np.float32))
    breadth = max(50, 4 * query.top_k)
    by_words, rare = _word_scores(cursor, columns, allowed, total, query.text)
    width = columns.stamp.width  # 0 while all memories wait for their vectors
    vector = query.vector if query.vector is not None and width else np.zeros(width, np.float32)
    near = columns.vectors.search(vector, allowed, breadth)[0] if vector.any() else np.empty(0, np.int64)
    worded = np.flatnonzero(by_words)
    if len(worded) > breadth:
        worded = worded[np.argpartition(by_words[worded], len(worded) - breadth)[len(worded) - breadth :]]
    positions = np.union1d(near, worded).astype(np.int64)
    cosine = columns.vectors.cosines(vector, positions)
    scores = ranking.fuse(
        cosine,
        by_words[positions],
        columns["importance"][positions],
        ((now - columns["created_at"][positions]) / _DAY).astype(np.float32),
    )
    if query.notes_only and total > query.top_k:
        places = np.flatnonzero(allowed)
        among = columns.vectors.cosines(vector, places[:: max(1, total // _SAMPLE)])
        chosen = ranking.noteworthy(cosine, among, rare[positions])
        positions, scores = positions[chosen], scores[chosen]
    order = np.argsort(-scores, kind="stable")
    return Found(positions=positions[order], scores=scores[order])


def permitted(cursor: apsw.Cursor, columns: UserColumns, query: Query, now: int) -> Bools:
    """Mark the positions that `query` may give: seen by its reader, and let through by its filters."""
    allowed = columns.allowed(visible(query.reader), now=now, as_of=query.as_of)
    if query.saved_by is not None:
        allowed &= _marked(columns, _saved_by(cursor, columns.user, query.saved_by))
    if query.where:
        allowed &= _marked(columns, _with_metadata(cursor, columns.user, query.where))
    return allowed


def _word_scores(
    cursor: apsw.Cursor, columns: UserColumns, allowed: Bools, total: int, question: str
) -> tuple[Floats, Bools]:
    """Give each position its BM25 as a share of the most that `question` could reach, and mark rare words."""
    scores = np.zeros(len(columns), np.float32)
    rare = np.zeros(len(columns), np.bool_)
    limit = max(20, min(text.LONGEST_LIST, int(text.COMMON * total)))
    lists = {word: columns.with_word(cursor, word, limit) for word in question_words(question)}
    telling = {word: found for word, found in lists.items() if len(found) <= limit}
    if not any(len(found) for found in telling.values()):
        telling = {word: columns.with_word(cursor, word, 10 * text.LONGEST_LIST) for word in lists}
    most = 0.0
    mean_length = float(columns["length"].mean())
    for found in telling.values():
        places = found[allowed[found]]
        weight = text.rarity(len(places), total)
        most += weight * float(text.saturation(np.array([0]), mean_length)[0])
        scores[places] += weight * text.saturation(columns["length"][places], mean_length)
        if 0 < len(places) <= max(1, total // 20):
            rare[places] = True
    return (scores / most if most else scores), rare


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
