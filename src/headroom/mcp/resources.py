"""The resources of the server: the user's memories as JSON, for clients that attach them to a chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from ..errors import HeadroomError
from .results import notes
from .sessions import Sessions

NEWEST = 200
"""Memories in the resource that lists them; the tool memory_list pages through the rest."""


def add_resources(server: MCPServer, sessions: Sessions) -> None:
    """Add `memory://memories` and `memory://memories/{id}` to a server."""

    @server.resource(
        "memory://memories",
        name="memories",
        title="What is remembered",
        description=f"The user's present memories, newest first, at most {NEWEST}.",
        mime_type="application/json",
    )
    def memories() -> str:
        with _errors():
            found = notes(sessions.reading().get_all(limit=NEWEST + 1), limit=NEWEST)
            return json.dumps(found, ensure_ascii=False)

    @server.resource(
        "memory://memories/{id}",
        name="memory",
        title="One memory",
        description="The versions of one memory, oldest first.",
        mime_type="application/json",
    )
    def memory(id: str) -> str:
        with _errors():
            versions = sessions.reading().history(id)
        if not versions:
            raise ResourceNotFoundError("there is no memory of this id")
        return json.dumps(notes(versions), ensure_ascii=False)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except HeadroomError as exc:
        raise ResourceError(str(exc)) from exc
