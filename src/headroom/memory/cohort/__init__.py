"""The cohort that notes and messages are measured against: shipped texts, and their vectors with one embedder.

For the bundled embedder the vectors are shipped too (tools/build_cohort.py makes them). For another one the texts are
embedded once, in the background and in one call, and kept in the store.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from ...errors import EmbedderError, HeadroomError
from ...runtime.forks import renew_in_child
from ...runtime.threads import submit
from ..embedders.cached import unit_rows
from ..protocols import Embedder, Vectors
from ..rules.search.cohort import Cohort, Kind
from ..rules.search.words import words

_log = logging.getLogger("headroom")

_FACTS = "facts"
_KINDS = {
    "personal": Kind.PERSONAL,
    "open": Kind.OPEN,
    "general": Kind.GENERAL,
    "small talk": Kind.SMALL_TALK,
    "about me": Kind.ABOUT_USER,
}
_KEPT_AS = "cohort"
_PATIENCE = 60.0
"""Seconds until an embedder that failed is asked again."""


@runtime_checkable
class Keeping(Protocol):
    """A store that keeps small values of its own, which belong to no user."""

    def kept(self, name: str) -> bytes | None:
        """Return what was kept under this name, or None."""

    def keep(self, name: str, value: bytes) -> None:
        """Keep a value; one that was kept under this name before is replaced."""


class Texts(NamedTuple):
    """The texts, by language, with facts and messages each in the order of languages."""

    facts: tuple[str, ...]
    fact_languages: tuple[int, ...]
    messages: tuple[str, ...]
    message_languages: tuple[int, ...]
    kinds: tuple[Kind, ...]

    @property
    def all(self) -> list[str]:
        """Everything to embed: facts, then messages."""
        return [*self.facts, *self.messages]


class Cohorts:
    """The cohort of one engine. Safe to call from many threads."""

    def __init__(self, embedder: Embedder, store: object, *, bundled: bool = False) -> None:
        """`embedder` is asked for the texts unless it is the bundled one; `store` keeps vectors if it is `Keeping`."""
        self._embedder, self._bundled = embedder, bundled
        self._store = store if isinstance(store, Keeping) else None
        self._start_over()
        renew_in_child(self._start_over)

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._cohort: Cohort | None = None
        self._next_try = 0.0

    def get(self) -> Cohort | None:
        """Return the cohort, or None while it is not embedded yet; the first call sets that to work."""
        if self._cohort is None:
            with self._lock:
                if self._cohort is None:
                    self._cohort = self._known()
                if self._cohort is None and time.monotonic() >= self._next_try:
                    self._next_try = time.monotonic() + _PATIENCE
                    submit(self._embed)
        return self._cohort

    def _known(self) -> Cohort | None:
        if self._bundled:
            return shipped()
        kept = None if self._store is None else self._store.kept(_KEPT_AS)
        mark = _mark(self._embedder.id)
        if kept is None or not kept.startswith(mark):
            return None
        return cohort_of(decoded(kept[len(mark) :]))

    def _embed(self) -> None:
        """Embed the texts and keep the vectors; a failure is tried again later, and until then no cohort is there."""
        try:
            vectors = self._vectors()
            value = _mark(self._embedder.id) + encoded(vectors)
            cohort = cohort_of(decoded(encoded(vectors)))
            if self._store is not None:
                self._store.keep(_KEPT_AS, value)
        except HeadroomError as exc:
            _log.info("messages are not measured against generic texts yet: %s", exc)
        else:
            self._cohort = cohort

    def _vectors(self) -> Vectors:
        """Embed the texts. Raise EmbedderError if what comes is not fit to be kept: they are never embedded again."""
        asked, embedder = texts().all, self._embedder
        vectors = unit_rows(embedder.embed(asked), (len(asked), embedder.width), embedder.id)
        if not vectors.any(axis=1).all():
            raise EmbedderError(f"{embedder.id} returned zeros for texts with words")
        return vectors


@lru_cache(maxsize=1)
def texts() -> Texts:
    """Read the shipped texts."""
    return _sorted(_read(files(__package__).joinpath("texts.txt").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def shipped() -> Cohort:
    """Return the cohort of the bundled embedder."""
    return cohort_of(decoded(files(__package__).joinpath("vectors.bin").read_bytes()))


def cohort_of(vectors: Vectors) -> Cohort:
    """Put the vectors of all texts, in their order, together with what is known of the texts."""
    known = texts()
    return Cohort(
        facts=vectors[: len(known.facts)],
        fact_languages=np.array(known.fact_languages, np.int64),
        messages=vectors[len(known.facts) :],
        message_languages=np.array(known.message_languages, np.int64),
        kinds=np.array(known.kinds, np.int64),
        frequency=Counter(word for text in known.all for word in set(words(text))),
    )


def encoded(vectors: Vectors) -> bytes:
    """Pack an (n, width) array into one byte a number; its rows need no scale, since only their cosines count."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-12)
    packed: bytes = np.rint(vectors * (127 / largest)).astype(np.int8).tobytes()
    return packed


def decoded(packed: bytes) -> Vectors:
    """Unpack an (n, width) float32 array of unit rows."""
    rows = np.frombuffer(packed, np.int8).reshape(len(texts().all), -1).astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def _mark(embedder_id: str) -> bytes:
    """Return what kept vectors begin with: they are those of this embedder for these texts."""
    return hashlib.blake2b(repr((embedder_id, texts().all)).encode(), digest_size=16).digest()


class _Line(NamedTuple):
    language: int
    section: str
    text: str


def _read(content: str) -> Iterator[_Line]:
    """Read lines below headings such as "[small talk de]"."""
    languages: dict[str, int] = {}
    section, language = "", 0
    for line in content.splitlines():
        if heading := re.fullmatch(r"\[(.+) (\w+)\]", line):
            section, language = heading[1], languages.setdefault(heading[2], len(languages))
        elif line and not line.startswith("#"):
            yield _Line(language, section, line)


def _sorted(lines: Iterator[_Line]) -> Texts:
    ordered = sorted(lines, key=lambda line: line.language)  # stable: within a language in the order of the file
    facts = [line for line in ordered if line.section == _FACTS]
    messages = [line for line in ordered if line.section != _FACTS]
    return Texts(
        facts=tuple(line.text for line in facts),
        fact_languages=tuple(line.language for line in facts),
        messages=tuple(line.text for line in messages),
        message_languages=tuple(line.language for line in messages),
        kinds=tuple(_KINDS[line.section] for line in messages),
    )
