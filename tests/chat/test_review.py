"""What waits for a review, over the real SDK: poisoned tool results, and what users say while tools run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from benchmarks.gate.harmless import FRESH as FRESH_HARMLESS
from benchmarks.gate.harmless import HARMLESS
from benchmarks.gate.poisoned import FRESH as FRESH_POISONED
from benchmarks.gate.poisoned import NOTES, POISONED
from headroom.chat.last_turn import LastTurn
from headroom.errors import InvalidInput
from headroom.memory.records import Origin

from ..server import Server
from .clients import settled

pytestmark = pytest.mark.quick

Make = Callable[..., Any]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def tool_loop(user: str, result: str, *before: str) -> list[dict[str, Any]]:
    """A conversation up to the reply that follows a tool's result."""
    earlier: list[dict[str, Any]] = []
    for said in before:
        earlier += [{"role": "user", "content": said}, {"role": "assistant", "content": "I see."}]
    return [
        *earlier,
        {"role": "user", "content": user},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
    ]


def with_block(items: list[Any]) -> str:
    return f"Here it is.\n\n<memory>\n{json.dumps(items)}\n</memory>"


def run(client: Any, server: Server, messages: list[dict[str, Any]], items: list[Any]) -> LastTurn:
    """Let the user's message and the tool loop after it go through the client."""
    client.chat.completions.create(model="m", messages=messages[:-2])
    server.script(with_block(items))
    client.chat.completions.create(model="m", messages=messages)
    turn: LastTurn = client.memory.last_turn
    return turn


def test_no_poisoned_result_changes_what_is_recalled(server: Server, remembering: Make) -> None:
    """All notes of the user are still there, and nothing else is; what was written waits, as the tool's."""
    for number, poisoned in enumerate((*POISONED, *FRESH_POISONED)):
        client = remembering(user_id=f"user {number}")
        client.memory.add_many(NOTES)
        turn = run(client, server, tool_loop(poisoned.user, poisoned.tool), poisoned.block)
        assert {record.content for record in client.memory.get_all()} == set(NOTES), poisoned
        assert (turn.forgotten, turn.replaced) == ((), ()), poisoned
        assert all(stored.held for stored in turn.stored), poisoned
        for waiting in client.memory.pending():
            assert [source.origin for source in waiting.sources] == [Origin.TOOL], poisoned


def test_what_users_say_while_tools_run_is_learned(server: Server, remembering: Make) -> None:
    """At least 95 % of it is stored at once, as the user's word, and recalled by the very next request."""
    told = kept = 0
    for number, turn in enumerate((*HARMLESS, *FRESH_HARMLESS)):
        client = remembering(user_id=f"user {number}")
        run(client, server, tool_loop(turn.user, turn.tool, *turn.before), [{"content": fact} for fact in turn.facts])
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "And now?"}])
        recalled = {note.content for note in client.memory.last_turn.recalled}
        told += len(turn.facts)
        kept += len(recalled & set(turn.facts))
        for note in client.memory.last_turn.recalled:
            assert [source.origin for source in note.sources] == [Origin.USER]
    assert kept >= 0.95 * told > 90


def test_what_waits_is_accepted_or_rejected_by_a_person(server: Server, remembering: Make) -> None:
    """Accepted it is a note, marked as the tool's; rejected it does not come back."""
    client = remembering()
    loop = tool_loop("What is in my calendar?", "Dentist on Friday")
    turn = run(client, server, loop, [{"content": "User has a dentist appointment"}, {"content": "User is rich"}])
    assert [stored.held for stored in turn.stored] == [True, True]
    by_text = {record.content: record for record in client.memory.pending()}
    client.memory.accept(by_text["User has a dentist appointment"].id)
    client.memory.reject(by_text["User is rich"].id)
    server.script("Fine.")
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "When is my appointment?"}])
    sent = server.last.messages[-1]["content"]
    assert '"User has a dentist appointment" (from a tool, not from the user)' in sent
    assert "rich" not in sent
    run(client, server, loop, [{"content": "User is rich"}])
    assert client.memory.pending() == []


