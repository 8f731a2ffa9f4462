"""What each page answers, over HTTP and without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest

from headroom.memory import Draft, UserMemory
from headroom.memory.records import Change, KeptTurn, Reader, Scope
from headroom.testing import HashEmbedder

from .past import FORGOTTEN, HELD, PAST
from .serving import Client, served


@pytest.fixture
def client(memory: UserMemory) -> Iterator[Client]:
    with served(memory) as opened:
        opened.enter()
        yield opened


def present(memory: UserMemory) -> set[str]:
    return {record.content for record in memory.owner.get_all()}


def test_another_users_memory_is_not_there(client: Client, memory: UserMemory) -> None:
    """Neither shown nor changed nor erased: its id is as good as none."""
    bob = UserMemory.over(memory.engine, Reader(user_id="bob"))
    theirs = bob.add("Bob's heliotrope plan")
    assert client.get(f"/memories/{theirs}").status == 404
    for change in ("edit", "forget", "restore", "erase"):
        assert client.post(f"/memories/{theirs}/{change}", content="mine now").status == 404
    assert client.post(f"/review/{theirs}/accept", content="x").status == 404
    assert client.get(f"/memories/{theirs}/erase").status == 404
    for path in ("/", "/?q=the+plan+of+bob", "/time", "/overview", "/review"):
        assert "heliotrope" not in client.get(path).text
    assert bob.get_all()[0].content == "Bob's heliotrope plan"


def test_erasing_everything_leaves_other_users_alone(client: Client, memory: UserMemory) -> None:
    """Only the user whose page it is loses his memories."""
    bob = UserMemory.over(memory.engine, Reader(user_id="bob"))
    bob.add("Bob's")
    assert client.post("/erase", name="alice").status == 303
    assert present(memory) == set()
    assert len(bob.get_all()) == 1


def test_the_owner_sees_every_scope(client: Client, memory: UserMemory) -> None:
    """What only one session or one agent sees is on the owner's page too, and can be changed there."""
    writer = Reader(user_id="alice", session_id="s", agent_id="a")
    drafts = [Draft("for the session", scope=Scope.SESSION), Draft("for the agent", scope=Scope.AGENT)]
    ids = memory.engine.save(writer, drafts)
    listed = client.get("/").text
    assert "for the session" in listed
    assert "for the agent" in listed
    assert "for the agent" not in client.get("/?scope=session").text
    assert client.post(f"/memories/{ids[0]}/edit", content="for this session").status == 303
    assert "for this session" in present(memory)


def test_the_list_comes_in_pages(client: Client, memory: UserMemory) -> None:
    """Following the link to older memories shows each of them once, with filters and without."""
    texts = {f"memory number {number:03}" for number in range(120)}
    writer = Reader(user_id="alice", agent_id="many")
    now = datetime.now(timezone.utc)
    drafts = [Draft(text, created_at=now - timedelta(hours=place)) for place, text in enumerate(sorted(texts))]
    memory.engine.save(writer, drafts)
    for path, known in (("/", present(memory)), ("/?agent=many", texts)):
        seen: list[str] = []
        pages = 0
        while path:
            answer = client.get(path).text
            seen += re.findall(r'class="text" dir="auto">([^<]+)<', answer)
            older = re.search(r'href="[^"]*(/\?[^"]*after=[^"]+)"', answer)
            path, pages = (older[1].replace("&amp;", "&") if older else ""), pages + 1
        assert pages >= 3
        assert len(seen) == len(set(seen))
        assert len(seen) == len(known)


def test_the_forgotten_are_listed_and_come_back(client: Client, memory: UserMemory) -> None:
    """The list of forgotten memories leads to each, and a press brings it back."""
    answer = client.get("/?show=forgotten").text
    (memory_id,) = re.findall(r"/memories/([0-9a-f-]{36})", answer)
    assert PAST[FORGOTTEN].text in answer
    assert client.post(f"/memories/{memory_id}/restore").status == 303
    assert PAST[FORGOTTEN].text in present(memory)


@pytest.mark.parametrize(
    "path",
    [
        "/?q=" + quote("x" * 20_000),
        "/?q=%00%ff%F0%9F%98%80",
        "/?agent=%00",
        "/?origin=nowhere&scope=none&since=-1",
        "/?after=nonsense",
        "/time?at=nonsense&with=9999999999999999999999&compare=1",
        "/time?at=-5",
        "/time?at=99999999999&compare=1&with=0",
        "/turns?before=nonsense",
        "/memories/nonsense",
        "/memories/" + "0" * 5000,
    ],
)
def test_a_wrong_address_is_no_fault(client: Client, path: str) -> None:
    """Whatever the address asks for, the answer is a page."""
    answer = client.get(path)
    assert answer.status in (200, 400, 404)
    assert "<title>" in answer.text


