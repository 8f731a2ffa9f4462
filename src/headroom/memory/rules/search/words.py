"""Text to words, for the full-text index: split by Unicode's word rules, folded, in any script.

The index keeps what comes out of here, so a change of these rules needs a schema step that rebuilds it.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

from apsw.unicode import word_iter

from .function_words import COMMON, FIRST_PERSON

LONGEST = 48
"""Characters of a word that count; longer runs (hashes, base64) are cut, on both sides of a search alike."""

OF_SELF = "i-"
"""The mark that the index has for a text in the first person. No word is like it, and none is stemmed to it."""

# Scripts written without spaces. Unicode's rules need a dictionary for them, so pairs of neighbours
# stand in for words: 東京タワー is found by 東京. Hangul has spaces but glues particles to its words.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUN = re.compile(f"[{_UNSPACED}\U00020000-\U0003134f]+")
# What the rules would lose: C++, F#, .NET's dot is left to them, emoji are words of their own.
_SIGNED = re.compile(r"(?<!\w)[a-z][+#]{1,2}(?!\w)")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]")
_FIRST = re.compile(r"\W*(\w+)")
# Signs within a word, and the place where camelCase bends. Not \W: to it the vowel signs of Hindi are no letters.
_JOINT = re.compile(r"[\x00-/:-@\[-`{-\x7f]+|(?<=[a-z0-9])(?=[A-Z])")
# What may stand around a word and is none of it.
_MARKS = string.punctuation.replace("_", "")
# What the index would take for the end of a token.
_CUT = re.compile(r"[^\w.+#'\x80-\U0010ffff-]")
# "3.5kg", "10am": a number and the unit that is glued to it. Longer words behind a number are names ("1password").
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)([^\W\d_]{1,4})?")
_DECIMAL = re.compile(r"\d+\.\d+")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
# Marks that are accents in Latin, Greek and Cyrillic, and the points of Hebrew and Arabic, which texts may leave out.
_POINTS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"
)
# Letters that are written in several ways: Arabic alef wasla, alef maqsura, Persian yeh and kaf, the tatweel that only
# stretches a word, and the marks within Arabic numbers.
_VARIANTS = str.maketrans(
    {
        "\u0671": "\u0627",
        "\u0649": "\u064a",
        "\u06cc": "\u064a",
        "\u06a9": "\u0643",
        "\u0640": None,
        "\u066b": ".",
        "\u066c": ",",
        "ı": "i",
    }
)

# Words that carry no topic in an English question. They are indexed; a query drops them if others remain.
_STOP_WORDS = frozenset(
    "a about am an and any are as at be been but by can could d did do does doing for from get had has have he her "
    "hers him his how i if in into is it its just let ll m may me might my no not of on or our ours out re s shall "
    "she should so some t than that the their them then there these they this those to too up us ve very was we "
    "were what when where which while who whom whose why will with would yes you your yours".split()
)

# Some that no English text of more than a few words does without, and that are no words of languages near it.
_ENGLISH = frozenset(
    "the and for with what which who when where how my were has have that this his she you your from by "
    "their does did not of owns".split()
)

# Words that say something, and in a chat nearly always something else: one calls no memory to mind.
_SMALL_TALK = frozenset(
    "again ask back bad best better bye chat come day evening feel few find fine first fun give go good got great "
    "happen happened happy hello help helped here hey hi idea joke jokes keep kind know last let like little long "
    "look lot love made make many maybe mean mind mine minute more morning much name need never new next nice "
    "night now number ok okay old one over perfect please put question quick real really repeat right same say "
    "see short shorter show something sorry start stop sure take talk tell ten thank thanks thing think three "
    "time today together tomorrow tonight too try turn two use want way week well word work write wrong year yes "
    "yesterday yet".split()
)


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """Make words the same that differ only in case, accents, width, points or the form of a letter or digit."""
    if text.isascii():
        return text.lower()
    # In other scripts a mark can be a vowel: it stays.
    kept = _POINTS.sub("", unicodedata.normalize("NFKD", text.casefold())).translate(_VARIANTS)
    return "".join(map(_ascii_digit, unicodedata.normalize("NFC", kept)))


def _ascii_digit(char: str) -> str:
    return char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))


_FIRST_PERSON = frozenset(map(fold, FIRST_PERSON))
_FUNCTION_WORDS = _STOP_WORDS | _FIRST_PERSON | frozenset(map(fold, COMMON))
"""Words that carry no topic in a question that is not English."""
_FOREIGN = _FUNCTION_WORDS - _STOP_WORDS


def words(text: str) -> list[str]:
    """Split `text` into folded words, in order and with repeats; compounds are followed by their parts."""
    return list(_words(text))


def indexed_words(text: str) -> list[str]:
    """Return the words of `text` by which a search finds it: all of them, and the beginnings of foreign ones.

    A text in the first person is marked as such.
    """
    found = words(text)
    beginnings = _beginnings(found) if _is_foreign(found) else []
    # Not by its first word: the name that a turn opens with may look like one ("Mia").
    return found + beginnings + [OF_SELF] * (not _FIRST_PERSON.isdisjoint(found[1:]))


def question_words(text: str) -> list[str]:
    """Split a question into its distinct words; words that carry no topic are left out if others remain."""
    distinct = list(dict.fromkeys(_words(text, parts=False)))
    if not _ENGLISH.isdisjoint(distinct):
        return [word for word in distinct if word not in _STOP_WORDS] or distinct
    left = [word for word in distinct if word not in _FUNCTION_WORDS] or distinct
    return left + (_beginnings(left) if _is_foreign(distinct) else [])


def telling(word: str) -> bool:
    """Return whether `word` in a message says anything of what it is about; single letters and digits do not."""
    return not (word in _STOP_WORDS or word in _SMALL_TALK or (len(word) == 1 and word.isascii()))


def opening(text: str) -> int:
    """Return the mark of the word that `text` opens with, which is often its subject or its speaker."""
    first = _FIRST.match(fold(text[:LONGEST]))
    return mark(first.group(1)) if first else 0


def mark(word: str) -> int:
    """Shorten a folded word to 32 bits, to compare many at once."""
    return crc32(word.encode())


def _is_foreign(found: Sequence[str]) -> bool:
    """Return whether these are words of a text that is surely not English."""
    return _ENGLISH.isdisjoint(found) and any(word in _FOREIGN or not word.isascii() for word in found)


def _beginnings(found: Sequence[str]) -> list[str]:
    """Return the beginnings of the longer words, marked as such.

    The index stems English words alone; "wohne" and "wohnt", "alérgica" and "alergia" have their beginning in common.
    """
    longer = dict.fromkeys(word.removeprefix("ال") for word in found if len(word) > 4 and word.isalpha())
    kept = (word[: 5 if len(word) > 5 and word < "\u0590" else 4] for word in longer if not _RUN.match(word))
    return [f"{beginning}-" for beginning in dict.fromkeys(kept)]


def _words(text: str, *, parts: bool = True) -> Iterator[str]:
    lowered = text.casefold()
    for match in _SIGNED.finditer(lowered):
        yield match.group()
    if text.isascii():
        yield from _ascii_words(text, parts)
        return
    for match in _EMOJI.finditer(text):
        yield match.group()
    rest = _RUN.sub(" ", text)
    for word in word_iter(rest):
        yield from _compound(word, parts)
    for match in _RUN.finditer(unicodedata.normalize("NFKC", lowered)):
        yield from _pairs(match.group(), parts)


def _ascii_words(text: str, parts: bool) -> Iterator[str]:
    """Yield the words of an ASCII text, most of which stand between white space: the rules look at the others alone."""
    for piece in text.split():
        word = piece.strip(_MARKS)
        if word.isalpha() and (word.islower() or word.istitle()):
            yield word.lower()[:LONGEST]
        else:
            for found in word_iter(piece):
                yield from _compound(found, parts)


def _compound(word: str, parts: bool) -> Iterator[str]:
    """Yield snake_case, v1.2 and don't as they stand, then the parts that somebody may ask for."""
    if word.isalpha() and word.isascii() and word.islower():
        yield word[:LONGEST]  # nearly every word of an English text: nothing to fold, nothing to take apart
        return
    if word[0].isdecimal() and (number := _NUMBER.fullmatch(word if word.isascii() else fold(word))):
        yield from _measure(number, parts)
        return
    word = word.replace("’", "'").removesuffix("'s")
    whole = _CUT.sub("", fold(word))[:LONGEST]
    if whole:
        yield whole
    pieces = _JOINT.split(word) if parts else []
    if len(pieces) > 1:
        yield from (fold(piece)[:LONGEST] for piece in pieces if piece)


def _measure(number: re.Match[str], parts: bool) -> Iterator[str]:
    """Yield a number and its unit as two words, glued or not: "3,5kg" is "3.5 kg", and neither is "35 kg"."""
    amount, unit = _THOUSANDS.sub("", number[1]).replace(",", "."), number[2]
    if unit and parts:
        yield (amount + unit.lower())[:LONGEST]
    yield amount[:LONGEST]
    if unit:
        yield unit.lower()
    pieces = [] if _DECIMAL.fullmatch(amount) else amount.split(".")
    if parts and len(pieces) > 1:
        yield from (piece[:LONGEST] for piece in pieces)


def _pairs(run: str, parts: bool) -> Iterator[str]:
    """Yield neighbouring pairs; single characters too if the text is indexed, so that one can be asked for."""
    if len(run) == 1 or parts:
        yield from run
    yield from (run[i : i + 2] for i in range(len(run) - 1))
