"""Rules of the option `small_model`: what it adds to which requests, and what it leaves as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from headroom import with_memory
from headroom.chat.prompt.examples import EXAMPLE_FACTS, EXAMPLES
from headroom.chat.prompt.frame import INSTRUCTION
from headroom.errors import InvalidInput
from headroom.memory import Memory

from ...server import Server, says
from ..clients import OPENAI, SDKS, each, entered, make_client, settled

pytestmark = pytest.mark.quick

Json = dict[str, Any]
Make = Callable[..., Any]
TEXT = {"role": "user", "content": "I prefer Python for backend work"}
ASK: Json = {"model": "m", "messages": [TEXT]}
SHOWN = list(EXAMPLES)
FACT = "User prefers Python for backend work"
BLOCK = f'\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'


def said(messages: list[Json]) -> list[Json]:
    """Return the messages with the day, which a frame without notes tells, taken off."""
    *before, last = messages
    return [*before, {**last, "content": last["content"].rpartition("\n\n")[2]}]


def create(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**{**ASK, **options})


def stream(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**{**ASK, **options}, stream=True)


def raw(client: Any, **options: Any) -> Any:
    return client.chat.completions.with_raw_response.create(**{**ASK, **options})


def copied(client: Any, **options: Any) -> Any:
    return client.with_options(timeout=7).chat.completions.create(**{**ASK, **options})


CALLS = {"create": create, "stream": stream, "raw": raw, "with_options": copied}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", SDKS)
async def test_the_request(name: str, call: Callable[..., Any], server: Server, remembering: Make) -> None:
    """The examples stand between the system's message and the conversation, and no field is added."""
    reply = await settled(call(remembering(name, small_model=True)))
    if call is stream:
        assert "OK" in "".join([chunk.choices[0].delta.content or "" async for chunk in each(reply)])
    body = server.last.body
    assert said(body.pop("messages")) == [{"role": "system", "content": INSTRUCTION}, *SHOWN, TEXT]
    body.pop("stream", None)
    assert body == {"model": "m"}


@pytest.mark.parametrize("name", OPENAI)
async def test_the_stream_helper(name: str, server: Server, remembering: Make) -> None:
    """The SDK's stream helper sends the same."""
    client = remembering(name, small_model=True)
    async with entered(client.chat.completions.stream(**ASK)) as events:
        assert [event async for event in each(events)]
    assert said(server.last.messages)[1:] == [*SHOWN, TEXT]


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI", "Duck", "AsyncDuck"])
async def test_examples_alone(name: str, server: Server, remembering: Make) -> None:
    """`True` serves any server and any client: it adds messages and no field."""
    client = remembering(name, small_model=True)
    server.script(f"Noted.{BLOCK}")
    reply = await settled(create(client))
    assert reply.choices[0].message.content == "Noted."
    assert said(server.last.messages) == [{"role": "system", "content": INSTRUCTION}, *SHOWN, TEXT]
    assert set(server.last.body) == {"model", "messages"}
    assert [record.content for record in await settled(client.memory.get_all())] == [FACT]


def test_without_the_option_nothing_is_added(server: Server, remembering: Make) -> None:
    """Large models need no examples."""
    create(remembering())
    assert said(server.last.messages) == [{"role": "system", "content": INSTRUCTION}, TEXT]
    assert set(server.last.body) == {"model", "messages"}


@pytest.mark.parametrize("role", ["system", "developer"])
def test_below_the_leading_system_messages(role: str, server: Server, remembering: Make) -> None:
    """System messages at the beginning stay there; one further on stays in its place."""
    first, second = {"role": role, "content": "Be brief."}, {"role": "system", "content": "Be kind."}
    late = {"role": "system", "content": "Be quick."}
    before = [first, second, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, late]
    create(remembering(small_model=True), messages=[*before, TEXT])
    instructed = {"role": role, "content": f"Be brief.\n\n{INSTRUCTION}"}
    assert said(server.last.messages) == [instructed, second, *SHOWN, *before[2:], TEXT]


def test_the_prefix_is_constant(server: Server, remembering: Make) -> None:
    """Whatever is remembered, up to the conversation each request begins with the same bytes: a cache can keep them."""
    client = remembering(small_model=True)
    heads = []
    for text in ("I like tea", "And coffee?"):
        create(client, messages=[{"role": "user", "content": text}])
        heads.append(server.last.raw.partition(b"Today is")[0])
        client.memory.add("User likes tea")
    assert heads[0] == heads[1]
    assert heads[0].count(b"<memory>") == 1 + len(EXAMPLES) // 2
    assert "User likes tea" in server.last.messages[-1]["content"]


def test_the_callers_objects_never_change(server: Server, remembering: Make) -> None:
    """Neither the messages nor the extra body of a call, and no request changes the examples of the next."""
    ask = {**copy.deepcopy(ASK), "extra_body": {"top_k": 3}}
    kept = copy.deepcopy(ask)
    remembering(small_model=True).chat.completions.create(**ask)
    assert ask == kept


