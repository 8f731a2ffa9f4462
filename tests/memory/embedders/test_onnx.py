"""The ONNX embedder with the bundled model: meaning, sameness, threads, processes, and what it leaves behind."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from headroom.errors import InvalidInput, ModelUnavailable
from headroom.memory import MemoryConfig
from headroom.memory.embedders.encoder import Encoder
from headroom.memory.embedders.models import BUNDLED
from headroom.memory.embedders.onnx import OnnxEmbedder
from headroom.memory.embedders.table import make_embedder

SEALED = Path(__file__).with_name("sealed.py")
TEXTS = ["User prefers Python for backend work", "My sister Elena lives in Lisbon", "", "Deploys are on Tuesdays", "x"]


@pytest.fixture(scope="module")
def embedder() -> Iterator[OnnxEmbedder]:
    made = OnnxEmbedder(threads=2)
    yield made
    made.close()


def child(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `arguments` in a process of its own."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)


def run(script: str) -> str:
    """Run a script in a process of its own; return what it printed. It ends without a word of complaint."""
    done = child("-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def helpers() -> set[threading.Thread]:
    """Return the helper threads of all embedders in this process."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("headroom-embed")}


@pytest.mark.parametrize(
    ("question", "nearest"),
    [("What language should I use?", 0), ("Where does my sister live?", 1), ("When can we release?", 3)],
)
def test_a_question_is_nearest_to_its_answer(embedder: OnnxEmbedder, question: str, nearest: int) -> None:
    """The model is a real one: meaning decides, without a shared word."""
    assert int((embedder.embed(TEXTS) @ embedder.embed_query(question)).argmax()) == nearest


def test_a_vector_is_the_same_to_the_bit_alone_in_a_batch_and_after_a_restart(embedder: OnnxEmbedder) -> None:
    """Nothing but the text decides: not the batch, the number of threads, or the process."""
    text = "User prefers dark mode and uses Python"
    alone = embedder.embed([text])[0]
    assert embedder.embed([*TEXTS, text, "a much longer text " * 60])[len(TEXTS)].tobytes() == alone.tobytes()
    assert OnnxEmbedder(threads=4).embed([text] * 9)[8].tobytes() == alone.tobytes()
    assert embedder.embed_query(text).tobytes() == alone.tobytes()
    script = f"from headroom.testing import bundled_embedder as b; print(b().embed([{text!r}]).tobytes().hex())"
    assert run(script).strip() == alone.tobytes().hex()


def test_a_long_text_is_embedded_by_its_beginning(embedder: OnnxEmbedder) -> None:
    """What stands past the model's 256 tokens changes nothing; what stands before does."""
    beginning = "tea " * 254
    expected = embedder.embed([beginning])[0]
    assert (embedder.embed([beginning + "and coffee"])[0] == expected).all()
    assert (embedder.embed([beginning + "and coffee " * 100_000])[0] == expected).all()
    assert not (embedder.embed(["tea " * 253 + "and coffee"])[0] == expected).all()


def test_a_text_of_invisible_characters_is_blank(embedder: OnnxEmbedder) -> None:
    """A text that holds no token gives a zero row; an unknown symbol is a token."""
    rows = embedder.embed(["\u200b\ufeff", " " * 100_000, "\U0001f600"])
    assert rows.any(axis=1).tolist() == [False, False, True]


def test_white_space_around_a_text_changes_nothing(embedder: OnnxEmbedder) -> None:
    """However much white space comes first, the text behind it is embedded."""
    padded, plain = embedder.embed([" " * 50_000 + "User likes tea\n", "User likes tea"])
    assert (padded == plain).all()


@pytest.mark.parametrize("count", [1, 40])
def test_a_text_that_is_not_unicode_fails_the_whole_call(embedder: OnnxEmbedder, count: int) -> None:
    """A lone surrogate is InvalidInput, wherever in a batch it stands; the embedder goes on working."""
    with pytest.raises(InvalidInput, match="surrogates"):
        embedder.embed([*["User likes tea"] * (count - 1), "\ud800"])
    assert embedder.embed(["User likes tea"]).any()


def test_helpers_are_shared_and_capped() -> None:
    """However many callers there are, no more than `threads` - 1 helpers are started; closing ends them."""
    others, embedder = helpers(), OnnxEmbedder(threads=3)
    with ThreadPoolExecutor(6) as callers:
        for rows in callers.map(embedder.embed, [["User likes tea"] * 12] * 6):
            assert rows.any(axis=1).all()
    started = helpers() - others
    assert 1 <= len(started) <= 2
    embedder.close()
    for thread in started:
        thread.join(60)
    assert not started & helpers()


