"""Serving the page on this computer alone."""

from __future__ import annotations

import uvicorn

from ..memory.user_memory import UserMemory
from ..runtime.listening import listen
from .app import make_app
from .door import Door
from .room import Room

HOST = "127.0.0.1"


class PageServer:
    """The page of one user's memory, on a port of the loopback that it holds from the start.

    All of the user's sessions, agents and turns are shown. `port` 0 takes any free one. The memory stays open and the
    caller's. Raise InvalidInput if the port cannot be had.
    """

    def __init__(self, memory: UserMemory, *, port: int = 0) -> None:
        self._socket = listen(HOST, port)
        door = Door()
        app = make_app(Room(memory=memory.owner, door=door))
        # No access log: the link's token would stand in it.
        config = uvicorn.Config(
            app, log_level="error", access_log=False, server_header=False, lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self.address = f"http://{HOST}:{self._socket.getsockname()[1]}{door.base}"
        self.link = f"{self.address}/enter?token={door.token}"
        """What opens the page, once. It works as soon as this object exists and answers once `run` runs."""

    def run(self) -> None:
        """Serve until the process is interrupted, or `stop` is called from another thread. It runs once."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let `run` return."""
        self._server.should_exit = True
