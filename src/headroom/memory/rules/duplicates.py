"""When two texts are one memory, and when two memories say nearly the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from ..protocols import Entry, Vectors
from ..records import Record, SearchResult, Similar
from .search.words import fold, words
from .staging import target_of

# A fenced block, code, quoted text, white space, or what stands between.
_PIECES = re.compile(
    r"""```.*?(?:```|\Z)|`[^`\n]*`|"[^"\n]*"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|「[^」\n]*」|(?<!\w)'[^'\n]+'(?!\w)"""
    r"""|\s+|[^\s`"“„«「]+|.""",
    re.DOTALL,
)
_QUOTES = '`"“„«「'
_BEFORE, _BEHIND = "([¿¡'‘*", ")].,;:!?…。！？，、'’*"
_PARTS = re.compile("['’-]")
_NUMBER = re.compile(r"[-+±~$€£¥]*\d[\d.,:/]*")
_LONGEST_UNIT = 4
_CLOCK = {"am", "pm"}
_INDENTED = re.compile(r"\n[ \t]+$")
_END = re.compile(r"""(?<=[\w)\]"'’”»」`])\s*[.!。！…]+$""")
_END_BEHIND_CODE = re.compile(r"""(?<=[\w)\]"'’”»」`])[.。…]+$""")
_WORD_AT_END = re.compile(r"(?:^|\s)[^\W\d_]+!+$")
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")
# A note says the same with and without these.
_EMPTY_WORDS = frozenset("a also an are currently is mentioned mentions now said says that the user".split())

# What tells two near texts apart.
_NUMBERED = re.compile(r"[\w.,:/-]*\d[\w.,:/-]*")
_NAMED = re.compile(r"(?<![.!?] )(?<=\s)[^\W\d_a-z]\w*")
_DENIED = re.compile(r"n['’]t\b|\b(?:not|no|never|none|without|cannot|neither|nor)\b", re.IGNORECASE)
_BLOCK = 1024
"""Rows that are compared with all others at once: 100 MB of cosines at 25,000 memories."""


class _Gist(NamedTuple):
    words: list[str]
    """In order, but for the empty ones."""
    sorted: list[str]
    text: str


def folded(text: str) -> str:
    """Fold case, white space and final punctuation of prose: texts that are equal after this are one memory.

    Code, identifiers, paths, numbers with their units and quoted text stay as they are, and so does white space at the
    beginning of a line: "Call foo()" and "Call Foo()" are two memories, and so are "5 mW" and "5 MW".
    """
    folding: list[str] = []
    prose, number, space = True, False, ""
    for piece in _PIECES.findall(text.strip()):
        if piece.isspace():
            space = piece
            continue
        before, prose = prose, piece in ".!！。…" or _is_prose(piece, behind_number=number)
        folding.append(_folded_space(space, within_prose=before and prose))
        folding.append(unicodedata.normalize("NFC", piece).casefold() if prose else piece)
        number, space = not piece.isalpha() and _NUMBER.fullmatch(piece) is not None, ""
    whole = "".join(folding)
    return (_END if prose or _WORD_AT_END.search(whole) else _END_BEHIND_CODE).sub("", whole)


def all_folded(groups: Iterable[Iterable[str]]) -> list[set[str]]:
    """Fold the texts of each group; those of a group that are one memory become one text."""
    return [set(map(folded, set(group))) for group in groups]


def _is_prose(piece: str, *, behind_number: bool) -> bool:
    """Return whether a piece of text is a word that says the same in another case."""
    if piece.isalpha() and piece.islower() and piece.isascii() and not behind_number:
        return True  # nearly every piece of an English text
    if piece[0] in _QUOTES or (piece[0] == piece[-1] == "'" and len(piece) > 2):
        return False
    word = piece.lstrip(_BEFORE).rstrip(_BEHIND)
    if behind_number and len(word) <= _LONGEST_UNIT and word.lower() not in _CLOCK:
        return False
    parts = [part for part in _PARTS.split(word if word.isascii() else _letters(word)) if part]
    return bool(parts) and all(part.isalpha() and (part[1:] == part[1:].lower() or part.isupper()) for part in parts)


def _letters(word: str) -> str:
    """Compose a word, and leave out the marks that stay: vowel signs of scripts that have no case."""
    composed = unicodedata.normalize("NFC", word)
    return "".join(sign for sign in composed if not unicodedata.category(sign).startswith("M"))


