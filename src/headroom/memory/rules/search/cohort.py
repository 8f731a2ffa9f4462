"""Generic facts and messages, embedded: what a note and a message are measured against. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...protocols import Bools, Floats, Ints, Vector, Vectors

_FOREIGN_MEAN = 1.5
"""A language is foreign to the embedder if texts in it are that much nearer to each other than texts in general."""
_LEAST_DEVIATION = 0.35
_RIDGE = 3.0
"""How far the probe is held back; with 1 and with 30 it tells unseen messages apart as well."""


class Kind(IntEnum):
    """What a message of the cohort asks."""

    PERSONAL = 0
    GENERAL = 1
    SMALL_TALK = 2
    ABOUT_USER = 3
    OPEN = 4
    """A personal one that asks for all of a matter: "how is my garden doing?"."""


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
    def likes(self) -> tuple[Ints, ...]:
        """The places of what personal messages, general ones, small talk, and messages about the user are like."""
        personal, general, small_talk, about_user, open_ = self.places
        return np.concatenate([personal, open_]), general, small_talk, about_user

    @cached_property
    def open_probe(self) -> tuple[Vector, float]:
        """What an open message has in common, as weights and an offset: above 0 it is more like one than like others.

        A linear probe on the embedding (Alain, Bengio 2016), fitted to the personal messages by ridge regression in its
        dual form, in which both kinds weigh the same.
        """
        places = np.concatenate([self.places[Kind.PERSONAL], self.places[Kind.OPEN]])
        is_open = self.kinds[places] == Kind.OPEN
        weight = np.where(is_open, 0.5 / is_open.sum(), 0.5 / (~is_open).sum())
        mean = weight @ self.messages[places]
        rows = self.messages[places] - mean
        targets = np.where(is_open, 1.0, -1.0)
        dual = np.linalg.solve(rows @ rows.T + np.diag(_RIDGE / len(rows) / weight), targets)
        probe = np.asarray(rows.T @ dual, np.float32)
        return probe, -float(mean @ probe)

    @cached_property
    def deviation(self) -> float:
        """How far cosines of unrelated texts lie apart with this embedder: the unit of all that is said of kinds."""
        return max(float((self.facts @ self.facts.T)[np.triu_indices(len(self.facts), 1)].std()), 1e-6)


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
