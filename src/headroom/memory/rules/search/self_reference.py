"""Whether a message speaks of the one who writes it, by the first-person words of some twenty languages. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .function_words import COMMON, FIRST_PERSON

# Scripts without spaces, and Korean, which glues its particles: the word stands at the beginning of others.
_GLUED: Final = re.compile(
    "[我俺咱僕]|私|自分|わたし|ぼく|うち(?:の|は)|ผม|ฉัน|ดิฉัน|เรา|(?<![\uac00-\ud7af])(?:나[는를의도에와]?|내가?|저[는를의도에와]?|제가?|우리)"
    "(?![\uac00-\ud7af])|(?<![\uac00-\ud7af])(?:우리|나에|저에)"
)
# Endings that make a Turkish noun mine and a Turkish verb speak of me; looked for in texts with Turkish letters alone.
_TURKISH: Final = re.compile(r"[ığş]"), re.compile(r"\w{2,}(?:[ıiuü]m|yorum|[dt][ıiuü]k)(?!\w)")
# Endings of the first person in languages that leave the pronoun out, as in Wiktionary's conjugation tables: -o in
# Spanish, Portuguese and Italian, -am, -ę, -łem in Polish, -ю in Russian, -yorum in Turkish, -ω in Greek. The last word
# of a short question is looked at ("¿Dónde vivo?"); behind an article it is a noun ("¿Quién pintó el cuadro?").
_OWN_VERB: Final = re.compile(
    r"(?:[a-zà-ÿ]{2,}(?:o|cí|dí)|\w+(?:am|uję|czę|żę|szę|dzę|ję|łem|łam)|\w+(?:[аеуяю]ю|лю|жу|чу|пью)|живу"
    r"|\w+yor(?:um|uz)|\w{2,}[ωώ]|\w+ηκα)(?!\w)"
)
_ARTICLES: Final = frozenset("el un lo il o ao do no um del al uno este ese esto eso questo quello quel esse".split())
_QUESTION_WORDS: Final = frozenset(
    "dónde donde qué que cuándo cuando quién cómo cuál cual cuánto onde quando qual quanto dove che cosa quale quali "
    "gdzie kiedy co czym kim jaki jaka jaką jakim jakiego jakiej где кем когда что чем какой какую каком какие сколько "
    "nerede nerde ne neyi neye hangi kaç πού τι πότε ποιο ποια ποιον ποιος πόσο πώς".split()
)
_MOST_WORDS: Final = 5
# Japanese, Korean and Chinese leave the pronoun out too; these particles say that the writer tries to remember.
_REMEMBERS: Final = re.compile("っけ|더라|[었았였]지|来着")
# Arabic nouns of the feminine that are mine.
_ARABIC: Final = re.compile(r"(?<!\w)[\u0620-\u064a]{2,}تي(?!\w)")
_TOKEN: Final = re.compile(r"[^\s\d.,;:!?…¿¡。！？、，；：؟،।«»“”„\"()\[\]{}<>/\\|*_=+#~`]+")
# "Tell me a joke": who is told says nothing of what is told.
_TOLD: Final = re.compile(
    r"\b(?:tell|give|show|teach|send|get|let) me\b"
    r"|\b(?:erzähl|erzähle|sag|sage|zeig|zeige|gib|nenn|nenne|erklär|erkläre) mir\b"
    r"|\b(?:raconte|dis|donne|montre|explique)[sz]?-moi\b|\b(?:vertel|geef|zeg) me\b"
    r"|\b(?:opowiedz|powiedz|daj|pokaż) mi\b|\b(?:расскажи|скажи|дай|покажи|розкажи) (?:мне|мені)\b"
    r"|(?:给|跟|告诉)我(?=讲|说|一)|\bbana (?:bir|anlat|söyle)\b|\bberi (?:aku|saya)\b"
    r"|(?:ספר|תגיד|תן|הסבר) לי|(?:احك|قل) لي"
)
_UNKNOWN: Final = 0.5


def speaks_of_writer(message: str) -> float:
    """Return 1 if a first-person word stands in `message`, 0 if none does, 0.5 if its language is not known.

    A language counts as known by its script, or in Latin letters by some word of it that everybody uses.
    """
    text = _TOLD.sub(" ", unicodedata.normalize("NFC", message.casefold()).replace("’", "'").replace("i̇", "i"))
    tokens = set(_TOKEN.findall(text))
    if tokens & FIRST_PERSON or any(_parts_of(token) & FIRST_PERSON for token in tokens):
        return 1.0
    if not text.isascii() and any(sign.search(text) for sign in (_GLUED, _ARABIC, _REMEMBERS)):
        return 1.0
    if (_TURKISH[0].search(text) and _TURKISH[1].search(text)) or _ends_in_own_verb(message):
        return 1.0
    return 0.0 if _is_known(text, tokens) else _UNKNOWN


def _ends_in_own_verb(message: str) -> bool:
    """Return whether a short question ends in a verb of the first person, in a language that needs no pronoun."""
    said = [word for word in _TOKEN.findall(unicodedata.normalize("NFC", message)) if word.isalpha()]
    if not 1 < len(said) <= _MOST_WORDS or "!" in message or not _OWN_VERB.fullmatch(said[-1]):
        return False
    before = [word.casefold() for word in said[:-1]]
    return _ARTICLES.isdisjoint(before) and not _QUESTION_WORDS.isdisjoint(before[:2])


def _parts_of(token: str) -> set[str]:
    """Take "j'habite" and "suis-je" apart."""
    return set(re.findall(r"[^\W\d_]+'?", token)) if "'" in token or "-" in token else set()


_KNOWN_SCRIPTS: Final = (
    "CYRILLIC",
    "GREEK",
    "ARABIC",
    "HEBREW",
    "DEVANAGARI",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "THAI",
)


def _is_known(text: str, tokens: set[str]) -> bool:
    if len(tokens) < 3 and text.isascii():
        return True  # too little to tell: most likely it says little
    if tokens & COMMON:
        return True
    letters = [char for char in text[:200] if char.isalpha()]
    return any(unicodedata.name(char, "").startswith(_KNOWN_SCRIPTS) for char in letters[:20])
