"""Which memories are kept free of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom.errors import InvalidInput
from headroom.memory import Draft, Memory, MemoryConfig, UserMemory
from headroom.memory.records import Change, Origin
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick

SAID = "The Wi-Fi password is hunter2"
CLEAN = "The Wi-Fi password is [redacted password]"


def opened(path: Path, *, redact_secrets: bool | None = None) -> UserMemory:
    config = MemoryConfig(db_path=path, redact_secrets=redact_secrets)
    return UserMemory("alice", config=config, embedder=HashEmbedder())


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin not in (Origin.APPLICATION, Origin.IMPORT)])
def test_what_a_model_or_an_agent_brings_is_redacted(tmp_path: Path, origin: Origin) -> None:
    """By default, in every field, and counted; no byte of the secret is in the file or its log."""
    with opened(tmp_path / "memory.db") as memory:
        memory.engine.apply(memory.reader, [Change(draft=Draft(SAID, origin=origin, metadata={"pwd": "s3cr3t"}))])
        memory.add_many([Draft("The API key is 9f8e7d6c5b4a3210", entities=("9f8e7d6c5b4a3210",), origin=origin)])
        texts = {record.content: record for record in memory.get_all()}
        assert set(texts) == {CLEAN, "The API key is [redacted key]"}
        assert texts[CLEAN].metadata == {"pwd": "[redacted password]"}
        assert texts["The API key is [redacted key]"].entities == ()
        assert memory.redacted == {"password": 2, "key": 1}
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"hunter2", b"s3cr3t", b"9f8e7d6c5b4a3210"):
        assert secret not in kept


@pytest.mark.parametrize(("asked", "expected"), [(None, SAID), (False, SAID), (True, CLEAN)])
def test_an_application_is_redacted_only_if_it_asks(tmp_path: Path, asked: bool | None, expected: str) -> None:
    """It may want to keep a secret; `redact_secrets=True` takes them out of all that is stored or corrected."""
    with opened(tmp_path / "memory.db", redact_secrets=asked) as memory:
        memory_id = memory.add(SAID)
        memory.update(memory.add("The printer has no password"), f"{SAID} too")
        record = memory.get(memory_id)
        assert record is not None
        assert record.content == expected
        assert {one.content for one in memory.get_all()} == {expected, f"{expected} too"}


def test_redaction_can_be_turned_off(tmp_path: Path) -> None:
    """Then secrets are stored wherever they come from."""
    with opened(tmp_path / "memory.db", redact_secrets=False) as memory:
        memory.add(SAID, origin=Origin.AGENT)
        assert [record.content for record in memory.get_all()] == [SAID]
        assert memory.redacted == {}


async def test_the_counts_are_on_the_async_face_too(tmp_path: Path) -> None:
    """Of all users of the memory."""
    async with Memory(db_path=tmp_path / "memory.db", embedder=HashEmbedder()) as memory:
        await memory.save_many([Draft(SAID, origin=Origin.TOOL)], user_id="alice")
        assert memory.redacted == {"password": 1}


def test_the_setting_is_checked() -> None:
    """It is yes, no, or the default."""
    with pytest.raises(InvalidInput, match="redact_secrets"):
        MemoryConfig(redact_secrets="yes")  # type: ignore[arg-type]
