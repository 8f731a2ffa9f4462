"""Replies of every shape: what the caller sees, and what is stored. Each is sent plain and streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from headroom import Memory, with_memory
from headroom.chat.apis.api import Texts
from headroom.chat.apis.completions import Completions

from ...server import Choice, Reply, Server, chunks_of, completion_of, says

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
Json = dict[str, Any]
ASK: Json = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
BLOCK = '\n\n<memory>\n[{"content": "User likes tea"}]\n</memory>'
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


class Seen:
    """What a caller sees of one choice, however it was sent."""

    def __init__(self) -> None:
        self.content: str | None = None
        self.finish_reason: str | None = None
        self.tokens: list[str] | None = None
        self.other: Json = {}

    def add(self, part: Any, choice: Any) -> None:
        """Add a message, or a delta of one."""
        if part.content is not None:
            self.content = (self.content or "") + part.content
        if choice.logprobs is not None:
            self.tokens = (self.tokens or []) + [token.token for token in choice.logprobs.content or []]
        self.finish_reason = choice.finish_reason or self.finish_reason
        fields = {**dict(part), **(part.model_extra or {})}
        self.other |= {name: value for name, value in fields.items() if value and name not in ("content", "role")}


def ask(client: Any, stream: bool, **options: Any) -> list[Seen]:
    """Send a request plain or streamed; return its choices."""
    reply = client.chat.completions.create(**ASK, **options, **({"stream": True} if stream else {}))
    seen: dict[int, Seen] = {}
    for whole in reply if stream else [reply]:
        for choice in whole.choices:
            seen.setdefault(choice.index, Seen()).add(choice.delta if stream else choice.message, choice)
    return [seen[index] for index in sorted(seen)]


def stored(client: Any) -> list[str]:
    return sorted(record.content for record in client.memory.get_all())


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


@both_ways
def test_no_content(stream: bool, server: Server, remembering: Make) -> None:
    """A reply without content has none."""
    server.script(says(None))
    (seen,) = ask(remembering(), stream)
    assert seen.content is None


@both_ways
def test_a_refusal(stream: bool, server: Server, remembering: Make) -> None:
    """A refusal arrives as it is."""
    server.script(says(None, message={"refusal": "I cannot."}))
    (seen,) = ask(remembering(), stream)
    assert (seen.content, seen.other) == (None, {"refusal": "I cannot."})


@both_ways
def test_tool_calls(stream: bool, server: Server, remembering: Make) -> None:
    """Tool calls arrive as they are, with no text, with text, and with a block."""
    client = remembering()
    for text, visible in ((None, None), ("Wait.", "Wait."), ("Wait." + BLOCK, "Wait.")):
        server.script(says(text, finish_reason="tool_calls", message={"tool_calls": [CALL]}))
        (seen,) = ask(client, stream)
        assert (seen.content, seen.finish_reason) == (visible, "tool_calls")
        (call,) = seen.other["tool_calls"]
        assert (call.id, call.function.name, call.function.arguments) == ("c1", "f", '{"a": 1}')
    assert stored(client) == ["User likes tea"]


def test_tool_calls_with_a_block_only(server: Server, remembering: Make) -> None:
    """A message of tool calls whose only text was a block has no content, as the API itself writes it."""
    server.script(says(BLOCK.strip(), finish_reason="tool_calls", message={"tool_calls": [CALL]}))
    (seen,) = ask(remembering(), stream=False)
    assert seen.content is None


@both_ways
def test_several_choices(stream: bool, server: Server, remembering: Make) -> None:
    """Every choice comes without its block; facts are taken from the first one that has any."""
    client = remembering()
    texts = ["No block.", "One." + BLOCK, "Two." + BLOCK.replace("likes tea", "is fond of tea")]
    server.script(Reply(choices=[Choice(text=text) for text in texts]))
    assert [seen.content for seen in ask(client, stream, n=3)] == ["No block.", "One.", "Two."]
    assert stored(client) == ["User likes tea"]


@both_ways
def test_only_a_block(stream: bool, server: Server, remembering: Make) -> None:
    """A reply that was only a block is empty."""
    client = remembering()
    server.script(BLOCK.strip())
    (seen,) = ask(client, stream)
    assert (seen.content, seen.finish_reason) == ("", "stop")
    assert stored(client) == ["User likes tea"]


@both_ways
def test_a_block_in_the_middle(stream: bool, server: Server, remembering: Make) -> None:
    """Text on both sides of a block stays as the model wrote it."""
    client = remembering()
    server.script("Before." + BLOCK + "\n\nAfter. ")
    (seen,) = ask(client, stream)
    assert seen.content == "Before.\n\nAfter. "
    assert stored(client) == ["User likes tea"]


@both_ways
@pytest.mark.parametrize("text", ["Use `<memory>` tags.", "```\n<memory>\n[]\n</memory>\n```", "ends < ", " \n", "<me"])
def test_text_that_is_no_block(text: str, stream: bool, server: Server, remembering: Make) -> None:
    """What only looks like a block arrives character by character, trailing space included."""
    server.script(text)
    (seen,) = ask(remembering(), stream)
    assert seen.content == text


@both_ways
def test_the_length_limit_in_a_block(stream: bool, server: Server, remembering: Make) -> None:
    """If only the block was cut the visible reply is whole, and says so; complete items are stored."""
    client = remembering()
    cut = 'Fine.\n\n<memory>\n[{"content": "User likes tea"}, {"content": "User li'
    server.script(says(cut, finish_reason="length"))
    (seen,) = ask(client, stream)
    assert (seen.content, seen.finish_reason) == ("Fine.", "stop")
    assert client.memory.last_turn.cut
    assert stored(client) == ["User likes tea"]


@both_ways
def test_a_stop_sequence_in_a_block(stream: bool, server: Server, remembering: Make) -> None:
    """A block that the caller's own stop sequence ends is hidden, and its complete items are stored."""
    client = remembering()
    server.script(BLOCK.removesuffix("</memory>"), 'Fine.\n\n<memory>\n[{"content": "User likes trains"}')
    (seen,) = ask(client, stream, stop=["</memory>"])
    assert (seen.content, seen.finish_reason) == ("", "stop")
    (seen,) = ask(client, stream, stop=["]"])
    assert (seen.content, seen.finish_reason) == ("Fine.", "stop")
    assert stored(client) == ["User likes tea", "User likes trains"]


