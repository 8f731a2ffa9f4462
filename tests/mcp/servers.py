"""Real servers for the tests: `headroom mcp` as a process, over stdio or over HTTP, with the official client."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

TOKEN = "a-token-of-the-tests-0123456789"
SECONDS = 120.0
"""How long a busy machine may take for one answer."""


@asynccontextmanager
async def over_stdio(*options: str, name: str = "tester", mode: ConnectMode = "auto") -> AsyncIterator[Client]:
    """Start a server as an agent does, and be its client."""
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "headroom", "mcp", *options], env=dict(os.environ)
    )
    info = Implementation(name=name, version="1")
    async with Client(parameters, client_info=info, mode=mode, read_timeout_seconds=SECONDS) as client:
        yield client


@contextmanager
def http_server(folder: Path, *options: str) -> Iterator[str]:
    """Run an HTTP server on a free port; the bearer token is TOKEN."""
    token = folder / "token"
    token.write_text(TOKEN, "utf-8")
    token.chmod(0o600)
    words = ["mcp", "--user", "alice", "--http", "--port", "0", "--token-file", str(token), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "headroom", *words], stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("listening on http://"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


@asynccontextmanager
async def over_http(url: str, *, name: str = "tester", mode: ConnectMode = "auto") -> AsyncIterator[Client]:
    """Be a client of an HTTP server that has the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(headers=headers, timeout=SECONDS) as http:
        transport = streamable_http_client(url, http_client=http)
        info = Implementation(name=name, version="1")
        async with Client(transport, client_info=info, mode=mode, read_timeout_seconds=SECONDS) as client:
            yield client
