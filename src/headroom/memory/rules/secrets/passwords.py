"""Passwords and keys that are named in words: "the Wi-Fi password is ...", `api_key = "..."`, "PIN: ...".

Such a value has no form of its own, so its neighbours decide: the word that names it, and whether it can be meant as
a value at all. "The password is stored in the vault" and `password = getpass()` hold none.
"""

from __future__ import annotations

import re

_NAMES = (
    r"(?:(?<![^\W_])(?:pass(?:word|phrase|code|wd)s?|pwd|passwort|kennwort|contraseña|mot de passe|senha|wachtwoord"
    r"|hasło|пароль)|パスワード|密码|密碼)"
)
_KEYS = (
    r"(?<![^\W_])(?:(?:api|secret|access|signing|encryption|client|auth|bearer|refresh|session|webhook|app|shared)"
    r"[ _-]?(?:access[ _-]?)?(?:key|secret|token|password)|secret)"
)
_PLACE = r"(?:\s{1,8}(?:for|to|of|on|at|in|from|für|zu|zum|de|del|du|da|pour|voor|van)\s{1,8}[^\n.:=]{1,60}?)?"
_IS = (
    r"(?:\s{1,8}(?:is|was|are|ist|war|lautet|es|est|era|é|è|to|это)\b"
    r"(?:\s{1,8}(?:now|currently|still|set\sto|jetzt|ahora|maintenant)\b)?(?:\s{0,8}:)?\s{0,8}"
    r"|\s{0,8}(?:は|是|为|為)\s{0,8}"
    r"|\s{1,8}(?:changed\s)?(?:to|as)\s{1,8}"
    r"|[\"'\]]{0,2}\s{0,8}(?P<sign>:=|=>|->|==?|[:：])\s{0,8})"
)
_JOINED = rf"(?:{_PLACE}{_IS}|\s{{1,8}})"
_VALUE = r"(?P<quote>[\"'`“”„«])?(?P<secret>(?(quote)[^\"'`“”»\n]{1,128}(?=[\"'`“”»])|\S{1,256}))"

PASSWORD = re.compile(rf"(?i){_NAMES}{_JOINED}{_VALUE}")
"""A password that is named. The value is in the group `secret`; `password_span` judges it."""
KEY = re.compile(rf"(?i){_KEYS}{_JOINED}{_VALUE}")
"""A key or token that is named. The value is in the group `secret`; `key_span` judges it."""
PIN = re.compile(
    r"\b(?:PIN(?:[ -][Cc]ode)?|CVV2?|CVC2?)"
    r"(?:\s(?:is|was|ist|est|es)\s|\s?[:=]\s?|\s)(?P<secret>[0-9]{3,4})(?![\w-])"
)
"""The PIN or the security code of a card."""

# What follows "password is" in ordinary sentences and in code. Participles in -ed and -ing are known by their end.
_ORDINARY = frozenset(
    """
    a about after again all also always an and any as at auto available because before being between blank bool both by
    bytes can case correct default different dict easy either empty encrypted enough even every expired false field fine
    for forgotten free from function gone good hard hash hidden how if in incorrect input int invalid it its just known
    later less list long lost manager managers me mine missing more must my necessary needed never new next nil no none
    not null number object of off ok old on one only optional or our out over private protected public ready reset
    right safe same secret secure set shared short should shown simple so static still str string strong stuck stolen
    such text that the their then there these this to today token too true type undefined under unique unknown unset
    up user username valid value var very via void was weak what when where which while who why will with without wrong
    written yes yet you your abgelaufen falsch geändert gespeichert im in nicht richtig sicher vergessen incorrecta
    segura oublié perdu errada broken chosen done found given held kept left made meant put read said seen sent taken
    thrown told understood
    """.split()
)
_REMARK = re.compile(r"(?i)(?:too|not|is|must|your|the|enter|no|a|an|required|invalid|incorrect|please)\s")
_FILLER = re.compile(r"[*•.xX_?#-]{3,}|\.\.\.|…")
_REFERENCE = re.compile(
    r"[$%]?\{|\$[A-Z_]{2,}|%[sd(]|<[^>]*>?$|\[|[({]|&[A-Za-z]"  # template variables, and what was redacted already
    r"|https?:|/|\\|[A-Za-z_][\w.]*[(\[]"  # addresses, paths, calls and look-ups
    r"|(?:self|this|os|process|config|settings|args|request|req|env|ctx|data|params|user|form|cls)\.[A-Za-z_]"
)
_AFTER_COLON = re.compile(r"[;,\"'<>`]")
_AFTER_SIGN = re.compile(r"[&;,\"'<>`]")
_ITS_NAME = re.compile(r"(?i)[\w.]*(?:password|passphrase|passwd|pwd)s?")
_COUNTED = re.compile(r"[0-9]+(?:[-–][A-Za-z]+)+|[0-9]{1,3}|[0-9]{1,2}:[0-9]{2}|[12][0-9]{3}-[01]?[0-9]-[0-3]?[0-9]")
_MARKS = frozenset("!@#$%^&*+=~?|")


