"""The local page over a large memory: from the request to the last byte, through the real server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from headroom.memory import UserMemory
from headroom.memory.records import Reader
from headroom.web.serve import PageServer

from ..figures import Aim, Figure, memories
from ..lab import Lab
from ..measure import Spread, take_turns
from ..sentences import Sentences

_SEED = 11
_FIRST = Aim(at_most=0.3)


def answers(lab: Lab) -> Iterator[Figure]:
    """Ask for each page of a user with very many memories: first from a new server, then again."""
    for size in lab.scale.made:
        path = lab.folder / f"page-{size}.db"
        with lab.engine(path) as engine:
            lab.fill(engine, "alice", Sentences(seed=_SEED).facts(size), lab.made.rows(size, _SEED))
            memory = UserMemory.over(engine, Reader(user_id="alice", owner=True))
            yield from _measured(lab, memory, size)


def _measured(lab: Lab, memory: UserMemory, size: int) -> Iterator[Figure]:
    server = PageServer(memory)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        link = urlsplit(server.link)
        cookie = _ask(link.netloc, f"{link.path}?{link.query}", "")
        base = urlsplit(server.address).path

        def page(path: str) -> None:
            _ask(link.netloc, base + path, cookie)

        (first,) = take_turns(1, lambda _: page("/"), warm_up=0)
        yield _figure(
            f"the first page of {memories(size)}, from a server that has just started", Spread.of(first.wall), _FIRST
        )
        questions = [quote(question) for question in lab.questions(lab.scale.rounds + 3)]
        ways = {
            "the list": lambda _: page("/"),
            "a search": lambda index: page(f"/?q={questions[index]}"),
            "one agent's memories": lambda _: page("/?agent=nobody"),
            "a day of the past": lambda _: page("/time?at=0"),
            "the overview": lambda _: page("/overview"),
        }
        for name, times in zip(ways, take_turns(min(20, lab.scale.rounds), *ways.values()), strict=True):
            aim = _FIRST if name == "the list" else None
            yield _figure(f"the page of {memories(size)}: {name}", Spread.of(times.wall), aim)
    finally:
        server.stop()
        thread.join()


def _figure(what: str, measured: Spread, aim: Aim | None) -> Figure:
    return Figure(what=what, measured=measured, unit="s", aim=aim)


def _ask(host: str, path: str, cookie: str) -> str:
    """Ask for a page and read it whole; return the cookie that it sets."""
    connection = http.client.HTTPConnection(host, timeout=120)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the page answered {answer.status}")
        return answer.headers.get("Set-Cookie", "").partition(";")[0]
    finally:
        connection.close()
