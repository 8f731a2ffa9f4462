"""The options of `with_memory`, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Literal, TypeAlias

from ..errors import InvalidInput
from ..memory.records import Scope
from ..memory.rules.gate import REVIEWS, Review
from .last_turn import LastTurn, RecordTurns
from .learning import Redact
from .prompt.examples import PLAIN, WITH_EXAMPLES, Request

OnTurn: TypeAlias = Callable[[LastTurn], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keyword arguments of `with_memory`, checked."""

    top_k: int
    inject: bool
    extract: bool
    token_budget: int
    note_length: int | None
    recall_timeout: float | None
    on_error: Literal["warn", "raise"]
    redact: Redact | None
    small_model: bool
    record_turns: RecordTurns = None
    review: Review = "untrusted"
    learn_scope: Scope = Scope.USER
    learn_expires: timedelta | None = None
    on_turn: OnTurn | None = None
    zone: tzinfo | None = None

    def __post_init__(self) -> None:
        for name in ("top_k", "token_budget", "note_length"):
            value = getattr(self, name)
            if name == "note_length" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} must be a whole number of at least 1, not {value!r}")
        if self.recall_timeout is not None and not (
            isinstance(self.recall_timeout, (int, float)) and self.recall_timeout > 0
        ):
            raise InvalidInput(
                f"recall_timeout must be a number of seconds above 0, or None, not {self.recall_timeout!r}"
            )
        if self.on_error not in ("warn", "raise"):
            raise InvalidInput(f'on_error must be "warn" or "raise", not {self.on_error!r}')
        if self.redact is not None and not callable(self.redact):
            raise InvalidInput("redact must be a function from a text to a text, or to None")
        if not isinstance(self.small_model, bool):
            raise InvalidInput(f"small_model must be True or False, not {self.small_model!r}")
        if self.record_turns not in (None, "ids", "text"):
            raise InvalidInput(f'record_turns must be None, "ids" or "text", not {self.record_turns!r}')

        if self.review not in REVIEWS:
            raise InvalidInput(f"review must be one of {', '.join(REVIEWS)}, not {self.review!r}")
        if self.learn_expires is not None and not (
            isinstance(self.learn_expires, timedelta) and self.learn_expires > timedelta(0)
        ):
            raise InvalidInput(f"learn_expires must be a timedelta above 0, or None, not {self.learn_expires!r}")
        if self.on_turn is not None and not callable(self.on_turn):
            raise InvalidInput("on_turn must be a function of a LastTurn")

    @property
    def request(self) -> Request:
        """The texts that ask the model for a block."""
        return WITH_EXAMPLES if self.small_model else PLAIN
