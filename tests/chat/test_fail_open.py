"""A failing memory never breaks a chat: real faults, and the caller's own request goes out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from headroom import Memory, MemoryConfig, with_memory
from headroom.chat.prompt.frame import INSTRUCTION
from headroom.errors import EmbedderError, EmbedderMismatch, InvalidInput, NewerSchema, NotADatabase, StoreUnwritable
from headroom.memory.user_memory import UserMemory
from headroom.testing import HashEmbedder

from ..memory.mounts import read_only, small_disk
from ..server import Server, says
from .clients import make_client, settled

Make = Callable[..., Any]
SECRET = "my dog is called Rex"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": SECRET}]}
BLOCK = '\n\n<memory>\n[{"content": "User has a dog called Rex"}]\n</memory>'


class FaultyEmbedder(HashEmbedder):
    """An embedder that can be broken or slowed down."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def embed(self, texts: Any) -> Any:
        self._stumble()
        return super().embed(texts)

    def embed_query(self, text: str) -> Any:
        self._stumble()
        return super().embed_query(text)

    def _stumble(self) -> None:
        assert self.go_on.wait(60), "a chat waited for the embedder"
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def embedder() -> FaultyEmbedder:
    return FaultyEmbedder()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def chat(server: Server, path: Path, embedder: FaultyEmbedder) -> Iterator[Make]:
    """Make synchronous clients that fail open, as they do by default."""
    made, memories = [], []

    def make(**options: Any) -> Any:
        memories.append(memory := Memory(db_path=path, embedder=embedder))
        made.append(client := make_client("OpenAI", server.url))
        return with_memory(client, "alice", memory=memory, **{"recall_timeout": 60, **options})

    yield make
    embedder.broken = None
    embedder.go_on.set()
    for client in made:
        client.close()
    for memory in memories:
        asyncio.run(memory.close())


def asked_for_itself(server: Server) -> bool:
    """Whether the last request was the caller's own, byte for byte."""
    return bool(server.last.body == ASK)


def asked_without_notes(server: Server) -> bool:
    """Whether the last request asked for a block and held no note: recalling failed, and learning goes on."""
    system, user = server.last.messages
    return (
        system == {"role": "system", "content": INSTRUCTION}
        and user["content"].startswith("Today is ")
        and user["content"].endswith(f"\n\n{SECRET}")
        and "Notes about" not in user["content"]
    )


def present(client: Any) -> list[str]:
    return [record.content for record in client.memory.get_all()]


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait for what goes on in the background."""
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


# The embedder


@pytest.mark.parametrize("fault", [EmbedderError("no model"), RuntimeError(SECRET), MemoryError()])
def test_an_embedder_that_raises_while_recalling(
    fault: Exception, server: Server, chat: Make, embedder: FaultyEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    """The request goes out without notes and asks for a block; a warning says what failed, and no word of the user."""
    client = chat()
    embedder.broken = fault
    server.script("Hi.")
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Hi."
    assert asked_without_notes(server)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "recall" in warning.getMessage()
    assert SECRET not in warning.getMessage()
    assert client.memory.last_turn.failed == {"recall": type(fault).__name__}


@pytest.mark.parametrize("stream", [False, True])
def test_facts_that_cannot_be_embedded_wait(stream: bool, server: Server, chat: Make, embedder: FaultyEmbedder) -> None:
    """The reply is clean, its fact waits and is counted, and the next turn stores it."""
    client = chat(inject=False)
    embedder.broken = EmbedderError("no model")
    server.script("Nice." + BLOCK)
    reply = client.chat.completions.create(**ASK, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in reply) == "Nice."
    else:
        assert reply.choices[0].message.content == "Nice."
    assert client.memory.stats()["waiting"] == 1
    embedder.broken = None
    client.chat.completions.create(**ASK)
    assert present(client) == ["User has a dog called Rex"]
    assert client.memory.stats()["waiting"] == 0


def test_what_waits_is_stored_at_close(server: Server, chat: Make, embedder: FaultyEmbedder, path: Path) -> None:
    """Closing the memory tries once more."""
    memory = Memory(db_path=path, embedder=embedder)
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", memory=memory, inject=False)
        embedder.broken = EmbedderError("no model")
        server.script("Nice." + BLOCK)
        client.chat.completions.create(**ASK)
        embedder.broken = None
        asyncio.run(memory.close())
    assert present(chat()) == ["User has a dog called Rex"]


def test_closing_goes_on_where_nothing_can_be_stored(
    server: Server, embedder: FaultyEmbedder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A memory that still cannot store closes all the same, and says so."""
    memory = Memory(db_path=path, embedder=embedder)
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", memory=memory, inject=False)
        embedder.broken = RuntimeError(SECRET)
        server.script("Nice." + BLOCK)
        client.chat.completions.create(**ASK)
        asyncio.run(memory.close())
    assert "closed" in caplog.records[-1].getMessage()
    assert SECRET not in caplog.text


