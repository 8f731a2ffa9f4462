"""From what is known of the candidates to an order, and what deserves to go into a chat. Pure; n is their number.

The shares below were chosen on facts, chats and long messages together; benchmarks/quality says what each is worth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...protocols import Bools, Floats, Ints, Vector, Vectors
from ...records import Parts
from .words import telling

Floats64 = npt.NDArray[np.float64]

WORDS = 0.5
"""The share of words against vectors."""
_STEEPNESS = 1.35
"""The power of a vector's share of the best: what is nearest says more, and what is in the middle of all less."""
COMMON = 0.1
"""A word in more than this share of a user's memories picks no candidates if a rarer one is asked for too."""
_WHOLE = 0.3
"""For holding all words of the question: a word that was asked for by itself is found whatever vectors say."""
_PREVIOUS, _NEXT = 0.2, 0.1
"""What a memory takes over from the ones before and behind it in its session: an answer follows its question."""
_SITTING = 0.5
"""What it takes over from the best of its sitting: a talk has a topic."""
_FADING = 20
"""Without a session, half of this is left for a memory that was stored so many places away: topics change."""
_SUBJECT = 0.2
"""For opening with a word of the question, as what speaks of somebody, or what somebody said, opens with the name."""
_OF_SELF = 0.2
"""For doing so and speaking of itself: "Anna: I moved to Rome" is about Anna, "Anna: Where is that?" is not."""
_FULLNESS = 0.2
"""For being longer than the mean, by the logarithm: pleasantries are short."""
_LONG = 80
"""Distinct words from which on a text holds a word by its length alone: the longer, the less a word in it says."""
_TURN = 30
"""A mean of more distinct words than this is not that of turns of a talk or of facts. The more it is beyond, the less
count the bonus for all words, fullness, and without a session what stands near: a long text is a topic by itself."""
_ON_DAY, _ALONE = 1.0, 1.0
"""For being said on the very day that a question names: entries of a diary differ in little else. What was said alone
on that day gets both; the second is shared by all that was said on it."""
_IMPORTANCE, _RECENCY = 0.1, 0.04
"""Between near equals."""
_HALF_LIFE_DAYS = 90.0
_STRIKING, _RELATED = 0.7, 0.35
"""How far a note must stand out, as a share of what chance may reach: by itself, and with a rare word in common."""
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What is known of n memories that may answer a question. Arrays of shape (n,), in the order of storing."""

    rank: Ints
    """Its place in the order of storing, among all that may be seen."""
    cosine: Floats
    lift: Floats
    """How much nearer to the question's own matter than the user's memories in general: 0 is as near as these."""
    words: Floats
    """The weight of the question's words that a memory holds, as a share of the weight of all of them."""
    subject: Bools
    """The memory opens with a word of the question."""
    of_self: Bools
    """It does, and speaks of itself in the first person."""
    nearness: Floats
    """How near it was said to a time that the question names, 0..1."""
    on_day: Bools
    """It was said on the very day that the question names."""
    session: Ints
    """0 if it has none."""
    created_at: Ints
    length: Floats64
    """In distinct words."""
    mean_length: float
    """That of the user's memories in general; at least 1."""
    importance: Floats
    age_days: Floats64


def parts(found: Candidates) -> Floats:
    """Score the candidates: their `Parts` as an array of shape (len(Parts), n). A score is the sum of its parts.

    Vectors and words are joined as scores, since ranks throw the distances away (Bruch, Gai, Ingber 2023, "An
    Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42): vectors as a share of the best, words half
    the way to it, because the best by words may share no more than a "take" with the question.
    The best score is as high as its evidence is good, 0..1; the others are in proportion to it.
    """
    worded = bool(found.words.any())
    best = max(float(found.words.max(initial=0)), 1e-9)
    held = (found.words * np.minimum(1, _LONG / np.maximum(found.length, 1))).astype(np.float32)
    brief = min(1.0, _TURN / found.mean_length)
    words = WORDS * held / np.sqrt(best) + _WHOLE * brief * held**2 + _OF_SELF * worded * found.of_self
    near = share_of_best(found.lift)
    vector = (1 - WORDS) * np.copysign(np.abs(near) ** _STEEPNESS, near)
    vector = np.where((words > 0) | found.on_day, np.maximum(vector, 0), vector)
    own = np.maximum(vector + words, 0)
    longer = np.clip(np.log(np.maximum(found.length / found.mean_length, 0.1)), -1, 0.5)
    fullness = _FULLNESS * worded * brief**2 * longer
    context = _from_neighbours(own, found) + _SITTING * _best_of_sitting(own, found)
    context *= np.where(found.session > 0, 1, brief)
    scored = {
        "vector": vector,
        "words": words + _SUBJECT * worded * found.subject,
        "context": context,
        "fullness": fullness,
        "time": np.maximum(own + context + fullness, 0) * found.nearness + _on_day(found.on_day),
        "importance": _IMPORTANCE * found.importance,
        "recency": _RECENCY * np.exp2(-np.maximum(found.age_days, 0) / _HALF_LIFE_DAYS),
        "graph": np.zeros(len(own)),
    }
    stacked = np.stack([scored[name] for name in Parts._fields])
    best = max(float(stacked.sum(axis=0).max(initial=0)), 1e-9)
    sure = (1 - WORDS) * np.clip(found.cosine, 0, 1) + WORDS * found.words
    return np.asarray(stacked * (sure.max(initial=0) / best), np.float32)


