"""The Responses API: what goes in, what comes out, plain and streamed, and that a chain of responses stays clean."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from headroom.chat.apis.api import Texts
from headroom.chat.apis.responses import Responses
from headroom.chat.prompt.frame import INSTRUCTION, frame

from ...responses_api import events_of, response_of
from ...server import Choice, Reply, Server, fails, says
from ..clients import OPENAI, each, entered, settled
from .test_replies import TEXTS

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
Json = dict[str, Any]

FRAME = frame([], day=date.today()).text
FACT = "User likes tea"
BLOCK = f'\n\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'
ASK: Json = {"model": "m", "input": "I like tea"}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
of_openai = pytest.mark.parametrize("name", OPENAI)


async def facts(client: Any) -> list[str]:
    return sorted(record.content for record in await settled(client.memory.get_all()))


# Every client


@of_openai
async def test_create(name: str, server: Server, remembering: Make) -> None:
    """A response comes back without its block; the fact is stored, and recalled next time."""
    client = remembering(name)
    server.script("Tea it is." + BLOCK)
    response = await settled(client.responses.create(**ASK))
    assert response.output_text == "Tea it is."
    assert await facts(client) == [FACT]
    await settled(client.responses.create(model="m", input="What do I like?"))
    assert FACT in server.last.body["input"]
    assert server.last.body["input"].endswith("What do I like?")


@of_openai
async def test_create_streamed(name: str, server: Server, remembering: Make) -> None:
    """Deltas, the repeated texts and the final response agree, and know nothing of a block."""
    client = remembering(name)
    server.script(says("Tea it is." + BLOCK, pieces=["Tea ", "it is.", *BLOCK]))
    events = [event async for event in each(await settled(client.responses.create(**ASK, stream=True)))]
    by_type: dict[str, list[Any]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    assert "".join(event.delta for event in by_type["response.output_text.delta"]) == "Tea it is."
    assert [event.text for event in by_type["response.output_text.done"]] == ["Tea it is."]
    assert [event.part.text for event in by_type["response.content_part.done"]] == ["Tea it is."]
    assert [event.item.content[0].text for event in by_type["response.output_item.done"]] == ["Tea it is."]
    assert events[-1].response.output_text == "Tea it is."
    assert await facts(client) == [FACT]


@of_openai
async def test_the_stream_helper(name: str, server: Server, remembering: Make) -> None:
    """The helper's snapshots and final response are clean; leaving its block finishes the turn."""
    client = remembering(name)
    server.script("Tea it is." + BLOCK)
    async with entered(client.responses.stream(**ASK)) as stream:
        events = [event async for event in each(stream)]
        final = await settled(stream.get_final_response())
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Tea it is."
    assert final.output_text == "Tea it is."
    assert await facts(client) == [FACT]


class Drink(BaseModel):
    """What typed replies hold in these tests."""

    name: str


@of_openai
async def test_parse(name: str, server: Server, remembering: Make) -> None:
    """Typed output has no place for a block: notes go in, no instruction does."""
    client = remembering(name)
    await settled(client.memory.add(FACT))
    server.script('{"name": "tea"}')
    response = await settled(client.responses.parse(**ASK, text_format=Drink))
    assert response.output_parsed == Drink(name="tea")
    assert FACT in server.last.body["input"]
    assert "instructions" not in server.last.body


@of_openai
async def test_raw_responses(name: str, server: Server, remembering: Make) -> None:
    """Raw and streaming responses parse to clean ones, whole and streamed."""
    client = remembering(name)
    server.script(*["Tea it is." + BLOCK] * 4)
    raw = await settled(client.responses.with_raw_response.create(**ASK))
    assert (await settled(raw.parse())).output_text == "Tea it is."
    raw = await settled(client.responses.with_raw_response.create(**ASK, stream=True))
    events = [event async for event in each(await settled(raw.parse()))]
    assert events[-1].response.output_text == "Tea it is."
    async with entered(client.responses.with_streaming_response.create(**ASK)) as response:
        assert (await settled(response.parse())).output_text == "Tea it is."
    async with entered(client.responses.with_streaming_response.create(**ASK, stream=True)) as response:
        events = [event async for event in each(await settled(response.parse()))]
    assert events[-1].response.output_text == "Tea it is."
    assert await facts(client) == [FACT]


@of_openai
async def test_errors_of_the_api(name: str, server: Server, remembering: Make) -> None:
    """The SDK's own errors are raised unchanged, and nothing is stored."""
    client = remembering(name)
    server.script(fails(429, "no such luck"))
    with pytest.raises(Exception, match="no such luck") as caught:
        await settled(client.responses.create(**ASK))
    assert type(caught.value).__name__ == "RateLimitError"
    assert await facts(client) == []


