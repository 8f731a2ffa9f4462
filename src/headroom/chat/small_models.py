"""What makes small local models keep the block's format: example turns, and a grammar for servers that take one.

A large model needs neither. Ordinary arguments of a call carry both, and a wrapped client passes them through:

    client.chat.completions.create(
        model="smollm2-135m-instruct",
        messages=[*EXAMPLES, {"role": "user", "content": "I prefer Python for backend work"}],
        extra_body={"grammar": GRAMMAR},
    )

llama.cpp takes the grammar under this name. Ollama takes none: a JSON schema there would turn the whole reply into
JSON, which leaves the block no place, so give it the example turns alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

__all__ = ["EXAMPLES", "GRAMMAR"]


def _turn(said: str, reply: str, *facts: str) -> list[ChatCompletionMessageParam]:
    items = json.dumps([{"content": fact} for fact in facts])
    return [
        {"role": "user", "content": said},
        {"role": "assistant", "content": f"{reply}\n<memory>\n{items}\n</memory>"},
    ]


EXAMPLES: list[ChatCompletionMessageParam] = [
    *_turn("How high is Mount Everest?", "Mount Everest is 8,849 metres high."),
    *_turn("I work as a nurse in Oslo.", "That sounds demanding!", "User works as a nurse in Oslo"),
    *_turn("I prefer trains to planes.", "Trains are a fine way to travel.", "User prefers trains to planes"),
    *_turn("My sister Ana loves chess.", "A chess set would make a fine gift.", "User's sister Ana loves chess"),
    *_turn("I switched from Windows to Linux.", "Welcome to Linux!", "User switched from Windows to Linux"),
]
"""Turns to put before the first user message: what is worth remembering, what is not, and how the block looks."""

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
