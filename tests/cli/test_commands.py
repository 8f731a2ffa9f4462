"""The `headroom` command as people and programs use it: exit codes, JSON, pipes, and no traceback."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import click
import pytest

from headroom.cli import COMMANDS, group, main
from headroom.cli.output import plain, rounded
from headroom.memory import Draft, UserMemory
from headroom.memory.records import Change

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and the user alice."""
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path))
    monkeypatch.setenv("HEADROOM_USER", "alice")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Run a command; return what it printed."""
    assert main(words) == status
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return printed.out if status == 0 else printed.err


def add(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    return run(capsys, "add", *words).strip()


def test_every_command_says_what_it_does_with_examples() -> None:
    """The list of commands and each command's own help agree, and each has an example."""
    context = click.Context(group)
    for name, short in COMMANDS.items():
        command = group.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(200) == short, name
        if not command.hidden:
            assert command.epilog is not None, name
            assert f"headroom {name}" in command.epilog, name


def test_help_loads_no_command() -> None:
    """`headroom --help` imports neither the store nor a command, so that it answers at once."""
    code = (
        "import sys\nfrom headroom.cli import main\nmain(['--help'])\n"
        "print(*sorted(name for name in sys.modules if name.startswith(('headroom.', 'numpy', 'rich'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["headroom.cli", "headroom.errors"]


def test_what_is_added_is_found_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A memory is one tab-separated line in a pipe: its id first, its text last."""
    tea = add(capsys, "User drinks green tea", "--agent", "shell")
    car = add(capsys, "User drives an old Volvo")
    best = run(capsys, "search", "green tea").splitlines()[0].split("\t")
    assert (best[0], best[3], best[-1]) == (tea, "shell", "User drinks green tea")
    assert [line.split("\t")[0] for line in run(capsys, "list").splitlines()] == [car, tea]
    assert [line.split("\t")[0] for line in run(capsys, "list", "--limit", "1").splitlines()] == [car]
    assert [line.split("\t")[0] for line in run(capsys, "list", "--after", car).splitlines()] == [tea]
    assert run(capsys, "list", "--user", "bob") == ""


def test_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON document a command; a search adds the score and its parts to each memory."""
    memory_id = json.loads(run(capsys, "add", "User drinks tea", "--entity", "tea", "--json"))["id"]
    (listed,) = json.loads(run(capsys, "list", "--json"))["memories"]
    (found,) = json.loads(run(capsys, "search", "tea", "--json"))["memories"]
    assert listed["id"] == found["id"] == memory_id
    assert listed["entities"] == ["tea"]
    assert set(found) - set(listed) == {"score", "parts", "cosine"}
    shown = json.loads(run(capsys, "show", memory_id, "--json"))
    assert shown["memory"] == listed
    assert shown["history"] == [listed]
    assert json.loads(run(capsys, "stats", "--json"))["total"] == 1


def test_show_tells_why_a_question_finds_a_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """History, sources, and the parts of the score, which sum to it."""
    memory_id = add(capsys, "User drinks green tea", "--agent", "shell")
    with UserMemory("alice", agent_id="codex") as memory:
        newer = memory.update(memory_id, "User drinks black tea")
    text = run(capsys, "show", newer, "--for", "black tea")
    assert "User drinks green tea" in text.partition("versions, oldest first")[2]
    parts = text.partition("score ")[2].splitlines()
    total = float(parts[0].split()[0])
    assert sum(float(line.split()[0]) for line in parts[1:] if line) == pytest.approx(total, abs=0.01)


@pytest.mark.parametrize(("score", "shown"), [(0.876, "0.88"), (0.1, "0.10"), (0.0321, "0.032"), (0.0004, "0.0004")])
def test_a_weak_score_does_not_read_as_none(score: float, shown: str) -> None:
    """Two places, and two digits below 0.1."""
    assert rounded(score) == shown


def test_delete_and_clear_erase(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`clear` needs a user by name and asks first; refusing changes nothing."""
    first = add(capsys, "one")
    add(capsys, "two")
    run(capsys, "delete", first)
    assert "name whose memory" in run(capsys, "clear", "--yes", status=2)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "--yes" in run(capsys, "clear", "--user", "alice", status=2)
    assert len(run(capsys, "list").splitlines()) == 1
    assert json.loads(run(capsys, "clear", "--user", "alice", "--yes", "--json")) == {"erased": 1}
    assert run(capsys, "list") == ""


def test_exit_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """0 done, 1 failed, 2 wrong usage, 3 no such memory; each error is a line that says what to do."""
    assert "no memory" in run(capsys, "show", "nope", status=3)
    assert "no memory" in run(capsys, "delete", "nope", status=3)
    assert "No such command" in run(capsys, "serch", status=2)
    assert "Missing argument" in run(capsys, "search", status=2)
    for words in (["list", "-n", "0"], ["events", "-n", "-1"], ["search", "x", "-n", "-1"], ["mcp", "--port", "65536"]):
        assert "Invalid value" in run(capsys, *words, status=2)
    for words in (["list", "-n", "x"], ["search", "x", "-n", "1.5"], ["ui", "--port", "http"]):
        assert "is not a valid whole number" in run(capsys, *words, status=2)
    assert "number from 0 to 1" in run(capsys, "add", "x", "--importance", "7", status=2)
    (tmp_path / "notes.txt").write_text("no database", "utf-8")
    assert "cannot be read as a memory file" in run(capsys, "list", "--db", str(tmp_path / "notes.txt"), status=1)


def test_a_pipe_gets_no_progress_bar(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Standard error that is no terminal holds errors alone."""
    add(capsys, "User drinks tea")
    assert main(["export", str(tmp_path / "out.jsonl")]) == 0
    assert main(["import", str(tmp_path / "out.jsonl")]) == 0
    assert capsys.readouterr().err == ""


def test_an_unexpected_error_is_a_line_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug does not print a traceback unless it is asked for."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importlib.import_module("headroom.cli.commands.list").command, "callback", broken)
    assert "HEADROOM_TRACEBACK=1" in run(capsys, "list", status=1)
    monkeypatch.setenv("HEADROOM_TRACEBACK", "1")
    assert main(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_text_comes_from_standard_input(home: Path) -> None:
    """`headroom add -` reads the memory; `headroom list | head` ends quietly when nobody reads on."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    program = [sys.executable, "-m", "headroom"]
    subprocess.run([*program, "add", "-"], input="größer\n", text=True, encoding="utf-8", check=True, env=environment)
    with UserMemory("alice") as memory:
        assert [record.content for record in memory.get_all()] == ["größer"]
        memory.add_many([f"memory {number} " + "x" * 2000 for number in range(200)])
    with subprocess.Popen(
        [*program, "list", "--limit", "201"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == b""


def test_a_memory_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, carriage returns, hidden and bidirectional characters never reach a terminal or a pipe."""
    add(capsys, "tea\x1b[2J\x1b]0;title\x07\r\nnext\u202e\u200b")
    line = run(capsys, "list").removesuffix("\n")
    assert line.isprintable() or line.replace("\t", "").isprintable()
    assert plain("a\tb\u2028c") == "a b c"


def test_a_project_is_a_user_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every folder of a repository names the same memory; another repository's is another."""
    for name in ("shop", "blog"):
        (tmp_path / name / ".git").mkdir(parents=True)
    (tmp_path / "shop" / "src").mkdir()
    add(capsys, "Project uses uv", "--project", str(tmp_path / "shop" / "src"))
    assert "Project uses uv" in run(capsys, "list", "--project", str(tmp_path / "shop"))
    assert run(capsys, "list", "--project", str(tmp_path / "blog")) == run(capsys, "list") == ""
    assert "leave out one" in run(capsys, "list", "--project", str(tmp_path), "--user", "bob", status=2)
    assert "no folder" in run(capsys, "list", "--project", str(tmp_path / "nowhere"), status=2)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_key_file_that_others_may_read_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The key comes from a file of its owner alone, and is in no message."""
    key = tmp_path / "the.key"
    key.write_text("very secret\n", "utf-8")
    key.chmod(0o644)
    message = run(capsys, "list", "--key-file", str(key), status=2)
    assert "chmod 600" in message
    assert "very secret" not in message
    assert "no key file" in run(capsys, "list", "--key-file", str(tmp_path / "none"), status=2)


def test_completion_knows_the_commands() -> None:
    """The shell asks for completions through the environment, as click documents it."""
    environment = {**os.environ, "_HEADROOM_COMPLETE": "bash_complete", "COMP_WORDS": "headroom se", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from headroom.cli import main; main()"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert "plain,search" in done.stdout


def test_forget_hides_and_unforget_brings_back(capsys: pytest.CaptureFixture[str]) -> None:
    """History stays; what is not there is status 3."""
    memory_id = add(capsys, "User drinks tea")
    run(capsys, "forget", memory_id)
    assert run(capsys, "list") == ""
    assert "valid until" in run(capsys, "show", memory_id)
    run(capsys, "forget", memory_id, status=3)
    run(capsys, "unforget", memory_id)
    assert memory_id in run(capsys, "list")
    run(capsys, "unforget", memory_id, status=3)


def test_the_owner_sees_every_session_and_agent(capsys: pytest.CaptureFixture[str]) -> None:
    """By id always; in lists and searches with --all. What a person adds is the user's word."""
    memory_id = add(capsys, "User is in a hurry", "--session", "s1", "--scope", "session")
    assert run(capsys, "list") == run(capsys, "search", "hurry") == ""
    assert memory_id in run(capsys, "list", "--session", "s1")
    assert memory_id in run(capsys, "list", "--all")
    assert memory_id in run(capsys, "search", "hurry", "--all", "--origin", "user")
    assert run(capsys, "search", "hurry", "--all", "--origin", "tool") == ""
    assert json.loads(run(capsys, "show", memory_id, "--json"))["memory"]["sources"][0]["origin"] == "user"


def test_a_turn_is_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    """`events` shows the turn, `undo` takes back what it stored and brings back what it replaced."""
    old = add(capsys, "User lives in Berlin")
    with UserMemory("alice") as memory:
        turn = replace(memory.reader, turn_id="t1")
        memory.engine.apply(turn, [Change(draft=Draft("User lives in Madrid"), replaces=(old,))])
    assert "t1" in run(capsys, "events")
    (replaced, saved) = json.loads(run(capsys, "events", "--turn", "t1", "--json"))["events"]
    assert {replaced["action"], saved["action"]} == {"replaced", "saved"}
    undone = json.loads(run(capsys, "undo", "t1", "--json"))
    assert undone == {"hidden": [saved["memory_id"] if saved["action"] == "saved" else replaced["memory_id"]]} | {
        "restored": [old],
        "changed": [],
    }
    assert [line.split("\t")[-1] for line in run(capsys, "list").splitlines()] == ["User lives in Berlin"]
    run(capsys, "undo", "t1", status=3)
    assert "needs a turn_id" in run(capsys, "undo", status=2)


def test_what_is_held_is_reviewed(capsys: pytest.CaptureFixture[str]) -> None:
    """Held memories are listed for a review only; accepting one lets it be seen, rejecting hides it for good."""
    with UserMemory("alice") as memory:
        changes = [Change(draft=Draft(f"Held fact {number}", origin="tool"), held=True) for number in range(2)]
        first, second = (str(done.id) for done in memory.engine.apply(memory.reader, changes))
    assert run(capsys, "list") == ""
    assert [line.split("\t")[0] for line in run(capsys, "review").splitlines()] == [second, first]
    run(capsys, "review", "--accept", first, "--reject", "nope", status=3)
    run(capsys, "review", "--accept", first, "--reject", first, status=2)
    assert len(json.loads(run(capsys, "review", "--list", "--json"))["memories"]) == 2
    run(capsys, "review", "--accept", first, "--reject", second)
    assert [line.split("\t")[0] for line in run(capsys, "list").splitlines()] == [first]
    assert json.loads(run(capsys, "review", "--json")) == {"memories": []}
    run(capsys, "review", "--accept", "nope", status=3)


def test_a_misspelt_command_is_named_rightly(capsys: pytest.CaptureFixture[str]) -> None:
    """A command with a typing error is answered with the one that was probably meant, if one is near."""
    assert "Did you mean 'search'?" in run(capsys, "serach", "tea", status=2)
    assert "Did you mean" not in run(capsys, "xyzzy", status=2)


def test_an_empty_name_is_nobody(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """A script whose variable is not set must not read or erase the memory of whoever runs it."""
    add(capsys, "User drinks tea")
    for option in ("--user", "--project"):
        for words in (["list"], ["clear", "--yes"], ["export", "all.jsonl"], ["install", "cursor", "--dry-run"]):
            assert "must not be empty" in run(capsys, *words, option, "", status=2)
    assert "User drinks tea" in run(capsys, "list")


def test_a_file_that_was_named_must_be_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A misspelt --db is said with the path, and makes no file, unless the command stores something."""
    named = str(tmp_path / "typo.db")
    for words in (["list"], ["search", "tea"], ["export", "x.jsonl"], ["backup", "x.db"], ["doctor"], ["reembed"]):
        assert f"there is no memory file {named} yet" in run(capsys, *words, "--db", named, status=1)
    assert os.listdir(tmp_path) == []
    add(capsys, "User drinks tea", "--db", named)
    assert "User drinks tea" in run(capsys, "list", "--db", named)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York", "UTC"])
@pytest.mark.parametrize(
    ("date", "known"),
    [
        ("0001-01-01", False),
        ("9999-12-31", True),
        ("9999-12-31T23:59:59", True),
        ("2000-01-01T00:00:00Z", False),
        ("9999-12-31T23:59:59-12:00", True),
        ("2400-02-29 12:00+05:30", True),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="TZ means nothing there")
def test_any_date_of_the_calendar_can_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, zone: str, date: str, known: bool
) -> None:
    """From year 1 to year 9999, with a zone or in the local one, wherever that is."""
    memory_id = add(capsys, "User drinks tea")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert (memory_id in run(capsys, "search", "tea", "--as-of", date)) is known
        assert (memory_id in run(capsys, "events", "--since", date)) is not known
        run(capsys, "undo", "--since", date, status=3 if known else 0)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_date_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With an example of one."""
    for date in ("tomorrow", "2026-13-01", "", "2026-11-25T25:00"):
        assert "such as 2026-11-25" in run(capsys, "search", "tea", "--as-of", date, status=2)


@pytest.mark.parametrize("command", ["show", "forget", "unforget", "delete"])
def test_an_unknown_id_is_answered_with_where_ids_are(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Status 3, and the command that lists them."""
    assert "headroom list" in run(capsys, command, "nope", status=3)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes them")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_surprise(closed: str) -> None:
    """A shell may close any of the three streams; what is wrong is then still wrong input."""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m headroom add - {closed}"], input="", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unexpected" not in done.stderr


def test_a_key_file_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Such as one that was written as raw bytes."""
    key = tmp_path / "key"
    key.write_bytes(b"\xff\xfe")
    key.chmod(0o600)
    assert "no UTF-8 text" in run(capsys, "list", "--key-file", str(key), status=2)


@pytest.mark.parametrize("end", [datetime.min, datetime.max])
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
@pytest.mark.skipif(sys.platform == "win32", reason="TZ means nothing there")
def test_a_memory_of_any_date_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, zone: str, end: datetime
) -> None:
    """At the ends of the calendar in UTC, if the local time would lie beyond them."""
    with UserMemory("alice") as memory:
        memory_id = memory.add("User drinks tea", created_at=end.replace(tzinfo=timezone.utc))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for words in (["list"], ["search", "tea"], ["show", memory_id]):
            assert f"{end.year:04}-" in run(capsys, *words)
    finally:
        monkeypatch.undo()
        time.tzset()
