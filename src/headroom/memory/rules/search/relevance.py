"""What a message calls to mind: notes that fit it better than generic notes, and fit it better than generic messages.

Both are measured against a fixed cohort and not against the user's own notes, among which what he talks about most
would never stand out (symmetric normalisation of scores: Auckenthaler, Carey, Lloyd-Thomas 2000, "Score Normalization
for Text-Independent Speaker Verification Systems"). How far a note must stand out depends on what the message asks:
what speaks of its writer needs less than general knowledge and small talk. Pure; benchmarks/quality has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ... import query
from ...protocols import Vector, Vectors
from .message import Part, leans_back
from .self_reference import speaks_of_writer
from .words import question_words, telling

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BAR = 4.0
"""Deviations by which a note must stand out if nothing is known of what the message asks."""
_WRITER = 1.3
"""Less for a message that speaks of its writer."""
_KIND, _MOST_KIND, _LEAST_KIND = 1.5, 0.8, -2.0
"""Less for each deviation by which the message is nearer to personal questions than to others, within bounds."""
_FOREIGN, _FOREIGN_WRITER = 1.0, 1.5
"""Less in a language that the embedder hardly knows: always, and more for a message that speaks of its writer."""
_WORDS = 2.0
"""More for a note that holds all words of the message."""
_EARLIER = 0.3
"""More is needed for a note that only the message before calls to mind."""
_BEHIND_BEST = 6.5
"""A note that stands out so much less than the best one is left out."""
_FURTHER_BEHIND, _BEHIND_THIRD = 2.5, 0.4
"""From the fourth note on: so much less than the best one or than the third. Three notes answer most messages, and a
fourth is mostly wrong unless it is as good as one of these; four allergies are four answers of like worth."""
_ABOUT = 1.05
"""Deviations by which a message about the user as such is nearer to its like than to all other messages."""
_STANDING = 3
"""So many notes that stand out answer a message by themselves, even one about the user as such."""
_FOREIGN_MEAN = 1.6
"""A language is foreign to the embedder if texts in it are that much nearer to each other than texts in general."""
_LEAST_DEVIATION = 0.37
_MOST_WORDS = 40
"""Words of one part that are looked up: a pasted log has hundreds."""
_SHORT = 3
"""A message of at most so many telling words may rest on the one before."""
_SHORT_FOREIGN, _SMALL_TALK_FOREIGN = 2, 0.5
"""In a language that the embedder hardly knows: fewer words, and unless it is that much nearer to small talk."""
_SAME_THING = 0.62
"""Cosine from which on two notes speak of the same thing: "lives in Berlin" and "lives in Madrid" are at 0.63."""
_JUDGED = 20
"""Candidates that are measured against the cohort themselves, the best as seen from the message."""
_UNTHREADED = 250_000
"""Multiplications of a product of matrices for which OpenBLAS starts no threads."""
_SMALL_TALK, _GENERAL = 0.1, 0.3
"""It does not if it is that much nearer to small talk than to all else, or to general knowledge than to personal."""


class Kind(IntEnum):
    """What a message of the cohort asks."""

    PERSONAL = 0
    GENERAL = 1
    SMALL_TALK = 2
    ABOUT_USER = 3


class Languages(NamedTuple):
    """Where the texts of each language begin in an array of the cohort, and how many they are."""

    starts: Ints
    counts: Ints

    @classmethod
    def of(cls, numbers: Ints) -> Languages:
        """Read them off the ascending numbers of the texts' languages."""
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        return cls(starts, np.diff(starts, append=len(numbers)))


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Generic facts and messages, embedded. Their languages are numbers, ascending."""

    facts: Vectors
    fact_languages: Ints
    messages: Vectors
    message_languages: Ints
    kinds: Ints
    frequency: Mapping[str, int]
    """How many of the cohort's texts hold a word: what many hold says little."""

    @cached_property
    def of_facts(self) -> Languages:
        """The languages of the facts."""
        return Languages.of(self.fact_languages)

    @cached_property
    def impostors(self) -> Vectors:
        """The messages that a note is compared with: all but those about the user as such."""
        return np.ascontiguousarray(self.messages[self.kinds != Kind.ABOUT_USER])

    @cached_property
    def of_impostors(self) -> Languages:
        """Their languages."""
        return Languages.of(self.message_languages[self.kinds != Kind.ABOUT_USER])

    @cached_property
    def places(self) -> tuple[Ints, ...]:
        """The places of the messages of each kind."""
        return tuple(np.flatnonzero(self.kinds == kind) for kind in Kind)

    @cached_property
    def deviation(self) -> float:
        """How far cosines of unrelated messages lie apart with this embedder: the unit of all that is said of kinds."""
        personal, *others = (
            self.messages[self.places[kind]] for kind in (Kind.PERSONAL, Kind.GENERAL, Kind.SMALL_TALK)
        )
        return max(float((personal @ np.concatenate(others).T).std()), 1e-6)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """Judges notes for one message. Arrays have one row an ask and one column a note."""

    asks: tuple[Ask, ...]
    about_user: bool
    """The message is about the user as such: without notes that stand out it brings his profile."""
    cohort: Cohort

    def roughly(self, rows: Vectors, held: Floats) -> Floats:
        """Return how far n notes stand out, seen from the message alone: the best of its parts. Shape (n,)."""
        return np.asarray(self._seen_from_message(rows, held).max(axis=0), np.float32)

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
            margins.append(both + _WORDS * words - ask.bar)
        return np.asarray(np.max(margins, axis=0), np.float32)

    def _seen_from_message(self, rows: Vectors, held: Floats) -> Floats:
        scored = [(rows @ ask.vector - ask.mean) / ask.deviation - ask.bar for ask in self.asks]
        return np.asarray(scored + _WORDS * held, np.float32)


