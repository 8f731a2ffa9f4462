"""A server that a test started: ready when it says so, ended with the test."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PATIENCE = 120.0
"""Seconds that a server may take to start on a busy machine."""


class NotHere(Exception):
    """An engine that this machine lacks the parts for."""


class Process:
    """A child process with its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready` says yes; raise NotHere if the process ends or takes too long."""
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotHere(f"it did not start; its log ends: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process at once, since nobody needs its data, and wait for it."""
        self._child.kill()
        self._child.wait(30)

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process, in bytes (Linux)."""
        for line in Path(f"/proc/{self._child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def free_port() -> int:
    """Find a port on the loopback that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether something accepts connections on a port of the loopback."""
    with socket.socket() as trial:
        trial.settimeout(1)
        return trial.connect_ex(("127.0.0.1", port)) == 0


def cache_folder() -> Path:
    """Where programs that were fetched are kept: $HEADROOM_TEST_ENGINES, or a folder in the user's cache."""
    chosen = os.environ.get("HEADROOM_TEST_ENGINES")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "headroom-test-engines"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
