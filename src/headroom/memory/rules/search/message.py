"""How a message is asked of memory: whole, by its parts if it is long, with the one before if it is short. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .function_words import COMMON, FIRST_PERSON
from .words import fold, telling, words

_LONG = 256
"""Characters of a message, about 64 tokens, above which its parts are asked too."""
_PARTS = 3
_SHORT = 160
"""Characters of a message that may rest on the one before."""
_EARLIER = 400
"""Characters of the earlier message that are heard, its end."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？؟।])|\n+")
_ASKS = ("?", "？", "؟")
_LEAST = 3
_ALMOST_NOTHING = 2
"""Words of a question that names its thing by one word at most: "which piece?"."""
_QUESTION_WORDS = frozenset("who whom whose what which when where how why".split())
_PERSONS = frozenset("he she him his her hers they them their theirs there".split())
_PRONOUNS = _PERSONS.union("it its this that these those then one".split())
_POINTS_BACK = _PERSONS | (_QUESTION_WORDS - {"why"}) | {"until"}
_ADDRESSES = frozenset("you your yours u".split())
_FUNCTION_WORDS = frozenset(map(fold, COMMON | FIRST_PERSON))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is embedded and asked as one."""

    text: str
    earlier: str = ""
    """The user's message before, to be embedded in front of the text."""

    @property
    def whole(self) -> str:
        """The text to embed."""
        return f"{self.earlier}\n{self.text}" if self.earlier else self.text


def parts_of(message: str, earlier: Sequence[str] = (), speaker: str | None = None) -> list[Part]:
    """Return at most four parts, the whole message first.

    `earlier` are the user's messages before, oldest first; `speaker` is the name of the one who writes, who says "I".
    """
    text = f"{speaker}: {message}" if speaker else message
    parts = [Part(text=text)]
    if len(message) > _LONG:
        parts += [Part(text=passage) for passage in _passages(message)]
    before = next((said.strip() for said in reversed(earlier) if said.strip()), "")
    if before and len(message) <= _SHORT:
        parts.append(Part(text=text, earlier=before[-_EARLIER:]))
    return parts


def leans_back(message: str) -> bool:
    """Return whether a message has no sense without the one before: "by when?", "where is she?", "which piece?".

    It asks, or points at somebody, without a word that says what it is about; "how are you?" does not, since it speaks
    to its reader. In other languages than English it has function words alone, and asks.
    """
    if len(message) > _SHORT:
        return False
    said = words(message)
    if not _ADDRESSES.isdisjoint(said):
        return False
    if not _POINTS_BACK.isdisjoint(said):
        names_little = len(said) <= _ALMOST_NOTHING and "'" not in message.replace("’", "'")  # "what's inflation?"
        return names_little or not any(map(telling, said))
    return message.rstrip().endswith(_ASKS) and len(said) > 1 and _FUNCTION_WORDS.issuperset(said)


def names_its_own(message: str) -> bool:
    """Return whether an English question names what it is about: "who was Monet?", and not "who painted it?"."""
    said = words(message)
    return not _QUESTION_WORDS.isdisjoint(said[:1]) and _PRONOUNS.isdisjoint(said) and FIRST_PERSON.isdisjoint(said)


def asks_without_address(message: str) -> bool:
    """Return whether a message asks, and does not speak to its reader: "what's my name?", and not "what's yours?"."""
    said = words(message)
    asks = message.rstrip().endswith(_ASKS) or not _QUESTION_WORDS.isdisjoint(said[:1])
    return asks and _ADDRESSES.isdisjoint(said)


def _passages(message: str) -> list[str]:
    """Return the last questions of a long message, its last sentence and its first one: pasted text stands between."""
    sentences = [said for part in _SENTENCE.split(message) if len(said := part.strip()) > _LEAST]
    questions = [said for said in sentences if said.endswith(_ASKS)]
    return list(dict.fromkeys([*questions[-2:], *sentences[-1:], *sentences[:1]]))[:_PARTS]
