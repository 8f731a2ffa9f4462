"""Models by name: the hub's cache first, then a download, and clear words if neither works."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import http.server
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from huggingface_hub import constants

from headroom.errors import ModelUnavailable
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders import models
from headroom.memory.embedders.models import BGE_SMALL, BUNDLED, Model, Pooling
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.embedders.table import make_embedder

from . import tiny

REVISION = "1234567890" * 4
TINY = {"onnx/model.onnx": tiny.graph(), "tokenizer.json": tiny.tokenizer()}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no way to the hub."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


def unit(*row: float) -> np.ndarray:
    return np.array(row, np.float32) / np.linalg.norm(row)


@pytest.mark.quick
def test_a_cached_model_is_used_without_a_request(cache: Path) -> None:
    """A name is enough if the cache holds the repository; the width is read from the graph."""
    tiny.hub_cache(cache, "someone/tiny", REVISION, TINY)
    embedder = make_embedder(MemoryConfig(embedder_model="someone/tiny"))
    assert embedder.width == 3
    assert np.allclose(embedder.embed(["red", "", "blue blue"]), [unit(1, 0, 1), (0, 0, 0), unit(0, 2, 1)])


@pytest.mark.quick
def test_pooling_and_prefix_are_the_models_own(cache: Path) -> None:
    """CLS pooling takes the first row, mean pooling all of them; a prefix stands before questions only."""
    tiny.hub_cache(cache, "someone/tiny", REVISION, TINY)
    model = Model(name="tiny", repository="someone/tiny", query_prefix="ask ")
    assert np.allclose(OnnxEmbedder(model).embed(["red"]), [unit(1, 0, 1)])
    assert np.allclose(OnnxEmbedder(model).embed_query("red"), unit(1, 9, 1))
    assert not OnnxEmbedder(model).embed_query(" ").any()
    first_row = OnnxEmbedder(replace(model, pooling=Pooling.CLS))
    assert np.allclose(first_row.embed(["red", "blue"]), [unit(0, 0, 1)] * 2)


@pytest.mark.quick
def test_the_tokenizers_own_padding_and_cut_are_not_used(cache: Path) -> None:
    """A text is cut at the model's limit, whatever the tokenizer's file asks for, and never padded."""
    tiny.hub_cache(cache, "someone/tiny", REVISION, TINY)
    model = Model(name="tiny", repository="someone/tiny", max_tokens=6)
    rows = OnnxEmbedder(model).embed(["red red red blue", "red red red blue blue"])
    assert np.allclose(rows, [unit(3, 1, 1)] * 2)


@pytest.mark.quick
def test_a_pinned_revision_is_not_replaced_by_another(cache: Path) -> None:
    """Only the files of the commit that the model names are loaded."""
    tiny.hub_cache(cache, "someone/tiny", REVISION, TINY)
    pinned = Model(name="tiny", repository="someone/tiny", revision=REVISION)
    assert OnnxEmbedder(pinned).embed(["red"]).any()
    with pytest.raises(ModelUnavailable):
        OnnxEmbedder(replace(pinned, revision="0" * 40)).embed(["red"])


def test_a_published_model_is_found_under_its_own_name(cache: Path) -> None:
    """`BAAI/bge-small-en-v1.5` is read from the repository, commit and file of the table; the weights lie beside it."""
    names = {
        BGE_SMALL.file: "model.onnx",
        BGE_SMALL.tokenizer: "tokenizer.json",
        "onnx/model.onnx_data": "model.onnx_data",
    }
    content = {name: (models.PACKAGE_FOLDER / source).read_bytes() for name, source in names.items()}
    assert BGE_SMALL.repository is not None
    assert BGE_SMALL.revision is not None
    tiny.hub_cache(cache, BGE_SMALL.repository, BGE_SMALL.revision, content)
    embedder = make_embedder(MemoryConfig(embedder_model="BAAI/bge-small-en-v1.5", vector_dimension=384))
    bundled = OnnxEmbedder()
    assert (embedder.embed(["User likes tea"]) == bundled.embed(["User likes tea"])).all()
    question = "What does the user drink?"
    assert (embedder.embed_query(question) == bundled.embed_query(BGE_SMALL.query_prefix + question)).all()


@pytest.mark.quick
def test_offline_without_a_cached_model_names_the_bundled_one() -> None:
    """The error says what to do: connect once, or use the model that needs no network."""
    embedder = make_embedder(MemoryConfig(embedder_model="BAAI/bge-small-en-v1.5"))
    with pytest.raises(ModelUnavailable, match=r"cannot be reached.*sentence-transformers/all-MiniLM-L6-v2"):
        embedder.embed(["User likes tea"])


@pytest.mark.quick
def test_a_name_that_cannot_be_one_is_refused() -> None:
    """What no repository can be called is an error that shows the name."""
    with pytest.raises(ModelUnavailable, match="'no such: name'"):
        make_embedder(MemoryConfig(embedder_model="no such: name")).embed(["User likes tea"])


@pytest.mark.quick
@pytest.mark.parametrize(
    ("broken", "message"),
    [("onnx/model.onnx", "not a model that onnxruntime"), ("tokenizer.json", "not a tokenizer that can be read")],
)
def test_a_damaged_file_is_named(cache: Path, broken: str, message: str) -> None:
    """A file that cannot be read as what it should be is ModelUnavailable, with its path."""
    tiny.hub_cache(cache, "someone/tiny", REVISION, TINY | {broken: b"not what it should be"})
    with pytest.raises(ModelUnavailable, match=message):
        OnnxEmbedder(Model(name="tiny", repository="someone/tiny")).embed(["red"])


@pytest.mark.quick
@pytest.mark.parametrize("changed", ["model.onnx", "model.onnx_data", "tokenizer.json"])
def test_every_file_of_the_bundled_model_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """One other byte in the graph, the weights or the tokenizer is found before the file is used."""
    for name in BUNDLED.sha256:
        (tmp_path / name).symlink_to(models.PACKAGE_FOLDER / name)
    content = bytearray((tmp_path / changed).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / changed).unlink()
    (tmp_path / changed).write_bytes(content)
    monkeypatch.setattr(models, "PACKAGE_FOLDER", tmp_path)
    with pytest.raises(ModelUnavailable, match=f"{changed} is damaged"):
        OnnxEmbedder().embed(["User likes tea"])


class Hub(http.server.SimpleHTTPRequestHandler):
    """Serve a folder of repositories as the hub does, /owner/name/resolve/main/file, and note what was asked."""

    asked: ClassVar[list[str]] = []

    def translate_path(self, path: str) -> str:
        repository, _, file = path.partition("/resolve/main/")
        return f"{self.directory}{repository}/{file}"

    def end_headers(self) -> None:
        repository, _, file = self.path.partition("/resolve/main/")
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{file}"')
        if not Path(self.translate_path(self.path)).exists():
            known = Path(f"{self.directory}{repository}").exists()
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        super().end_headers()

    def log_request(self, *_: object) -> None:
        self.asked.append(self.path)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """A hub on the loopback that holds `someone/tiny`, and `someone/half` without a graph."""
    for name in (*(f"tiny/{file}" for file in TINY), "half/tokenizer.json"):
        path = tmp_path / "served" / "someone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TINY[name.partition("/")[2]])
    Hub.asked.clear()
    handler = functools.partial(Hub, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def embed_at_a_terminal(name: str, endpoint: str, home: Path) -> tuple[str, str]:
    """Embed "red" with the model `name` in a child; return what that printed and what its terminal showed."""
    script = """