def score(parts: Parts) -> float:
    """Sum the parts of a score, within 0..1: vectors may say less than nothing."""
    return min(1.0, max(0.0, sum(parts)))


def scores(parts: Iterable[Parts]) -> list[float]:
    """Return the score of each."""
    return list(map(score, parts))


def shares(holding: Mapping[str, int], total: int, times: Collection[str]) -> dict[str, float]:
    """Return the weight of each word of a question as a share of the weight of all.

    A word weighs the more, the fewer of `total` memories hold it (the idf of BM25; Robertson & Zaragoza 2009, eq. 3.3).
    One of `times`, those that name a time, weighs nothing if no memory holds it: the time is compared by itself.
    """
    weights = {
        word: float(np.log1p((total - count + 0.5) / (count + 0.5))) if count or word not in times else 0.0
        for word, count in holding.items()
    }
    most = max(sum(weights.values()), 1e-9)
    return {word: weight / most for word, weight in weights.items()}


def is_rare(word: str, count: int, total: int) -> bool:
    """Return whether `word` says something and is held by few of `total` memories."""
    return count <= max(1, total // 20) and telling(word)


def share_of_best(scores: Floats) -> Floats:
    """Scale scores so that the best is 1 and 0 stays 0; what is below 0 keeps its order there."""
    best = scores.max(initial=0)
    return scores / best if best > 0 else np.zeros_like(scores)


def sittings(session: Ints, created_at: Ints) -> Ints:
    """Number the sittings that memories come from: one a session; without one, what was told within an hour."""
    order = np.lexsort((created_at, session))
    said, at = session[order], created_at[order]
    begins = (np.diff(said) != 0) | ((said[1:] == 0) & (np.diff(at) > _HOUR))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(begins)])[: len(order)]
    return numbers


def _best_of_sitting(own: Floats, found: Candidates) -> Floats:
    """Return the best score of each memory's sitting; without a session it fades with the distance in storing.

    It does not fade if no memory holds a word of the question: vectors alone keep the order of their cosines.
    """
    sitting = sittings(found.session, found.created_at)
    order = np.argsort(sitting, kind="stable")
    fading = np.where(found.session > 0, 0, found.words.any() / _FADING)
    # In logarithms what fades is a straight line, so that two passes find the best; sittings are too far apart to see.
    place = (sitting * 1e6 + found.rank * fading)[order]
    height = np.log2(np.maximum(own[order].astype(np.float64), 1e-300))
    before = np.maximum.accumulate(height + place) - place
    behind = np.maximum.accumulate((height - place)[::-1])[::-1] + place
    best = np.empty(len(own), np.float32)
    best[order] = np.exp2(np.maximum(before, behind))
    return best


def _on_day(on_day: Bools) -> Floats:
    return np.asarray((_ON_DAY + _ALONE / max(1, int(np.count_nonzero(on_day)))) * on_day, np.float32)


def _from_neighbours(own: Floats, found: Candidates) -> Floats:
    """Share the scores of memories stored one after the other in one session, or without any within an hour.

    Without a session only if some hold a word of the question: vectors alone keep the order of their cosines.
    """
    within_hour = (np.abs(np.diff(found.created_at)) <= _HOUR) & found.words.any()
    together = (found.session[1:] > 0) | within_hour
    beside = together & (np.diff(found.rank) == 1) & (np.diff(found.session) == 0)
    shared = np.zeros(len(own), np.float32)
    shared[1:] += _PREVIOUS * own[:-1] * beside
    shared[:-1] += _NEXT * own[1:] * beside
    return shared


def noteworthy(message: Vector, rows: Vectors, sample: Vectors, shares_rare_word: Bools, most: int) -> Ints:
    """Pick the first `most` of n candidates that a message calls to mind, by their places.

    `rows` are the vectors of the candidates, best first, and `sample` those of some of the user's memories.

    The message must be nearer to a candidate than the user's memories in general are to it, seen from the middle of
    them all, and the candidate nearer to the message than memories in general. Both are measured in deviations of
    this user's own numbers: related pairs sit at cosines of 0.04 to 0.5 with one model and elsewhere with another.
    A rare word in common needs less.
    """
    cosines = sample @ message
    to_message = (rows @ message - cosines.mean()) / max(float(cosines.std()), 1e-6)
    # The best of m unrelated memories reaches about sqrt(2 ln m) deviations by chance alone.
    bar = np.sqrt(2 * np.log(max(len(sample), 2))) * np.where(shares_rare_word, _RELATED, _STRIKING)
    middle = sample.mean(axis=0)
    around, asked = sample - middle, message - middle
    noted: list[int] = []
    for place in np.flatnonzero(to_message > bar).tolist():
        own = rows[place] - middle
        # A product for each candidate: to one of matrices BLAS sets threads, which spin if the machine is busy.
        usual = 1.4826 * _median(np.abs(around @ own))
        if own @ asked > bar[place] * max(usual, 1e-6):
            noted.append(place)
            if len(noted) == most:
                break
    return np.array(noted, np.int64)


def _median(values: Floats) -> float:
    """Return the median, in a fifth of the time of numpy's."""
    middle = (len(values) - 1) // 2, len(values) // 2
    return float(np.partition(values, middle)[[*middle]].mean())
