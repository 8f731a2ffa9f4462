"""Quote a note for the model so that it can be read back exactly, and cannot act. Pure.

A note is shown as one JSON string on one line. What could act on the model, on the frame around the notes or on a page
that shows the model's words is written as a JSON escape (`\\u003c` for `<`): nothing is replaced or left out, so
`json.loads` of what is shown is the stored text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

__all__ = ["cut", "quoted", "readings"]

# Names that make `<name` a tag somebody obeys: our own block, the special tokens of chat templates, thinking, tool
# calls, and the HTML that loads something or runs. Any name with an underscore is one too, as in <start_of_turn>. So
# is the beginning of our block's tag at the end of a text: a reply that ends with it would seem to be cut there.
_NAMES = (
    "memory memories s bos eos pad unk mask cls sep sys system developer user assistant human ai bot model tool tools "
    "function functions think thinking thought reasoning reflection scratchpad answer result results response output "
    "input prompt instruction instructions context document documents note notes message turn begin end start eot eom "
    "eod sop eop antml invoke parameter img image picture video audio source script iframe frame svg math style "
    "link object embed meta form base"
).split()
_TAG = rf"<(?=\s*[/|!?]|\s*(?:{'|'.join(_NAMES)})(?![\w-])|\s*[\w-]*_|0x|\s*m\s*e\s*m[\s\w]{{0,9}}\Z)"
_ACTS = re.compile(
    "|".join(
        (
            rf"(?i:{_TAG})",
            r"(?<![\w)\]])\[(?=\s*#?\s*\d{1,4}\s*\])",  # a handle, [1]; not the index in rows[1]
            r"\[(?=/?(?:[A-Z][A-Z_ ]{2,30}|[gs]MASK)\])",  # [INST], [TOOL_CALLS]
            r"!(?=\[)",  # a Markdown image
            r"`(?=``)|~(?=~~)",  # a code fence
        )
    )
)
# A quote or a backslash to anybody who normalises the text first.
_ALWAYS = frozenset("＂＼﹨")

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_SHOWN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u08e2\u0890\u0891\U000110bd\U000110cd")
# Invisible by Unicode's Default_Ignorable_Code_Point (and the blank Braille cell), though of another category.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
# Blocks of scripts whose letters change shape by a joiner beside them: Arabic, Syriac, N'Ko, Mandaic; Indic scripts,
# Sinhala, Myanmar, Khmer, Mongolian, Balinese and their relatives.
_JOINING = re.compile(
    "[\u0600-\u077f\u07c0-\u07ff\u0840-\u085f\u0860-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af"
    "\u1a20-\u1aaf\u1b00-\u1b7f\ua840-\ua87f\ua8e0-\ua8ff\ua980-\ua9df\uaa60-\uaa7f\ufb50-\ufdff\ufe70-\ufefc"
    "\U00011000-\U000114ff]"
)
_VIRAMA = 9
"""Combining class of the sign that joins consonants; a joiner after it counts at the end of a word too (RFC 5892)."""
_MONGOLIAN = re.compile("[\u1820-\u18aa]")
_MONGOLIAN_FORMS = "\u180b\u180c\u180d\u180e\u180f"
_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))
_LONGEST_EMOJI = 12
"""Characters of the longest emoji sequence, skin tones included."""


def quoted(text: str, length: int | None = None) -> str:
    """Return `text` as a JSON string on one line that cannot act, cut to `length` characters if that is given.

    It can close neither its quotes nor the frame, open no block, fake no handle, and hide nothing: a character that is
    not seen is written as an escape, except inside an emoji that Unicode recommends and between letters that join.
    """
    text = cut(text, length)
    parts, start = [], 0
    for place in sorted(_acting(text) | _hidden(text)):
        parts += [json.dumps(text[start:place], ensure_ascii=False)[1:-1], _escaped(text[place])]
        start = place + 1
    return f'"{"".join(parts)}{json.dumps(text[start:], ensure_ascii=False)[1:-1]}"'


def readings(texts: Iterable[str], length: int | None = None) -> list[tuple[str, str, str]]:
    """Return what a model may repeat of each quoted text: the text itself, as it was cut, and with its escapes."""
    short = [(text, cut(text, length)) for text in texts]
    return [(text, shown, quoted(shown)[1:-1]) for text, shown in short]


def cut(text: str, length: int | None) -> str:
    """Return at most `length` characters of `text`; a text that is cut ends in an ellipsis."""
    if length is None or len(text) <= length:
        return text
    return text[: length - 1].rstrip() + "…"


def _escaped(char: str) -> str:
    """Escape one character as JSON does; one beyond 16 bits becomes two escapes."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _acting(text: str) -> set[int]:
    """Return the places of characters that begin something which acts, also after a Unicode normalisation."""
    if text.isascii():
        return {found.start() for found in _ACTS.finditer(text)}
    plain = "".join(char if char.isascii() else _normal(char) for char in text)
    places = {found.start() for found in _ACTS.finditer(plain)}
    return places | {place for place, char in enumerate(text) if char in _ALWAYS}


def _normal(char: str) -> str:
    """Return what a character normalises to, or the last of it: one that may act with what follows."""
    return unicodedata.normalize("NFKC", char)[-1]


def _hidden(text: str) -> set[int]:
    """Return the places of characters that nobody sees and that are not part of a visible sign."""
    if text.isascii():
        return {place for place, char in enumerate(text) if not char.isprintable() and char not in "\n\t\r"}
    places = {place for place, char in enumerate(text) if _is_hidden(char)}
    if not places:
        return places
    in_emoji = {place for start, end in _emoji(text, places) for place in range(start, end)}
    return {place for place in places - in_emoji if not _joins(text, place)}


def _is_hidden(char: str) -> bool:
    if char in "\n\t\r":  # JSON escapes these itself
        return False
    if unicodedata.category(char) in _HIDDEN_CATEGORIES:
        return char not in _SHOWN_FORMATS
    return _IGNORABLE.match(char) is not None


def _joins(text: str, place: int) -> bool:
    """Return whether a joiner or form selector has its use there: it stands alone among letters of such a script."""
    before, after = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    if text[place] in _JOINERS:
        if not (before and _JOINING.match(before)):
            return False
        return unicodedata.combining(before) == _VIRAMA or bool(after and _JOINING.match(after))
    return text[place] in _MONGOLIAN_FORMS and _MONGOLIAN.match(before) is not None


def _emoji(text: str, hidden: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the spans of recommended emoji sequences that hold any of the `hidden` places."""
    done = 0
    for place in sorted(hidden):
        if place < done:
            continue
        for start in range(max(done, place - _LONGEST_EMOJI), place):
            if end := _emoji_end(text, start, place):
                yield start, end
                done = end
                break


def _emoji_end(text: str, start: int, place: int) -> int:
    """Return the end of the longest recommended sequence that begins at `start` and reaches `place`; 0 if none does."""
    if text[start] not in _first_characters():
        return 0
    for end in range(min(len(text), start + _LONGEST_EMOJI), place, -1):
        if text[start:end].translate(_TONES) in _recommended():
            return end
    return 0


@cache
def _recommended() -> frozenset[str]:
    """Return Unicode's fully-qualified emoji that hold an invisible character, without their skin tones."""
    return frozenset(files(__package__).joinpath("emoji_sequences.txt").read_text("utf-8").split())


@cache
def _first_characters() -> frozenset[str]:
    return frozenset(sequence[0] for sequence in _recommended())
