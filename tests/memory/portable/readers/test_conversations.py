"""Conversations from the data exports of ChatGPT and Claude."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from headroom.errors import UnreadableImport
from headroom.memory.portable.readers import chatgpt, claude

pytestmark = pytest.mark.quick


def node(name: str, parent: str | None, role: str, parts: list[Any], **more: Any) -> dict[str, Any]:
    content_type = more.pop("content_type", "text")
    message = {
        "id": name,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1_700_000_000.5,
        "content": {"content_type": content_type, "parts": parts},
        "recipient": "all",
        "metadata": {},
    } | more
    return {"id": name, "message": message, "parent": parent, "children": []}


CHATGPT = {
    "title": "Trip to Lisbon",
    "create_time": 1_700_000_000.0,
    "update_time": 1_700_000_100.0,
    "mapping": {
        "root": {"id": "root", "message": None, "parent": None, "children": ["system"]},
        "system": node("system", "root", "system", [""]),
        "hidden": node(
            "hidden", "system", "user", ["My profile"], metadata={"is_visually_hidden_from_conversation": True}
        ),
        "asked": node("asked", "hidden", "user", ["Plan three days in Lisbon"]),
        "first": node("first", "asked", "assistant", ["An answer that was regenerated"]),
        "call": node("call", "asked", "assistant", ["search('Lisbon')"], recipient="browser"),
        "tool": node("tool", "call", "tool", ["a page"]),
        "thought": node("thought", "tool", "assistant", ["hm"], content_type="thoughts"),
        "second": node("second", "thought", "assistant", ["Day one: Alfama."]),
        "picture": node(
            "picture",
            "second",
            "user",
            [{"content_type": "image_asset_pointer", "asset_pointer": "file://x"}, "What is on this picture?"],
            content_type="multimodal_text",
            create_time=None,
        ),
    },
    "current_node": "picture",
    "conversation_id": "c-1",
    "id": "c-1",
}

CLAUDE = {
    "uuid": "k-1",
    "name": "Bread",
    "created_at": "2024-05-01T10:00:00.000000Z",
    "updated_at": "2024-05-01T10:05:00.000000Z",
    "account": {"uuid": "a-1"},
    "chat_messages": [
        {
            "uuid": "m-1",
            "text": "How long does rye dough rest?",
            "content": [{"type": "text", "text": "How long does rye dough rest?"}],
            "sender": "human",
            "created_at": "2024-05-01T10:00:01.123456Z",
            "attachments": [{"file_name": "notes.txt", "extracted_content": "not said"}],
            "files": [],
        },
        {
            "uuid": "m-2",
            "text": "",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "tool_use", "name": "web_search", "input": {}},
                {"type": "text", "text": "About twelve hours."},
                {"type": "text", "text": "In the cold, longer."},
            ],
            "sender": "assistant",
            "created_at": "2024-05-01T10:00:09Z",
        },
        {"uuid": "m-3", "text": "Thanks", "sender": "human", "created_at": None},
        {"uuid": "m-4", "text": "", "sender": "assistant", "created_at": None},
    ],
}


def test_chatgpt_yields_the_branch_that_is_seen(tmp_path: Path) -> None:
    """What was regenerated, hidden, thought, or said to tools is left out."""
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([CHATGPT]))
    found = list(chatgpt.read(file))
    assert [(one.draft.metadata["speaker"], one.draft.content) for one in found] == [
        ("user", "Plan three days in Lisbon"),
        ("assistant", "Day one: Alfama."),
        ("user", "What is on this picture?"),
    ]
    assert {one.session_id for one in found} == {"c-1"}
    assert {one.draft.metadata["conversation"] for one in found} == {"Trip to Lisbon"}
    assert found[0].draft.created_at == datetime.fromtimestamp(1_700_000_000.5, timezone.utc)
    assert found[2].draft.created_at == datetime.fromtimestamp(1_700_000_000, timezone.utc)
    assert {one.user_id for one in found} == {None}


def test_claude_yields_what_was_said(tmp_path: Path) -> None:
    """Blocks of text are joined; thinking, tools and attached files are left out; older exports have `text` alone."""
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([CLAUDE]))
    found = list(claude.read(file))
    assert [(one.draft.metadata["speaker"], one.draft.content) for one in found] == [
        ("user", "How long does rye dough rest?"),
        ("assistant", "About twelve hours.\n\nIn the cold, longer."),
        ("user", "Thanks"),
    ]
    assert {one.session_id for one in found} == {"k-1"}
    assert found[0].draft.created_at == datetime(2024, 5, 1, 10, 0, 1, 123456, tzinfo=timezone.utc)
    assert found[2].draft.created_at == datetime(2024, 5, 1, 10, tzinfo=timezone.utc)


MEMORIES = {
    "conversations_memory": "**Work context**\n\nAda leads a team in Turin.\n\n# Personal\n\n- Bakes rye bread\n- Runs",
    "project_memories": {"p-1": "Uses hexagonal architecture."},
    "account_uuid": "a-1",
}


def test_what_claude_remembers_is_read_too(tmp_path: Path) -> None:
    """One memory a paragraph or bullet, with its heading and project: of an archive, a folder, or the file alone."""
    expected = [
        ("Ada leads a team in Turin.", {"heading": "Work context"}),
        ("Bakes rye bread", {"heading": "Personal"}),
        ("Runs", {"heading": "Personal"}),
        ("Uses hexagonal architecture.", {"project": "p-1"}),
    ]
    (tmp_path / "memories.json").write_text(json.dumps([MEMORIES]))
    alone = list(claude.read(tmp_path / "memories.json"))
    assert [(one.draft.content, one.draft.metadata) for one in alone] == expected
    (tmp_path / "conversations.json").write_text(json.dumps([CLAUDE]))
    together = list(claude.read(tmp_path))
    assert len(together) == 3 + len(expected)
    assert together[3:] == alone


def test_an_archive_or_folder_is_read_as_it_came(tmp_path: Path) -> None:
    """Exports come as ZIP archives, larger ones with several files of conversations."""
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("chat.html", "<html>")
        file.writestr("conversations-001.json", json.dumps([CHATGPT | {"id": "c-2", "conversation_id": "c-2"}]))
        file.writestr("conversations-000.json", json.dumps([CHATGPT]))
    assert [one.session_id for one in chatgpt.read(archive)] == ["c-1"] * 3 + ["c-2"] * 3
    folder = tmp_path / "unpacked"
    zipfile.ZipFile(archive).extractall(folder)
    assert len(list(chatgpt.read(folder))) == 6


@pytest.mark.parametrize("content", ["", "nothing", '[{"mapping": ', "{"])
def test_what_is_no_json_is_one_clear_error(tmp_path: Path, content: str) -> None:
    """The error names the file, and repeats nothing of it."""
    file = tmp_path / "conversations.json"
    file.write_text(content)
    with pytest.raises(UnreadableImport, match=r"conversations\.json") as caught:
        list(chatgpt.read(file))
    assert "mapping" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    """So is an archive without conversations."""
    with pytest.raises(UnreadableImport, match="no such file"):
        list(claude.read(tmp_path / "none.json"))
    with pytest.raises(UnreadableImport, match="no file called"):
        list(claude.read(tmp_path))


@pytest.mark.parametrize(
    "conversation", [{}, {"mapping": None}, {"mapping": {"a": {"parent": "a"}}, "current_node": "a"}, 3]
)
def test_a_conversation_without_messages_yields_none(tmp_path: Path, conversation: object) -> None:
    """Empty ones, and trees that run in a circle, come to an end."""
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([conversation]))
    assert list(chatgpt.read(file)) == []
    assert list(claude.read(file)) == []


_COUNT = """
import resource, sys
from pathlib import Path
from headroom.memory.portable.readers import claude
next(claude.read(Path(sys.argv[1])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in claude.read(Path(sys.argv[1])))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024))
"""


def test_a_large_export_is_never_in_memory_whole(tmp_path: Path) -> None:
    """Reading a file takes a small part of its size: one conversation at a time."""
    file = tmp_path / "conversations.json"
    message = CLAUDE["chat_messages"][0] | {"content": [{"type": "text", "text": "x" * 2_000}]}  # type: ignore[index]
    line = json.dumps(CLAUDE | {"chat_messages": [message] * 10})
    with file.open("w") as written:
        written.write("[" + ",".join([line] * 3_000) + "]")
    done = subprocess.run([sys.executable, "-c", _COUNT, str(file)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 30_000
    assert file.stat().st_size > 50_000_000
    assert grown < file.stat().st_size / 4
