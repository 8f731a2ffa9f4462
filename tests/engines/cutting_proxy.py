"""A proxy on the loopback in front of an engine, which cuts a connection at a chosen request and stays away after."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import Enum
from urllib.parse import urlsplit

import pytest

_PORTS = {"http": 6333, "bolt": 7687, "neo4j": 7687}


class When(str, Enum):
    """Where a connection is cut."""

    BEFORE = "before the request arrives"
    AFTER = "after it was carried out and before its answer arrives"


class CuttingProxy:
    """Forwards bytes. A request is what a client sends after an answer, or first on a connection."""

    def __init__(self, url: str) -> None:
        """Listen in front of `url`. The test is skipped if that is TLS, whose certificates a proxy cannot have."""
        parts = urlsplit(url)
        if parts.scheme.endswith("s") or "+s" in parts.scheme:
            pytest.skip(f"the connection to {parts.hostname} is encrypted, so that no proxy can cut it at a request")
        self._target = (parts.hostname or "127.0.0.1", parts.port or _PORTS[parts.scheme])
        self._lock = threading.Lock()
        self._left: int | None = None
        self._when = When.BEFORE
        self.was_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        # Not neo4j://: with it the driver would ask for the members of the cluster and go around the proxy.
        scheme = "bolt" if parts.scheme == "neo4j" else parts.scheme
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut_at(self, request: int, when: When) -> None:
        """Cut at the request of this number, counted from 1, and refuse everything after it."""
        with self._lock:
            self._left, self._when, self.was_cut = request, when, False

    def mend(self) -> None:
        """Forward everything again."""
        with self._lock:
            self._left, self.was_cut = None, False

    def close(self) -> None:
        """Stop listening, and end what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # on Linux closing alone does not wake who waits in accept()
        self._listener.close()
        self._accepting.join(60)
        self._drop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.was_cut:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open |= {client, server}
        connection = _Connection()
        threading.Thread(target=self._answers, args=(server, client, connection), daemon=True).start()
        with suppress(OSError):
            while data := client.recv(65536):
                if connection.begins_request() and self._counts_down():
                    if self._when is When.BEFORE:
                        break
                    connection.swallow = True
                server.sendall(data)
        self._end(client, server)

    def _answers(self, server: socket.socket, client: socket.socket, connection: _Connection) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if connection.swallow:
                    self._drop()
                    return
                connection.answering = True
                client.sendall(data)
        self._end(client, server)

    def _counts_down(self) -> bool:
        """Count a request; return whether it is the one to be cut, or comes after it."""
        with self._lock:
            if self._left is None:
                return False
            self._left -= 1
            if self._left > 0:
                return False
            self.was_cut = True
            if self._left < 0:
                self._when = When.BEFORE
            return True

    def _end(self, *sockets: socket.socket) -> None:
        for each in sockets:
            self._open.discard(each)
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _drop(self) -> None:
        self._end(*list(self._open))


class _Connection:
    """Whose turn it is on one connection."""

    def __init__(self) -> None:
        self.answering, self.swallow, self._first = False, False, True

    def begins_request(self) -> bool:
        begins = self._first or self.answering
        self._first = self.answering = False
        return begins