@of_openai
@pytest.mark.parametrize("own", [{}, {"instructions": "Be brief."}])
async def test_the_instruction_is_not_shown(name: str, own: Json, server: Server, remembering: Make) -> None:
    """A response repeats the instructions that it was made by: those of the caller, whole, streamed and retrieved."""
    client = remembering(name)
    wanted = own.get("instructions")
    response = await settled(client.responses.create(**ASK, **own))
    assert response.instructions == wanted
    assert (await settled(client.responses.retrieve(response.id))).instructions == wanted
    stream = await settled(client.responses.create(**ASK, **own, stream=True))
    responses = [event.response async for event in each(stream) if hasattr(event, "response")]
    assert len(responses) > 1
    assert {response.instructions for response in responses} == {wanted}
    assert INSTRUCTION in server.last.body["instructions"]


# What goes in


def sent(client: Any, server: Server, **request: Any) -> Json:
    """Send a request; return the body that arrived."""
    client.responses.create(model="m", **request)
    body: Json = server.last.body
    return body


def test_a_text(server: Server, remembering: Make) -> None:
    """The frame goes in front of a text, the instruction into the instructions."""
    body = sent(remembering(), server, input="Hello")
    assert body == {"model": "m", "input": f"{FRAME}Hello", "instructions": INSTRUCTION}


def test_instructions(server: Server, remembering: Make) -> None:
    """The instruction follows the caller's own."""
    body = sent(remembering(), server, input="Hello", instructions="Be brief.")
    assert body["instructions"] == f"Be brief.\n\n{INSTRUCTION}"


def test_items(server: Server, remembering: Make) -> None:
    """Of a list of items only the last one of the user changes; parts stay parts; the caller's own never change."""
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    items: list[Json] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": [{"type": "input_text", "text": "Look"}, image]},
    ]
    before = copy.deepcopy(items)
    *rest, last = sent(remembering(), server, input=items)["input"]
    assert items == before
    assert rest == before[:-1]
    assert last["content"] == [{"type": "input_text", "text": FRAME}, *before[-1]["content"]]


def test_the_sdks_own_items(server: Server, remembering: Make) -> None:
    """A tool loop that sends back the output items sends the same bytes for the user's."""
    client = remembering()
    client.memory.add(FACT)
    server.script(Reply(choices=[Choice(text=None, message=CALL)]))
    items: list[Any] = [{"role": "user", "content": "I like tea"}]
    response = client.responses.create(model="m", input=items)
    first = server.last.body["input"]
    client.memory.add("User likes tea pots")
    items += [*response.output, {"type": "function_call_output", "call_id": "c1", "output": "done"}]
    second = sent(client, server, input=items)["input"]
    assert second[0] == first[0]
    assert "pots" not in second[0]["content"]


NO_ROOM = {
    "JSON": {"text": {"format": {"type": "json_object"}}},
    "a forced call": {"tool_choice": "required"},
    "a named call": {"tool_choice": {"type": "function", "name": "f"}},
    "a forced allowed call": {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}},
    "few tokens": {"max_output_tokens": 100},
    "a reply that comes later": {"background": True},
}


@pytest.mark.parametrize("options", NO_ROOM.values(), ids=NO_ROOM)
def test_no_room_for_a_block(options: Json, server: Server, remembering: Make) -> None:
    """If a block has no place in the reply there is no instruction, but notes go in."""
    client = remembering()
    client.memory.add(FACT)
    body = sent(client, server, input="Hello", **options)
    assert FACT in body["input"]
    assert "instructions" not in body


# A chain of responses


def test_a_chain(server: Server, remembering: Make) -> None:
    """With `previous_response_id` notes go into the new item only; what is stored in the chain stays hidden."""
    client = remembering()
    server.script("Tea it is." + BLOCK)
    first = client.responses.create(**ASK)
    body = sent(client, server, input="And now?", previous_response_id=first.id)
    assert FACT in body["input"]
    assert body["previous_response_id"] == first.id
    assert "<memory>" in str(server.stored[first.id])
    assert client.responses.retrieve(first.id).output_text == "Tea it is."
    assert len(client.memory.get_all()[0].sources) == 1


