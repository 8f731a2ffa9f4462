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
        own = __package__.partition(".")[0]
        if not exc.name or exc.name.partition(".")[0] == own:
            raise  # a part of this package is missing: no extra brings it
        if not (module.startswith(exc.name) or module.startswith(f"{own}.")):
            raise
        raise MissingExtra(module=exc.name, extra=extra) from exc
