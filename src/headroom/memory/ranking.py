"""From scores to an order: fusion of vectors and words, boosts, and what deserves to go into a chat. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

WORD_SHARE = 0.5
_IMPORTANCE, _RECENCY = 0.04, 0.02
_HALF_LIFE_DAYS = 90.0


def fuse(cosine: Floats, words: Floats, importance: Floats, age_days: Floats) -> Floats:
    """Join what vectors and words say about n memories into n scores in 0..1.

    `words` is BM25 as a share of the most that this question could reach. A convex combination of scores keeps
    the distances that ranks throw away (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid
    Retrieval", ACM TOIS 42). Importance and recency only decide between near equals.
    """
    relevance = (1 - WORD_SHARE) * np.clip(cosine, 0, 1) + WORD_SHARE * words
    boost = _IMPORTANCE * importance + _RECENCY * np.exp2(-np.maximum(age_days, 0) / _HALF_LIFE_DAYS)
    return np.asarray(relevance * (1 - _IMPORTANCE - _RECENCY) + boost * (relevance > 0), np.float32)


def noteworthy(cosine: Floats, among: Floats, shares_rare_word: Bools) -> Bools:
    """Tell which of n candidates stand out for a message, going by this user's own scores.

    `among` holds the cosines of all memories of the user (or a sample): related pairs sit at 0.04 to 0.5 with
    one model and elsewhere with another, so only the distance from the user's other memories counts.
    """
    centre = float(np.median(among))
    spread = 1.4826 * float(np.median(np.abs(among - centre)))  # the standard deviation of a normal sample
    # The best of n unrelated memories reaches about sqrt(2 ln n) deviations by chance alone.
    bar = centre + spread * (np.sqrt(2 * np.log(max(len(among), 2))) + 0.5)
    return np.asarray((cosine > bar) | shares_rare_word, np.bool_)
