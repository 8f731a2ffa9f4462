"""Bytes of the file that something else changed: they become our errors, and no text is read that nobody stored."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import apsw
import pytest

from headroom.errors import NotADatabase, NotFound, StoreError
from headroom.memory.engine import Engine
from headroom.memory.records import Draft, Reader, Scope

from ....asking import find, listed
from ...conftest import make_engine

ALICE = Reader(user_id="alice", session_id="s")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a memory file with something in each of its tables."""
    path = tmp_path_factory.mktemp("whole") / "memory.db"
    engine = make_engine(path)
    drafts = [
        Draft(
            f"fact number {n} of Zoë about the garden",
            scope=Scope.SESSION if n % 3 else Scope.USER,
            metadata={"n": n, "kind": ["x", None]},
            entities=[f"Entity {n % 7}"],
            relationships=[("Zoë", "knows", f"Entity {n % 5}")],
            expires_at=datetime.now(timezone.utc) + timedelta(days=9) if n % 4 else None,
        )
        for n in range(60)
    ]
    ids = engine.save(ALICE, drafts)
    engine.save(Reader(user_id="alice", agent_id="a"), ["fact number 0 of Zoë about the garden"])
    engine.update(ids[5], "fact number 5, corrected", ALICE)
    engine.close()
    return path.read_bytes()


def said(engine: Engine) -> dict[str, tuple[str, Scope]]:
    """Read every memory with what its checksum covers."""
    return {record.id: (record.content, record.scope) for record in listed(engine, ALICE)}


def outcome(call: Callable[[], object]) -> object:
    """Return what a call returns, or the kind of our error that it raises; any other error is the test's."""
    try:
        return call()
    except (StoreError, NotFound) as exc:
        return type(exc)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_become_our_errors(path: Path, whole: bytes, seed: int) -> None:
    """Each call works or raises a StoreError, or finds nothing; and a text that is read is one that was stored."""
    path.write_bytes(whole)
    engine = make_engine(path)
    stored = said(engine)
    engine.close()
    chance, damaged = random.Random(seed), bytearray(whole)
    for _ in range(1 + seed % 8):
        damaged[chance.randrange(100, len(damaged))] ^= 1 << chance.randrange(8)
    path.write_bytes(damaged)
    engine = outcome(lambda: make_engine(path))  # type: ignore[assignment]
    if not isinstance(engine, Engine):
        return
    read = outcome(lambda: said(engine))
    if isinstance(read, dict):
        assert {key: value for key, value in read.items() if stored.get(key) != value} == {}
    found = outcome(lambda: find(engine, ALICE, "fact about the garden", top_k=100, include_graph=True))
    if isinstance(found, list):
        assert {result.content for result in found} <= {content for content, _ in stored.values()}
    for memory_id in list(stored)[:10]:
        outcome(lambda memory_id=memory_id: engine.history(memory_id))  # type: ignore[misc]
    for call in (
        lambda: engine.events(ALICE),
        lambda: engine.stats(),
        lambda: engine.save(ALICE, ["new"]),
        lambda: engine.update(next(iter(stored)), "changed"),
        lambda: engine.delete(next(iter(stored))),
        lambda: engine.clear(ALICE),
        lambda: engine.close(),
    ):
        outcome(call)


@pytest.mark.parametrize(
    "damage",
    [
        "content = cast(x'666163ff' as text)",
        "content = 'fact number 9'",
        "metadata = '{\"n\": '",
        "scope = 'usex'",
        "session_id = 't'",
        "created_at = 9223372036854775807",
        "created_at = 'soon'",
        "expires_at = 9223372036854775806",
        "id = x'00'",
    ],
)
def test_a_row_that_nobody_stored_is_damage(path: Path, whole: bytes, damage: str) -> None:
    """Text that is none, JSON that is none, unknown scopes, times beyond the calendar and changed texts are noticed."""
    path.write_bytes(whole)
    plain = apsw.Connection(str(path))
    plain.execute(f"update memories set {damage} where seq = 1")
    plain.close()
    engine = make_engine(path)
    with pytest.raises(NotADatabase):
        listed(engine, Reader(user_id="alice", owner=True))
    engine.close()


def test_values_of_another_type_are_damage(path: Path, whole: bytes) -> None:
    """An id that is a number, and an agent's name that is bytes, are noticed by what reads only these columns."""
    path.write_bytes(whole)
    plain = apsw.Connection(str(path))
    plain.execute("update memories set id = 7 where seq = 1; update memories set agent_id = x'61' where seq = 2")
    plain.close()
    engine = make_engine(path)
    for call in (lambda: engine.events(ALICE), lambda: engine.stats()):
        with pytest.raises(NotADatabase):
            call()
    engine.close()
