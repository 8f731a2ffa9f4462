"""Both engines, started once for all tests here, and named in the report; without `-m engines` none of them runs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from ...engines import running
from ...engines.process import NotHere

if TYPE_CHECKING:
    from .emptied import Collections

collect_ignore_glob: list[str] = []
if find_spec("qdrant_client") is None or find_spec("neo4j") is None:
    collect_ignore_glob.append("*.py")  # the extra qdrant-neo4j is not installed

_ran: list[str] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report which engines the tests ran on, and which they did not."""
    for line in _ran:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Engine]:
    """A Qdrant to talk to; the test is skipped if there is none."""
    try:
        with running.qdrant(tmp_path_factory.mktemp("qdrant")) as engine:
            _ran.append(f"ran on: {engine.name}")
            _ran.extend(f"did not run: {said}" for said in engine.said)
            yield engine
    except NotHere as exc:
        _ran.append(f"did not run: Qdrant's engine ({exc})")
        pytest.skip(f"no Qdrant engine runs here: {exc}")


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Engine]:
    """A Neo4j to talk to; the test is skipped if there is none."""
    try:
        with running.graph(tmp_path_factory.mktemp("graph")) as engine:
            _ran.append(f"ran on: {engine.name}")
            _ran.extend(f"did not run: {said}" for said in engine.said)
            yield engine
    except NotHere as exc:
        _ran.append(f"did not run: {exc}")
        pytest.skip(f"no graph engine runs here: {exc}")


@pytest.fixture(scope="session")
def all_collections(qdrant: running.Engine, graph: running.Engine) -> Iterator[Collections]:
    """What all tests share."""
    from .emptied import Collections

    made = Collections(qdrant, graph)
    yield made
    made.drop()


@pytest.fixture
def collections(all_collections: Collections) -> Collections:
    """Makes settings of new memories on both engines."""
    all_collections.renew()
    return all_collections
