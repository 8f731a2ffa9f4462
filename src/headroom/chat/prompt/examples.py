"""How a model is asked for a memory block: constant texts, so that a provider's prompt cache can keep them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from .frame import INSTRUCTION, frame

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam


class _Note(NamedTuple):
    content: str


class _Example(NamedTuple):
    said: str
    reply: str
    fact: str | None = None
    notes: tuple[_Note, ...] = ()


_EXAMPLES: Final = (
    _Example("How high is Mount Everest?", "Mount Everest is 8,849 metres high."),
    _Example("I work as a nurse in Oslo.", "That sounds demanding!", "User works as a nurse in Oslo"),
    # Without notes in any of them a model of 135M parameters repeats those of the user more often than what he says.
    _Example(
        "I prefer trains to planes.",
        "Trains are a fine way to travel.",
        "User prefers trains to planes",
        (_Note("User has a red car"),),
    ),
    _Example(
        "My sister Ana loves chess.",
        "A chess set would make a fine gift.",
        "User's sister Ana loves chess",
        (_Note("User is 34 years old"), _Note("User lives in a small house")),
    ),
    _Example("I switched from Windows to Linux.", "Welcome to Linux!", "User switched from Windows to Linux"),
)


def _turn(example: _Example) -> tuple[ChatCompletionMessageParam, ChatCompletionMessageParam]:
    items = json.dumps([] if example.fact is None else [{"content": example.fact}])
    return (
        {"role": "user", "content": _framed(example.notes) + example.said},
        {"role": "assistant", "content": f"{example.reply}\n<memory>\n{items}\n</memory>"},
    )


def _framed(notes: Sequence[_Note]) -> str:
    """Show notes as a request does, but for the day in its first line, which is not what is exemplified."""
    return frame(notes, day=date.min).text.partition("\n")[2] if notes else ""


EXAMPLES: Final = tuple(message for example in _EXAMPLES for message in _turn(example))
"""Turns to put before the conversation: what is worth remembering, what is not, and how notes and the block look."""
EXAMPLE_FACTS: Final = frozenset(
    [example.fact for example in _EXAMPLES if example.fact is not None]
    + [note.content for example in _EXAMPLES for note in example.notes]
)
"""What the examples say of their user, which is not true of any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The constant texts that ask a model for a memory block."""

    instruction: str = INSTRUCTION
    examples: tuple[ChatCompletionMessageParam, ...] = ()
    """Turns to put before the conversation, if the API takes them."""
    facts: frozenset[str] = frozenset()
    """What the examples teach; it is never stored."""


PLAIN: Final = Request()
WITH_EXAMPLES: Final = Request(examples=EXAMPLES, facts=EXAMPLE_FACTS)
"""For small local models, which follow examples better than an instruction alone."""
