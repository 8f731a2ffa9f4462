"""Which memories a chat message calls to mind: more candidates than a search of it has, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping

import apsw
import numpy as np

from ..query import Relevance
from ..rules.search import relevance as rules
from ..rules.times import DAY
from .cache.user import Bools, UserColumns
from .cache.visible import View
from .nearest.matrix import Floats, Ints, best_of
from .tables import postings

_BREADTH = 50
"""Candidates by vector, and by each word, of each part of a message."""
_PROFILE = 64
"""Memories among which a profile is chosen."""


def more_candidates(
    cursor: apsw.Cursor, columns: UserColumns, view: View, positions: Ints, relevance: Relevance, now: int
) -> Ints:
    """Return the candidates of a whole message with those that its parts add, and those of a profile; ascending."""
    found = [positions]
    for ask in relevance.asks[1:]:
        found.append(columns.vectors.search(ask.vector, view.allowed, _BREADTH)[0])
    for ask in relevance.asks:
        for word in ask.weights:
            holding = columns.with_word(cursor, word, postings.LONGEST_LIST)
            found.append(holding[view.allowed[holding]][-_BREADTH:])
    if relevance.about_user:
        found.append(_important(columns, view, now))
    return np.unique(np.concatenate(found))


def choose(
    cursor: apsw.Cursor,
    columns: UserColumns,
    positions: Ints,
    on_day: Bools,
    relevance: Relevance,
    top_k: int,
    now: int,
) -> Ints:
    """Choose at most `top_k` of n candidates at `positions`, ascending; return their places among these, best first.

    Those marked in `on_day` were told on the very day that the message names, which says as much as all of its words.
    """
    held = np.array([_held(cursor, columns, positions, ask.weights) for ask in relevance.asks], np.float32)
    held += on_day
    age_days = (now - columns["created_at"][positions]) / DAY
    importance = columns["importance"][positions]

    def impostors(places: Ints) -> Floats:
        return columns.measured(positions[places], relevance.impostors)

    return rules.choose(relevance, columns.vectors.rows(positions), held, impostors, importance, age_days, top_k)


def _held(cursor: apsw.Cursor, columns: UserColumns, positions: Ints, weights: Mapping[str, float]) -> Floats:
    """Return the weight of the words that each position holds."""
    holding = [columns.with_word(cursor, word, postings.LONGEST_LIST) for word in weights]
    if not (len(positions) and holding):
        return np.zeros(len(positions), np.float32)
    holders = np.concatenate(holding)
    places = np.searchsorted(positions, holders).clip(max=len(positions) - 1)
    known = positions[places] == holders
    shares = np.repeat(np.array(list(weights.values())), [len(found) for found in holding])
    return np.bincount(places[known], shares[known], len(positions)).astype(np.float32)


def _important(columns: UserColumns, view: View, now: int) -> Ints:
    """Return the positions of the most important memories, the recent ones first among equals."""
    worth = columns["importance"][view.places] - 1e-5 * (now - columns["created_at"][view.places]) / DAY
    places, _ = best_of(view.places, worth.astype(np.float32), _PROFILE)
    return places
