"""Models that refuse what memory adds to a request: the system role, or a context that it makes too long."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from .apis.api import Api

_STATUS = (400, 413, 422)
"""A bad request, one that is too large, one that cannot be processed."""
_TOO_LONG = (
    "context_length",
    "context length",
    "context window",
    "too long",
    "too large",
    "too many tokens",
    "maximum",
)
_TEMPLATE = ("template", "jinja", "system role", "system message", "roles must alternate")
"""What a server says that fails, with status 500, while it writes the messages as its model's prompt."""
_log = logging.getLogger("headroom")


class Refusals:
    """The models that refused, each with the size of the smallest request that was refused for its length.

    A model that refuses at any length has the size 0: every request is at least as long.
    """

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def concern(self, api: Api, kwargs: Mapping[str, Any]) -> bool:
        """Return whether memory should leave this request as it is."""
        size = self._sizes.get(str(kwargs.get("model"))) if self._sizes else None
        return size is not None and (size == 0 or _size(api, kwargs) >= size)

    def add(self, exc: Exception, api: Api, kwargs: Mapping[str, Any]) -> None:
        """Remember that the model refused a request for what memory added to it."""
        size = _size(api, kwargs) if _is_too_long(exc) else 0
        model = str(kwargs.get("model"))
        self._sizes[model] = min(size, self._sizes.get(model, size))
        which = "longer requests to" if size else "requests to"
        _log.warning("%s %s go out without memory: the provider refuses what it adds", which, model)


def is_refusal(exc: Exception) -> bool:
    """Return whether an error of an SDK says that the request is at fault."""
    status = getattr(exc, "status_code", None)
    if status is None:
        status = getattr(getattr(exc, "response", None), "status_code", None)
    return status in _STATUS or (status == 500 and any(word in str(exc).lower() for word in _TEMPLATE))


def _is_too_long(exc: Exception) -> bool:
    said = f"{getattr(exc, 'code', '')} {exc}".lower()
    return getattr(exc, "status_code", None) == 413 or any(word in said for word in _TOO_LONG)


def _size(api: Api, kwargs: Mapping[str, Any]) -> int:
    """Return about how long the conversation of a request is, in characters."""
    return len(json.dumps(kwargs.get(api.conversation), default=repr, ensure_ascii=False))
