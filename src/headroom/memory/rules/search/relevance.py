"""What a message calls to mind: notes that fit it better than generic notes, and fit it better than generic messages.

Both are measured against a fixed cohort and not against the user's own notes, among which what he talks about most
would never stand out (symmetric normalisation of scores: Auckenthaler, Carey, Lloyd-Thomas 2000, "Score Normalization
for Text-Independent Speaker Verification Systems"). How far a note must stand out depends on what the message asks:
what speaks of its writer needs less than general knowledge and small talk. Pure; benchmarks/quality has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ... import query
from ...protocols import Bools, Floats, Ints, Vector, Vectors
from .cohort import Cohort, usual
from .message import Part, asks_without_address, leans_back, names_its_own
from .open_question import asks_after, asks_for_all
from .self_reference import speaks_of_writer
from .words import question_words, telling

_BAR = 4.0
"""Deviations by which a note must stand out if nothing is known of what the message asks."""
_WRITER = 1.3
"""Less for a message that speaks of its writer, or asks after something of his."""
_KIND, _MOST_KIND = 1.2, 0.9
"""Less for each deviation, up to so many, by which the message is nearer to personal questions than to others."""
_OPEN = 5.0
"""Less for a personal message that asks for all of a matter: what is told of tomatoes is hardly like "how is my garden
doing?", and belongs there. Other notes would have to be just as like it, and then some of those come too."""
_OPEN_BY_WORDING = 0.9
"""What the wording adds to the probe."""
_FOREIGN_WRITER = 2.5
"""Less for a message that speaks of its writer in a language that the embedder hardly knows."""
_WORDS, _WORDS_FOREIGN = 2.0, 7.0
"""More for a note that holds all words of the message; in such a language vectors say little, and words decide."""
_PASTED = 3.0
"""More is needed for a part of a long message that says nothing of its writer, if another one does."""
_BEHIND_BEST = 6.5
"""A note that stands out so much less than the best one is left out."""
_FURTHER_BEHIND = 0.8
"""From the fourth note on: so much less than the best. Three notes answer most messages, and a fourth is mostly wrong
unless it is nearly as good."""
_OPEN_LEAST = 0.1
"""From here on a message is so open that it wants notes that are further behind."""
_ABOUT = 0.8
"""Deviations by which a message about the user as such is nearer to its like than to all other messages."""
_FIT = 0.15
"""What a deviation by which a note stands out for the message counts in a profile, beside an importance of 0..1."""
_STANDING = 3
"""So many notes that stand out answer a message by themselves, even one about the user as such."""
_MOST_WORDS = 40
"""Words of one part that are looked up: a pasted log has hundreds."""
_SHORT = 3
"""A message of at most so many telling words may rest on the one before."""
_SHORT_FOREIGN, _SMALL_TALK_FOREIGN = 2, 0.5
"""In a language that the embedder hardly knows: fewer words, and unless it is that much nearer to small talk."""
_SAME_THING = 0.62
"""Cosine from which on two notes speak of the same thing: "lives in Berlin" and "lives in Madrid" are at 0.63."""
_NEAREST = (5, 5, 5, 2)
"""Messages of each kind that a message is compared with."""
_JUDGED = 20
"""Candidates that are measured against the cohort themselves, the best as seen from the message."""
_UNTHREADED = 250_000
"""Multiplications of a product of matrices for which OpenBLAS starts no threads."""
_SMALL_TALK, _GENERAL = 0.1, 0.3
"""It does not if it is that much nearer to small talk than to all else, or to general knowledge than to personal."""
_GENERAL_NAMED = -0.4
"""The latter for a message that names what it is about ("who founded Rome?"): it must be nearer to personal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One part of a message, and what a note must reach for it."""

    vector: Vector
    mean: float
    deviation: float
    """Of its cosines with generic facts."""
    bar: float
    weights: Mapping[str, float]
    """The words that say what it is about, and how much each says; they sum to 1."""
    words: float
    """What holding all of them is worth."""
    openness: float
    """How surely it asks for all of a matter, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """Judges notes for one message. Arrays have one row an ask and one column a note."""

    asks: tuple[Ask, ...]
    about_user: bool
    """The message is about the user as such: without notes that stand out it brings his profile."""
    cohort: Cohort

    @property
    def openness(self) -> float:
        """How surely the message asks for all of a matter, 0..1."""
        return max(ask.openness for ask in self.asks)

    def roughly(self, rows: Vectors, held: Floats) -> Floats:
        """Return how far n notes stand out, seen from the message alone: the best of its parts. Shape (n,)."""
        scored = [
            (rows @ ask.vector - ask.mean) / ask.deviation + ask.words * words - ask.bar
            for ask, words in zip(self.asks, held, strict=True)
        ]
        return np.asarray(np.max(scored, axis=0), np.float32)

    def impostors(self, rows: Vectors) -> Floats:
        """Return mean and deviation of the cosines of n notes with generic messages, shape (2, n).

        They are the same for every message, so that they can be kept.
        """
        cosines = _products(rows, self.cohort.impostors)
        return np.stack(usual(cosines, self.cohort.of_impostors, self.cohort.deviation)[:2])

    def margins(self, rows: Vectors, held: Floats, impostors: Floats) -> Floats:
        """Return by how much n notes pass what they must reach, for the best of the message's parts. Shape (n,).

        `rows` are their vectors, (n, width); `held` is what they hold of the words of each ask, (asks, n).
        """
        mean, deviation = impostors
        margins = []
        for ask, words in zip(self.asks, held, strict=True):
            cosine = rows @ ask.vector
            both = ((cosine - ask.mean) / ask.deviation + (cosine - mean) / deviation) / 2
            margins.append(both + ask.words * words - ask.bar)
        return np.asarray(np.max(margins, axis=0), np.float32)


def _products(rows: Vectors, others: Vectors) -> Floats:
    """Return the cosines of all pairs, in blocks too small for BLAS to set threads to: they spin on a busy machine."""
    block = max(1, _UNTHREADED // max(rows.size, 1))
    return np.concatenate([rows @ others[start : start + block].T for start in range(0, len(others), block)], axis=1)


def judge(parts: Sequence[Part], vectors: Vectors, cohort: Cohort) -> Relevance:
    """Return what notes must reach for each part of a message, the whole first. `vectors` has one row a part."""
    near, topics = [_nearness(vector, cohort) for vector in vectors], [topical(part.whole) for part in parts]
    means, deviations, foreign = usual(_products(vectors, cohort.facts), cohort.of_facts, cohort.deviation)
    whole, is_foreign = near[0], foreign.tolist()
    follows = any(part.earlier for part in parts)
    rests = follows and (leans_back(parts[0].text) or _may_rest(parts[0].text, whole, topics[0], foreign=is_foreign[0]))
    asks = []
    for place, (part, aside) in enumerate(zip(parts, _pasted(parts), strict=True)):
        if part.earlier and not rests:
            continue
        bar, openness = _bar(part.whole, vectors[place], near[place], cohort, foreign=is_foreign[place])
        asks.append(
            Ask(
                vector=vectors[place],
                mean=float(means[place]),
                deviation=float(deviations[place]),
                bar=bar + _PASTED * aside,
                weights=_weights(topics[place], cohort),
                words=_WORDS_FOREIGN if is_foreign[place] else _WORDS,
                openness=0.0 if aside else openness,
            )
        )
    about_user = whole.about_user - max(whole[:3]) > _ABOUT and speaks_of_writer(parts[0].text) > 0
    return Relevance(asks=tuple(asks), about_user=about_user, cohort=cohort)


def profile(importance: Floats, age_days: npt.NDArray[np.float64], fit: Floats, rows: Vectors, most: int) -> Ints:
    """Pick up to `most` of n notes that say who the user is, by their places: important, recent, and unlike each other.

    `fit` is how far each stands out for the message, in deviations: "who am I?" is nearer to a name than to a hobby.
    Each next one is the best by its own worth less its likeness to those before (maximal marginal relevance: Carbonell,
    Goldstein 1998).
    """
    worth = importance + 0.3 * np.exp2(-np.maximum(age_days, 0) / 90) + _FIT * fit
    likeness = np.zeros(len(rows), np.float32)
    chosen: list[int] = []
    while len(chosen) < min(most, len(rows)):
        left = worth - likeness
        left[chosen] = -np.inf
        chosen.append(int(left.argmax()))
        likeness = np.maximum(likeness, rows @ rows[chosen[-1]])
    return np.array(chosen, np.int64)


def rivals(rows: Vectors, days: Ints) -> Bools:
    """Mark those of n notes beside which another one speaks of the same thing and was told on another day."""
    near = (rows @ rows.T > _SAME_THING) & (days[:, None] != days[None])
    return np.asarray(near.any(axis=1), np.bool_)


def standing_out(margins: Floats, most: int, openness: float = 0.0) -> Ints:
    """Return the places of at most `most` notes that pass, best first, without those far behind the best.

    `openness` says how surely all of a matter is asked for, 0..1: then those behind belong to it too.
    """
    # Equals keep the order of storing, whatever the last bits of a product of matrices are.
    order = np.argsort(-margins.round(4), kind="stable")[:most]
    ranked = margins[order]
    spread = _OPEN * max(0.0, openness - _OPEN_LEAST)
    passes = (ranked > 0) & (ranked >= ranked[:1] - _BEHIND_BEST - spread)
    if len(ranked) > _STANDING:
        least = min(ranked[0] - _FURTHER_BEHIND, ranked[_STANDING - 1]) - spread
        passes[_STANDING:] &= ranked[_STANDING:] >= least
    return np.asarray(order[passes], np.int64)


def choose(
    relevance: query.Relevance,
    rows: Vectors,
    held: Floats,
    impostors: Callable[[Ints], Floats],
    importance: Floats,
    age_days: npt.NDArray[np.float64],
    most: int,
) -> Ints:
    """Choose at most `most` of n candidates for a chat; return their places, best first.

    `rows` are their vectors, (n, width); `held` is the weight of the words of each ask that they hold, (asks, n);
    `impostors` returns for the candidates at some places what `Relevance.impostors` says of them.
    """
    judged = min(len(rows), max(_JUDGED, 4 * most))
    rough = relevance.roughly(rows, held)
    best = np.argpartition(-rough, judged - 1)[:judged] if judged else np.empty(0, np.int64)
    best.sort()
    margins = relevance.margins(rows[best], held[:, best], impostors(best)) if judged else np.empty(0, np.float32)
    chosen = best[standing_out(margins, most, relevance.openness)].tolist()
    if wants_profile(relevance.about_user, len(chosen)):
        chosen += [place for place in profile(importance, age_days, rough, rows, most).tolist() if place not in chosen]
    return np.array(chosen[:most], np.int64)


def wants_profile(about_user: bool, standing: int) -> bool:
    """Return whether a profile answers a message that may be about the user as such, if `standing` notes stand out."""
    return about_user and standing < _STANDING


def _bar(text: str, vector: Vector, near: _Nearness, cohort: Cohort, *, foreign: bool) -> tuple[float, float]:
    """Return how far a note must stand out for a text, and how surely that asks for all of a personal matter, 0..1."""
    writer = 1.0 if asks_after(text) else speaks_of_writer(text)
    # "What's my name?" is very like "what's yours?", and is no small talk for that.
    own = writer == 1 and asks_without_address(text)
    small_talk = min(near.small_talk, near.personal) if own else near.small_talk
    kind = min(_MOST_KIND, near.personal - max(near.general, small_talk))
    personal = _WRITER * writer + _KIND * kind
    openness = _openness(text, vector, cohort, foreign=foreign) * min(1.0, max(0.0, personal))
    return _BAR - personal - _OPEN * openness - _FOREIGN_WRITER * writer * foreign, openness


def _openness(text: str, vector: Vector, cohort: Cohort, *, foreign: bool) -> float:
    """Return how surely a message asks for all of a matter, 0..1, by its wording and, unless foreign, by the probe."""
    probe, offset = cohort.open_probe
    likeness = 0.0 if foreign else float(probe @ vector) + offset
    return min(1.0, max(0.0, likeness + _OPEN_BY_WORDING * asks_for_all(text)))


def _pasted(parts: Sequence[Part]) -> list[bool]:
    """Mark the parts of a message beside which its writer speaks of himself: "<a log> Which of my servers is this?".

    The whole is one of them, since most of it is the rest.
    """
    own = [not part.earlier and speaks_of_writer(part.text) > 0 for part in parts[1:]]
    aside = any(own)
    return [aside, *(aside and not (mine or part.earlier) for part, mine in zip(parts[1:], own, strict=True))]


class _Nearness(NamedTuple):
    """How near a message is to the nearest ones of each kind, in deviations; open ones are personal too."""

    personal: float
    general: float
    small_talk: float
    about_user: float


def _nearness(vector: Vector, cohort: Cohort) -> _Nearness:
    cosines = cohort.messages @ vector
    # Numpy's mean takes three times as long as its sum.
    sums = (np.partition(cosines[places], -k)[-k:].sum() for places, k in zip(cohort.likes, _NEAREST, strict=True))
    return _Nearness(*(float(total) / (k * cohort.deviation) for total, k in zip(sums, _NEAREST, strict=True)))


def _may_rest(text: str, near: _Nearness, topics: Sequence[str], *, foreign: bool) -> bool:
    """Return whether what a message asks may rest on the one before: small talk and general knowledge stand alone."""
    small_talk = near.small_talk - max(near.personal, near.general)
    if foreign:
        return len(topics) <= _SHORT_FOREIGN and small_talk < _SMALL_TALK_FOREIGN
    least = _GENERAL_NAMED if topics and names_its_own(text) else _GENERAL
    return len(topics) <= _SHORT and small_talk < _SMALL_TALK and near.general - near.personal < least


def topical(text: str) -> list[str]:
    """Return the words of a message that say what it is about."""
    return [word for word in question_words(text) if telling(word) and not word.endswith("-")]


def _weights(topics: Sequence[str], cohort: Cohort) -> dict[str, float]:
    weights = {word: 1 / (1 + cohort.frequency.get(word, 0)) for word in topics[:_MOST_WORDS]}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}
