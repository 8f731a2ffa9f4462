"""The chat turn: what is recalled, stored, corrected, left out and reported."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, with_memory
from headroom.chat import LastTurn
from headroom.chat.prompt.frame import INSTRUCTION
from headroom.memory.records import Reader
from headroom.runtime.threads import submit
from headroom.testing import HashEmbedder

from ..server import Choice, Reply, Server
from .clients import make_client, settled

pytestmark = pytest.mark.quick

Make = Callable[..., Any]


def said(text: str) -> dict[str, Any]:
    """The arguments of a request in which the user says `text`."""
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def block(*items: str) -> str:
    """A reply with a memory block of these JSON items."""
    return f"Noted.\n\n<memory>\n[{', '.join(items)}]\n</memory>"


def present(client: Any) -> list[str]:
    return sorted(record.content for record in client.memory.get_all())


async def until(holds: Callable[[], Any]) -> None:
    """Wait for something that tells nobody when it happens."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never happened")


# Corrections


def test_a_reply_replaces_a_note(server: Server, remembering: Make) -> None:
    """A fact that corrects a note supersedes it, and history keeps the note."""
    client = remembering()
    old = client.memory.add("User lives in Berlin")
    server.script(block('{"content": "User lives in Madrid", "replaces": [1]}'))
    client.chat.completions.create(**said("I moved from Berlin to Madrid"))
    assert present(client) == ["User lives in Madrid"]
    (new,) = client.memory.get_all()
    assert [record.content for record in client.memory.history(new.id)] == [
        "User lives in Berlin",
        "User lives in Madrid",
    ]
    turn = client.memory.last_turn
    assert (turn.replaced, turn.forgotten) == ((old,), ())
    assert [(stored.id, stored.content) for stored in turn.stored] == [(new.id, "User lives in Madrid")]


def test_a_reply_forgets_a_note(server: Server, remembering: Make) -> None:
    """What a reply forgets is hidden at once, kept in history, and can be brought back."""
    client = remembering()
    old = client.memory.add("User has a cat")
    server.script(block('{"forget": [1]}'))
    client.chat.completions.create(**said("Forget my cat"))
    assert present(client) == []
    assert client.memory.last_turn.forgotten == (old,)
    assert client.memory.get(old).content == "User has a cat"
    assert client.memory.restore(old)
    assert present(client) == ["User has a cat"]


def test_a_handle_means_a_note_of_this_turn(server: Server, remembering: Make) -> None:
    """A handle that was not shown in this turn names nothing; its fact is stored all the same."""
    client = remembering()
    client.memory.add("User has a cat")
    server.script(block('{"forget": [2]}', '{"content": "User has a dog", "replaces": [7]}'))
    client.chat.completions.create(**said("I have a dog"))
    assert present(client) == ["User has a cat", "User has a dog"]
    assert [skipped.reason for skipped in client.memory.last_turn.skipped] == [
        "no note [2] was shown",
        "no note [7] was shown",
    ]


def test_a_tool_loop_keeps_its_handles(server: Server, remembering: Make) -> None:
    """In a tool loop a handle means the note it meant when the loop began."""
    client = remembering()
    client.memory.add("User has a cat")
    client.chat.completions.create(**said("My cat died"))
    client.memory.add("User has a cat and a died dog")
    request = said("My cat died")
    request["messages"] += [{"role": "assistant", "content": "So sorry."}]
    server.script(block('{"forget": [1]}'))
    client.chat.completions.create(**request)
    assert present(client) == ["User has a cat and a died dog"]


def test_what_was_injected_is_not_learned_again(server: Server, remembering: Make) -> None:
    """A reply that repeats a note adds neither a row nor a source."""
    client = remembering()
    known = client.memory.add("User has a cat")
    server.script(block('{"content": "user has a cat."}'))
    client.chat.completions.create(**said("What do you know?"))
    assert len(client.memory.get(known).sources) == 1
    assert [skipped.reason for skipped in client.memory.last_turn.skipped] == ["it was injected"]


