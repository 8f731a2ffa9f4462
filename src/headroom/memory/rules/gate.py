"""Whose word a fact is, and whether it waits for a review before anybody sees it. Pure, and without a model.

A reply's facts are the user's word only if a sentence of the user's own bears them out. What a tool returned cannot
claim that: its words stand elsewhere in the request. This compares words and not meanings, so it errs on the side of
a review.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from ..records import Origin, Record
from .search.self_reference import speaks_of_writer
from .search.words import fold, words

Review: TypeAlias = Literal["untrusted", "all", "off"]
REVIEWS = ("untrusted", "all", "off")

_ENOUGH = 0.7
"""The share of a fact's words that must stand in one sentence of the user; chosen on half of benchmarks/gate."""
_MOST_MESSAGES, _LONGEST_MESSAGE = 20, 10_000
"""Of the user's messages the newest are looked at, and of a long one its beginning: what follows is mostly pasted."""

_PASTED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|^\s*>.*$", re.DOTALL | re.MULTILINE)
# What somebody else said, as the user quotes it: 'My friend wrote: "my sister is called Ines"'. Not what the user is
# quoted with himself ("I told him: ..."), and no quotation that nobody is said to have spoken.
_QUOTED_SPEECH = re.compile(
    r"(?:^|(?<=[.!?;,\n]))\s*(?!(?:i|we|ich|wir|yo|je|nous|io|noi)\b)[^\n.!?;:,\"“”„«»]{1,80}?\s"
    r"(?:said|says|wrote|writes|texted|replied|told (?:me|us)|sagte|sagt|schrieb|schreibt|meinte|dijo|dice|escribió|"
    r"a dit|dit|a écrit|écrit|ha detto|dice|ha scritto)"
    r"(?:\s*[:,]?\s*(?:\"[^\"]*(?:\"|$)|[“„][^”“]*(?:[”“]|$)|«[^»]*(?:»|$)|'[^\n]*?(?:'(?!\w)|$))|\s*:[^\n.!?;]*)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(r"(?<=[.!?;。！？])(?<!\b[A-Z][a-z]\.)\s+|[\n。！？]+")
_ELISION = re.compile(r"\b(?:j|l|d|m|t|s|c|n|qu)['’](?=\w)", re.IGNORECASE)
# What a question asks whether it is so is not said to be so: "Is my bank Evil Bank?"
_ASKED = re.compile(
    r"^\W*(?:(?:is|are|was|were|do|does|did|have|has)(?:n['’]t)?|am|ist|sind|war|bin|habe|hat|es|est|sono|è)\s+"
    r"(?:it (?:true|right) that )?(?:i|my|we|our|ich|meine?|wir|unsere?|mi|mis|ma|mon|mes|mia|mio)\b"
    r"(?!\s+(?:need|have to)\b)[^,;:—]*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",|;|:|—| - |\b(?:but|so|because|although|while|aber|weil|mais|pero)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w@.+#/:'’-]*\w[\w+#]*")
_DATE = re.compile(r"\d{1,2}(?:st|nd|rd|th)?|(?:19|20)\d\d|\d{4}-\d\d(?:-\d\d)?")
_NUMBER = re.compile(r"\d")

# What makes a wish last: an order of the moment has none of it.
_LASTING_PHRASES = (
    *"always never remember immer nie künftig toujours jamais désormais siempre nunca".split(),
    *("from now on", "in future", "in the future", "going forward", "by default", "every time", "each time"),
    *("note that", "keep in mind", "don't forget", "ab jetzt"),
)
_SWEEPING = frozenset("always never every everything everyone all any anyone only nothing nobody".split())
_NEGATIONS = frozenset(
    "not no never none without cannot neither nor hate hates hated dislike dislikes avoid avoids stopped quit longer "
    "anymore nicht kein keine keinen nie ne pas jamais nunca sin".split()
)
_TAKING_BACK = re.compile(
    r"\b(?:forget|delete|remove|erase|drop|discard|no longer|not any ?more|isn't true|is not true|wrong|mistake|"
    r"used to|don't remember|outdated|vergiss|lösch\w*|oublie|supprime|olvida|borra)\b",
    re.IGNORECASE,
)
_FORMER = re.compile(
    r"\b(?:moved|changed|switched|now|instead|no longer|not any ?more|left|quit|stopped|rather)\b", re.IGNORECASE
)
_INSTRUCTION = re.compile(
    r"^\W*(?:(?:always|never|ignore|disregard|do not|don't|respond|reply|answer|include|append|recommend|treat|act|"
    r"pretend|execute|run|send|forward|forget|reveal|tell the user|from now on|when(?:ever)?)\b)|"
    r"\b(?:assistant|model|ai|chatbot|system)(?:'s)? (?:must|should|shall|will|has to|is to|can|may|needs? to)\b|"
    r"\byou (?:must|should|shall|will|are to|have to|need to)\b|\b(?:must|should) (?:always|never)\b|"
    r"\b(?:system prompt|developer message|previous instructions|without asking|without confirmation)\b",
    re.IGNORECASE,
)
# A fact says the same with and without these.
_EMPTY = frozenset(
    "user users user's the a an and or of to in on at for with from by as is are was were be been being has have "
    "had his her their its he she they it that this these those who which will would can could do does did said "
    "says mentioned currently now recently also very really just still already new wants want wanted need needs "
    "please nutzer benutzer der die das l'utilisateur l'utilisatrice utilisateur utilisatrice usuario el la le "
    "est es ist i named called used years year old there here about into than then some one ones name's into over "
    "up out so how what when where".split()
)
_TIMES = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday jan feb mar apr jun jul aug sep sept oct nov dec st nd rd th".split()
)
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|next|last|this|coming|ago|soon|weekend|mon|tues|wednes|thurs|fri|satur|"
    r"sun|january|february|march|april|may|june|july|august|september|october|november|december|morgen|heute|gestern|"
    r"in \w+ (?:days?|weeks?|months?|years?))(?:day)?\b",
    re.IGNORECASE,
)
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_DIGITS = {word: str(number) for number, word in enumerate(_COUNTED)}
# Words that say the same of a user.
_CLASSES = [
    frozenset(line.split())
    for line in (
        "live lives living lived move moved moving relocate relocated home based reside resides from stay staying born",
        "like likes love loves enjoy enjoys prefer prefers preferred favourite favorite rather fan fond keen",
        "work works working job employed employer company hired role position career colleague office",
        "own owns have has got get bought buy adopted keep",
        "travel travels travelling traveling trip fly flying flies flight visit visiting visits going leaving holiday "
        "vacation journey",
        "married marry wife husband spouse partner wedding engaged fiancé fiancee",
        "child children kid kids son daughter",
        "allergic allergy allergies intolerant intolerance",
        "call called calls name named known nickname",
        "use uses using run runs running switched switch",
        "learn learns learning study studies studying practise practice taking lessons course",
        "answer answers answered reply replies respond response responses", "write writes wrote written",
        "brief short concise terse briefly",
        "mum mom mother mama", "dad father papa",
        "vegetarian vegan meatless", "begin begins beginning start starts starting started",
        "plan plans planning planned intend intends going want",
        "speak speaks speaking language", "meet meets meeting appointment",
        "birthday born turned turns turning", "dislike dislikes hate hates stand",
    )
]  # fmt: skip


