"""OpenTelemetry: the memory's part of a chat as spans, without a user's text unless asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..server import Server

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Make = Callable[..., Any]
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "I have a dog"}]}
BLOCK = '\n\n<memory>\n[{"content": "User has a dog"}]\n</memory>'

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider() -> Iterator[TracerProvider]:
    """The program's tracer; OpenTelemetry takes one a process."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(made)
    yield made
    made.shutdown()


@pytest.fixture(autouse=True)
def no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    EXPORTER.clear()


def spans() -> dict[str, ReadableSpan]:
    return {span.name: span for span in EXPORTER.get_finished_spans()}


def test_a_turn(server: Server, remembering: Make) -> None:
    """A turn searches and stores, within the program's own span; counts are there, and no text is."""
    client = remembering()
    client.memory.add("User has a cat")
    server.script("Nice." + BLOCK)
    with trace.get_tracer("test").start_as_current_span("program") as program:
        client.chat.completions.create(**ASK)
    found = spans()
    assert set(found) == {"search_memory", "upsert_memory", "program"}
    for name in ("search_memory", "upsert_memory"):
        span = found[name]
        assert span.parent is not None
        assert span.parent.span_id == program.get_span_context().span_id
        assert span.kind is trace.SpanKind.INTERNAL
        assert span.attributes == {"gen_ai.operation.name": name, "gen_ai.memory.record.count": 1}
        assert "dog" not in span.to_json()
        assert "cat" not in span.to_json()


def test_text_where_it_is_asked_for(server: Server, remembering: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the conventions' own switch the question and the records are in the spans."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    client = remembering()
    note = client.memory.add("User has a cat")
    server.script("Nice." + BLOCK)
    client.chat.completions.create(**ASK)
    found = {name: dict(span.attributes or {}) for name, span in spans().items()}
    assert found["search_memory"]["gen_ai.memory.query.text"] == "I have a dog"
    (record,) = json.loads(str(found["search_memory"]["gen_ai.memory.records"]))
    assert (record["id"], record["content"]) == (note, "User has a cat")
    assert json.loads(str(found["upsert_memory"]["gen_ai.memory.records"])) == [{"content": "User has a dog"}]


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("what the user said")


async def test_a_failure(server: Server, remembering: Make, memory: Any) -> None:
    """A failed step is an error span that names the error and quotes nothing."""
    client = remembering(on_error="warn")
    memory.engine.recall = broken
    client.chat.completions.create(**ASK)
    span = spans()["search_memory"]
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description is None
    assert (span.attributes or {})["error.type"] == "RuntimeError"
    assert span.events == ()


def test_a_program_that_does_not_trace() -> None:
    """`with_memory` itself does not import OpenTelemetry."""
    code = "import sys, headroom.chat; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