def test_a_turn_can_be_undone(server: Server, remembering: Make) -> None:
    """What a turn of the chat stored, replaced and forgot is as it was before."""
    client = remembering()
    client.memory.add_many(["User lives in Berlin", "User likes tea"])
    server.script(with_block([{"content": "User lives in Rome", "replaces": [1]}, {"forget": [2]}]))
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "I moved to Rome."}])
    turn = client.memory.last_turn
    assert len(client.memory.get_all()) == 1
    assert {event.turn_id for event in client.memory.events(turn_id=turn.turn_id)} == {turn.turn_id}
    done = client.memory.undo(turn.turn_id)
    assert {record.content for record in client.memory.get_all()} == {"User lives in Berlin", "User likes tea"}
    assert len(done.restored) == 2


def test_review_of_everything_and_of_nothing(server: Server, remembering: Make) -> None:
    """`all` holds what any reply says, `off` nothing; another word is InvalidInput."""
    for review, held in (("all", True), ("off", False)):
        client = remembering(user_id=review, review=review)
        server.script(with_block([{"content": "User likes tea"}]))
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "I like tea."}])
        assert [stored.held for stored in client.memory.last_turn.stored] == [held]
        assert len(client.memory.get_all()) == (not held)
    with pytest.raises(InvalidInput, match="review"):
        remembering(review="some")


def test_scope_and_lifetime_of_what_is_learned(server: Server, remembering: Make) -> None:
    """`learn_scope` is for facts without a scope of their own, and must have its id; `learn_expires` is for all."""
    client = remembering(session_id="s", learn_scope="session", learn_expires=timedelta(days=7))
    items = [{"content": "User likes tea"}, {"content": "User likes milk", "scope": "user"}]
    server.script(with_block(items))
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "I like tea and milk."}])
    records = {record.content: record for record in client.memory.get_all()}
    assert records["User likes tea"].scope.value == "session"
    assert records["User likes milk"].scope.value == "user"
    for record in records.values():
        assert record.expires_at is not None
        assert timedelta(days=6) < record.expires_at - datetime.now(timezone.utc) <= timedelta(days=7)
    for wrong in ({"learn_scope": "session"}, {"learn_scope": "galaxy"}, {"learn_expires": 5}, {"on_turn": "print"}):
        with pytest.raises(InvalidInput):
            remembering(**wrong)


async def test_each_finished_turn_is_told(server: Server, remembering: Make) -> None:
    """`on_turn` gets the report of every turn, plain and streamed, sync and async; its failure is nobody's."""
    for name in ("OpenAI", "AsyncOpenAI"):
        told: list[LastTurn] = []

        def on_turn(turn: LastTurn, told: list[LastTurn] = told) -> None:
            told.append(turn)
            raise ZeroDivisionError

        client = remembering(name, user_id=name, on_turn=on_turn)
        server.script(with_block([{"content": "User likes tea"}]), with_block([{"content": "User likes milk"}]))
        ask: Any = {"model": "m", "messages": [{"role": "user", "content": "I like tea and milk."}]}
        await settled(client.chat.completions.create(**ask))
        stream = await settled(client.chat.completions.create(**ask, stream=True))
        if name == "OpenAI":
            list(stream)
        else:
            [chunk async for chunk in stream]
        await until(lambda told=told: len(told) == 2)  # type: ignore[misc]
        assert {stored.content for turn in told for stored in turn.stored} == {"User likes tea", "User likes milk"}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread, generously."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def test_the_day_is_the_users(server: Server, remembering: Make) -> None:
    """The frame tells the day of the time zone that is named: somewhere it is always another one."""
    days = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart
        client = remembering(user_id=zone, timezone=zone)
        server.script("Fine.")
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello."}])
        days.add(server.last.messages[-1]["content"].splitlines()[0])
    assert len(days) == 2
    with pytest.raises(InvalidInput, match="timezone"):
        remembering(timezone="Mars")
