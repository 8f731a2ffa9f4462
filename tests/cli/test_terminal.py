"""What a person sees: tables on a terminal, colours only if wanted, questions that can be answered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headroom.memory import Draft, UserMemory
from headroom.memory.records import Change

pty = pytest.importorskip("pty", reason="a terminal of this system cannot be imitated")

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(*words: str, typed: str = "", **environment: str) -> str:
    """Run a command on a pseudo-terminal, type something, and return what it showed."""
    shown, there = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "HEADROOM_USER": "alice", **environment}
    variables = {name: value for name, value in variables.items() if value}
    process = subprocess.Popen(
        [sys.executable, "-m", "headroom", *words], stdin=there, stdout=there, stderr=there, env=variables
    )
    os.close(there)
    os.write(shown, typed.encode())
    pieces = []
    try:
        while piece := os.read(shown, 65536):
            pieces.append(piece)
    except OSError:  # Linux says so when the other end is closed
        pass
    process.wait(60)
    os.close(shown)
    return b"".join(pieces).decode()


@pytest.fixture
def remembered() -> None:
    with UserMemory("alice") as memory:
        memory.add("User drinks green tea\x1b[31m and no coffee")


def test_a_list_is_a_table_with_heads(remembered: None) -> None:
    """On a terminal the columns have names, and rich draws them in colour; a text's own escapes do nothing."""
    shown = on_terminal("list", NO_COLOR="")
    assert "\x1b[" in shown
    assert "\x1b[31m" not in shown
    heads, row = (_ESCAPE.sub("", line) for line in shown.splitlines()[:2])
    assert heads.split() == ["id", "saved", "by", "scope", "memory"]
    assert "User drinks green tea" in row


def test_no_color_is_honoured(remembered: None) -> None:
    """With NO_COLOR set, no escape sequence sets a colour."""
    for words in (("list",), ("doctor",), ("stats",)):
        shown = on_terminal(*words, NO_COLOR="1")
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown), words


def test_a_question_before_everything_is_erased(remembered: None) -> None:
    """The question names the user, the file and the number; no is the answer of who just presses Enter."""
    shown = on_terminal("clear", "--user", "alice", typed="\n")
    assert "Erase the memories of alice" in shown
    assert "1 in all" in shown
    assert "green tea" in on_terminal("list")
    on_terminal("clear", "--user", "alice", typed="y\n")
    assert "nothing is remembered yet" in on_terminal("list")


def test_held_facts_are_reviewed_one_by_one() -> None:
    """Each is shown with its origin and a question."""
    with UserMemory("alice") as memory:
        changes = [Change(draft=Draft(f"Held fact {number}", origin="tool"), held=True) for number in range(3)]
        memory.engine.apply(memory.reader, changes)
    shown = on_terminal("review", typed="a\nr\nq\n")
    assert "1 of 3: Held fact 2" in shown
    assert "from tool" in shown
    assert "1 accepted, 1 rejected" in shown
    with UserMemory("alice") as memory:
        assert [record.content for record in memory.get_all()] == ["Held fact 2"]
        assert [record.content for record in memory.pending()] == ["Held fact 0"]


def test_nothing_is_asked_if_nothing_is_held() -> None:
    """The answer is the same as in a pipe."""
    assert "nothing is held" in on_terminal("review")


def test_a_server_that_is_started_by_hand_says_what_it_waits_for() -> None:
    """A person who types `headroom mcp` would see nothing; Ctrl-D is the end of the input."""
    shown = on_terminal("mcp", typed="\x04")
    assert "waiting for an agent" in shown
    assert "headroom install" in shown


def test_installing_shows_the_change_and_asks(tmp_path: Path) -> None:
    """The diff comes first; no changes nothing, yes does and says where the back-up is."""
    (tmp_path / ".cursor").mkdir()
    settings = tmp_path / ".cursor" / "mcp.json"
    settings.write_text("{}\n", "utf-8")
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    assert '+    "headroom": {' in _ESCAPE.sub("", on_terminal("install", "cursor", typed="n\n", **home))
    assert settings.read_text("utf-8") == "{}\n"
    shown = on_terminal("install", "cursor", typed="y\n", **home)
    assert "headroom-backup" in shown
    assert "headroom" in settings.read_text("utf-8")
    assert "set up already" in on_terminal("install", "cursor", **home)
    assert "has no memory any more" in on_terminal("uninstall", "cursor", "--yes", **home)
    assert "nothing of this" in on_terminal("uninstall", "cursor", **home)


def test_a_closed_output_is_no_error() -> None:
    """A shell may close standard output, as in `headroom list >&-`: the command still does its work."""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m headroom add 'likes tea' --user alice >&-"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "unexpected" not in done.stderr