def test_what_a_duck_does_to_its_messages_stays_there(remembering: Make, memory: Memory) -> None:
    """A client that edits the messages it is given spoils no later request."""

    class Editing:
        seen: list[list[Json]] = []  # noqa: RUF012

        @property
        def chat(self) -> Any:
            return self

        completions = chat

        def create(self, messages: list[Json], **body: Any) -> Json:
            self.seen.append(copy.deepcopy(messages))
            for message in messages:
                message["content"] = "spoilt"
            return {"choices": []}

    client = with_memory(Editing(), "alice", memory=memory, small_model=True)
    for _ in range(2):
        create(client, messages=[dict(TEXT)])
    assert Editing.seen[0] == Editing.seen[1]


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


NOWHERE = {
    "a schema": {"response_format": {"type": "json_object"}},
    "a forced call": {"tool_choice": "required", "tools": TOOLS},
    "few tokens": {"max_tokens": 50},
}


@pytest.mark.parametrize("options", NOWHERE.values(), ids=NOWHERE)
def test_nothing_where_no_block_has_a_place(options: Json, server: Server, remembering: Make) -> None:
    """Without the instruction there are no examples: the request is the caller's own."""
    create(remembering(small_model=True), **options)
    assert server.last.body == {**ASK, **options}


class Language(BaseModel):
    """What a typed reply holds."""

    name: str


def test_nothing_in_a_typed_reply(server: Server, remembering: Make) -> None:
    """`parse` has a form of its own."""
    server.script('{"name": "Python"}')
    remembering(small_model=True).chat.completions.parse(**ASK, response_format=Language)
    assert server.last.messages == [TEXT]


def test_nothing_while_memory_is_off(server: Server, remembering: Make) -> None:
    """A private chat, and a client that does not learn, send the caller's own request."""
    client = remembering(small_model=True)
    with client.memory.off():
        create(client)
    assert server.last.body == ASK
    with client.memory.off("extract"):
        create(client)
    assert server.last.body == ASK
    create(remembering(small_model=True, extract=False))
    assert server.last.body == ASK


def test_without_notes_it_still_asks(server: Server, remembering: Make) -> None:
    """`inject=False` leaves out the notes, and not the examples."""
    create(remembering(small_model=True, inject=False))
    assert server.last.messages == [{"role": "system", "content": INSTRUCTION}, *SHOWN, TEXT]


def test_a_tool_loop_keeps_its_notes(server: Server, remembering: Make) -> None:
    """The examples are no part of what identifies a turn: a loop sends the same bytes with them and without."""
    client = remembering(small_model=True)
    client.memory.add("User likes tea")
    create(client)
    first = server.last.messages
    client.memory.add("User likes coffee")
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    loop = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "done"}]
    create(client, messages=[TEXT, *loop])
    assert server.last.messages == [*first, *loop]


@pytest.mark.parametrize("as_stream", [False, True])
def test_an_example_is_never_learned(as_stream: bool, server: Server, remembering: Make) -> None:
    """A model that repeats what it was shown teaches nothing; a client without the option may learn the same words."""
    client = remembering(small_model=True)
    copied_block = "".join(f'{{"content": "{fact.upper()}."}}, ' for fact in sorted(EXAMPLE_FACTS))
    server.script(says(f'Noted.\n<memory>\n[{copied_block}{{"content": "{FACT}"}}]\n</memory>'))
    reply = create(client, stream=as_stream)
    if as_stream:
        list(reply)
    assert [stored.content for stored in client.memory.last_turn.stored] == [FACT]
    assert {skipped.reason for skipped in client.memory.last_turn.skipped} == {"it is one of the examples"}
    assert len(client.memory.last_turn.skipped) == len(EXAMPLE_FACTS) == 7

    plain = remembering(user_id="bob")
    server.script('Noted.\n<memory>\n[{"content": "User prefers trains to planes"}]\n</memory>')
    create(plain)
    assert [record.content for record in plain.memory.get_all()] == ["User prefers trains to planes"]


def test_the_examples_show_notes_as_a_request_does(server: Server, remembering: Make) -> None:
    """Their notes stand in the frame that a request has, below its first line, which tells the day."""
    client = remembering(small_model=True)
    client.memory.add("User has a red car")
    create(client)
    shown, own = server.last.messages[5]["content"], server.last.messages[-1]["content"]
    assert shown == own.partition("\n")[2].replace(TEXT["content"], "I prefer trains to planes.")


def test_the_responses_api_shows_no_examples(server: Server, remembering: Make) -> None:
    """Its items are kept by the provider, where examples would stand as the user's own words: none are sent."""
    client = remembering(small_model=True)
    client.responses.create(model="m", input="I prefer Python", store=False)
    body = server.last.body
    assert body.pop("input").endswith("\n\nI prefer Python")
    assert body == {"model": "m", "instructions": INSTRUCTION, "store": False}


@pytest.mark.parametrize("option", ["ollama", "", 2, None, ["llama.cpp"], "llama.cpp"])
def test_another_value_is_refused(option: Any, server: Server, memory: Memory) -> None:
    """The message names the values that there are."""
    with (
        make_client("OpenAI", server.url) as client,
        pytest.raises(InvalidInput, match="small_model must be True or False"),
    ):
        with_memory(client, "alice", memory=memory, small_model=option)
