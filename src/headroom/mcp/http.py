"""Who is let in over HTTP: a bearer token always, and only the Host and Origin that belong to this server."""

from __future__ import annotations

import hmac
import re
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import InvalidInput

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERY = ("0.0.0.0", "::", "")
_ADDRESS = re.compile(rb"(?:https?://)?(?:\[[\da-fA-F:.]+\]|[^:/@\[\]]+)(?::\d{1,5})?")
"""A name and perhaps a port, with or without a scheme; `127.0.0.1:80.evil.example` is not one."""
SHORTEST_TOKEN = 16
"""Characters; a shorter token could be guessed by another program on this machine."""


def app(server: MCPServer, *, host: str, token: str, hosts: tuple[str, ...] = ()) -> ASGIApp:
    """Return the server as an ASGI application that answers at /mcp.

    A request needs `Authorization: Bearer TOKEN`, else it gets 401; a Host that is not this server's, 421; an Origin
    that is not, 403. This server's names are `hosts`, `host` itself, and the loopback's if `host` is one of them or
    stands for every address. Raise InvalidInput if the token is too short.
    """
    if len(token) < SHORTEST_TOKEN:
        raise InvalidInput(f"the token must have at least {SHORTEST_TOKEN} characters")
    names = _names(host, hosts)
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*names, *(f"{name}:*" for name in names)],
        allowed_origins=[
            f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in names for port in ("", ":*")
        ],
    )
    return _Gate(server.streamable_http_app(host=host, transport_security=security), token)


def _names(host: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
    own = f"[{host}]" if ":" in host else host
    near = _LOOPBACK if own in _LOOPBACK or host in _EVERY else ()
    return tuple(dict.fromkeys([*hosts, *near, *([] if host in _EVERY else [own])]))


class _Gate:
    """Let through what bears the token, if Host and Origin are well formed; the server inside compares them."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner, self._token = inner, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._bears_token(scope):
            refusal = PlainTextResponse("a bearer token is needed", 401, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
        elif scope["type"] == "http" and (status := _malformed(scope)):
            await PlainTextResponse("this is no address", status)(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def _bears_token(self, scope: dict[str, Any] | Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _malformed(scope: Scope) -> int | None:
    """Return the status that refuses a Host or an Origin that is not a name with a port at most."""
    statuses = {b"host": 421, b"origin": 403}
    for name, value in scope["headers"]:
        if name in statuses and not _ADDRESS.fullmatch(value):
            return statuses[name]
    return None