@dataclass(slots=True)
class Allowance:
    """How much a model may change that has read what is not the user's word.

    What may still be done in one turn of a chat with foreign content in sight, or in one session of an agent.
    """

    ends: int = 1
    """Memories that may be replaced or forgotten."""
    facts: int = 5
    """Facts that may be stored."""


class _Sentence(NamedTuple):
    """A sentence of the user's own."""

    words: frozenset[str]
    clauses: tuple[frozenset[str], ...]
    personal: bool
    """It speaks of the user, or says what is to hold from now on."""
    lasting: bool


@dataclass(frozen=True)
class Gate:
    """Judges the facts of one reply by what the user said in the conversation, the newest message last."""

    said: tuple[str, ...]
    foreign: Origin | None = None
    """What content that is not the user's word was in sight; None if there was none."""
    review: Review = "untrusted"

    def origin(self, fact: str) -> Origin:
        """Return whose word a fact is."""
        if self.bears_out(fact):
            return Origin.USER
        return self.foreign or Origin.ASSISTANT

    def holds(self, fact: str) -> bool:
        """Return whether a fact waits for a review."""
        if self.review != "untrusted":
            return self.review == "all"
        return (self.foreign is not None or reads_as_instruction(fact)) and not self.bears_out(fact)

    def may_forget(self, note: str) -> bool:
        """Return whether a reply may take back a note: with foreign content in sight only if the user asks for it."""
        if self.review == "off" or (self.review == "untrusted" and self.foreign is None):
            return True
        said = self.said[-1] if self.said else ""
        told = frozenset(map(_root, _telling(note)))
        return bool(_TAKING_BACK.search(said) or _FORMER.search(said)) and any(
            told & sentence.words for sentence in _sentences([said])
        )

    def may_replace(self, note: str, fact: str) -> bool:
        """Return whether a fact may take the place of a note: with foreign content in sight only of one like it."""
        if self.review == "off" or self.foreign is None:
            return True
        return bool(_spread(map(_root, _telling(note))) & _spread(map(_root, _telling(fact))))

    def bears_out(self, fact: str) -> bool:
        """Return whether one sentence of the user's own says what `fact` says."""
        return any(_says(sentence, fact) for sentence in self._sentences) or _says_all(self._sentences, fact)

    @cached_property
    def _sentences(self) -> list[_Sentence]:
        return _sentences(self.said[-_MOST_MESSAGES:])