def test_what_waits_goes_with_clear(server: Server, chat: Make, embedder: FaultyEmbedder) -> None:
    """A user who clears his memory does not get back what waited."""
    client = chat(inject=False)
    embedder.broken = EmbedderError("no model")
    server.script("Nice." + BLOCK)
    client.chat.completions.create(**ASK)
    client.memory.clear()
    embedder.broken = None
    client.chat.completions.create(**ASK)
    assert present(client) == []


def test_recall_slower_than_its_timeout(server: Server, chat: Make, embedder: FaultyEmbedder) -> None:
    """Recall delays a chat by at most `recall_timeout`; then the request goes out without notes."""
    client = chat(recall_timeout=0.1)
    embedder.go_on.clear()
    client.chat.completions.create(**ASK)
    assert asked_without_notes(server)
    assert not embedder.go_on.is_set()
    assert client.memory.last_turn.failed == {"recall": "TimeoutError"}


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
def test_a_timeout_that_is_longer_than_a_thread_can_wait(seconds: float, server: Server, chat: Make) -> None:
    """Any number above 0 is a timeout: infinity waits as long as it takes, and recall does not fail."""
    client = chat(recall_timeout=seconds)
    client.chat.completions.create(**ASK)
    assert client.memory.last_turn.failed == {}


async def test_recall_slower_than_its_timeout_async(server: Server, path: Path, embedder: FaultyEmbedder) -> None:
    """The same on an asynchronous client."""
    async with Memory(db_path=path, embedder=embedder) as memory, make_client("AsyncOpenAI", server.url) as real:
        client = with_memory(real, "alice", memory=memory, recall_timeout=0.1)
        embedder.go_on.clear()
        await client.chat.completions.create(**ASK)
        assert asked_without_notes(server)
        embedder.go_on.set()


def test_a_tool_loop_goes_on_as_it_began(server: Server, chat: Make, embedder: FaultyEmbedder) -> None:
    """If recalling failed for a user message, its tool loop sends the message without notes too."""
    client = chat()
    client.memory.add("User has a cat")
    embedder.broken = RuntimeError("x")
    client.chat.completions.create(**ASK)
    asked = server.last.messages
    embedder.broken = None
    client.chat.completions.create(model="m", messages=[*ASK["messages"], {"role": "assistant", "content": "Hm"}])
    assert server.last.messages[:-1] == asked


# The file