async def test_retrieving_asynchronously(server: Server, remembering: Make) -> None:
    """The same on an asynchronous client."""
    client = remembering("AsyncOpenAI")
    server.script("Tea it is." + BLOCK)
    first = await client.responses.create(**ASK)
    assert (await client.responses.retrieve(first.id)).output_text == "Tea it is."


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_in_a_chain(stream: bool, server: Server, remembering: Make) -> None:
    """A request with nothing but tool results goes on with the turn: its handles mean the notes that were shown."""
    client = remembering()
    client.memory.add("User likes coffee")
    server.script(Reply(choices=[Choice(text=None, message=CALL)]))
    reply = client.responses.create(**ASK, stream=stream)
    response = [event.response for event in reply if hasattr(event, "response")][-1] if stream else reply
    server.script('Noted.\n<memory>\n[{"content": "User likes tea", "replaces": [1]}]\n</memory>')
    client.responses.retrieve(response.id)
    client.responses.create(
        model="m",
        previous_response_id=response.id,
        input=[{"type": "function_call_output", "call_id": "c1", "output": "done"}],
    )
    assert server.last.body["input"] == [{"type": "function_call_output", "call_id": "c1", "output": "done"}]
    assert [record.content for record in client.memory.get_all()] == ["User likes tea"]


# What comes out


@pytest.mark.parametrize("stream", [False, True])
def test_several_items(stream: bool, server: Server, remembering: Make) -> None:
    """Every text of the output is clean, and all their facts are stored; other items arrive as they are."""
    client = remembering()
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm <memory>"}]}
    texts = [
        Choice(text=None, message=thought),
        Choice(text="First." + BLOCK),
        Choice(text="Then." + BLOCK.replace("tea", "pots")),
        Choice(text=None, message=CALL),
    ]
    server.script(Reply(choices=texts))
    reply = client.responses.create(**ASK, stream=stream)
    response = list(reply)[-1].response if stream else reply
    assert response.output_text == "First.Then."
    assert [item.type for item in response.output] == ["reasoning", "message", "message", "function_call"]
    assert response.output[0].summary[0].text == "Hm <memory>"
    assert sorted(record.content for record in client.memory.get_all()) == ["User likes pots", "User likes tea"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_token_limit_in_a_block(stream: bool, server: Server, remembering: Make) -> None:
    """If only the block was cut the response is complete, and so is the last event of its stream."""
    client = remembering()
    server.script(says(f'Fine.\n\n<memory>\n[{{"content": "{FACT}"}}, {{"content": "Us', finish_reason="length"))
    reply = client.responses.create(**ASK, stream=stream)
    if stream:
        *_, last = reply
        assert last.type == "response.completed"
    response = last.response if stream else reply
    assert (response.status, response.incomplete_details, response.output_text) == ("completed", None, "Fine.")
    assert response.output[0].status == "completed"
    assert client.memory.last_turn.cut
    assert [record.content for record in client.memory.get_all()] == [FACT]


@pytest.mark.parametrize("stream", [False, True])
def test_the_token_limit_elsewhere(stream: bool, server: Server, remembering: Make) -> None:
    """If the reply itself was cut it says so."""
    client = remembering()
    server.script(says("Fine, but", finish_reason="length"))
    reply = client.responses.create(**ASK, stream=stream)
    response = list(reply)[-1].response if stream else reply
    assert (response.status, response.output_text) == ("incomplete", "Fine, but")


def test_citations(server: Server, remembering: Make) -> None:
    """A citation behind a block points at the same words as before."""
    text = f"See.{BLOCK}\nHere."
    link = {"type": "url_citation", "url": "u", "title": "t", "start_index": text.index("Here"), "end_index": len(text)}
    server.script(says(text, message={"annotations": [link]}))
    part = remembering().responses.create(**ASK).output[0].content[0]
    (citation,) = part.annotations
    assert part.text[citation.start_index : citation.end_index] == "Here."


@st.composite
def cut_texts(draw: st.DrawFn) -> Choice:
    """A text in tokens of any size."""
    text = draw(st.sampled_from(TEXTS))
    cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=20)))
    tokens = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return Choice(text=text, tokens=tokens, finish_reason=draw(st.sampled_from(["stop", "length"])))


@settings(max_examples=100)
@given(cut_texts())
def test_streamed_and_plain_responses_agree(choice: Choice) -> None:
    """Texts, status and facts are the same for every way of cutting a response into events."""
    plain, streamed = Texts(), Texts()
    whole = Response.model_validate(response_of([choice], ASK, "resp_1"))
    Responses().clean(whole, plain)
    events, cleaner = [], Responses().cleaner(streamed)
    event_type: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for event in events_of([choice], response_of([choice], ASK, "resp_1")):
        events += cleaner.feed(event_type.validate_python(event))
    assert list(cleaner.close()) == []
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    part = whole.output[0].content[0]
    assert "".join(event.delta for event in deltas) == part.text == events[-1].response.output_text
    assert events[-1].response.status == whole.status
    assert streamed.close().items == plain.close().items
