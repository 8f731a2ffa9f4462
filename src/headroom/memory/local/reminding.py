"""Which memories a chat message calls to mind: more candidates than a search of it has, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping

import apsw
import numpy as np

from ..protocols import Floats, Ints
from ..query import Relevance
from ..rules.search import relevance as rules
from ..rules.times import DAY
from .cache.user import UserColumns
from .cache.visible import View
from .nearest.arrays import union
from .nearest.matrix import best_of
from .tables import postings

_BREADTH = 50
"""Candidates by vector, and by each word, of each part of a message."""
_PROFILE = 64
"""Memories among which a profile is chosen."""


def recalled(
    cursor: apsw.Cursor,
    columns: UserColumns,
    view: View,
    found: Ints,
    dated: Ints,
    relevance: Relevance,
    top_k: int,
    now: int,
) -> Ints:
    """Return the positions of at most `top_k` memories that a message calls to mind, best first.

    `found` are the candidates of a search for the whole message, to which its parts add theirs. Those at `dated`,
    ascending, were told on the very day that the message names, which says as much as all of its words.
    """
    words = dict.fromkeys(word for ask in relevance.asks for word in ask.weights)
    holding = {word: columns.with_word(cursor, word, postings.LONGEST_READ) for word in words}
    candidates = [found, *(view.seen(holders)[-_BREADTH:] for holders in holding.values())]
    candidates += [columns.vectors.search(ask.vector, view.allowed, _BREADTH)[0] for ask in relevance.asks[1:]]
    if relevance.about_user:
        candidates.append(_important(columns, view, now))
    positions = union(candidates, len(columns))
    held = np.array([_held(positions, holding, ask.weights) for ask in relevance.asks], np.float32)
    held += postings.among(positions, dated)
    age_days = (now - columns["created_at"][positions]) / DAY
    importance = columns["importance"][positions]

    def impostors(places: Ints) -> Floats:
        return columns.measured(positions[places], relevance.impostors)

    rows = columns.vectors.rows(positions)
    return positions[rules.choose(relevance, rows, held, impostors, importance, age_days, top_k)]


def _held(positions: Ints, holding: Mapping[str, Ints], weights: Mapping[str, float]) -> Floats:
    """Return the weight of the words that each position holds."""
    if not (len(positions) and weights):
        return np.zeros(len(positions), np.float32)
    holders = np.concatenate([holding[word] for word in weights])
    places = np.searchsorted(positions, holders).clip(max=len(positions) - 1)
    known = positions[places] == holders
    shares = np.repeat(np.array(list(weights.values())), [len(holding[word]) for word in weights])
    return np.bincount(places[known], shares[known], len(positions)).astype(np.float32)


def _important(columns: UserColumns, view: View, now: int) -> Ints:
    """Return the positions of the most important memories, the recent ones first among equals."""
    worth = columns["importance"][view.places] - 1e-5 * (now - columns["created_at"][view.places]) / DAY
    places, _ = best_of(view.places, worth.astype(np.float32), _PROFILE)
    return places
