"""The tokens of a reply, for those who asked for log probabilities: those of a memory block go with it."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .block import kept
from .fields import get


class _Piece(NamedTuple):
    """Tokens that make whole characters together: as a rule one."""

    tokens: list[Any]
    length: int


class TokenQueue:
    """Tokens that wait until it is clear whether their text is shown."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: deque[_Piece] = deque()
        self._incomplete: list[Any] = []
        self._start = 0

    def push(self, tokens: Iterable[Any]) -> None:
        """Add the tokens that the reply goes on with."""
        for token in tokens:
            self._incomplete.append(token)
            if length := len(self._decoder.decode(_bytes(token))):
                self._waiting.append(_Piece(self._incomplete, length))
                self._incomplete = []

    def take(self, settled: int | None, removed: Sequence[tuple[int, int]]) -> list[Any]:
        """Take the tokens within the first `settled` characters, all where None, but those in `removed` spans."""
        pieces, start = [], self._start
        while self._waiting and (settled is None or self._start + self._waiting[0].length <= settled):
            pieces.append(self._waiting.popleft())
            self._start += pieces[-1].length
        spans = [(first - start, end - start) for first, end in removed]
        shown = kept((piece.length for piece in pieces), spans)
        return [token for piece, flag in zip(pieces, shown, strict=True) if flag for token in piece.tokens]


def visible_tokens(tokens: Iterable[Any], removed: Sequence[tuple[int, int]]) -> list[Any]:
    """Return the tokens that hold anything outside the `removed` spans of the text they make."""
    queue = TokenQueue()
    queue.push(tokens)
    return queue.take(None, removed)


def _bytes(token: Any) -> bytes:
    spelled = get(token, "bytes")
    return str(get(token, "token")).encode("utf-8", "replace") if spelled is None else bytes(spelled)
