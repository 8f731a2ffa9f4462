"""OpenTelemetry spans of the memory's part in a chat, by the conventions for generative AI.

They go to the tracer that the program has set up; if it has not imported OpenTelemetry there are none. No text of a
user is in them unless `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`.
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md#memory
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from ..memory.records import SearchResult

Operation = Literal["search_memory", "upsert_memory"]


class Span:
    """A span under way, or none."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def searched(self, message: str, found: Sequence[SearchResult]) -> None:
        """Record what a search found."""
        self._say(len(found), [{"id": note.id, "content": note.content, "score": note.score} for note in found])
        if self._span is not None and _captures_content():
            self._span.set_attribute("gen_ai.memory.query.text", message)

    def stored(self, contents: Sequence[str]) -> None:
        """Record what is about to be stored."""
        self._say(len(contents), [{"content": content} for content in contents])

    def _say(self, count: int, records: list[dict[str, Any]]) -> None:
        if self._span is None:
            return
        self._span.set_attribute("gen_ai.memory.record.count", count)
        if _captures_content():
            self._span.set_attribute("gen_ai.memory.records", json.dumps(records, ensure_ascii=False))


@contextmanager
def span(operation: Operation) -> Iterator[Span]:
    """Trace the block. Its error is named and not quoted, because it may hold a user's text."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield Span(None)
        return
    with trace.get_tracer("headroom").start_as_current_span(
        operation,
        kind=trace.SpanKind.INTERNAL,
        attributes={"gen_ai.operation.name": operation},
        record_exception=False,
        set_status_on_exception=False,
    ) as started:
        try:
            yield Span(started)
        except BaseException as exc:
            started.set_attribute("error.type", type(exc).__qualname__)
            started.set_status(trace.StatusCode.ERROR)
            raise


def _captures_content() -> bool:
    return os.environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().lower() == "true"
