"""Kept turns in the file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from headroom.errors import InvalidInput
from headroom.memory import UserMemory
from headroom.memory.engine import Engine
from headroom.memory.local.tables import turns
from headroom.memory.records import KeptTurn, Reader
from headroom.testing import HashEmbedder

from ...children import bytes_of

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


def turn(number: int, **what: str) -> KeptTurn:
    return KeptTurn(user_id="alice", turn_id=f"t{number}", at=NOW + timedelta(minutes=number), **what)


def test_the_oldest_turns_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each user the newest turns are kept, whatever the order in which they came."""
    monkeypatch.setattr(turns, "KEPT", 3)
    with UserMemory("alice", db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as memory:
        for number in (4, 1, 5, 2, 3):
            memory.engine.keep_turn(turn(number))
        assert [kept.turn_id for kept in memory.turns()] == ["t5", "t4", "t3"]


@pytest.mark.parametrize("session", [None, "s"])
def test_a_cleared_message_is_in_no_byte_of_the_file(engine: Engine, path: Path, session: str | None) -> None:
    """Clearing what has no memories but kept messages leaves none of their words, in the log neither."""
    engine.keep_turn(turn(1, asked="quokkas live elsewhere", session_id="s"))
    assert b"quokkas" in bytes_of(path)
    engine.clear(Reader(user_id="alice", session_id=session))
    assert b"quokkas" not in bytes_of(path)


def test_turns_outlive_the_program(tmp_path: Path) -> None:
    """What one process kept another one shows."""
    path = tmp_path / "memory.db"
    for _ in range(2):
        with UserMemory("alice", db_path=path, embedder=HashEmbedder()) as memory:
            memory.engine.keep_turn(turn(1))
            assert memory.turns() == [turn(1)]


def test_a_turn_id_that_is_no_text_is_a_bad_argument(engine: Engine) -> None:
    """Half a character, or a list, in place of a turn's id raises InvalidInput and no error of the file."""
    for wrong in ("\ud800", ["t1"]):
        with pytest.raises(InvalidInput):
            engine.turns(Reader(user_id="alice"), before=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput):
            engine.events(Reader(user_id="alice"), turn_id=wrong)  # type: ignore[arg-type]