HOLD_THE_LOCK = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("begin immediate")
print(flush=True)
input()
"""


def test_a_locked_file(server: Server, chat: Make, path: Path) -> None:
    """While another process holds the write lock the chat goes on; the facts are stored when it lets go."""
    client = chat()
    hold = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('begin immediate'); print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    server.script("Nice." + BLOCK)
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Nice."
    assert present(client) == []
    assert holder.poll() is None, "the lock was held all the time"
    holder.communicate("\n")
    assert eventually(lambda: present(client) == ["User has a dog called Rex"])


def test_a_removed_file(server: Server, chat: Make, path: Path) -> None:
    """A file that was moved away is no reason to fail; what was learned meanwhile is stored once it is back."""
    client = chat()
    client.memory.add("User has a cat")
    path.rename(path.with_suffix(".away"))
    server.script("Nice." + BLOCK)
    assert client.chat.completions.create(**ASK).choices[0].message.content is not None
    assert client.memory.last_turn.failed
    path.with_suffix(".away").rename(path)
    client.chat.completions.create(**ASK)
    assert "User has a cat" in present(client)


def test_a_full_disk(server: Server, tmp_path: Path, embedder: FaultyEmbedder) -> None:
    """On a full disk the chat goes on, and the facts are stored when there is room again."""
    with small_disk(tmp_path / "disk", "512k") as disk, make_client("OpenAI", server.url) as real:
        memory = Memory(db_path=disk / "memory.db", embedder=embedder)
        client = with_memory(real, "alice", memory=memory)
        client.memory.add("User has a cat")
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 1024 * 1024)
        server.script("Nice." + BLOCK)
        assert client.chat.completions.create(**ASK).choices[0].message.content == "Nice."
        assert client.memory.stats()["waiting"] == 1
        assert client.memory.last_turn.failed == {"store": "StoreUnavailable"}
        filler.unlink()
        client.chat.completions.create(**ASK)
        assert present(client) == ["User has a dog called Rex", "User has a cat"]
        asyncio.run(memory.close())


def test_an_index_that_is_gone(server: Server, chat: Make, path: Path) -> None:
    """A damaged index makes recalling fail, and the chat go on."""
    client = chat()
    client.memory.add("User has a cat")
    with apsw.Connection(str(path)) as connection:
        connection.execute("drop table words")
    server.script("Hi.")
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Hi."
    assert asked_without_notes(server)
    assert list(client.memory.last_turn.failed) == ["recall"]


def test_a_malformed_note(server: Server, chat: Make, path: Path) -> None:
    """A note that is no text makes recalling fail, and the chat go on."""
    client = chat()
    client.memory.add("User has a cat")
    with apsw.Connection(str(path)) as connection:
        connection.execute("update memories set content = x'ff00'")
    server.script("Hi.")
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Hi."
    assert asked_without_notes(server)


def test_a_closed_memory(server: Server, embedder: FaultyEmbedder, path: Path) -> None:
    """A client whose `Memory` was closed goes on without it."""
    memory = Memory(db_path=path, embedder=embedder)
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", memory=memory)
        asyncio.run(memory.close())
        server.script("Nice." + BLOCK)
        assert client.chat.completions.create(**ASK).choices[0].message.content is not None
        assert asked_for_itself(server)


# The rest


def test_a_hook_that_raises(server: Server, chat: Make) -> None:
    """If the redact hook fails nothing of the reply is stored, as nobody has looked at it."""

    def redact(text: str) -> str:
        raise KeyError(text)

    client = chat(redact=redact)
    server.script("Nice." + BLOCK)
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Nice."
    assert client.memory.last_turn.failed == {"store": "KeyError"}
    assert client.memory.stats()["waiting"] == 0
    assert present(client) == []


def test_a_reply_of_another_shape(server: Server, chat: Make) -> None:
    """A reply that we cannot read reaches the caller as it came."""
    client = chat()
    server.script(says(None).with_(body={"choices": 5, "object": "odd"}))
    assert client.chat.completions.create(**ASK).object == "odd"
    assert list(client.memory.last_turn.failed) == ["parse"]


def test_a_reply_without_choices(server: Server, chat: Make) -> None:
    """Some servers report an error in a reply without choices, or in plain text: it arrives as it came."""
    client = chat()
    server.script(says(None).with_(body={"choices": None, "error": {"message": "busy"}}))
    reply = client.chat.completions.create(**ASK)
    assert type(reply).__name__ == "ChatCompletion"
    assert reply.error == {"message": "busy"}
    server.script(says(None).with_(body={"not": "JSON"}, headers={"content-type": "text/plain"}))
    assert client.chat.completions.create(**ASK).model_extra == {"not": "JSON"}
    assert client.memory.last_turn.failed == {}


def test_a_chunk_of_another_shape(server: Server, chat: Make) -> None:
    """So does a chunk; what comes after it is read again."""
    client = chat()
    server.script(says("Nice." + BLOCK, message={"content": {"odd": True}}))
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks][:2] == ["", "Nice."]
    assert present(client) == ["User has a dog called Rex"]


def test_on_error_raise(server: Server, chat: Make, embedder: FaultyEmbedder) -> None:
    """`on_error="raise"` raises what failed, for tests."""
    client = chat(on_error="raise")
    embedder.broken = EmbedderError("no model")
    with pytest.raises(EmbedderError, match="no model"):
        client.chat.completions.create(**ASK)
    assert server.received == []


# Faults of the file: the chat goes on, `client.memory` raises them, and later turns try again


def damaged(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)


def without_a_folder(path: Path) -> None:
    path.parent.rmdir()


FAULTS = {"damaged": (damaged, NotADatabase), "without its folder": (without_a_folder, StoreUnwritable)}


@pytest.mark.parametrize(("spoil", "error"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_cannot_be_used(
    spoil: Callable[[Path], None],
    error: type[Exception],
    tmp_path: Path,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The chat goes on and one error is logged; once the file is mended the next turn has memory, and keeps facts."""
    path = tmp_path / "folder" / "memory.db"
    path.parent.mkdir()
    spoil(path)
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", config=MemoryConfig(db_path=path), recall_timeout=None)
        for _ in range(3):
            server.script("Nice." + BLOCK)
            assert client.chat.completions.create(**ASK).choices[0].message.content == "Nice."
            assert client.memory.last_turn.failed == {"recall": error.__name__, "store": error.__name__}
        with pytest.raises(error):
            client.memory.get_all()
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        client.chat.completions.create(**ASK)
        assert client.memory.last_turn.failed == {}
        assert present(client) == ["User has a dog called Rex"]
        assert client.memory.stats()["waiting"] == 0


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
def test_a_file_that_is_locked_from_the_start(
    name: str, path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """While another program keeps the whole file to itself, chats go on; what they taught is stored afterwards."""
    with UserMemory("alice", db_path=path, embedder=HashEmbedder()) as memory:
        memory.add("User has a cat")
    hold = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('pragma locking_mode = exclusive').fetchall();"
        "c.execute('begin immediate'); c.execute('update users set revision = revision'); print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    config = MemoryConfig(db_path=path)

    async def chats() -> None:
        real = make_client(name, server.url)
        server.script(*["Nice." + BLOCK] * 3)
        for _ in range(3):
            client = with_memory(real, "alice", config=config)
            reply = await settled(client.chat.completions.create(**ASK))
            assert reply.choices[0].message.content == "Nice."
            assert set(client.memory.last_turn.failed) == {"recall", "store"}
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
        holder.communicate("\n")
        deadline = time.monotonic() + 60
        while client.memory.last_turn.failed and time.monotonic() < deadline:
            await settled(client.chat.completions.create(**ASK))
        facts = [record.content for record in await settled(client.memory.get_all())]
        assert facts == ["User has a dog called Rex", "User has a cat"]
        assert (await settled(client.memory.stats()))["waiting"] == 0
        await settled(real.close())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("headroom.memory.open.make_embedder", lambda config: HashEmbedder())
        asyncio.run(chats())


def test_facts_wait_for_a_file_from_one_client_to_the_next(path: Path, server: Server) -> None:
    """A program that makes a client for each request loses nothing while the file is damaged."""
    damaged(path)
    config = MemoryConfig(db_path=path)
    with make_client("OpenAI", server.url) as real:
        server.script("Nice." + BLOCK)
        with_memory(real, "alice", config=config, recall_timeout=None).chat.completions.create(**ASK)
        gc.collect()
        path.unlink()
        client = with_memory(real, "alice", config=config, recall_timeout=None)
        client.chat.completions.create(**ASK)
        assert present(client) == ["User has a dog called Rex"]


def test_a_folder_that_nobody_may_write(tmp_path: Path, server: Server) -> None:
    """A place that cannot be written is a fault of the file too; `on_error="raise"` raises it."""
    folder = tmp_path / "locked"
    folder.mkdir()
    config = MemoryConfig(db_path=folder / "memory.db")
    with read_only(folder), make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", config=config)
        assert client.chat.completions.create(**ASK).choices[0].message.content == "OK"
        with pytest.raises(StoreUnwritable):
            client.memory.stats()
        with pytest.raises(StoreUnwritable):
            with_memory(real, "alice", config=config, on_error="raise")


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_that_is_exchanged(shared: bool, path: Path, tmp_path: Path, server: Server) -> None:
    """A file that takes the place of the open one is opened at the next turn, notes and all."""
    other = tmp_path / "other.db"
    for file, cat in ((path, "User has a black cat"), (other, "User has a white cat")):
        with UserMemory("alice", db_path=file) as memory:
            memory.add(cat)
    config = MemoryConfig(db_path=path)
    opened = Memory(config) if shared else None
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", **({"memory": opened} if shared else {"config": config}))
        client.memory.warm()
        client.chat.completions.create(**ASK)
        assert "black cat" in server.last.messages[-1]["content"]
        other.replace(path)
        server.script("Nice." + BLOCK)
        client.chat.completions.create(**ASK)
        assert client.memory.last_turn.failed == {}
        assert "white cat" in server.last.messages[-1]["content"]
        assert present(client) == ["User has a dog called Rex", "User has a white cat"]
        if opened is not None:
            asyncio.run(opened.close())


# Faults of configuration


async def test_a_file_of_a_newer_version(path: Path, server: Server, embedder: FaultyEmbedder) -> None:
    """A file that a later version wrote raises in `with_memory`."""
    async with Memory(db_path=path, embedder=embedder) as memory:
        await memory.save("User has a cat", "alice")
    with contextlib.closing(apsw.Connection(str(path))) as other:
        other.execute("insert into steps values ('_from_the_future', 0)")
    with make_client("OpenAI", server.url) as client, pytest.raises(NewerSchema):
        with_memory(client, "alice", config=MemoryConfig(db_path=path))


async def test_a_file_of_another_embedder(path: Path, server: Server, embedder: FaultyEmbedder) -> None:
    """A file with another embedder's vectors raises in `with_memory`, and says which command moves it."""
    async with Memory(db_path=path, embedder=embedder) as memory:
        await memory.save("User has a cat", "alice")
    with make_client("OpenAI", server.url) as client, pytest.raises(EmbedderMismatch, match="headroom reembed"):
        with_memory(client, "alice", config=MemoryConfig(db_path=path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": "  "}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"session_id": ""}, "session_id"),
        ({"agent_id": 5}, "agent_id"),
        ({"top_k": 0}, "top_k"),
        ({"token_budget": "many"}, "token_budget"),
        ({"note_length": 0}, "note_length"),
        ({"recall_timeout": 0}, "recall_timeout"),
        ({"recall_timeout": "1"}, "recall_timeout"),
        ({"on_error": "ignore"}, "on_error"),
        ({"redact": "x"}, "redact"),
        ({"small_model": "ollama"}, "small_model"),
        ({"client": object()}, r"chat\.completions"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str, server: Server, headroom_home: Path) -> None:
    """Arguments that cannot be used raise InvalidInput, and nothing is opened."""
    with make_client("OpenAI", server.url) as client, pytest.raises(InvalidInput, match=message):
        with_memory(**{"client": client, "user_id": "alice", **options})
    assert not headroom_home.exists()
