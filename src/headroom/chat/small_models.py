"""What makes small local models keep the block's format: example turns, and a grammar for a server that takes one.

llama.cpp's server takes the grammar, in the field `grammar` of a chat completion. Ollama and LM Studio take none: a
JSON schema there is for the whole reply, which leaves the block no place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

__all__ = ["EXAMPLES", "EXAMPLE_FACTS", "GRAMMAR"]

_EXAMPLES: Final = (
    ("How high is Mount Everest?", "Mount Everest is 8,849 metres high.", None),
    ("I work as a nurse in Oslo.", "That sounds demanding!", "User works as a nurse in Oslo"),
    ("I prefer trains to planes.", "Trains are a fine way to travel.", "User prefers trains to planes"),
    ("My sister Ana loves chess.", "A chess set would make a fine gift.", "User's sister Ana loves chess"),
    ("I switched from Windows to Linux.", "Welcome to Linux!", "User switched from Windows to Linux"),
)


def _turn(said: str, reply: str, fact: str | None) -> tuple[ChatCompletionMessageParam, ChatCompletionMessageParam]:
    items = json.dumps([] if fact is None else [{"content": fact}])
    return (
        {"role": "user", "content": said},
        {"role": "assistant", "content": f"{reply}\n<memory>\n{items}\n</memory>"},
    )


EXAMPLES: Final = tuple(message for example in _EXAMPLES for message in _turn(*example))
"""Turns to put before the conversation: what is worth remembering, what is not, and how the block looks."""
EXAMPLE_FACTS: Final = frozenset(fact for _, _, fact in _EXAMPLES if fact is not None)
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
