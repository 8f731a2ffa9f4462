"""`headroom ui` as a person starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from headroom.cli import main
from headroom.memory import UserMemory


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own."""
    environment = {**os.environ, "HEADROOM_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    program = [sys.executable, "-c", "import sys; from headroom.cli import main; sys.exit(main())", "ui", *words]
    process = subprocess.Popen(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way there")
def test_it_prints_a_link_that_opens_the_page_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    """The link is on standard output and answers on 127.0.0.1; Ctrl-C ends the command without a complaint."""
    with UserMemory("alice", db_path=tmp_path / "memory.db") as memory:
        memory.add("Likes tea")
    with started(tmp_path, "--user", "alice") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        link = re.search(r"http://127\.0\.0\.1:\d+/\S+/enter\?token=\S+", line)
        assert link, line
        with urlopen(link[0], timeout=60) as answer:
            assert answer.status == 200
            assert "HttpOnly" in answer.headers["Set-Cookie"]
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=60)
        assert process.returncode == 0
        assert rest == ""
        assert complaints.strip() == "Press Ctrl-C to close it."


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If another program has the port, one line says so and what to do, and nothing is served."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--db", str(tmp_path / "memory.db"), "--port", str(port)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"port {port}" in said.err
    assert "choose another" in said.err
