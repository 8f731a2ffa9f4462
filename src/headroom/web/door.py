"""Who may come in: the one-time link, the session cookie, and the checks that every request passes.

The page is served on the loopback, which other programs and other people's browsers share. So a request must name a
loopback host (a name that was rebound to 127.0.0.1 is refused), must come from this page or from nowhere (what another
site sends is refused), must carry the session's cookie, and must carry the session's CSRF token if it changes anything.
A cookie is sent to every port of a host; to keep it from other servers on this machine, it is bound to a path that only
the printed link names.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

COOKIE = "headroom_session"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE = frozenset({"GET", "HEAD"})

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer: nothing from other hosts, nothing kept by the browser, no address given away."""


def _secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass(slots=True, kw_only=True)
class Door:
    """The secrets of one running page. They live in memory and end with it."""

    place: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    """First part of every path, to which the cookie is bound."""
    token: str | None = field(default_factory=_secret, repr=False)
    """Opens the page once; None after it was used."""
    session: str = field(default_factory=_secret, repr=False)
    csrf: str = field(default_factory=_secret, repr=False)

    @property
    def base(self) -> str:
        """The path that all pages are under."""
        return f"/{self.place}"

    def enter(self, token: str) -> bool:
        """Exchange the one-time token; False if it is not the one, or was used before."""
        if self.token is None or not _same(token, self.token):
            return False
        self.token = None
        return True

    def knows(self, cookies: str) -> bool:
        """Return whether a Cookie header carries the session."""
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        # Not parsed by rules: other programs on this host may set cookies that no parser takes, and they come along.
        return any(name == COOKIE and _same(value, self.session) for name, _, value in pairs)

    def set_cookie(self) -> str:
        """Return the Set-Cookie header that starts the session. It ends with the browser."""
        return f"{COOKIE}={self.session}; Path={self.base}; HttpOnly; SameSite=Strict"

    def lets_change(self, csrf: str) -> bool:
        """Return whether a form carries the session's CSRF token."""
        return _same(csrf, self.csrf)


def names_loopback(host: str) -> bool:
    """Return whether a Host header names this machine; the port may be any, so that a forwarded one works."""
    name = host[: host.index("]") + 1] if "]" in host else host.partition(":")[0]
    return name.lower() in _LOOPBACK


def comes_from_here(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether the browser sent this request for the page itself or because a person opened its address.

    `headers` has lower-case names. Browsers that name the sending site are taken at their word. An Origin of "null" is
    what a form of this page sends, because the page gives no referrer.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return method in _SAFE or origin in (None, "null", f"http://{headers.get('host', '')}")


def header_map(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Read the headers of an ASGI request; of a name sent twice the last one counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def _same(given: str, known: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), known.encode())
