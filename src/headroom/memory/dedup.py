"""When two texts are one memory, and when two memories say nearly the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from .words import words

_SPACE = re.compile(r"\s+")
_END = " \t\n.!。！…"
_NUMBER = re.compile(r"\d")
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")
_NEGATIONS = frozenset(
    "no not never none neither nor without don't doesn't didn't isn't aren't wasn't won't can't cannot".split()
)


class _Gist(NamedTuple):
    words: frozenset[str]
    names: frozenset[str]


def folded(text: str) -> str:
    """Fold case, white space and final punctuation: texts that are equal after this are one memory."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip(_END).casefold()


def fingerprint(user_id: str, text: str) -> int:
    """Hash a user's folded text to a signed 64-bit integer, for an index lookup that meets no other user's row."""
    digest = blake2b(folded(text).encode(), digest_size=8, key=_key(user_id)).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=1024)
def _key(user_id: str) -> bytes:
    return blake2b(user_id.encode()).digest()


def distinct(texts: Sequence[str]) -> list[int]:
    """Pick the texts that say something new, by their places: of several that say nearly the same, the first."""
    gists = [_gist(text) for text in texts]
    kept: list[int] = []
    for place, gist in enumerate(gists):
        if not any(_nearly_equal(gist, gists[other]) for other in kept):
            kept.append(place)
    return kept


def nearly_equal(a: str, b: str) -> bool:
    """Tell whether two texts say the same in slightly other words, going by the words they share.

    Texts that differ in a number, a name or a negation never do: vectors put "meeting at 5 pm" and
    "meeting at 6 pm" closer together than a true paraphrase.
    """
    return _nearly_equal(_gist(a), _gist(b))


def _gist(text: str) -> _Gist:
    return _Gist(frozenset(words(text)), frozenset(name.casefold() for name in _NAME.findall(text)))


def _nearly_equal(first: _Gist, second: _Gist) -> bool:
    apart = first.words ^ second.words
    if any(_NUMBER.search(word) or word in _NEGATIONS for word in apart) or (first.names | second.names) & apart:
        return False
    return len(first.words & second.words) >= 0.8 * len(first.words | second.words)
