"""What to do around a fork: a forked child has none of its parent's threads, and may find a lock held for ever."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

_Hooks = set[weakref.WeakMethod[Callable[[], None]]]
_before: _Hooks = set()
_in_parent: _Hooks = set()
_in_child: _Hooks = set()


def renew_in_child(renew: Callable[[], None]) -> None:
    """Call the bound method `renew` in every forked child, for as long as its object lives."""
    _in_child.add(weakref.WeakMethod(renew, _in_child.discard))


def pause_for_fork(pause: Callable[[], None], resume: Callable[[], None]) -> None:
    """Call the bound method `pause` before every fork and `resume` after it in the parent, both on the same thread."""
    _before.add(weakref.WeakMethod(pause, _before.discard))
    _in_parent.add(weakref.WeakMethod(resume, _in_parent.discard))


def _call(hooks: _Hooks) -> None:
    for reference in list(hooks):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _call(_before),
        after_in_parent=lambda: _call(_in_parent),
        after_in_child=lambda: _call(_in_child),
    )
