"""A client that is lent is closed once, and never under a request."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headroom.errors import Closed
from headroom.runtime.lending import Lending

from ..memory.children import in_child

pytestmark = pytest.mark.quick

LONG = 60.0


class Client:
    """Counts how often it is closed, and by whom."""

    def __init__(self) -> None:
        self.closed_by: list[int] = []

    def close(self) -> None:
        self.closed_by.append(threading.get_ident())


def test_one_client_is_made_and_closed_once() -> None:
    """It is made at the first request and lent to every one; closing twice closes it once, and then none is lent."""
    made: list[Client] = []

    def make() -> Client:
        made.append(Client())
        return made[-1]

    lending = Lending(make)
    assert made == []
    with lending.lend() as first, lending.lend() as second:
        assert first is second
    lending.close(LONG)
    lending.close(LONG)
    assert len(made) == len(made[0].closed_by) == 1
    with pytest.raises(Closed), lending.lend():
        raise AssertionError("a closed client was lent")


def test_nothing_is_made_to_be_closed() -> None:
    """Closing what was never used makes no client, and waits for nobody."""
    lending = Lending[Client](lambda: pytest.fail("a client was made"))
    lending.close(LONG)


def test_closing_waits_for_a_request() -> None:
    """The client stays open until the request has its answer; new requests are refused meanwhile."""
    lending, begun, go_on = Lending(Client), threading.Event(), threading.Event()

    def request() -> list[int]:
        with lending.lend() as client:
            begun.set()
            assert go_on.wait(LONG)
            return list(client.closed_by)

    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(request)
        assert begun.wait(LONG)
        closing = pool.submit(lending.close, LONG)
        _refused(lending)
        assert not closing.done()
        go_on.set()
        closing.result(LONG)
        assert asked.result(LONG) == []


def test_a_request_that_takes_too_long_closes_the_client() -> None:
    """Closing waits no longer than it may; the request goes on, and its thread closes the client at the end."""
    lending = Lending(Client)
    with lending.lend() as client:
        lending.close(0)
        assert client.closed_by == []
    assert client.closed_by == [threading.get_ident()]


FORKING = """
import os
from headroom.runtime.lending import Lending

class Client:
    closed = 0

    def close(self):
        self.closed += 1

lending = Lending(Client)
with lending.lend() as mine:
    pass
pid = os.fork()
if not pid:
    with lending.lend() as own:
        assert own is not mine
    lending.close(60)
    assert (own.closed, mine.closed) == (1, 0)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
lending.close(60)
assert mine.closed == 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_client_of_its_own(path: Path) -> None:
    """A child neither uses nor closes the client of its parent."""
    in_child(FORKING, path)


def _refused(lending: Lending[Client]) -> None:
    """Wait until no client is lent any more."""
    while True:
        try:
            with lending.lend():
                pass
        except Closed:
            return
