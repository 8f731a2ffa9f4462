"""What is taken out of a memory, and what is left alone."""

from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.records import Draft, Relationship
from headroom.memory.rules.secrets.kinds import KINDS, Kind
from headroom.memory.rules.secrets.redaction import redact, redact_text

from .documented import DOCUMENTED
from .lookalikes import harmless

if sys.version_info >= (3, 11):
    from re import _parser as parser
else:
    import sre_parse as parser

pytestmark = pytest.mark.quick

SPOKEN = [
    ("My password is hunter2", "hunter2"),
    ("The Wi-Fi password at home is swordfish.", "swordfish"),
    ("the password for the guest network is gast-2024", "gast-2024"),
    ('Remember that my Netflix password is "correct horse battery staple"', "correct horse battery staple"),
    ("login alice, password s3cr3t!", "s3cr3t"),
    ("I changed my password to Zebra#99", "Zebra#99"),
    ("password: Tr0ub4dor&3", "Tr0ub4dor&3"),
    ("DB_PASSWORD=hunter2", "hunter2"),
    ("Server=db;Password=myPassw0rd;", "myPassw0rd"),
    ("User's passcode is 845921", "845921"),
    ("Mein Passwort lautet Sommer2024!", "Sommer2024"),
    ("Mi contraseña es Perro123", "Perro123"),
    ("Mon mot de passe est soleil75", "soleil75"),
    ("我的密码是abc12345", "abc12345"),
    ("My PIN is 4711", "4711"),
    ("My API key is 9f8e7d6c5b4a3210", "9f8e7d6c5b4a3210"),
]


def test_there_are_enough_documented_secrets() -> None:
    """At least 60 secrets of 20 kinds, each from the documentation of its issuer, and no two the same."""
    assert len({text for _, _, text in DOCUMENTED}) >= 60
    assert len({kind for kind, _, _ in DOCUMENTED}) >= 20


@pytest.mark.parametrize(("kind", "source", "text"), DOCUMENTED)
def test_a_documented_secret_is_found(kind: str, source: str, text: str) -> None:
    """Each is found as its own kind, alone and in a sentence, and no more than it."""
    for sentence in (text, f"User says: {text} (keep it)", f"See this:\n{text}\nThanks"):
        clean, counts = redact_text(sentence)
        assert counts == {kind: 1}, source
        assert f"[redacted {kind}]" in clean


@pytest.mark.parametrize(("sentence", "secret"), SPOKEN)
def test_a_password_that_is_named_is_found(sentence: str, secret: str) -> None:
    """Words that name a password, key or PIN give away the value beside them, in several languages."""
    clean, counts = redact_text(sentence)
    assert secret not in clean
    assert sum(counts.values()) == 1


def test_harmless_texts_stay_as_they_are() -> None:
    """Of at least 300 hashes, ids, numbers, lines of code and sentences about passwords at most one is touched."""
    texts = list(harmless())
    assert len(set(texts)) >= 300
    touched = [text for text in texts if redact_text(text) != (text, {})]
    assert len(touched) <= 1, touched


@pytest.mark.parametrize(("kind", "source", "text"), DOCUMENTED)
def test_redacting_twice_changes_nothing_more(kind: str, source: str, text: str) -> None:
    """A placeholder is no secret, so that what was exported and imported again stays the same."""
    clean, _ = redact_text(f"My password is hunter2 and {text}")
    assert redact_text(clean) == (clean, {})


@given(st.text(max_size=300))
def test_any_text_can_be_redacted(text: str) -> None:
    """No text is an error, and what is not counted is not changed."""
    clean, counts = redact_text(text)
    assert bool(counts) == (clean != text)


def test_every_field_is_looked_at() -> None:
    """Text, entities, relationships and metadata, nested ones too; the draft's other fields stay."""
    key = "sk_te" + "st_4eC39HqLyjWDarjtT1zdp7dc"
    draft = Draft(
        f"User's Stripe key is {key}",
        importance=0.9,
        entities=("Stripe", key),
        relationships=(Relationship("Alice", "uses", "Stripe"), Relationship("Stripe", "key is", key)),
        metadata={"note": f"see {key}", "deep": [{"also": key}], "topic": "payments", "count": 3},
    )
    clean, counts = redact(draft)
    assert key not in repr(clean)
    assert clean.content == "User's Stripe key is [redacted stripe-key]"
    assert clean.importance == 0.9
    assert clean.entities == ("Stripe",)
    assert clean.relationships == (Relationship("Alice", "uses", "Stripe"),)
    assert clean.metadata["topic"] == "payments"
    assert clean.metadata["count"] == 3
    assert set(counts) == {"stripe-key"}


