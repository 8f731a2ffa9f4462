"""A page served for a test, and a client that speaks HTTP to it without a browser's rules."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from headroom.memory import UserMemory
from headroom.web.serve import PageServer


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def csrf(self) -> str:
        """The CSRF token of the forms in it."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, "no form here"
        return found[1]


class Client:
    """Sends requests to a served page, with the session's cookie once it has entered."""

    def __init__(self, server: PageServer) -> None:
        self.server, self.cookie = server, ""
        self.host = urlsplit(server.address).netloc
        self.base = urlsplit(server.address).path

    def enter(self) -> Answer:
        """Follow the printed link."""
        answer = self.send("GET", self.server.link.removeprefix(self.server.address))
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form, with the CSRF token of the overview if none is given."""
        if "csrf" not in fields:
            fields["csrf"] = self.get("/overview").csrf
        return self.send("POST", path, body=urlencode(fields))

    def send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        """Send one request; `path` is below the page's own, or whole if it begins with two slashes."""
        sent = {"Cookie": self.cookie} if self.cookie else {}
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path[1:] if path.startswith("//") else self.base + path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()


@contextmanager
def served(memory: UserMemory) -> Iterator[Client]:
    """Serve the page of `memory` on a free port of the loopback."""
    server = PageServer(memory)
    thread = threading.Thread(target=server.run, name="page")
    thread.start()
    try:
        yield Client(server)
    finally:
        server.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()
