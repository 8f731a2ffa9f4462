"""The stand-in is taken for the client by those who look closely: types, mocks, signatures, wrappers of its methods."""

from __future__ import annotations

import functools
import gc
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import openai
import pytest

from headroom import Memory, with_memory
from headroom.errors import InvalidInput

from ...server import Choice, Reply, Server, fails
from ..clients import CLIENTS, Duck, each, make_client, settled

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
FACT = "User prefers Python"
BLOCK = f'\n\n<memory>\n[{{"content": "{FACT}"}}]\n</memory>'
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "I prefer Python"}]}


async def facts(client: Any) -> list[str]:
    return [record.content for record in await settled(client.memory.get_all())]


# Types


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "Groq", "AsyncGroq"])
def test_its_type_is_one_of_the_client(name: str, remembering: Make) -> None:
    """`issubclass` and `isinstance` agree for the client and its resources, and so does a mock made of it."""
    client = remembering(name)
    kind = client.__class__
    assert issubclass(type(client), kind)
    assert isinstance(client, kind)
    assert type(client).__name__ == kind.__name__
    assert issubclass(type(client.chat.completions), client.chat.completions.__class__)
    assert isinstance(MagicMock(spec=client), kind)
    assert inspect.signature(client.__init__) == inspect.signature(kind.__init__.__get__(object()))
    assert client.__doc__ == kind.__doc__
    assert vars(client) == vars(client._target)


def test_a_client_whose_type_cannot_be_derived_from(server: Server, memory: Memory) -> None:
    """Such a client is stood in for all the same; only `issubclass` cannot be true."""

    class Final(dict[str, Any]):
        chat = SimpleNamespace(completions=SimpleNamespace(create=lambda **_: "reply"))

    client = with_memory(Final(), "alice", memory=memory)
    assert isinstance(client, Final)
    assert client.chat.completions.create(**ASK) == "reply"


def test_the_clients_own_finalizer_is_left_alone(memory: Memory) -> None:
    """A client that closes when it is collected is not closed by its stand-in's end."""
    closed = []

    class Closing(Duck):
        def __del__(self) -> None:
            closed.append(self.url)

    client = Closing("http://127.0.0.1:9")
    assert with_memory(client, "alice", memory=memory).url == client.url
    gc.collect()
    assert closed == []


# Methods


def test_a_method_equals_itself(remembering: Make) -> None:
    """As a bound method does; its signature and name are the SDK's."""
    client = remembering()
    create, real = client.chat.completions.create, client._target.chat.completions.create
    assert create == client.chat.completions.create
    assert create == real
    assert hash(create) == hash(client.chat.completions.create)
    assert create != client.chat.completions.parse
    assert inspect.signature(create) == inspect.signature(real)
    assert (create.__name__, create.__self__) == ("create", real.__self__)


def test_a_mock_is_reached_through_it(remembering: Make) -> None:
    """What a test puts in the place of a method can be told what to return, and asked what it was called with."""
    client = remembering()
    with patch.object(client.chat.completions, "create", MagicMock()) as create:
        create.return_value = "first"
        assert client.chat.completions.create(**ASK) == "first"
        client.chat.completions.create.return_value = "second"
        assert client.chat.completions.create(**ASK) == "second"
        client.chat.completions.create.assert_called()
        assert client.chat.completions.create.call_count == 2
        assert client.chat.completions.create.call_args.kwargs["model"] == "m"
    assert client.chat.completions.create.__name__ == "create"


async def test_an_asynchronous_mock(remembering: Make) -> None:
    """The same with an AsyncMock, and with a MagicMock that an asynchronous client awaits nothing of."""
    client = remembering("AsyncOpenAI")
    client.chat.completions.create = AsyncMock(return_value="later")
    assert await client.chat.completions.create(**ASK) == "later"
    client.chat.completions.create.assert_awaited_once()


# Wrappers of a method that is itself one of the stand-in


