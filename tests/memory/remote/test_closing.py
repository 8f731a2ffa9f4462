"""A memory on servers that is closed leaves no connection behind, whatever its threads are doing."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from headroom.errors import Closed
from headroom.memory.config import MemoryConfig
from headroom.memory.remote.qdrant.connection import Qdrant

LONG = 60.0


class _Empty(BaseHTTPRequestHandler):
    """A Qdrant that holds no collection."""

    protocol_version = "HTTP/1.1"  # keeps a connection open

    def do_GET(self) -> None:
        data = json.dumps({"status": {"error": "Not found"}, "time": 0.0}).encode()
        self.send_response(404)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def qdrant() -> Iterator[Qdrant]:
    """A connection to a server that answers that there is no collection."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    connection = Qdrant(MemoryConfig(backend="qdrant-neo4j", qdrant_url=url).settled(), "an embedder")
    yield connection
    connection.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_closing_waits_for_a_request_that_is_connecting(qdrant: Qdrant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection, which the client does not know yet, is closed too, and the request gets its answer."""
    connecting, go_on, connect = threading.Event(), threading.Event(), socket.create_connection
    opened: list[socket.socket] = []

    def slow(*arguments: Any, **options: Any) -> socket.socket:
        connecting.set()
        assert go_on.wait(LONG)
        opened.append(connect(*arguments, **options))
        return opened[-1]

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(socket, "create_connection", slow)
        asked = pool.submit(lambda: qdrant.made)
        assert connecting.wait(LONG)
        closing = pool.submit(qdrant.close)
        _wait_until_refused(qdrant)
        wait([closing], 0.2)  # time in which it could do the wrong thing
        go_on.set()
        closing.result(LONG)
        assert asked.result(LONG) is False
    assert [each.fileno() for each in opened] == [-1]


def _wait_until_refused(qdrant: Qdrant) -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        try:
            qdrant.call(lambda client: None)
        except Closed:
            return
    raise AssertionError("a closed connection took another request")