def mark_of_origin(record: Record) -> str:
    """Return what a model is told of a note that only tools or files say; nothing for all others."""
    origins = {source.origin for source in record.sources}
    if not origins or not origins <= {Origin.TOOL, Origin.FILE}:
        return ""
    return f" (from a {min(origins).value}, not from the user)"


def reads_as_instruction(fact: str) -> bool:
    """Return whether a text tells an assistant what to do, rather than something of the user."""
    return bool(_INSTRUCTION.search(fact))


def _sentences(said: Iterable[str]) -> list[_Sentence]:
    own = (_QUOTED_SPEECH.sub(" ", _PASTED.sub(" ", text[:_LONGEST_MESSAGE])) for text in said)
    parts = (_told(part.strip()) for text in own for part in _SENTENCE.split(text) if part)
    return [_sentence(part) for part in parts if part]


def _told(part: str) -> str:
    """Leave out what a question asks whether it is so; what stands beside it is said."""
    return _ASKED.sub("", part) if part.endswith(("?", "？")) else part


def _sentence(text: str) -> _Sentence:
    lowered = text.lower().replace("’", "'")
    lasting = any(re.search(rf"\b{phrase}\b", lowered) for phrase in _LASTING_PHRASES)
    clauses = tuple(frozenset(_roots(part)) for part in _CLAUSE.split(text) if part and part.strip())
    every = frozenset(_roots(text))
    if _RELATIVE.search(text):
        every |= {"<time>"}
    return _Sentence(every, clauses, lasting or speaks_of_writer(text) == 1, lasting)


def _says(sentence: _Sentence, fact: str) -> bool:
    """Return whether a sentence holds nearly all that a fact tells, with all names and numbers, and denies as much."""
    if not sentence.personal:
        return False
    telling = [_root(word) for word in _telling(fact)]
    known = _spread(sentence.words) | (_spread(["prefer"]) if sentence.lasting else frozenset())
    hard = _hard(fact, lasting=sentence.lasting)
    if not all(_is_held(root, sentence.words) for root in hard):
        return False
    held = [root for root in telling if _near(root, known)]
    return bool(telling or hard) and len(held) >= _ENOUGH * len(telling) and _same_polarity(sentence, held, fact)


