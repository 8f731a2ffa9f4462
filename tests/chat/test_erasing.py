"""What is erased is gone from chat clients too, whoever erased it: from tool loops, waiting facts, the last turn."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headroom import Memory, with_memory
from headroom.chat import LastTurn
from headroom.errors import EmbedderError
from headroom.memory.user_memory import UserMemory
from headroom.testing import HashEmbedder

from ..server import Server
from .clients import make_client

SECRET = "User has a cat called Rex"
QUESTION = {"role": "user", "content": "What is my cat called?"}
LOOP = [QUESTION, {"role": "assistant", "content": "Let me see."}, {"role": "user", "name": "x", "content": "Go on"}]
ASK: dict[str, Any] = {"model": "m", "messages": [QUESTION]}
GOES_ON: dict[str, Any] = {"model": "m", "messages": [QUESTION, {"role": "assistant", "content": "Let me see."}]}
BLOCK = '\n\n<memory>\n[{"content": "User has a dog"}]\n</memory>'


class Gated(HashEmbedder):
    """An embedder that can be broken, or held up."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def embed(self, texts: Any) -> Any:
        self.entered.set()
        self.go_on.wait(30)
        if self.broken:
            raise EmbedderError("not now")
        return super().embed(texts)


@pytest.fixture
def embedder() -> Gated:
    return Gated()


@pytest.fixture
def opened(tmp_path: Path, embedder: Gated) -> Iterator[Memory]:
    memory = Memory(db_path=tmp_path / "memory.db", embedder=embedder)
    yield memory
    embedder.go_on.set()
    asyncio.run(memory.close())


@pytest.fixture
def client(opened: Memory, server: Server) -> Iterator[Any]:
    with make_client("OpenAI", server.url) as real:
        yield with_memory(real, "alice", memory=opened)


def by_memory(memory: Memory, how: str, memory_id: str) -> None:
    if how == "delete":
        assert asyncio.run(memory.delete(memory_id))
    elif how == "clear":
        asyncio.run(memory.clear("alice"))
    else:
        asyncio.run(memory.delete_many([memory_id], user_id="alice"))


