"""A socket that listens for a local server, or one plain error if the address cannot be had."""

from __future__ import annotations

import socket

from ..errors import InvalidInput


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host`, a name or an address; port 0 takes any free one. The caller closes it.

    Raise InvalidInput if the address cannot be had, such as because another program has the port.
    """
    if not 0 <= port <= 65535:
        raise InvalidInput(f"port {port} of {host} cannot be used: it is no port; choose another one, or 0 for any")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as exc:
        advice = "choose another one, or 0 for any"
        raise InvalidInput(f"port {port} of {host} cannot be used: {exc.strerror or exc}; {advice}") from exc