def test_one_text_needs_no_helper() -> None:
    """A question, or a batch of one, runs on the calling thread."""
    others, embedder = helpers(), OnnxEmbedder(threads=8)
    embedder.embed_query("What does the user drink?")
    embedder.embed(["User likes tea"])
    assert helpers() == others


def test_a_closed_embedder_loads_again() -> None:
    """Closing frees the model and nothing else."""
    embedder = OnnxEmbedder()
    before = embedder.embed(["User likes tea"])
    embedder.close()
    assert (embedder.embed(["User likes tea"]) == before).all()
    embedder.close()


def test_closing_while_others_embed_loses_no_row() -> None:
    """A batch under way when the embedder is closed is finished, row for row."""
    embedder = OnnxEmbedder(threads=3)
    expected = embedder.embed(TEXTS)
    with ThreadPoolExecutor(3) as callers:
        batches = [callers.submit(embedder.embed, TEXTS * 3) for _ in range(12)]
        while not all(batch.done() for batch in batches):
            embedder.close()
    assert all((batch.result() == np.tile(expected, (3, 1))).all() for batch in batches)


@pytest.mark.quick
@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_at_all_are_refused(threads: int) -> None:
    """The number of threads is at least one."""
    with pytest.raises(InvalidInput, match="threads"):
        OnnxEmbedder(threads=threads)


@pytest.mark.quick
def test_id_and_width_load_nothing() -> None:
    """To know the bundled model's id and width, neither onnxruntime nor the tokenizer is imported."""
    script = """
import sys
from headroom.memory.embedders.onnx import OnnxEmbedder
embedder = OnnxEmbedder()
assert embedder.id.startswith("sentence-transformers/all-MiniLM-L6-v2@") and embedder.width == 384
print(sorted({"onnxruntime", "tokenizers", "huggingface_hub"} & set(sys.modules)))
"""
    assert run(script).strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_loads_its_own() -> None:
    """A process forked while other threads embed goes on embedding, in batches too, and so does its parent."""
    script = """
import os, threading, warnings
from headroom.testing import bundled_embedder
warnings.simplefilter("ignore", DeprecationWarning)  # what Python says of a fork beside threads is the test
embedder, texts = bundled_embedder(), ["User likes tea"] * 8
expected, stop = embedder.embed(texts), threading.Event()
def busy():
    while not stop.is_set():
        embedder.embed(texts)
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(2):
    child = os.fork()
    if child == 0:
        os._exit(0 if (embedder.embed(texts) == expected).all() and bundled_embedder() is embedder else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
print("done")
"""
    assert run(script).strip() == "done"


def test_a_batch_can_be_embedded_at_exit() -> None:
    """When the interpreter shuts down and starts no more threads, the caller does the work alone."""
    script = """
import atexit
from headroom.testing import bundled_embedder
embedder = bundled_embedder()
atexit.register(lambda: print(embedder.embed(["User likes tea"] * 4).any(axis=1).tolist()))
"""
    assert run(script).strip() == "[True, True, True, True]"


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the seal is made of seccomp"
)
def test_embedding_writes_no_file_and_tries_no_network(tmp_path: Path, embedder: OnnxEmbedder) -> None:
    """Import, load and embed leave every folder of the user empty and open no socket, in native code either."""
    homes = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR", "HEADROOM_HOME")
    folders = {name: tmp_path / name for name in homes}
    for folder in folders.values():
        folder.mkdir()
    environment = {name: str(folder) for name, folder in folders.items()}
    control = child(str(SEALED), "control", **environment)
    if "no seccomp" in control.stderr:
        pytest.skip(control.stderr.strip())
    assert control.returncode < 0
    done = child(str(SEALED), **environment, ORT_DISABLE_TELEMETRY="0")
    assert done.returncode == 0, done.stderr
    vector = np.frombuffer(bytes.fromhex(done.stdout), np.float32)
    assert (vector == embedder.embed(["User prefers dark mode and uses Python"])[0]).all()
    assert [path for folder in folders.values() for path in folder.rglob("*")] == []


@pytest.mark.quick
def test_a_provider_that_is_not_installed_is_refused() -> None:
    """Opening a memory with a provider that this onnxruntime lacks names it, those that are here, and the way out."""
    with pytest.raises(InvalidInput, match=r"CUDAExecutionProvider.*CPUExecutionProvider.*leave onnx_providers out"):
        make_embedder(MemoryConfig(onnx_providers=["CUDAExecutionProvider", "CPUExecutionProvider"]))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_an_error() -> None:
    """If onnxruntime passes over a provider and takes another, nothing is embedded on what was not asked for."""
    with pytest.raises(ModelUnavailable, match="cannot start CUDAExecutionProvider"):
        Encoder(BUNDLED, ["CUDAExecutionProvider"])
