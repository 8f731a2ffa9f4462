"""`headroom export` and `headroom import`."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from headroom.cli import main
from headroom.memory import UserMemory

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and the user alice."""
    monkeypatch.setenv("HEADROOM_HOME", str(tmp_path))
    monkeypatch.setenv("HEADROOM_USER", "alice")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Run a command; return what it printed."""
    assert main(words) == status
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return printed.out if status == 0 else printed.err


def texts(user: str, db: str | None = None) -> set[str]:
    with UserMemory(user, db_path=db) as memory:
        return {record.content for record in memory.owner.get_all()}


def test_what_is_exported_is_imported_elsewhere(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """All users by default, each under their own name; the file is private and never overwritten unasked."""
    for user in ("alice", "bob"):
        run(capsys, "add", f"{user} likes tea", "--user", user)
    assert run(capsys, "export", "all.jsonl") == "2 memories written to all.jsonl\n"
    if os.name == "posix":
        assert stat.S_IMODE((home / "all.jsonl").stat().st_mode) == 0o600
    assert "is there already" in run(capsys, "export", "all.jsonl", status=2)
    assert run(capsys, "export", "all.jsonl", "--user", "bob", "--overwrite") == "1 memory written to all.jsonl\n"
    assert json.loads(run(capsys, "export", "two.jsonl", "--json")) == {"exported": 2}
    assert run(capsys, "import", "two.jsonl", "--db", "other.db") == "2 memories added\n"
    assert run(capsys, "import", "two.jsonl", "--db", "other.db") == "0 memories added, 2 known before\n"
    assert (texts("alice", "other.db"), texts("bob", "other.db")) == ({"alice likes tea"}, {"bob likes tea"})


def test_the_importer_can_name_the_user(capsys: pytest.CaptureFixture[str]) -> None:
    """Then all that the file holds is that user's."""
    run(capsys, "add", "likes tea")
    run(capsys, "export", "all.jsonl")
    assert json.loads(run(capsys, "import", "all.jsonl", "--user", "carol", "--json")) == {
        "added": 1,
        "known": 0,
        "skipped": 0,
    }
    assert texts("carol") == texts("alice") == {"likes tea"}


def test_a_file_that_names_no_user_is_mine(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """As with every command, I am who is logged in; secrets stay out if asked."""
    (home / "notes.md").write_text("# Me\n- Likes tea\n- The password is hunter2\n")
    assert run(capsys, "import", "--from", "markdown", "--redact-secrets", "notes.md") == "2 memories added\n"
    assert texts("alice") == {"Likes tea", "The password is [redacted password]"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("import", "none.jsonl"), 2, "none.jsonl"),
        (("import", "--from", "claude", "none.json"), 2, "no such file"),
        (("import", "--from", "notion", "x"), 2, "notion"),
        (("export", "no/such/folder/all.jsonl"), 2, "there is no folder"),
    ],
)
def test_a_mistake_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, said: str
) -> None:
    """The exit status tells wrong usage from failure."""
    assert said in run(capsys, *words, status=status)


@pytest.mark.parametrize("source", ["chatgpt", "claude", "langgraph", "markdown", "mem0"])
def test_a_file_without_a_memory_is_said(capsys: pytest.CaptureFixture[str], home: Path, source: str) -> None:
    """With what was looked for, and the status of wrong input: most often the file is of another program."""
    (home / "other.json").write_text('{"settings": {"theme": "dark"}}', "utf-8")
    assert "looked for" in run(capsys, "import", "--from", source, "--user", "alice", "other.json", status=2)
    assert texts("alice") == set()


@pytest.mark.parametrize("source", ["headroom", "chatgpt", "claude", "langgraph", "mem0"])
def test_an_empty_file_is_said_to_be_empty(capsys: pytest.CaptureFixture[str], home: Path, source: str) -> None:
    """Instead of a parser's complaint."""
    (home / "empty.json").write_bytes(b"")
    assert "is empty" in run(capsys, "import", "--from", source, "empty.json", status=2)


@pytest.mark.parametrize(
    ("source", "document"),
    [
        ("chatgpt", [{"mapping": 5}]),
        ("chatgpt", [{"mapping": {"a": {"message": "hi"}}, "current_node": "a"}]),
        ("claude", [{"chat_messages": ["hi"]}]),
        ("claude", [{"chat_messages": [{"sender": "human", "content": [5]}]}]),
        ("langgraph", ["hi"]),
        ("mem0", [{"memory": "hi", "metadata": 5}]),
    ],
)
def test_fields_of_other_kinds_are_said(
    capsys: pytest.CaptureFixture[str], home: Path, source: str, document: object
) -> None:
    """A format may change: then the error says what is known of it, and nothing is imported."""
    (home / "new.json").write_text(json.dumps(document), "utf-8")
    assert "looked for" in run(capsys, "import", "--from", source, "--user", "alice", "new.json", status=2)
    assert texts("alice") == set()
