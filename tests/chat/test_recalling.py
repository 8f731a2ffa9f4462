"""What a real chat turn puts in front of a message, with the embedder that is bundled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from headroom import MemoryConfig, with_memory
from headroom.memory import Draft

from ..server import Server
from .clients import KEY

ALLERGIES = [
    "The user is allergic to hazelnuts.",
    "The user cannot eat shellfish; it makes her throat swell.",
    "The user is lactose intolerant.",
    "The user reacts badly to penicillin.",
]
OTHERS = [
    "The user lives in Malmö.",
    "The user drives a green Volvo V60.",
    "The user's daughter Alva plays the tuba.",
    "The user wants to spend at most 150 dollars a night on hotels.",
    "The user's home server is called otter and runs Nextcloud.",
    "The user's boss is called Per.",
    "The user is learning Portuguese.",
]
LOG = "\n".join(
    f"2025-03-02T04:11:{second:02}.118Z INFO [worker-{second % 4}] fetched {second} jobs in {second * 7} ms"
    for second in range(40)
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory file in which one user has told of four allergies among eleven facts."""
    return tmp_path_factory.mktemp("recalling") / "memory.db"


@pytest.fixture
def client(server: Server, path: Path) -> Iterator[Any]:
    wrapped = with_memory(
        OpenAI(base_url=f"{server.url}/v1", **KEY),
        "alice",
        config=MemoryConfig(db_path=path),
        on_error="raise",
        recall_timeout=60,
    )  # type: ignore[arg-type]
    if not wrapped.memory.stats()["total"]:
        for fact in [*ALLERGIES, *OTHERS]:
            wrapped.memory.add(fact)
    with wrapped:
        yield wrapped


def shown(client: Any, *said: str, **fields: str) -> list[str]:
    """The notes that the last of the user's messages brings, with replies between them."""
    messages: list[dict[str, str]] = []
    for text in said:
        messages += [{"role": "user", "content": text, **fields}, {"role": "assistant", "content": "I see."}]
    client.chat.completions.create(model="m", messages=messages[:-1])
    return [note.content for note in client.memory.last_turn.recalled]


def test_what_is_told_much_of_is_recalled(client: Any) -> None:
    """A note need not stand out among the user's own: four allergies among eleven facts all come."""
    assert set(ALLERGIES) <= set(shown(client, "What am I allergic to?"))


def test_a_message_about_the_user_brings_a_profile(client: Any) -> None:
    """No note fits it better than others; it brings several that differ."""
    assert len(shown(client, "What do you know about me?")) >= 3


@pytest.mark.parametrize(
    "message", ["hi, how are you?", "thanks, that helped a lot", "tell me a joke", "What is the capital of Mongolia?"]
)
def test_small_talk_and_general_knowledge_bring_nothing(client: Any, message: str) -> None:
    """Alone and after a question that brought notes."""
    assert shown(client, message) == []
    assert shown(client, "What am I allergic to?", message) == []


def test_a_short_follow_up_is_heard_with_the_message_before(client: Any) -> None:
    """By itself it says too little."""
    budget = "The user wants to spend at most 150 dollars a night on hotels."
    assert budget in shown(client, "Help me book a hotel in Lisbon.", "How much may it cost?")


def test_notes_that_differ_on_one_thing_carry_their_day(client: Any, server: Server) -> None:
    """The model sees which is newer; no other note carries a day."""
    old = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    ids = client.memory.engine.save(client.memory.reader, [Draft("The user's shoe size is 39.", created_at=old)])
    ids.append(client.memory.add("The user's shoe size is 40 now."))
    try:
        shown(client, "What is my shoe size?")
        text = server.last.messages[-1]["content"]
        assert '"The user\'s shoe size is 39." (told 2024-05-01)' in text
        assert text.count("(told ") == 2
    finally:
        for memory_id in ids:
            client.memory.delete(memory_id)


def test_pasted_text_does_not_drown_the_question(client: Any) -> None:
    """In front of the question or behind it."""
    server = "The user's home server is called otter and runs Nextcloud."
    assert server in shown(client, f"{LOG}\n\nWhich of my servers writes this?")
    assert server in shown(client, f"Which of my servers writes this?\n\n{LOG}")


@pytest.mark.parametrize("stream", [False, True])
def test_a_follow_up_in_a_chain_of_responses_rests_on_the_turn_before(client: Any, stream: bool) -> None:
    """The provider keeps that turn's message, so the request holds the short one alone; what was said is known here."""
    reply = client.responses.create(model="m", input="Alva has to practise her instrument.", stream=stream)
    first = [event.response for event in reply if hasattr(event, "response")][-1] if stream else reply

    def recalled(response_id: str) -> list[str]:
        client.responses.create(model="m", input="Which one?", previous_response_id=response_id)
        return [note.content for note in client.memory.last_turn.recalled]

    tuba = "The user's daughter Alva plays the tuba."
    assert tuba in recalled(first.id)
    assert tuba not in recalled("resp_unknown")
    client.memory.delete(client.memory.add("The user owns a kite."))
    assert tuba not in recalled(first.id)  # erasing drops what was said as well