def by_another_process(memory: Memory, how: str, memory_id: str) -> None:
    code = (
        "import sys\nfrom headroom.memory.user_memory import UserMemory\nfrom headroom.testing import HashEmbedder\n"
        "with UserMemory('alice', db_path=sys.argv[1], embedder=HashEmbedder()) as memory:\n"
        "    memory.clear() if sys.argv[2] == 'clear' else memory.delete(sys.argv[3])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(memory.config.path), how, memory_id], check=True)


ERASERS = {"the same process": by_memory, "another process": by_another_process}
of_every_eraser = pytest.mark.parametrize("erase", ERASERS.values(), ids=ERASERS)


def present(client: Any) -> list[str]:
    return [record.content for record in client.memory.get_all()]


@of_every_eraser
@pytest.mark.parametrize("how", ["delete", "clear"])
def test_a_tool_loop_sends_no_erased_note(
    erase: Callable[..., None], how: str, client: Any, opened: Memory, server: Server
) -> None:
    """A loop that goes on after an erasure recalls afresh; one without an erasure sends the very bytes again."""
    memory_id = client.memory.add(SECRET)
    client.memory.add("User likes tea")
    client.chat.completions.create(**ASK)
    first = server.last.messages
    client.chat.completions.create(**GOES_ON)
    assert server.last.messages[: len(first)] == first
    erase(opened, how, memory_id)
    client.chat.completions.create(**GOES_ON)
    text = server.last.raw.decode()
    assert SECRET not in text
    assert ("User likes tea" in text) == (how == "delete")


@of_every_eraser
def test_a_fact_that_waits_does_not_come_back(
    erase: Callable[..., None], client: Any, opened: Memory, embedder: Gated, server: Server
) -> None:
    """A fact that could not be stored before its user cleared everything is dropped; later ones are stored."""
    memory_id = client.memory.add(SECRET)
    embedder.broken = True
    server.script("Nice." + BLOCK)
    client.chat.completions.create(**ASK)
    assert client.memory.stats()["waiting"] == 1
    erase(opened, "clear", memory_id)
    embedder.broken = False
    server.script("Nice." + BLOCK.replace("dog", "fish"))
    client.chat.completions.create(**ASK)
    assert present(client) == ["User has a fish"]
    assert client.memory.stats()["waiting"] == 0


@of_every_eraser
def test_a_fact_that_is_being_stored_does_not_come_back(
    erase: Callable[..., None], client: Any, opened: Memory, embedder: Gated, server: Server
) -> None:
    """Nor does one whose storing was under way when the user cleared everything, and ended afterwards."""
    memory_id = client.memory.add(SECRET)
    embedder.entered.clear()
    embedder.go_on.clear()
    server.script("Nice." + BLOCK)
    client.chat.completions.create(**ASK)
    assert embedder.entered.wait(30)
    assert client.memory.stats()["waiting"] == 1
    erase(opened, "clear", memory_id)
    embedder.go_on.set()
    deadline = time.monotonic() + 30
    while client.memory.stats()["waiting"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.memory.stats()["waiting"] == 0
    assert present(client) == []
    assert [skipped.reason for skipped in client.memory.last_turn.skipped] == (
        [] if erase is by_memory else ["the memory was cleared meanwhile"]
    )


@pytest.mark.quick
def test_clearing_waits_for_what_is_being_written(client: Any, opened: Memory, server: Server) -> None:
    """A fact that is written while `clear` begins is cleared with the rest."""
    backend = opened.engine._backend
    apply, writing, go_on = backend.apply, threading.Event(), threading.Event()

    def slow_apply(*args: Any) -> Any:
        writing.set()
        go_on.wait(30)
        return apply(*args)

    backend.apply = slow_apply  # type: ignore[method-assign]
    storing = threading.Thread(target=lambda: client.memory.add(SECRET))
    storing.start()
    assert writing.wait(30)
    clearing = threading.Thread(target=lambda: client.memory.clear())
    clearing.start()
    go_on.set()
    clearing.join(30)
    storing.join(30)
    assert present(client) == []


@pytest.mark.quick
@pytest.mark.parametrize("how", ["delete", "delete_many", "clear"])
def test_the_last_turn_forgets(how: str, client: Any, opened: Memory, server: Server) -> None:
    """The report of a turn that showed an erased note is empty; another user's erasure leaves it alone."""
    memory_id = client.memory.add(SECRET)
    client.chat.completions.create(**ASK)
    asyncio.run(opened.clear("bob"))
    assert [note.content for note in client.memory.last_turn.recalled] == [SECRET]
    by_memory(opened, how, memory_id)
    assert client.memory.last_turn == LastTurn()


@pytest.mark.quick
def test_clearing_a_session_leaves_the_others(opened: Memory, embedder: Gated, server: Server) -> None:
    """Facts of the user that wait are no part of a session that is cleared."""
    with make_client("OpenAI", server.url) as real:
        client = with_memory(real, "alice", session_id="s", memory=opened)
        embedder.broken = True
        server.script(
            'Nice.\n<memory>["User has a dog", {"content": "The login page is next", "scope": "session"}]</memory>'
        )
        client.chat.completions.create(**ASK)
        assert client.memory.stats()["waiting"] == 2
        asyncio.run(opened.clear("alice", session_id="s"))
        embedder.broken = False
        client.chat.completions.create(**ASK)
        assert present(client) == ["User has a dog"]


@pytest.mark.quick
def test_a_user_memory_announces_too(client: Any, opened: Memory, server: Server) -> None:
    """The engine announces, so every face of it does."""
    memory_id = client.memory.add(SECRET)
    client.chat.completions.create(**ASK)
    UserMemory.over(opened.engine, client.memory.reader).delete(memory_id)
    client.chat.completions.create(**GOES_ON)
    assert SECRET not in server.last.raw.decode()
