"""MemoryConfig: the promised defaults, checked at construction, touching nothing."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from headroom.errors import InvalidInput
from headroom.memory import EmbedderBackend, Memory, MemoryConfig, VectorBackend
from headroom.testing import HashEmbedder

pytestmark = pytest.mark.quick


def test_the_promised_defaults() -> None:
    """Every default is as it is published."""
    config = MemoryConfig()
    assert config.backend == "local"
    assert config.vector_backend is VectorBackend.AUTO
    assert (config.hnsw_ef_construction, config.hnsw_m, config.hnsw_ef_search) == (200, 16, 50)
    assert (config.cache_enabled, config.cache_max_size) == (True, 1000)
    assert config.embedder_backend is EmbedderBackend.ONNX
    assert config.db_path is config.vector_dimension is config.embedder_model is None
    assert config.openai_api_key is config.openai_base_url is config.ollama_base_url is None
    assert config.onnx_providers == ("CPUExecutionProvider",)


def test_making_one_touches_nothing(tmp_path: Path, headroom_home: Path) -> None:
    """Neither the folder of its file nor any other is made."""
    MemoryConfig(db_path=tmp_path / "new" / "memory.db")
    assert MemoryConfig().path == headroom_home / "memory.db"
    assert os.listdir(tmp_path) == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"backend": "mongo"}, "unknown backend 'mongo'; choose one of: local"),
    ({"vector_backend": "faiss"}, "unknown vector_backend 'faiss'; choose one of: auto, sqlite_vec, hnsw"),
    ({"embedder_backend": "magic"}, "unknown embedder_backend 'magic'; choose one of: onnx, local, openai, ollama"),
    *(({"vector_dimension": value}, "vector_dimension must be a whole number") for value in (0, -1, 1.5, "384", True)),
    *(({"onnx_providers": value}, "onnx_providers must be a list of") for value in ("CUDA", [], [""], [1], None)),
    ({"hnsw_m": None}, "hnsw_m must be a whole number"),
    ({"cache_max_size": 0}, "cache_max_size must be a whole number"),
    ({"index_cache_mb": 0}, "index_cache_mb must be a whole number"),
    *(({"db_path": value}, "db_path must be the path of a file") for value in ("", 5, b"bytes", "a\x00b", ":memory:")),
    ({"db_path": "file:memory.db?mode=ro"}, "db_path must be the path of a file"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_setting_fails_at_construction(settings: dict[str, Any], message: str) -> None:
    """The error names the setting and what it may be; `Memory` itself says the same."""
    with pytest.raises(InvalidInput, match=message):
        MemoryConfig(**settings)
    overrides = {name: settings[name] for name in ("backend", "db_path") if name in settings}
    if overrides:
        with pytest.raises(InvalidInput, match=message):
            Memory(**overrides)


def test_names_of_enums_are_as_good_as_enums() -> None:
    """A configuration may come from a file of text."""
    config = MemoryConfig(vector_backend="hnsw", embedder_backend="onnx")
    assert config.vector_backend is VectorBackend.HNSW
    assert config.embedder_backend is EmbedderBackend.ONNX


def test_a_configuration_is_frozen_equal_by_value_and_keeps_its_key() -> None:
    """It can be a key of a dict, and printing it shows no secret."""
    config = MemoryConfig(openai_api_key="sk-secret")
    assert config == MemoryConfig(openai_api_key="sk-secret")
    assert hash(config) == hash(MemoryConfig(openai_api_key="sk-secret"))
    assert "sk-secret" not in repr(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.backend = "other"  # type: ignore[misc]


def test_the_path_is_absolute_and_knows_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` and relative paths are resolved, and HEADROOM_HOME names the default's folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert MemoryConfig(db_path="~/a.db").path == MemoryConfig(db_path="a.db").path == tmp_path / "a.db"
    monkeypatch.delenv("HEADROOM_HOME")
    assert MemoryConfig().path == tmp_path / ".headroom" / "memory.db"
    monkeypatch.setenv("HEADROOM_HOME", "~/elsewhere")
    assert MemoryConfig().path == tmp_path / "elsewhere" / "memory.db"


def test_a_width_that_is_not_the_embedders(tmp_path: Path) -> None:
    """`vector_dimension` is compared with the embedder, a bundled one or your own, before any file is made."""
    with pytest.raises(InvalidInput, match="vector_dimension is 100"):
        Memory(MemoryConfig(db_path=tmp_path / "a.db", vector_dimension=100), embedder=HashEmbedder(64))
    with pytest.raises(InvalidInput, match="vector_dimension is 100"):
        Memory(MemoryConfig(db_path=tmp_path / "a.db", vector_dimension=100))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("home", ["~nobody-of-this-name/memory", "~nobody-of-this-name"])
def test_a_home_that_does_not_exist(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder named `~` is made: the error names the setting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADROOM_HOME", home)
    with pytest.raises(InvalidInput, match="HEADROOM_HOME"):
        Memory()
    with pytest.raises(InvalidInput, match="db_path"):
        Memory(db_path=f"{home}/memory.db")
    assert list(tmp_path.iterdir()) == []


def test_no_home_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry: with no home folder known, HEADROOM_HOME must be set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADROOM_HOME")
    monkeypatch.setenv("HOME", "")
    with pytest.raises(InvalidInput, match="HEADROOM_HOME"):
        _ = MemoryConfig().path
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(InvalidInput, match="HEADROOM_HOME"):
        _ = MemoryConfig().path
    assert list(tmp_path.iterdir()) == []