def test_a_turn_is_undone(client: Client, memory: UserMemory) -> None:
    """What the turn stored is hidden and what it replaced is back, and the page says so."""
    old = memory.add("Deploys at noon")
    writer = Reader(user_id="alice", turn_id="t")
    (applied,) = memory.engine.apply(writer, [Change(draft=Draft("Deploys at midnight"), replaces=(old,))])
    now = datetime.now(timezone.utc)
    memory.engine.keep_turn(KeptTurn(user_id="alice", turn_id="t", at=now, stored=(str(applied.id),), replaced=(old,)))
    assert 'action="' + client.base + '/turns/t/undo"' in client.get("/turns").text
    assert client.post("/turns/t/undo").headers["location"].endswith("/turns?done=undone")
    assert "Deploys at noon" in present(memory)
    assert "Deploys at midnight" not in present(memory)


def test_a_held_fact_that_is_known_by_now_waits_no_more(client: Client, memory: UserMemory) -> None:
    """If the same text became a memory by itself, it is on no review page, and accepting it finds nothing."""
    held = next(record for record in memory.owner.pending() if record.content == HELD[1].text)
    assert held.id in client.get("/review").text
    memory.add(HELD[1].text)
    assert held.id not in client.get("/review").text
    assert client.post(f"/review/{held.id}/accept", content="Supports Python 3.10 and newer").status == 404
    assert HELD[1].text in present(memory)


def test_a_held_correction_says_what_it_would_replace(client: Client, memory: UserMemory) -> None:
    """The memory that accepting would end is shown beside the fact, as long as it is there."""
    old = memory.add("Deploys at noon")
    change = Change(draft=Draft("Deploys at midnight"), replaces=(old,), held=True)
    memory.engine.apply(Reader(user_id="alice"), [change])
    shown = client.get("/review").text
    assert "Accepting it replaces" in shown
    assert "Deploys at noon" in shown
    memory.forget(old)
    assert "Accepting it replaces" not in client.get("/review").text


def test_what_was_decided_in_another_window_is_not_there(client: Client, memory: UserMemory) -> None:
    """Accepting a fact that was rejected meanwhile is answered with a page that says so."""
    held = memory.owner.pending()[0]
    memory.owner.reject(held.id)
    assert client.post(f"/review/{held.id}/accept", content=held.content).status == 404


def test_an_empty_memory_has_every_page(tmp_path: Path) -> None:
    """Somebody who has no memories yet sees on each page what will be there."""
    with UserMemory("nobody", db_path=tmp_path / "empty.db") as empty, served(empty) as client:
        client.enter()
        for path in ("/", "/?q=tea", "/?show=forgotten", "/time", "/turns", "/review", "/overview"):
            assert client.get(path).status == 200
        assert "record_turns" in client.get("/turns").text


def test_the_link_is_not_used_up_by_a_look_at_its_head(memory: UserMemory) -> None:
    """A program that checks links does not take the token away."""
    with served(memory) as client:
        path = client.server.link.removeprefix(client.server.address)
        assert client.send("HEAD", path).status == 403
        assert client.enter().status == 200


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
def test_memories_from_the_ends_of_the_calendar(tmp_path: Path, zone: str) -> None:
    """A memory of year 1 or 9999 breaks no page, whichever way the reader's clock differs."""
    with UserMemory("alice", db_path=tmp_path / "memory.db", embedder=HashEmbedder(), timezone=zone) as memory:
        ends = (datetime.min, datetime.max)
        ids = [memory.add(f"of {end.year}", created_at=end.replace(tzinfo=timezone.utc)) for end in ends]
        with served(memory) as client:
            client.enter()
            for path in ("/", "/?q=of", "/time", "/time?at=0", "/time?at=0&with=9&compare=1", "/overview"):
                assert client.get(path).status == 200, path
            assert [client.get(f"/memories/{memory_id}").status for memory_id in ids] == [200, 200]


def test_a_change_in_another_tab_is_said(client: Client, memory: UserMemory) -> None:
    """What was typed for a version that is not the present one is not saved, and not lost either; and nothing is said
    to be forgotten that was not."""
    (old,) = (record.id for record in memory.owner.get_all() if record.content == PAST[-1].text)
    assert client.post(f"/memories/{old}/edit", content="From the first tab").status == 303
    answer = client.post(f"/memories/{old}/edit", content="From the second tab")
    assert answer.status == 409
    assert "changed meanwhile" in answer.text
    assert "From the second tab" in answer.text
    assert "done=forgotten" not in client.post(f"/memories/{old}/forget").headers["location"]
    assert "From the first tab" in present(memory)


def test_a_wording_that_cannot_be_stored_accepts_nothing(client: Client, memory: UserMemory) -> None:
    """The fact waits on, as it was."""
    (held, *_) = memory.owner.pending()
    assert client.post(f"/review/{held.id}/accept", content="x" * 40_000).status == 400
    assert held.id in {record.id for record in memory.owner.pending()}
