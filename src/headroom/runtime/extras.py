"""Optional dependencies: one way to load them, and one message if they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..errors import MissingExtra


def need(module: str, extra: str) -> ModuleType:
    """Import `module`; raise MissingExtra, which names the command to install it, if it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name and not module.startswith(exc.name):
            raise
        raise MissingExtra(module=module, extra=extra) from exc
