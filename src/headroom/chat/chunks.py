"""Chat completion chunks: a memory block is hidden while it streams by."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from .fields import get, index_of, put, values, with_field
from .logprobs import TokenQueue
from .texts import Texts


class ChunkCleaner:
    """Takes the memory blocks out of one stream, choice by choice."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._choices: dict[int, _ChoiceCleaner] = {}

    def feed(self, chunk: Any) -> Sequence[Any]:
        """Return the chunk without what is hidden or held back; nothing where nothing is left of it."""
        hidden = False
        for place, choice in enumerate(get(chunk, "choices") or ()):
            index = index_of(choice, place)
            if index not in self._choices:
                self._choices[index] = _ChoiceCleaner(self._texts, index)
            hidden |= self._choices[index].clean(chunk, choice)
        return () if hidden and _says_nothing(chunk) else (chunk,)

    def close(self) -> Sequence[Any]:
        """Return what was held back by choices that never said that they were finished."""
        return [chunk for choice in self._choices.values() for chunk in choice.close()]


class _ChoiceCleaner:
    """The same for one choice."""

    def __init__(self, texts: Texts, index: int) -> None:
        self._texts, self._index = texts, index
        self._filter = texts.filter(index)
        self._tokens = TokenQueue()
        self._shown = 0
        self._finished = False
        self._last: Any = None
        """The latest chunk with text: what is held back at the end goes out in a copy of it."""
        self._logprobs: Any = None

    def clean(self, chunk: Any, choice: Any) -> bool:
        """Clean a choice of a chunk in place; tell whether text of it stays back."""
        delta = get(choice, "delta")
        text = get(delta, "content")
        text = text if isinstance(text, str) else ""
        finish_reason = get(choice, "finish_reason")
        if self._finished or not (text or finish_reason):
            return False
        if text:
            self._last = chunk
        shown = self._filter.feed(text)
        if finish_reason:
            shown += self._filter.close()
            self._finished = True
            if self._filter.cut and finish_reason == "length":
                put(choice, "finish_reason", "stop")
                self._texts.cut = True
        if shown != text:
            put(delta, "content", shown)
        self._shown += len(shown)
        self._clean_tokens(choice)
        return bool(text) and not shown

    def _clean_tokens(self, choice: Any) -> None:
        logprobs = get(choice, "logprobs")
        if get(logprobs, "content"):
            self._logprobs = logprobs
            self._tokens.push(get(logprobs, "content"))
        if self._logprobs is None:
            return
        removed = self._filter.removed
        settled = None if self._finished else self._shown + sum(end - start for start, end in removed)
        tokens = self._tokens.take(settled, removed)
        if logprobs is not None:
            put(logprobs, "content", tokens)
        elif tokens:
            put(choice, "logprobs", with_field(self._logprobs, "content", tokens))

    def close(self) -> Sequence[Any]:
        """Return a chunk with what was held back, where the stream ended without a finish reason."""
        if self._finished:
            return ()
        self._finished = True
        held = self._filter.close()
        tokens = self._tokens.take(None, self._filter.removed)
        if not held and not tokens:
            return ()
        chunk = copy.deepcopy(self._last)
        numbered = enumerate(get(chunk, "choices"))
        choices = [choice for place, choice in numbered if index_of(choice, place) == self._index]
        put(chunk, "choices", choices)
        put(get(choices[0], "delta"), "content", held)
        if self._logprobs is not None:
            put(choices[0], "logprobs", with_field(self._logprobs, "content", tokens))
        return (chunk,)


def _says_nothing(chunk: Any) -> bool:
    """Tell whether a chunk, its text gone, carries nothing else either."""
    return not get(chunk, "usage") and not any(
        get(choice, "finish_reason")
        or get(get(choice, "logprobs"), "content")
        or any(values(get(choice, "delta")).values())
        for choice in get(chunk, "choices")
    )