def _says_all(sentences: Sequence[_Sentence], fact: str) -> bool:
    """Return whether two sentences of the user that follow each other say it together."""
    return any(
        _says(
            _Sentence(
                first.words | second.words,
                first.clauses + second.clauses,
                first.personal and second.personal,
                first.lasting or second.lasting,
            ),
            fact,
        )
        for first, second in zip(sentences, sentences[1:], strict=False)  # noqa: RUF007 - Python 3.10 has pairwise
    )


def _same_polarity(sentence: _Sentence, held: Sequence[str], fact: str) -> bool:
    """Return whether what a fact tells is as much denied as in the clause that tells most of it."""
    denied = bool(_NEGATIONS & set(_plain(fact)))
    clauses = [(len([root for root in held if _near(root, _spread(clause))]), clause) for clause in sentence.clauses]
    most = max((count for count, _ in clauses), default=0)
    return any(bool(_NEGATIONS & clause) == denied for count, clause in clauses if count == most)


def _hard(fact: str, *, lasting: bool) -> list[str]:
    """List the names, numbers, addresses and sweeping words of a fact: the user must have said each of them."""
    names = [fold(word).strip(".:'’-").removesuffix("'s") for word in _WORD.findall(fact)[1:] if word[0].isupper()]
    marked = [word for word in _plain(fact) if _NUMBER.search(word) or "@" in word or "/" in word]
    sweeping = [] if lasting else [word for word in _plain(fact) if word in _SWEEPING]
    return [_root(word) for word in dict.fromkeys([*names, *marked, *sweeping]) if word not in _EMPTY]


def _is_held(root: str, told: frozenset[str]) -> bool:
    """Return whether a hard word was told; a date may have been told as one that is relative to today."""
    if root in told:
        return True
    return "<time>" in told and (root in _TIMES or bool(_DATE.fullmatch(root)))


def _telling(text: str) -> list[str]:
    empty = _EMPTY | _NEGATIONS | _TIMES
    return [word for word in dict.fromkeys(_plain(text)) if word not in empty and not _DATE.fullmatch(word)]


def _plain(text: str) -> list[str]:
    """Split a text into folded words; addresses and numbers stay whole, "don't" is "do not"."""
    text = _ELISION.sub("", re.sub(r"n['’]t\b", " not", text))
    found = (fold(word).strip(".:'’-") for word in _WORD.findall(text))
    return [_DIGITS.get(word, word) for word in (word.removesuffix("'s").removesuffix("’s") for word in found) if word]


def _roots(text: str) -> set[str]:
    """Return the roots of all words of a text, with those of scripts that are written without spaces."""
    plain = _plain(text)
    return {*plain, *map(_root, plain), *(word for word in words(text) if not word.isascii())}


def _root(word: str) -> str:
    """Cut the ending of a word, roughly."""
    if not word.isascii() or not word.isalpha():
        return word
    for ending in ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
    return word


_SPREAD: dict[str, frozenset[str]] = {}
for _class in _CLASSES:
    _class_roots = frozenset(_root(_word) for _word in _class)
    for _member in _class_roots:
        _SPREAD[_member] = _SPREAD.get(_member, frozenset()) | _class_roots


def _spread(roots: Iterable[str]) -> frozenset[str]:
    """Add the words that say the same."""
    return frozenset(word for root in roots for word in (root, *_SPREAD.get(root, ())))


def _near(root: str, known: frozenset[str]) -> bool:
    """Return whether a word was told, in this or a related form: "allergic" by "allergy"."""
    if root in known:
        return True
    return len(root) > 3 and root.isalpha() and any(_alike(root, other) for other in known)


def _alike(word: str, other: str) -> bool:
    """Return whether two words begin alike, for three quarters of the shorter one: "allergic" and "allergy"."""
    shorter = min(len(word), len(other))
    begins = max(4, -(-3 * shorter // 4))
    return shorter >= begins and word[:begins] == other[:begins]