def test_a_password_found_in_the_text_is_taken_out_of_the_other_fields() -> None:
    """There it has nothing beside it that names it."""
    draft = Draft(
        "The Wi-Fi password is swordfish.",
        entities=("Wi-Fi", "swordfish"),
        relationships=(("router", "opens with", "swordfish"),),
        metadata={"said": "swordfish it is"},
    )
    clean, counts = redact(draft)
    assert "swordfish" not in repr(clean)
    assert clean.entities == ("Wi-Fi",)
    assert clean.relationships == ()
    assert counts == {"password": 1}


def test_a_telling_name_in_the_metadata_is_enough() -> None:
    """Under "api_key" or "password" any value is a secret; flags and numbers of other names are none."""
    draft = Draft("User has an account", metadata={"Password": "plain", "api-key": "abc", "secret": True, "pins": 3})
    clean, counts = redact(draft)
    assert clean.metadata == {
        "Password": "[redacted password]",
        "api-key": "[redacted password]",
        "secret": True,
        "pins": 3,
    }
    assert counts == {"password": 2}
    assert redact(clean) == (clean, {})


def test_a_card_number_is_found_as_a_number_too() -> None:
    """Metadata may hold it as an integer."""
    clean, counts = redact(Draft("User pays by card", metadata={"number": 4242424242424242, "zip": 10115}))
    assert clean.metadata == {"number": "[redacted card-number]", "zip": 10115}
    assert counts == {"card-number": 1}


def test_a_relationship_is_read_as_a_sentence() -> None:
    """Its parts alone may say nothing: ("router", "password is", "hunter2")."""
    clean, counts = redact(Draft("User has a router", relationships=(("router", "password is", "hunter2"),)))
    assert clean.relationships == ()
    assert sum(counts.values()) == 1


def test_a_draft_without_secrets_is_the_same_draft() -> None:
    """Nothing is copied for the nearly all that hold none."""
    draft = Draft("User prefers Python", metadata={"a": [1, {"b": None}]})
    clean, counts = redact(draft)
    assert clean is draft
    assert counts == {}


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A secret must not end in a log on its way out of a memory."""
    with caplog.at_level(logging.DEBUG):
        redact(Draft("My password is hunter2"))
    assert not caplog.records


HOSTILE = [
    "password ",
    "password for ",
    "password is" + " " * 50,
    "sk-",
    "eyJ",
    "eyJaaaaaaaaaaaa.",
    "-----BEGIN PRIV" + "ATE KEY-----",
    "-----BEGIN PRIV" + "ATE KEY-----" + "A" * 200,
    "PuTTY-User-Key-File-2:",
    "a://a:",
    "secretkey",
    "4",
    "4242 ",
    "DE89 ",
    "otpauth://totp/?",
    "authorization: basic ",
    "AKIA",
    "hooks.slack.com/services/",
    'password:"',
    "0123456789abcdef",
    " ",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_comes_to_an_end(unit: str) -> None:
    """Texts that are many times longer than a memory may be, made to send patterns back and forth, come through."""
    redact_text(unit * (200_000 // len(unit)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name != "private-key"], ids=lambda kind: kind.name)
def test_every_repetition_is_bounded(kind: Kind) -> None:
    """So a pattern that fails has looked at a bounded number of characters, wherever it began: time is linear.

    Private keys alone may be of any length: what begins there is taken to the end of the key, or of the text.
    """
    assert longest_repetition(parser.parse(kind.pattern.pattern, kind.pattern.flags)) <= 4_000


def longest_repetition(part: object) -> int:
    """Walk a parsed pattern, and return the most often that any of its parts may repeat."""
    if isinstance(part, tuple) and len(part) == 2 and str(part[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
        _, most, repeated = part[1]
        return max(int(most), longest_repetition(repeated))
    if isinstance(part, tuple | list | parser.SubPattern):
        return max(map(longest_repetition, part), default=0)
    return 0


def test_every_kind_says_what_it_looks_for_first() -> None:
    """A needle is in lower case, and each kind has at least one: else its pattern would never or always be tried."""
    for kind in KINDS:
        assert kind.needles
        assert all(needle and needle == needle.lower() for needle in kind.needles)
