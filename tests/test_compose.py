"""The compose file of Qdrant and Neo4j: a valid one, for this machine only, silent, pinned and durable."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

FILE = Path(__file__).parents[1] / "examples" / "qdrant-neo4j" / "compose.yaml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the file."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return dict(read["services"])


@pytest.mark.engines
def test_it_is_a_compose_file() -> None:
    """It fits the schema of the Compose specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_listens_on_this_machine_only(services: dict[str, Any]) -> None:
    """Every published port is on the loopback, where MemoryConfig looks for it."""
    ports = [port for service in services.values() for port in service["ports"]]
    assert sorted(ports) == ["127.0.0.1:6333:6333", "127.0.0.1:7687:7687"]


def test_it_reports_nothing(services: dict[str, Any]) -> None:
    """Telemetry of both is off."""
    assert services["qdrant"]["environment"]["QDRANT__TELEMETRY_DISABLED"] == "true"
    assert services["neo4j"]["environment"]["NEO4J_dbms_usage__report_enabled"] == "false"


def test_it_is_pinned_durable_and_watched(services: dict[str, Any]) -> None:
    """Exact versions, a volume each, a health check each."""
    volumes = [service["volumes"][0].partition(":")[0] for service in services.values()]
    assert len(set(volumes)) == len(services) == 2
    for service in services.values():
        assert re.search(r":v?\d+\.\d+\.\d+(-\w+)?$", service["image"])
        assert service["healthcheck"]["test"]


@pytest.mark.engines
def test_docker_reads_it() -> None:
    """Docker itself accepts the file, with and without a password."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not here")
    for password, auth in (("", "none"), ("secret", "neo4j/secret")):
        done = subprocess.run(
            [docker, "compose", "--file", str(FILE), "config"],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HEADROOM_NEO4J_PASSWORD": password},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"NEO4J_AUTH: {auth}" in done.stdout
