"""A provider that refuses what memory adds gets the caller's own request, once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import openai
import pytest

from ..server import Reply, Server, fails, says
from .clients import each, settled

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
BLOCK = '\n\n<memory>\n[{"content": "User said hello"}]\n</memory>'
NAMES = ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "Groq", "AsyncGroq")


@pytest.mark.parametrize(
    "refusal",
    [fails(400, "System role not supported"), fails(500, "Jinja Exception: System role not supported")],
    ids=["bad request", "failing template"],
)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
async def test_the_callers_own_request_goes_out(
    name: str, stream: bool, refusal: Reply, server: Server, remembering: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and its reply is the provider's own; from then on this model is left alone, and `last_turn` says so."""
    client = remembering(name)
    server.script(refusal, "Hi.", "Hi again.")
    reply = await settled(client.chat.completions.create(**ASK, stream=stream))
    text = [chunk.choices[0].delta.content or "" async for chunk in each(reply)] if stream else ["Hi."]
    assert "".join(text) == "Hi."
    assert len(server.received) == 2
    assert server.last.messages == ASK["messages"]
    assert client.memory.last_turn.refused
    assert (client.memory.last_turn.recalled, client.memory.last_turn.injected) == ((), "")
    assert "without memory" in caplog.text

    await settled(client.with_options(timeout=9).chat.completions.create(**ASK))
    assert len(server.received) == 3
    assert server.last.messages == ASK["messages"]
    assert client.memory.last_turn.refused

    await settled(client.chat.completions.create(**{**ASK, "model": "another"}))
    assert len(server.last.messages) == 2
    assert not client.memory.last_turn.refused


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
async def test_a_request_that_is_wrong_in_itself(name: str, server: Server, remembering: Make) -> None:
    """If the caller's own request fails too, its error is raised, and nothing is held against the model."""
    client = remembering(name)
    server.script(fails(400, "too long with memory"), fails(400, "the caller's own fault"))
    with pytest.raises(openai.BadRequestError, match="the caller's own fault"):
        await settled(client.chat.completions.create(**ASK))
    assert len(server.received) == 2
    await settled(client.chat.completions.create(**ASK))
    assert len(server.last.messages) == 2


def test_a_context_that_overflows(server: Server, remembering: Make) -> None:
    """A model that has no room for what is added has room in shorter requests: those keep their memory."""
    client = remembering()
    server.script(fails(400, "This model's maximum context length is 100 tokens"), "Hi.")
    long = {"model": "m", "messages": [{"role": "user", "content": "Hello " * 50}]}
    client.chat.completions.create(**long)
    client.chat.completions.create(**long)
    assert len(server.received) == 3
    assert server.last.messages == long["messages"]
    client.chat.completions.create(**ASK)
    assert len(server.last.messages) == 2


def test_responses(server: Server, remembering: Make) -> None:
    """The same for the Responses API and the stream helpers."""
    client = remembering()
    server.script(fails(422), "Hi.")
    assert client.responses.create(model="m", input="Hello").output_text == "Hi."
    assert "instructions" not in server.last.body
    server.script(fails(400), says("Hi."))
    with client.chat.completions.stream(model="another", messages=ASK["messages"]) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hi."
    assert server.last.messages == ASK["messages"]


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_other_errors_are_the_callers(status: int, server: Server, remembering: Make) -> None:
    """They have nothing to do with what was added, and the request is not repeated."""
    server.script(fails(status))
    with pytest.raises(openai.APIStatusError):
        remembering().chat.completions.create(**ASK)
    assert len(server.received) == 1


def test_a_request_without_memory_is_sent_once(server: Server, remembering: Make) -> None:
    """If nothing was added, there is nothing to take back."""
    client = remembering()
    server.script(fails(400))
    with client.memory.off(), pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**ASK)
    assert len(server.received) == 1


def test_learning_begins_again_elsewhere(server: Server, remembering: Make, caplog: pytest.LogCaptureFixture) -> None:
    """What one client found out is not held against the model by another; one line is logged for each."""
    caplog.set_level(logging.WARNING)
    server.script(fails(400), "Hi.", "Hi." + BLOCK)
    remembering().chat.completions.create(**ASK)
    other = remembering()
    other.chat.completions.create(**ASK)
    assert [stored.content for stored in other.memory.last_turn.stored] == ["User said hello"]
    assert caplog.text.count("without memory") == 1