import sys
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.table import make_embedder
print(make_embedder(MemoryConfig(embedder_model=sys.argv[1])).embed(["red"]).round(3).tolist())
"""
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHON_COLORS": "0"}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", script, name], env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    printed, _ = child.communicate(timeout=120)
    shown = b""
    with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as terminal:  # a terminal ends with EIO
        while part := terminal.read(4096):
            shown += part
    return printed, shown.decode()


def test_a_model_by_name_is_downloaded_once_with_a_progress_bar(endpoint: str, tmp_path: Path) -> None:
    """The first use downloads into the hub's cache and shows it on a terminal; the second asks the hub nothing."""
    first, shown = embed_at_a_terminal("someone/tiny", endpoint, tmp_path / "home")
    assert first.strip() == "[[0.7070000171661377, 0.0, 0.7070000171661377]]", shown
    assert "model.onnx: 100%" in shown
    Hub.asked.clear()
    again, shown = embed_at_a_terminal("someone/tiny", endpoint, tmp_path / "home")
    assert (again, shown, Hub.asked) == (first, "", [])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("someone/else", "did not send it (RepositoryNotFoundError); check the name and your access to it"),
        ("someone/half", "someone/half has no file onnx/model.onnx; name its ONNX file in a Model of your own"),
    ],
)
def test_a_download_that_fails_says_why(endpoint: str, tmp_path: Path, name: str, reason: str) -> None:
    """What the hub does not have is ModelUnavailable, with the reason and the model that needs no hub."""
    _, shown = embed_at_a_terminal(name, endpoint, tmp_path / "home")
    last = shown.strip().splitlines()[-1]
    assert last.startswith(f"headroom.errors.ModelUnavailable: '{name}' cannot be loaded: ")
    assert reason in last
    assert BUNDLED.name in last
