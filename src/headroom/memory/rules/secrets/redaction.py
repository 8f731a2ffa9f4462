"""Keep secrets out of memories: what reads as one is replaced by a typed placeholder, such as "[redacted jwt]".

Which forms are known is the table in `kinds`. Nothing here logs, and no error repeats the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ...records import Draft, Json, Origin, Relationship
from .checksums import is_card_number
from .kinds import KINDS

Counts = dict[str, int]
"""How many secrets of each kind were taken out."""

Edge: TypeAlias = "Relationship | tuple[str, str, str] | Mapping[str, str]"

_TRUSTED = frozenset({Origin.APPLICATION, Origin.IMPORT})
_SHORTEST_REPEAT = 4
"""A secret that was found in one field is taken out of the others too, if it is at least this long."""
_TELLING_KEYS = frozenset(
    """
    password passwd passphrase passcode pwd pin secret apikey secretkey accesskey secretaccesskey accesstoken
    refreshtoken authtoken bearertoken clientsecret privatekey encryptionkey signingkey webhooksecret cvv cvc
    """.split()
)


class _Finds:
    """What was found in one draft."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.placeholders: dict[str, str] = {}
        """From each secret to what stands in its place."""

    def add(self, kind: str, secret: str) -> str:
        placeholder = f"[redacted {kind}]"
        self.counts[kind] += 1
        self.placeholders[secret] = placeholder
        return placeholder


def may_hold_secrets(draft: Draft, asked: bool | None) -> bool:
    """Return whether a draft is to be redacted: True and False of the configuration say so for every draft.

    None leaves alone what the application itself saves, and what it imports: it knows what it does. All else came
    through a model's block or an agent's door.
    """
    return draft.origin not in _TRUSTED if asked is None else asked


def redact_text(text: str) -> tuple[str, Counts]:
    """Return `text` with a placeholder for each secret, and how many of each kind there were.

    A text that was redacted before comes back as it is.
    """
    finds = _Finds()
    return _by_form(text, finds), dict(finds.counts)


def redact(draft: Draft) -> tuple[Draft, Counts]:
    """Return a checked draft without secrets in its text, entities, relationships and metadata, and their counts.

    An entity or relationship that holds a secret is left out: it would join memories that have nothing in common. A
    secret that is found in one field is taken out of all. A draft that holds none is returned as it is.
    """
    finds = _Finds()
    content = _by_form(draft.content, finds)
    entities = [(entity, _by_form(entity, finds)) for entity in draft.entities]
    edges = [(edge, _edge_is_clean(edge, finds)) for edge in draft.relationships]
    metadata = {_by_form(key, finds): _value(value, finds, key) for key, value in draft.metadata.items()}
    if not finds.counts:
        return draft, {}
    repeats = {secret: put for secret, put in finds.placeholders.items() if len(secret) >= _SHORTEST_REPEAT}
    clean = replace(
        draft,
        content=_repeated(content, repeats),
        entities=tuple(old for old, new in entities if old == new == _repeated(new, repeats)),
        relationships=tuple(
            edge for edge, clean in edges if clean and all(part == _repeated(part, repeats) for part in _parts(edge))
        ),
        metadata={_repeated(key, repeats): _repeated_in(value, repeats) for key, value in metadata.items()},
    )
    return clean, dict(finds.counts)


def _by_form(text: str, finds: _Finds) -> str:
    """Replace what any kind of the table finds, one kind after the other."""
    for kind in KINDS:
        folded = text.lower()
        if not any(needle in folded for needle in kind.needles):
            continue
        pieces, done = [], 0
        for match in kind.pattern.finditer(text):
            span = kind.span(match)
            if span is not None:
                pieces += [text[done : span[0]], finds.add(kind.name, text[slice(*span)])]
                done = span[1]
        text = "".join([*pieces, text[done:]])
    return text


def _edge_is_clean(edge: Edge, finds: _Finds) -> bool:
    """Look at the parts, and at the sentence that they make: ("router", "has the password", "...")."""
    before = sum(finds.counts.values())
    parts = _parts(edge)
    for text in (*parts, " ".join(parts)):
        _by_form(text, finds)
    return sum(finds.counts.values()) == before


def _parts(edge: Edge) -> tuple[str, ...]:
    return tuple(edge.values()) if isinstance(edge, Mapping) else tuple(edge)


def _value(value: Json, finds: _Finds, key: str) -> Json:
    """Redact a value of the metadata; under a name such as "api_key" it is one whatever it looks like."""
    if isinstance(value, Mapping):
        return {_by_form(name, finds): _value(item, finds, name) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(item, finds, key) for item in value]
    if value is None or isinstance(value, (bool, float)) or value == "":
        return value
    if "".join(char for char in key.casefold() if char.isalnum()) in _TELLING_KEYS and "[redacted " not in str(value):
        return finds.add("password", str(value))
    if isinstance(value, int):
        return finds.add("card-number", str(value)) if is_card_number(str(value)) else value
    return _by_form(value, finds)


def _repeated(text: str, repeats: Mapping[str, str]) -> str:
    for secret in sorted(repeats, key=len, reverse=True):
        text = text.replace(secret, repeats[secret])
    return text


def _repeated_in(value: Json, repeats: Mapping[str, str]) -> Json:
    if isinstance(value, str):
        return _repeated(value, repeats)
    if isinstance(value, Mapping):
        return {_repeated(key, repeats): _repeated_in(item, repeats) for key, item in value.items()}
    return [_repeated_in(item, repeats) for item in value] if isinstance(value, Sequence) else value
