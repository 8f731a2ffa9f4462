"""What a forked child makes anew: its parent's threads are gone, and a lock may have been held at the fork."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

_renewals: set[weakref.WeakMethod[Callable[[], None]]] = set()


def renew_in_child(renew: Callable[[], None]) -> None:
    """Call the bound method `renew` in every forked child, for as long as its object lives."""
    _renewals.add(weakref.WeakMethod(renew, _renewals.discard))


def _after_fork() -> None:
    for reference in list(_renewals):
        renew = reference()
        if renew is not None:
            renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