def _products(rows: Vectors, others: Vectors) -> Floats:
    """Return the cosines of all pairs, in blocks too small for BLAS to set threads to: they spin on a busy machine."""
    block = max(1, _UNTHREADED // max(rows.size, 1))
    return np.concatenate([rows @ others[start : start + block].T for start in range(0, len(others), block)], axis=1)


def usual(cosines: Floats, languages: Languages, unit: float) -> tuple[Floats, Floats, Bools]:
    """Return mean and deviation of each row of cosines with a cohort, of all or of one language, and if it is of one.

    An embedder puts texts in a language that it hardly knows close to each other, whatever they say. So a text that is
    much nearer to one language of the cohort than to all of it is measured against that language alone.
    """
    count = cosines.shape[1]
    mean = cosines.sum(axis=1) / count
    apart = cosines - mean[:, None]
    deviation = np.sqrt(np.einsum("ij,ij->i", apart, apart) / count)
    means = np.add.reduceat(cosines, languages.starts, axis=1) / languages.counts
    own = means.max(axis=1)
    foreign = own - _FOREIGN_MEAN * unit > mean
    if foreign.any():
        best = means.argmax(axis=1)
        squares = np.add.reduceat(cosines**2, languages.starts, axis=1)[np.arange(len(best)), best]
        narrow = np.sqrt(np.maximum(squares / languages.counts[best] - own**2, 0))
        mean = np.where(foreign, own, mean)
        deviation = np.where(foreign, np.maximum(narrow, _LEAST_DEVIATION * unit), deviation)
    return mean, np.maximum(deviation, 1e-6), foreign


def judge(parts: Sequence[Part], vectors: Vectors, cohort: Cohort) -> Relevance:
    """Return what notes must reach for each part of a message, the whole first. `vectors` has one row a part."""
    near, topics = [_nearness(vector, cohort) for vector in vectors], [topical(part.whole) for part in parts]
    means, deviations, foreign = usual(_products(vectors, cohort.facts), cohort.of_facts, cohort.deviation)
    whole, is_foreign = near[0], foreign.tolist()
    rests = leans_back(parts[0].text) or _may_rest(whole, topics[0], foreign=is_foreign[0])
    asks = [
        Ask(
            vector=vectors[place],
            mean=float(means[place]),
            deviation=float(deviations[place]),
            bar=_bar(part, near[place], foreign=is_foreign[place]),
            weights=_weights(topics[place], cohort),
        )
        for place, part in enumerate(parts)
        if rests or not part.earlier
    ]
    about_user = whole.about_user - max(whole[:3]) > _ABOUT and speaks_of_writer(parts[0].text) > 0
    return Relevance(asks=tuple(asks), about_user=about_user, cohort=cohort)


def profile(importance: Floats, age_days: npt.NDArray[np.float64], rows: Vectors, most: int) -> Ints:
    """Pick up to `most` of n notes that say who the user is, by their places: important, recent, and unlike each other.

    Each next one is the best by its own worth less its likeness to those before (maximal marginal relevance: Carbonell,
    Goldstein 1998).
    """
    worth = importance + 0.3 * np.exp2(-np.maximum(age_days, 0) / 90)
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


def standing_out(margins: Floats, most: int) -> Ints:
    """Return the places of at most `most` notes that pass, best first, without those far behind the best."""
    order = np.argsort(-margins, kind="stable")[:most]
    ranked = margins[order]
    passes = (ranked > 0) & (ranked >= ranked[:1] - _BEHIND_BEST)
    if len(ranked) > _STANDING:
        least = min(ranked[0] - _FURTHER_BEHIND, ranked[_STANDING - 1] - _BEHIND_THIRD)
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
    best = np.argpartition(-relevance.roughly(rows, held), judged - 1)[:judged] if judged else np.empty(0, np.int64)
    margins = relevance.margins(rows[best], held[:, best], impostors(best)) if judged else np.empty(0, np.float32)
    chosen = best[standing_out(margins, most)].tolist()
    if wants_profile(relevance.about_user, len(chosen)):
        chosen += [place for place in profile(importance, age_days, rows, most).tolist() if place not in chosen]
    return np.array(chosen[:most], np.int64)


def wants_profile(about_user: bool, standing: int) -> bool:
    """Return whether a profile answers a message that may be about the user as such, if `standing` notes stand out."""
    return about_user and standing < _STANDING


def _bar(part: Part, near: _Nearness, *, foreign: bool) -> float:
    writer = speaks_of_writer(part.whole)
    kind = min(_MOST_KIND, max(_LEAST_KIND, near.personal - max(near.general, near.small_talk)))
    bar = _BAR - _WRITER * writer - _KIND * kind + _EARLIER * bool(part.earlier)
    return bar - (_FOREIGN + _FOREIGN_WRITER * writer) * foreign


class _Nearness(NamedTuple):
    """How near a message is to the nearest ones of each kind, in deviations; in the order of `Kind`."""

    personal: float
    general: float
    small_talk: float
    about_user: float


def _nearness(vector: Vector, cohort: Cohort) -> _Nearness:
    cosines = cohort.messages @ vector
    few = (5, 5, 5, 2)
    nearest = (np.sort(cosines[places])[-k:].sum() / k for places, k in zip(cohort.places, few, strict=True))
    return _Nearness(*(float(mean) / cohort.deviation for mean in nearest))


def _may_rest(near: _Nearness, topics: Sequence[str], *, foreign: bool) -> bool:
    """Return whether what a message asks may rest on the one before: small talk and general knowledge stand alone."""
    small_talk = near.small_talk - max(near.personal, near.general)
    if foreign:
        return len(topics) <= _SHORT_FOREIGN and small_talk < _SMALL_TALK_FOREIGN
    return len(topics) <= _SHORT and small_talk < _SMALL_TALK and near.general - near.personal < _GENERAL


def topical(text: str) -> list[str]:
    """Return the words of a message that say what it is about."""
    return [word for word in question_words(text) if telling(word) and not word.endswith("-")]


def _weights(topics: Sequence[str], cohort: Cohort) -> dict[str, float]:
    weights = {word: 1 / (1 + cohort.frequency.get(word, 0)) for word in topics[:_MOST_WORDS]}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}
