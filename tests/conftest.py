"""What every test gets: its own memory file, and no way to a real provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from headroom.memory import Embedder
from headroom.testing import bundled_embedder

from .blocks import Notebook
from .server import Server

# The same examples in every run, however slow the machine; `--hypothesis-profile=explore` tries new ones.
_UNCHECKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=_UNCHECKED)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def headroom_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the default memory file inside this test's own folder, in child processes too."""
    home = tmp_path / "headroom-home"
    monkeypatch.setenv("HEADROOM_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the developer's own keys and proxies, so that a test reaches the loopback and nothing else."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust no certificate authority: nothing here speaks TLS, and reading them all takes each client 20 ms."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider on the loopback whose replies the test scripts."""
    served = Server()
    yield served
    served.close()


@pytest.fixture
async def notebook() -> AsyncIterator[Notebook]:
    """Where the Python of a document runs as printed."""
    opened = Notebook()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def loaded_embedder() -> Embedder:
    """The bundled embedder, loaded: on a busy machine a first recall could take longer than a chat waits for it."""
    embedder = bundled_embedder()
    embedder.embed_query("load now")
    return embedder