def password_span(match: re.Match[str]) -> tuple[int, int] | None:
    """Return where the password of a match of PASSWORD begins and ends; None if no password is meant."""
    start, end = _bounds(match)
    value = match.string[start:end]
    if len(value) < 4 or _is_reference(value) or _ITS_NAME.fullmatch(value):
        return None
    if match["quote"]:
        return None if _is_word(value) or _REMARK.match(value) else (start, end)
    if _COUNTED.fullmatch(value) or value.casefold() in _ORDINARY:
        return None
    if _is_strong(value) and (_connector(match) != "space" or any(char.isdigit() for char in value)):
        return start, end
    named_outright = _connector(match) == "is" and _ends_sentence(match.string, end)
    if named_outright and value.isalpha() and not _is_word(value):
        return start, end
    return None


def key_span(match: re.Match[str]) -> tuple[int, int] | None:
    """Return where the key of a match of KEY begins and ends; None if no key is meant."""
    start, end = _bounds(match)
    value = match.string[start:end]
    digits = sum(char.isdigit() for char in value)
    long_enough = len(value) >= (16 if _connector(match) == "space" else 8)
    if not long_enough or " " in value or not 2 <= digits < len(value) or _is_reference(value):
        return None
    return None if _COUNTED.fullmatch(value) or re.fullmatch(r"[\w-]*\.[a-z]{2,4}", value) else (start, end)


def _bounds(match: re.Match[str]) -> tuple[int, int]:
    """Find the value: without the sentence's punctuation, and in code only up to the next delimiter."""
    start, end = match.span("secret")
    if match["quote"]:
        return start, end
    value = match["secret"]
    if match["sign"] and (cut := (_AFTER_COLON if match["sign"] in ":：" else _AFTER_SIGN).search(value)):
        value = value[: cut.start()]
    value = value.rstrip(".,;:)]}\"'`”»。、，*_")
    return start, start + len(value)


_VERB = re.compile(r"(?i)(?:\b(?:is|was|ist|war|lautet|es|est|era|é|è|это|now)|は|是|为|為)\s*:?\s*$")


def _connector(match: re.Match[str]) -> str:
    """Return how name and value are joined: by a `sign` such as "=", by a verb or a colon (`is`), or by a `space`."""
    if match["sign"]:
        return "is" if match["sign"] in ":：" else "sign"
    before = match.string[match.start() : match.start("secret")].rstrip("\"'`“„«")
    return "is" if _VERB.search(before) else "space"


def _is_strong(value: str) -> bool:
    """Return whether a word holds a digit or a mark as no ordinary word does."""
    has_digit = any(char.isdigit() for char in value)
    if value.isdigit():
        return 4 <= len(value) <= 12
    if value.casefold().endswith(("ed", "ing")) and "-" in value:  # base64-encoded, 2FA-protected
        return False
    return has_digit or (len(value) >= 6 and any(char in _MARKS for char in value[:-1]))


def _is_word(value: str) -> bool:
    """Return whether a single value reads as a word about a password, not as one."""
    folded = value.casefold()
    return folded in _ORDINARY or (value.isalpha() and folded.endswith(("ed", "ing", "ly", "able", "ible")))


def _is_reference(value: str) -> bool:
    """Return whether a value only stands for one: a variable, a call, a template, a row of stars, an address."""
    return bool(_REFERENCE.match(value) or _FILLER.fullmatch(value.strip("<>[](){}:")) or "[redacted " in value)


def _ends_sentence(text: str, end: int) -> bool:
    return re.match(r"[\"'`”»]?\s*(?:$|[.,;!?)。]|(?:and|und|y|et)\s)", text[end : end + 12]) is not None