@both_ways
def test_the_length_limit_elsewhere(stream: bool, server: Server, remembering: Make) -> None:
    """If the reply itself was cut it says so."""
    client = remembering()
    server.script(says("Fine, but", finish_reason="length"))
    (seen,) = ask(client, stream)
    assert (seen.content, seen.finish_reason) == ("Fine, but", "length")
    assert not client.memory.last_turn.cut


@both_ways
def test_logprobs(stream: bool, server: Server, remembering: Make) -> None:
    """A call that asks for log probabilities is not asked for a block, and its tokens come as they are."""
    tokens = ["Yes", " ", "<", "mem", " ", "\n"]
    server.script(says("".join(tokens), tokens=tokens))
    client = remembering()
    (seen,) = ask(client, stream, logprobs=True)
    assert (seen.content, seen.tokens) == ("Yes <mem \n", tokens)
    assert not client.memory.last_turn.instructed
    assert "<memory>" not in server.last.raw.decode()


@both_ways
def test_reasoning_fields(stream: bool, server: Server, remembering: Make) -> None:
    """Fields that compatible servers add to a message arrive as they are."""
    server.script(says("Yes." + BLOCK, message={"reasoning_content": "Hm <memory>"}))
    (seen,) = ask(remembering(), stream)
    assert (seen.content, seen.other) == ("Yes.", {"reasoning_content": "Hm <memory>"})


@both_ways
def test_no_finish_reason(stream: bool, server: Server, remembering: Make) -> None:
    """A server that never says why it stopped loses no character and no fact."""
    client = remembering()
    server.script(says("Yes. \n", finish_reason=None), says("No." + BLOCK, finish_reason=None))
    assert ask(client, stream)[0].content == "Yes. \n"
    assert ask(client, stream)[0].content == "No."
    assert stored(client) == ["User likes tea"]


@both_ways
def test_no_choices(stream: bool, server: Server, remembering: Make) -> None:
    """A reply without choices, as Azure's filter sends, is passed on."""
    server.script(Reply(choices=[]))
    assert ask(remembering(), stream) == []


