"""`headroom reembed`, with what each backend needs on its command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom.cli import main
from headroom.errors import EmbedderMismatch
from headroom.memory import EmbedderBackend, Memory, MemoryConfig
from headroom.testing import HashEmbedder

from ...memory.embedders.apis import Apis, free_port, serving

CONTENTS = [f"Alice visited town {number}" for number in range(300)]


@pytest.fixture
def apis() -> Iterator[Apis]:
    with serving() as served:
        yield served


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A file of another embedder."""
    path = tmp_path / "memory.db"
    async with Memory(db_path=path, embedder=HashEmbedder()) as memory:
        await memory.save_many(CONTENTS, user_id="alice")
    return path


async def nearest(config: MemoryConfig) -> str:
    """Search a moved file: the best result."""
    async with Memory(config) as memory:
        assert (await memory.stats())["without_vector"] == 0
        return (await memory.search(CONTENTS[7], user_id="alice", top_k=1))[0].content


async def test_a_file_moves_to_ollama(apis: Apis, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server and the model may be named; every text is sent once; the file then opens with that backend alone."""
    config = MemoryConfig(
        db_path=path,
        embedder_backend=EmbedderBackend.OLLAMA,
        embedder_model="all-minilm",
        ollama_base_url=apis.url,
    )
    with pytest.raises(EmbedderMismatch, match="headroom reembed"):
        Memory(config)
    words = ["reembed", "--db", str(path), "--backend", "ollama", "--model", "all-minilm"]
    assert main([*words, "--ollama-base-url", apis.url]) == 0
    assert f"{path}: 300 memories embedded" in capsys.readouterr().out
    sent = [text for asked in apis.received for text in asked["input"]]
    assert sorted(text for text in sent if text != "width") == sorted(CONTENTS)
    assert await nearest(config) == CONTENTS[7]
    assert main([*words, "--ollama-base-url", apis.url]) == 0
    assert "nothing to do" in capsys.readouterr().out


async def test_a_file_moves_to_openai_with_a_dimension(
    apis: Apis, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dimension` shortens the vectors; the key comes from the environment and is nowhere on the command line."""
    words = ["reembed", "--db", str(path), "--backend", "openai", "--dimension", "256"]
    assert main(words) == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert main([*words, "--openai-base-url", f"{apis.url}/v1"]) == 0
    assert {asked["dimensions"] for asked in apis.received} == {256}
    config = MemoryConfig(
        db_path=path,
        embedder_backend=EmbedderBackend.OPENAI,
        openai_base_url=f"{apis.url}/v1",
        vector_dimension=256,
    )
    assert await nearest(config) == CONTENTS[7]


async def test_a_server_that_goes_away_in_the_middle_costs_nothing(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what to run and exits with 1; run again, it goes on where it was."""
    port = free_port()
    words = ["reembed", "--db", str(path), "--backend", "ollama", "--ollama-base-url", f"127.0.0.1:{port}"]
    assert main(words) == 1
    assert "run: ollama serve" in capsys.readouterr().err
    with serving(port) as apis:
        apis.faults.extend([200] * 5 + [503])  # the width, then 64 texts a request
        assert main(words) == 1
        sent = len(apis.received)
        assert main(words) == 0
        assert "300 memories embedded" in capsys.readouterr().out
        assert sum(len(asked["input"]) for asked in apis.received[sent:] if asked["input"] != ["width"]) == 44


@pytest.mark.quick
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dimension", "768"], "768, but sentence-transformers/all-MiniLM-L6-v2"),
        (["--dimension", "0"], "vector_dimension must be a whole number of at least 1"),
        (["--onnx-provider", "CUDAExecutionProvider"], "onnx_providers names CUDAExecutionProvider"),
        (["--backend", "ollama", "--ollama-base-url", "ftp://here"], "ollama_base_url must be like"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting that contradicts another is one line on stderr and status 1; the file stays as it was."""
    before = path.read_bytes()
    assert main(["reembed", "--db", str(path), *words]) == 2
    assert message in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.quick
def test_the_command_tells_its_options() -> None:
    """In a process of its own, the help names every backend, and an unknown one is refused."""
    command = [sys.executable, "-c", "from headroom.cli import main; raise SystemExit(main())", "reembed"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    assert all(backend.value in told.stdout for backend in EmbedderBackend)
    refused = subprocess.run([*command, "--backend", "magic"], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "'magic' is not one of 'onnx'" in refused.stderr