CORRECTIONS = {
    "a note that replaces itself stays": (
        '{"content": "user has a cat", "replaces": [1]}',
        ["User has a cat", "User has a dog"],
    ),
    "a repeated note ends the other that it replaces": (
        '{"content": "user has a cat", "replaces": [1, 2]}',
        ["User has a cat"],
    ),
    "a correction that is refused ends nothing": (
        '{"content": "User has a fish", "scope": "session", "replaces": [1, 2]}',
        ["User has a cat", "User has a dog"],
    ),
    "a fact may come with something to forget": (
        '{"content": "User has a fish", "forget": [1, 2]}',
        ["User has a fish"],
    ),
    "handles named twice count once": ('{"content": "User has pets", "replaces": [1, 2, 1]}', ["User has pets"]),
}


@pytest.mark.parametrize(("item", "left"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_corrections(item: str, left: list[str], server: Server, remembering: Make) -> None:
    """A correction ends exactly the notes that it stands for."""
    client = remembering()
    client.memory.add("User has a cat")
    client.memory.add("User has a dog")
    client.chat.completions.create(**said("User has a cat"))
    assert [note.content for note in client.memory.last_turn.recalled] == ["User has a cat", "User has a dog"]
    server.script(block(item))
    client.chat.completions.create(**said("User has a cat"))
    assert present(client) == left


def test_a_known_fact_gets_a_source(server: Server, remembering: Make) -> None:
    """A reply that repeats a known fact which was not injected adds a source and no row."""
    client = remembering(inject=False)
    known = client.memory.add("User has a cat")
    server.script(block('{"content": "User has a cat"}'))
    client.chat.completions.create(**said("I have a cat"))
    assert len(client.memory.get(known).sources) == 2
    assert [stored.merged for stored in client.memory.last_turn.stored] == [True]


# Scopes and fields


def test_fields_of_an_item(server: Server, remembering: Make) -> None:
    """Importance, entities and relationships are stored with the fact, and where it came from."""
    client = remembering(session_id="s", agent_id="a")
    server.script(
        block(
            '{"content": "Ana works at Acme", "importance": 0.9, "entities": ["Ana", "Acme"],'
            ' "relationships": [["Ana", "works at", "Acme"]]}'
        )
    )
    client.chat.completions.create(**said("Ana works at Acme"))
    (record,) = client.memory.get_all()
    assert (record.importance, set(record.entities)) == (0.9, {"Ana", "Acme"})
    assert record.relationships == (("Ana", "works at", "Acme"),)
    (source,) = record.sources
    assert (source.session_id, source.agent_id, source.turn_id) == ("s", "a", client.memory.last_turn.turn_id)


def test_a_session_fact(server: Server, remembering: Make) -> None:
    """A fact of session scope is seen in its session only."""
    client = remembering(session_id="morning")
    server.script(block('{"content": "User debugs the login page", "scope": "session"}'))
    client.chat.completions.create(**said("Debugging the login page"))
    assert present(client) == ["User debugs the login page"]
    assert present(remembering(session_id="evening")) == []


@pytest.mark.parametrize("scope", ["session", "agent"])
def test_a_scope_without_its_id(scope: str, server: Server, remembering: Make) -> None:
    """A fact whose scope this client cannot name is left out, never broadened."""
    client = remembering()
    server.script(block(f'{{"content": "secret of the {scope}", "scope": "{scope}"}}', '{"content": "User has a dog"}'))
    client.chat.completions.create(**said("x"))
    assert present(client) == ["User has a dog"]
    (skipped,) = client.memory.last_turn.skipped
    assert f"{scope}_id" in skipped.reason


def test_a_turn_fact(server: Server, remembering: Make, memory: Memory) -> None:
    """A fact of turn scope lives through its tool loop, and is erased with the next user message."""
    client = remembering()
    server.script(block('{"content": "The third file is next", "scope": "turn"}'))
    client.chat.completions.create(**said("Go through the files"))
    assert memory.engine.stats(Reader(user_id="alice", owner=True))["total"] == 1
    request = said("Go through the files")
    request["messages"] += [{"role": "assistant", "content": "Noted."}]
    client.chat.completions.create(**request)
    assert memory.engine.stats(Reader(user_id="alice", owner=True))["total"] == 1
    client.chat.completions.create(**said("Something else"))
    assert memory.engine.stats(Reader(user_id="alice", owner=True))["total"] == 0


# Switches


def test_inject_off(server: Server, remembering: Make) -> None:
    """`inject=False` leaves the user message alone, and still learns."""
    client = remembering(inject=False)
    client.memory.add("User has a cat")
    server.script(block('{"content": "User has a dog"}'))
    client.chat.completions.create(**said("Hello"))
    assert server.last.messages == [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": "Hello"}]
    assert present(client) == ["User has a cat", "User has a dog"]


def test_extract_off(server: Server, remembering: Make) -> None:
    """`extract=False` recalls; the reply is the model's own, and nothing is learned."""
    client = remembering(extract=False)
    client.memory.add("User has a cat")
    server.script(block('{"content": "User has a dog"}'))
    reply = client.chat.completions.create(**said("Hello"))
    (user,) = server.last.messages
    assert "User has a cat" in user["content"]
    assert reply.choices[0].message.content == block('{"content": "User has a dog"}')
    assert present(client) == ["User has a cat"]


def test_off_for_some_calls(server: Server, remembering: Make) -> None:
    """Within `memory.off()` a request is the caller's own; after it memory is back."""
    client = remembering()
    client.memory.add("User has a cat")
    with client.memory.off():
        client.chat.completions.create(**said("Private"))
        assert server.last.messages == said("Private")["messages"]
        client.with_options(timeout=9).chat.completions.create(**said("Private"))
        assert server.last.messages == said("Private")["messages"]
        remembering(user_id="bob").chat.completions.create(**said("Hello"))
        assert len(server.last.messages) == 2
    client.chat.completions.create(**said("Hello"))
    assert "User has a cat" in server.last.raw.decode()


def test_one_half_off(server: Server, remembering: Make) -> None:
    """`memory.off("extract")` and `memory.off("inject")` leave the other half on, and add up."""
    client = remembering()
    client.memory.add("User has a cat")
    with client.memory.off("extract"):
        client.chat.completions.create(**said("Hello"))
        (user,) = server.last.messages
        assert "User has a cat" in user["content"]
        with client.memory.off("inject"):
            client.chat.completions.create(**said("Hello"))
            assert server.last.messages == said("Hello")["messages"]
    with client.memory.off("inject"):
        client.chat.completions.create(**said("Hello"))
        assert server.last.messages[-1] == said("Hello")["messages"][0]


def test_off_is_of_its_own_thread(server: Server, remembering: Make) -> None:
    """Another thread of the program has its memory meanwhile."""
    client = remembering()
    client.memory.add("User has a cat")
    with client.memory.off():
        thread = threading.Thread(target=lambda: client.chat.completions.create(**said("Hello")))
        thread.start()
        thread.join()
    assert "User has a cat" in server.last.raw.decode()


async def test_off_counts_when_a_call_is_made(server: Server, remembering: Make) -> None:
    """An asynchronous call made within the block is private, even when it is awaited after it."""
    client = remembering("AsyncOpenAI")
    await client.memory.add("User has a cat")
    with client.memory.off():
        coming = client.chat.completions.create(**said("Private"))
    await coming
    assert server.last.messages == said("Private")["messages"]


def test_redact(server: Server, remembering: Make) -> None:
    """The hook changes or drops a fact on its way in, with the names that come with it."""

    def redact(text: str) -> str | None:
        return None if "secret" in text else text.replace("Ana", "a friend")

    client = remembering(redact=redact)
    server.script(
        block(
            '{"content": "User knows Ana", "entities": ["Ana", "secret club"],'
            ' "relationships": [["Ana", "knows", "Bo"], ["Bo", "knows", "Cy"]]}',
            '{"content": "User has a secret"}',
        )
    )
    client.chat.completions.create(**said("x"))
    (record,) = client.memory.get_all()
    assert record.content == "User knows a friend"
    assert record.entities == ("a friend",)
    assert record.relationships == (("Bo", "knows", "Cy"),)
    assert [skipped.reason for skipped in client.memory.last_turn.skipped] == ["the redact hook dropped it"]


# Users


def test_users_are_apart(server: Server, remembering: Make) -> None:
    """What one user's client learns, another user's client never sends."""
    alice, bob = remembering(user_id="alice"), remembering(user_id="bob")
    server.script(block('{"content": "Alice likes chess"}'))
    alice.chat.completions.create(**said("I like chess"))
    bob.chat.completions.create(**said("I like chess"))
    assert "Alice likes" not in server.last.raw.decode()
    assert present(bob) == []


def test_the_store_is_shared_with_the_memory(server: Server, remembering: Make, memory: Memory) -> None:
    """What the chat learned is in the `Memory` that the client was given, and the other way round."""
    client = remembering()
    server.script(block('{"content": "User likes chess"}'))
    client.chat.completions.create(**said("I like chess"))
    assert memory.engine.stats(Reader(user_id="alice", owner=True))["total"] == 1


# What happened


def test_last_turn(server: Server, remembering: Make) -> None:
    """`last_turn` says what was recalled with scores, what was sent, what was stored, and how long each step took."""
    client = remembering()
    assert client.memory.last_turn == LastTurn()
    client.memory.add("User has a cat")
    server.script(block('{"content": "User has a dog"}', "{}"))
    client.chat.completions.create(**said("I have a dog"))
    turn = client.memory.last_turn
    (note,) = turn.recalled
    assert note.content == "User has a cat"
    assert 0 <= note.score <= 1
    assert server.last.messages[-1]["content"] == turn.injected + "I have a dog"
    assert turn.instructed
    assert [stored.content for stored in turn.stored] == ["User has a dog"]
    assert set(turn.ms) == {"recall", "parse", "store"}
    assert all(milliseconds >= 0 for milliseconds in turn.ms.values())
    assert turn.failed == {}
    assert "has a" not in repr({name: getattr(turn, name) for name in ("turn_id", "failed", "ms")})


# Concurrency


async def test_many_turns_at_once(server: Server, remembering: Make) -> None:
    """Turns of many users that overlap never mix."""
    clients = [remembering("AsyncOpenAI", user_id=f"user{number}") for number in range(8)]
    server.script(*[block('{"content": "User said hello"}')] * 8)
    await asyncio.gather(*(client.chat.completions.create(**said(f"I am {client}")) for client in clients))
    for client in clients:
        (record,) = await client.memory.get_all()
        assert record.user_id == client.memory.bound.reader.user_id


async def test_storing_outlives_a_cancellation(server: Server, remembering: Make, memory: Memory) -> None:
    """A task that is cancelled while its facts are being stored leaves, and the facts are stored."""
    client = remembering("AsyncOpenAI")
    storing, go_on, stored = threading.Event(), threading.Event(), threading.Event()
    apply = memory.engine.apply

    def slow_apply(*args: Any, **kwargs: Any) -> Any:
        storing.set()
        go_on.wait(60)
        done = apply(*args, **kwargs)
        stored.set()
        return done

    memory.engine.apply = slow_apply  # type: ignore[method-assign]
    server.script(block('{"content": "User has a dog"}'))
    task = asyncio.create_task(settled(client.chat.completions.create(**said("I have a dog"))))
    await asyncio.to_thread(storing.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert await asyncio.to_thread(stored.wait, 60)
    assert [record.content for record in await client.memory.get_all()] == ["User has a dog"]


async def test_storing_that_has_not_begun_outlives_a_cancellation(server: Server, remembering: Make) -> None:
    """The same if every thread is busy, and the storing waits for its turn."""
    client = remembering("AsyncOpenAI", inject=False)
    server.script(Reply(choices=[Choice(text=block('{"content": "User has a dog"}'))], delay=0.1))
    task = asyncio.create_task(settled(client.chat.completions.create(**said("I have a dog"))))
    go_on = threading.Event()
    busy = [submit(go_on.wait, 60) for _ in range(64)]
    await until(lambda: client.memory.last_turn is not None and "parse" in client.memory.last_turn.ms)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not client.memory.last_turn.stored
    go_on.set()
    await asyncio.gather(*map(asyncio.wrap_future, busy))
    await until(lambda: client.memory.last_turn.stored)
    assert [record.content for record in await client.memory.get_all()] == ["User has a dog"]


async def test_a_cancelled_stream(server: Server, remembering: Make) -> None:
    """A task that is cancelled in the middle of a stream stores what was complete."""
    client = remembering("AsyncOpenAI")
    text = block('{"content": "User has a dog"}')
    server.script(Reply(choices=[Choice(text=text + "\nx", pieces=[text, "\nx"])], pauses_after=3))
    stream = await client.chat.completions.create(**said("I have a dog"), stream=True)

    async def read() -> None:
        async for _ in stream:
            pass

    task = asyncio.create_task(read())
    assert await asyncio.to_thread(server.paused.wait, 60)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.go_on.set()
    assert [record.content for record in await client.memory.get_all()] == ["User has a dog"]


def test_a_stream_that_nobody_closed(server: Server, remembering: Make) -> None:
    """The facts of a stream that was dropped wait for the next turn."""
    client = remembering()
    server.script(block('{"content": "User has a dog"}') + "\nAnd more.")
    stream = client.chat.completions.create(**said("I have a dog"), stream=True)
    for chunk in stream:
        if "more" in (chunk.choices[0].delta.content or ""):
            break
    stream.response.close()
    del stream, chunk
    assert client.memory.stats()["waiting"] == 1
    client.chat.completions.create(**said("Hello"))
    assert present(client) == ["User has a dog"]
    assert client.memory.stats()["waiting"] == 0


async def test_a_synchronous_client_in_a_running_loop(server: Server, remembering: Make) -> None:
    """A synchronous client and its memory work while an event loop runs."""
    client = remembering()
    server.script(block('{"content": "User has a dog"}'))
    client.chat.completions.create(**said("I have a dog"))
    assert present(client) == ["User has a dog"]


async def test_a_bare_client_is_left_alone(server: Server, remembering: Make) -> None:
    """The client that was wrapped goes on without memory."""
    real = make_client("OpenAI", server.url)
    with_memory(real, "alice")
    real.chat.completions.create(**said("Hello"))
    assert server.last.messages == said("Hello")["messages"]
    real.close()


def test_a_memory_lives_as_long_as_its_client(server: Server, tmp_path: Path) -> None:
    """A `Memory` made for the client in passing, and a client dropped for its stream, stay open while they are used."""
    with make_client("OpenAI", server.url) as real:
        memory = Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder())
        client = with_memory(real, "alice", memory=memory, on_error="raise", recall_timeout=60)
        del memory
        gc.collect()
        server.script(block('{"content": "User has a dog"}'))
        stream = client.chat.completions.create(**said("I have a dog"), stream=True)
        bound = client.memory
        del client
        gc.collect()
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Noted."
        assert [record.content for record in bound.get_all()] == ["User has a dog"]


# Secrets


def test_a_secret_in_a_reply_is_not_stored(server: Server, remembering: Make, caplog: pytest.LogCaptureFixture) -> None:
    """What the model writes down is kept without it, shown so, and counted; no log has it."""
    client = remembering()
    server.script(block('{"content": "The Wi-Fi password is hunter2", "entities": ["Wi-Fi", "hunter2"]}'))
    with caplog.at_level("DEBUG", "headroom"):
        client.chat.completions.create(**said("My Wi-Fi password is hunter2"))
    (record,) = client.memory.get_all()
    assert record.content == "The Wi-Fi password is [redacted password]"
    assert record.entities == ("Wi-Fi",)
    assert [stored.content for stored in client.memory.last_turn.stored] == [record.content]
    assert client.memory.redacted == client.memory.last_turn.redacted == {"password": 1}
    client.chat.completions.create(**said("Thanks"))
    assert client.memory.last_turn.redacted == {}
    assert client.memory.redacted == {"password": 1}
    assert "hunter2" not in caplog.text