def _folded_space(space: str, *, within_prose: bool) -> str:
    if "\n" not in space:
        return " " if space else ""
    return space if _INDENTED.search(space) else " " if within_prose else "\n"


def fingerprint(user_id: str, text: str) -> int:
    """Hash a user's folded text to a signed 64-bit integer, for an index lookup that meets no other user's row."""
    digest = blake2b(folded(text).encode(), digest_size=8, key=_key(target_of(user_id))).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=1024)
def _key(user_id: str) -> bytes:
    return blake2b(user_id.encode()).digest()


def says_again(entry: Entry, content: str, scope: str, expires_at: int | None, *, replaced: bool) -> bool:
    """Return whether `entry` says a memory again that everybody sees who would see it: both are then one memory.

    The memory is one of the same fingerprint; `expires_at` is in microseconds since 1970, None if it never expires. One
    that is `replaced` by the entry is the same only if not a letter differs: a correction of its spelling is wanted.
    """
    if content != entry.content and (replaced or folded(content) != folded(entry.content)):
        return False
    return scope == entry.scope or _adds_nothing(entry, expires_at)


def _adds_nothing(entry: Entry, expires_at: int | None) -> bool:
    """Return whether a memory of a broader scope may stand for `entry`: what is said in a session alone stays there."""
    lives_as_long = expires_at is None or (entry.expires_at is not None and entry.expires_at <= expires_at)
    return lives_as_long and not (entry.metadata or entry.entities or entry.relationships)


def distinct(texts: Sequence[str]) -> dict[int, list[int]]:
    """Pick the texts that say something new, by their places: of several that say the same, the first.

    Each comes with the places of those that it stands for.
    """
    gists = [_gist(text) for text in texts]
    kept: dict[int, list[int]] = {}
    for place, gist in enumerate(gists):
        same = next((other for other in kept if _say_the_same(gist, gists[other])), None)
        if same is None:
            kept[place] = []
        else:
            kept[same].append(place)
    return kept


def grouped(results: Sequence[SearchResult]) -> list[SearchResult]:
    """Keep the best of those results that say the same; it names the ids that it stands for."""
    groups = distinct([result.content for result in results])
    return [
        replace(results[best], stands_for=tuple(results[place].id for place in others)) if others else results[best]
        for best, others in groups.items()
    ]


def _gist(text: str) -> _Gist:
    telling = [word for word in words(text) if word not in _EMPTY_WORDS]
    return _Gist(telling, sorted(telling), text)


def _say_the_same(first: _Gist, second: _Gist) -> bool:
    if not first.words or first.sorted != second.sorted:
        return False
    names = {fold(name) for gist in (first, second) for name in _NAME.findall(gist.text)}
    return all(
        [word for word in first.words if (word in names) is named]
        == [word for word in second.words if (word in names) is named]
        for named in (True, False)
    )


def near_groups(records: Sequence[Record], vectors: Vectors, *, threshold: float) -> list[Similar]:
    """Group memories whose cosine is at least `threshold`, the closest groups first.

    `vectors` are theirs, shape (n, width), unit rows; zeros for one that waits for its vector. Texts that differ in a
    number, a name or a negation are never in one group: vectors put "at 5 pm" and "at 6 pm" at 0.95, nearer than most
    paraphrases. Each memory of a group is compared with its first, so that no chain of small steps leads far away.
    """
    marks = [_marks(record.content) for record in records]
    leaders: dict[int, list[tuple[int, float]]] = {}
    led: set[int] = set()
    for first, other, cosine in _pairs(vectors, threshold):
        if marks[first] == marks[other] and first not in led and other not in led and other not in leaders:
            leaders.setdefault(first, []).append((other, cosine))
            led.add(other)
    found = [
        Similar(
            memories=(records[first], *(records[other] for other, _ in others)),
            cosines=(1.0, *(cosine for _, cosine in others)),
        )
        for first, others in leaders.items()
    ]
    return sorted(found, key=lambda group: -min(group.cosines))


def _pairs(vectors: Vectors, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of places whose cosine is high enough, by the first place."""
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors[start:].T
        for row, column in np.argwhere(cosines >= threshold):
            if column > row:
                yield start + int(row), start + int(column), min(1.0, float(cosines[row, column]))


def _marks(text: str) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return what two texts must have in common to be near: numbers, names, and whether something is denied."""
    numbers = frozenset(found.strip(".,:/-").lower() for found in _NUMBERED.findall(text))
    return numbers, frozenset(map(fold, _NAMED.findall(text))), bool(_DENIED.search(text))
