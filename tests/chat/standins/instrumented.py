"""Run one instrumentation package against a client with memory, in a process of its own: some patch `openai` for good.

    python -m tests.chat.standins.instrumented PACKAGE inside|outside FOLDER

"Inside" instruments the client before `with_memory` wraps it, "outside" afterwards.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

from headroom import Memory, with_memory
from headroom.testing import HashEmbedder

from ...server import Server
from ..clients import KEY, each, entered, settled

FACT = "User prefers Python"
BLOCK = f'\n\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'
TEXT = "Python it is."
CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "I prefer Python"}]}
RESPOND: dict[str, Any] = {"model": "gpt-4o", "input": "I prefer Python"}
Instrument = Callable[[Any], Any]


def spans() -> Any:
    """Set up OpenTelemetry with an exporter that keeps the spans."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def by_opentelemetry() -> tuple[Instrument, Callable[[], int]]:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    exporter = spans()
    return _once(OpenAIInstrumentor().instrument), lambda: len(exporter.get_finished_spans())


def by_openinference() -> tuple[Instrument, Callable[[], int]]:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    exporter = spans()
    return _once(OpenAIInstrumentor().instrument), lambda: len(exporter.get_finished_spans())


def by_logfire() -> tuple[Instrument, Callable[[], int]]:
    import logfire
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(exporter)])

    def instrument(client: Any) -> Any:
        logfire.instrument_openai(client)
        return client

    return instrument, lambda: len(exporter.get_finished_spans())


def by_langsmith() -> tuple[Instrument, Callable[[], int]]:
    from langsmith.wrappers import wrap_openai

    runs: list[str] = []
    import langsmith.run_helpers as helpers

    made = helpers._setup_run

    def counted(*args: Any, **kwargs: Any) -> Any:
        runs.append("run")
        return made(*args, **kwargs)

    helpers._setup_run = counted
    return wrap_openai, lambda: len(runs)


def by_langfuse() -> tuple[Instrument, Callable[[], int]]:
    exporter = spans()

    def instrument() -> None:
        import langfuse.openai  # noqa: F401 - the import itself patches openai

    from langfuse import Langfuse
    from opentelemetry import trace

    Langfuse(tracer_provider=trace.get_tracer_provider())
    return _once(instrument), lambda: len(exporter.get_finished_spans())


def _once(instrument: Callable[[], Any]) -> Instrument:
    """Make of a package that patches the classes of `openai` one that is handed each client."""
    done: list[bool] = []

    def patched(client: Any) -> Any:
        if not done:
            instrument()
            done.append(True)
        return client

    return patched


PACKAGES = {
    "opentelemetry": by_opentelemetry,
    "openinference": by_openinference,
    "logfire": by_logfire,
    "langsmith": by_langsmith,
    "langfuse": by_langfuse,
}


def shown(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def heard(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


async def plain(client: Any) -> str:
    reply = await settled(client.chat.completions.create(**CHAT))
    return str(reply.choices[0].message.content)


async def streamed(client: Any) -> str:
    stream = await settled(client.chat.completions.create(**CHAT, stream=True))
    return shown([chunk async for chunk in each_of(client, stream)])


async def streamed_in_with(client: Any) -> str:
    stream = await settled(client.chat.completions.create(**CHAT, stream=True))
    if is_async(client):
        async with stream as inside:
            return shown([chunk async for chunk in inside])
    with stream as inside:
        return shown(list(inside))


async def helper(client: Any) -> str:
    async with entered(client.chat.completions.stream(**CHAT)) as stream:
        events = [event async for event in each_of(client, stream)]
    return "".join(event.delta for event in events if event.type == "content.delta")


async def raw(client: Any) -> str:
    response = await settled(client.chat.completions.with_raw_response.create(**CHAT))
    return str((await settled(response.parse())).choices[0].message.content)


async def raw_streamed(client: Any) -> str:
    response = await settled(client.chat.completions.with_raw_response.create(**CHAT, stream=True))
    return shown([chunk async for chunk in each_of(client, await settled(response.parse()))])


async def responded(client: Any) -> str:
    return str((await settled(client.responses.create(**RESPOND))).output_text)


async def responded_streamed(client: Any) -> str:
    stream = await settled(client.responses.create(**RESPOND, stream=True))
    return heard([event async for event in each_of(client, stream)])


async def responded_by_helper(client: Any) -> str:
    async with entered(client.responses.stream(**RESPOND)) as stream:
        return heard([event async for event in each_of(client, stream)])


WAYS = (
    plain,
    streamed,
    streamed_in_with,
    helper,
    raw,
    raw_streamed,
    responded,
    responded_streamed,
    responded_by_helper,
)


def is_async(client: Any) -> bool:
    return isinstance(client, openai.AsyncOpenAI)


async def each_of(client: Any, stream: Any) -> Any:
    """Iterate as a user of this client would, whatever else the stream could do."""
    if is_async(client):
        async for item in each(stream):
            yield item
    else:
        for item in stream:
            yield item


async def main(package: str, order: str, folder: Path) -> None:
    server = Server()
    os.environ.update(
        LANGSMITH_TRACING="true", LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY="k", LANGFUSE_HOST=server.url,
        LANGFUSE_PUBLIC_KEY="k", LANGFUSE_SECRET_KEY="k", LOGFIRE_SEND_TO_LOGFIRE="false",
    )  # fmt: skip
    instrument, seen = PACKAGES[package]()
    before = seen()
    for kind in (openai.OpenAI, openai.AsyncOpenAI):
        for way in WAYS:
            name = f"{kind.__name__} {way.__name__}"
            client = kind(base_url=f"{server.url}/v1", **KEY)
            async with Memory(db_path=folder / f"{name}.db", embedder=HashEmbedder()) as memory:
                options: Any = {"memory": memory, "on_error": "raise"}
                if order == "inside":
                    chat = with_memory(instrument(client), "alice", **options)
                else:
                    chat = instrument(with_memory(client, "alice", **options))
                asked = len(server.received)
                server.script(TEXT + BLOCK)
                text = await way(chat)
                assert text == TEXT, f"{name}: {text!r}"
                facts = [record.content for record in await memory.get_all("alice")]
                assert facts == [FACT], f"{name}: {facts}"
                requests = [r for r in server.received[asked:] if r.path.startswith("/v1/")]
                assert len(requests) == 1, f"{name}: {len(requests)} requests"
                assert requests[0].raw.count(b"<memory>") == 1, f"{name}: the instruction was added twice"
            await settled(client.close())
            assert seen() > before, f"{name}: the instrumentation saw nothing"
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