def test_a_stream_hides_the_chunks_of_a_block(server: Server, remembering: Make) -> None:
    """A chunk of which nothing is left is not sent on: the block was never there."""
    server.script(says("Yes." + BLOCK, pieces=["Yes.", *BLOCK]))
    chunks = list(remembering().chat.completions.create(**ASK, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Yes.", None]


def test_a_client_that_gives_dicts(remembering: Make, memory: Memory) -> None:
    """A client whose replies are plain dicts has memory too, whole and streamed."""

    class Client:
        """Gives what the API sends, as it is."""

        def __init__(self) -> None:
            self.chat = SimpleNamespace(completions=SimpleNamespace(create=self.create))

        def create(self, **request: Any) -> Any:
            reply = says("Yes." + BLOCK)
            return chunks_of(reply, request) if request.get("stream") else completion_of(reply, request)

    client = with_memory(Client(), "alice", memory=memory, on_error="raise", recall_timeout=60)
    reply = client.chat.completions.create(**ASK)
    assert reply["choices"][0]["message"]["content"] == "Yes."
    chunks = client.chat.completions.create(**ASK, stream=True)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "Yes."
    assert [record.content for record in remembering().memory.get_all()] == ["User likes tea"]


def test_text_after_the_end() -> None:
    """Text that a server sends after its finish reason is passed on."""
    cleaner = Completions().cleaner(Texts())
    first, end = {"delta": {"content": "Yes. "}}, {"delta": {}, "finish_reason": "stop"}
    shown = [
        chunk for choice in (first, end, {"delta": {"content": "\n"}}) for chunk in cleaner.feed({"choices": [choice]})
    ]
    assert [chunk["choices"][0]["delta"].get("content") for chunk in shown] == ["Yes.", " ", "\n"]
    assert list(cleaner.close()) == []


def test_a_stream_does_not_wait(server: Server, remembering: Make) -> None:
    """A piece of visible text is shown as it comes, except for what a block may follow."""
    server.script(says("One two.\nThree", pieces=["One", " two", ".\n", "Three"]))
    chunks = list(remembering().chat.completions.create(**ASK, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "One", " two", ".", "\nThree", None]


# The same for every way of cutting


TEXTS = [
    "Hello there.",
    "Yes." + BLOCK,
    "Yes." + BLOCK + "\nAnd more.\n" + BLOCK,
    "héllo 🦊 \n\n<memory>\n- User likes tea\n</memory>\n",
    "Fine.\n<memory>[{'content': 'User likes tea'}, {\"content\": \"lo",
    "```\n<memory>\n[]\n</memory>\n```",
]


@st.composite
def cut_replies(draw: st.DrawFn) -> Choice:
    """A reply in tokens of any size."""
    text = draw(st.sampled_from(TEXTS))
    cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=20)))
    tokens = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return Choice(text=text, tokens=tokens, finish_reason=draw(st.sampled_from(["stop", "length", None])))


@settings(max_examples=150)
@given(cut_replies())
def test_streamed_and_plain_replies_agree(choice: Choice) -> None:
    """Text, finish reason and facts are the same for every way of cutting a reply into chunks."""
    plain, streamed = Texts(), Texts()
    finished = replace(choice, finish_reason=choice.finish_reason or "stop")
    reply = ChatCompletion.model_validate(completion_of(Reply(choices=[finished]), ASK))
    Completions().clean(reply, plain)
    whole, pieces = Seen(), Seen()
    whole.add(reply.choices[0].message, reply.choices[0])
    for chunk in cleaned(choice, streamed):
        pieces.add(chunk.choices[0].delta, chunk.choices[0])
    assert pieces.content == whole.content
    assert streamed.close().items == plain.close().items
    if choice.finish_reason is not None:
        assert (pieces.finish_reason, streamed.cut) == (whole.finish_reason, plain.cut)


def cleaned(choice: Choice, texts: Texts) -> Iterator[Any]:
    cleaner = Completions().cleaner(texts)
    for chunk in chunks_of(Reply(choices=[choice]), ASK):
        yield from cleaner.feed(ChatCompletionChunk.model_validate(chunk))
    yield from cleaner.close()
