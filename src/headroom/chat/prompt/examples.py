"""How a model is asked for a memory block: alike in each request of a client, so that a prompt cache can keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from .frame import INSTRUCTION, frame

# ---- from headroom.chat.small_models

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

__all__ = ["EXAMPLES", "EXAMPLE_FACTS", "GRAMMAR"]


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

GRAMMAR = r"""
root ::= text "\n<memory>\n" items "\n</memory>"
text ::= ([^<] | "<" " "? [^ \tmM])+
items ::= "[]" | "[" item (", " item){0,4} "]"
item ::= "{\"content\": " string ("," " " field)* "}" | "{\"forget\": " numbers "}"
field ::= "\"importance\": 0." [0-9] | "\"scope\": \"session\"" | "\"replaces\": " numbers | "\"entities\": " strings
numbers ::= "[" number (", " number){0,4} "]"
number ::= [1-9] [0-9]?
strings ::= "[" string (", " string){0,4} "]"
string ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\/nt]){1,200} "\""
""".lstrip()
"""GBNF: any text that does not open the tag, then one block."""


# ---- from headroom.chat.asking

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

__all__ = ["WAYS", "Asking", "SmallModel"]

SmallModel: TypeAlias = "bool | Literal['llama.cpp']"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a request for a block consists of."""

    instruction: str = INSTRUCTION
    examples: tuple[ChatCompletionMessageParam, ...] = ()
    """Turns before the conversation, where an API takes them."""
    facts: frozenset[str] = frozenset()
    """What the examples teach, which is never stored."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """Fields for the server that hold the reply to the format, where nothing else does."""


WAYS: Final[Mapping[bool | str, Asking]] = {
    False: Asking(),
    True: Asking(examples=EXAMPLES, facts=EXAMPLE_FACTS),
    "llama.cpp": Asking(examples=EXAMPLES, facts=EXAMPLE_FACTS, body={"grammar": GRAMMAR}),
}
"""The ways by the option `small_model`."""
