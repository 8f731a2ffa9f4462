"""How a model is asked for a memory block: alike in each request of a client, so that a prompt cache can keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .prompt import INSTRUCTION
from .small_models import EXAMPLE_FACTS, EXAMPLES, GRAMMAR

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