def retry(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def again(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except openai.InternalServerError:
            return call(*args, **kwargs)

    return again


def retry_async(call: Callable[..., Any]) -> Callable[..., Any]:
    async def again(*args: Any, **kwargs: Any) -> Any:
        try:
            return await call(*args, **kwargs)
        except openai.InternalServerError:
            return await call(*args, **kwargs)

    return again


def hidden(call: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper that does not say that what it returns must be awaited."""
    return lambda *args, **kwargs: call(*args, **kwargs)


WRAPPERS = {"sync": ("OpenAI", retry), "async": ("AsyncOpenAI", retry_async), "hidden": ("AsyncOpenAI", hidden)}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("name", "wrap"), WRAPPERS.values(), ids=WRAPPERS)
async def test_a_turn_inside_a_turn_passes_through(
    name: str, wrap: Any, stream: bool, server: Server, remembering: Make
) -> None:
    """However often a method is wrapped and put back, a request has one list of notes and one instruction."""
    client = remembering(name)
    await settled(client.memory.add("User has a cat"))
    for _ in range(3):
        client.chat.completions.create = wrap(client.chat.completions.create)
    server.script(*([] if wrap is hidden else [fails(500)]), 'Fine.\n<memory>[{"forget": [1]}]</memory>')
    reply = await settled(client.chat.completions.create(**ASK, stream=stream))
    if stream:
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in each(reply)]) == "Fine."
    else:
        assert reply.choices[0].message.content == "Fine."
    text = server.last.raw.decode()
    assert (text.count("<memory>"), text.count("User has a cat"), text.count("Today is")) == (1, 1, 1)
    assert await facts(client) == []


def test_a_call_after_a_call_has_a_turn(server: Server, remembering: Make) -> None:
    """Only calls inside a call pass through: another client's do not, nor does the next one."""
    client, other = remembering(), remembering(user_id="bob")
    create = client.chat.completions.create

    def asking_another(*args: Any, **kwargs: Any) -> Any:
        other.chat.completions.create(**ASK)
        assert server.last.raw.count(b"<memory>") == 1
        return create(*args, **kwargs)

    client.chat.completions.create = asking_another
    for _ in range(2):
        client.chat.completions.create(**ASK)
        assert server.last.raw.count(b"<memory>") == 1


# Streams that could be read in both ways


class Both:
    """A stream with both protocols, as tracing packages and gateways return."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def __next__(self) -> Any:
        return next(self._stream)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._stream)

    async def __anext__(self) -> Any:
        return await anext(self._stream)


class Forwarding:
    """The same with generators, as a wrapper that forwards all else has them: `next()` does not know its `__next__`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Any]:
        yield from self._stream

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._stream:
            yield chunk


@pytest.mark.parametrize("wrapper", [Both, Forwarding])
@pytest.mark.parametrize("name", CLIENTS)
async def test_a_stream_that_is_both(name: str, wrapper: Callable[[Any], Any], server: Server, memory: Memory) -> None:
    """It is read as its call was made: a synchronous call gives a stream for `for`, an awaited one for `async for`."""
    real = make_client(name, server.url)
    create = real.chat.completions.create
    if name.startswith("Async"):

        async def both(**kwargs: Any) -> Any:
            return wrapper(await create(**kwargs))

        real.chat.completions.create = both
    else:
        real.chat.completions.create = lambda **kwargs: wrapper(create(**kwargs))
    client = with_memory(real, "alice", memory=memory, on_error="raise", recall_timeout=60)
    server.script("Fine." + BLOCK)
    if name.startswith("Async"):
        chunks = [chunk async for chunk in await client.chat.completions.create(**ASK, stream=True)]
    else:
        chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert "".join(getattr(chunk.choices[0].delta, "content", None) or "" for chunk in chunks) == "Fine."
    assert await facts(client) == [FACT]
    await settled(real.close())


def test_a_stream_that_is_only_iterable(server: Server, memory: Memory) -> None:
    """A list of chunks, as a test may return, is a stream if one was asked for."""
    real = make_client("OpenAI", server.url)
    server.script("Fine." + BLOCK)
    chunks = list(real.chat.completions.create(**ASK, stream=True))
    real.chat.completions.create = lambda **_: chunks
    client = with_memory(real, "alice", memory=memory, on_error="raise", recall_timeout=60)
    shown = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**ASK, stream=True)]
    assert "".join(shown) == "Fine."
    real.close()


def is_last(item: Any) -> bool:
    """Whether this chunk or event says that the reply is finished."""
    if getattr(item, "choices", None):
        return any(choice.finish_reason for choice in item.choices)
    return getattr(item, "type", None) == "response.completed"


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
async def test_a_stream_left_at_its_finish_reason(name: str, api: str, server: Server, remembering: Make) -> None:
    """Its facts are stored though it is still referenced and nobody reads on."""
    client = remembering(name)
    server.script("Fine." + BLOCK)
    if api == "chat":
        stream = await settled(client.chat.completions.create(**ASK, stream=True))
    else:
        stream = await settled(client.responses.create(model="m", input="I prefer Python", stream=True))
    async for item in each(stream):
        assert await facts(client) == ([FACT] if is_last(item) else [])
        if is_last(item):
            break
    assert await facts(client) == [FACT]
    await settled(stream.close())
    assert await facts(client) == [FACT]


async def test_a_stream_of_several_choices_is_finished_with_its_last(server: Server, remembering: Make) -> None:
    """Facts are those of the first choice that has some, so all choices must be known."""
    client = remembering()
    server.script(Reply(choices=[Choice(text="Fine."), Choice(text="Good." + BLOCK)]))
    finished = 0
    for chunk in client.chat.completions.create(**ASK, stream=True, n=2):
        finished += is_last(chunk)
        assert await facts(client) == ([FACT] if finished == 2 else [])
    assert await facts(client) == [FACT]


# What is handed over


@pytest.mark.parametrize(
    "messages", [deque, tuple, iter, lambda given: {str(n): m for n, m in enumerate(given)}.values()]
)
def test_messages_of_any_kind(messages: Any, server: Server, remembering: Make) -> None:
    """Any iterable of messages has memory."""
    client = remembering()
    client.memory.add("User has a cat")
    client.chat.completions.create(model="m", messages=messages(ASK["messages"]))
    assert "User has a cat" in server.last.messages[-1]["content"]
    assert len(server.last.messages) == 2


def no_client() -> list[Any]:
    def chat() -> None: ...

    return [
        SimpleNamespace(),
        SimpleNamespace(chat=chat),
        SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace())),
        SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create="x"))),
    ]


@pytest.mark.parametrize("client", no_client(), ids=["no chat", "chat is a method", "no create", "create is no method"])
def test_what_is_no_client(client: Any, memory: Memory) -> None:
    """A client without chat.completions.create() is refused when it is wrapped, and the error says what is missing."""
    with pytest.raises(InvalidInput, match=r"must have chat\.completions\.create\(\), and .* has no"):
        with_memory(client, "alice", memory=memory)
