"""What to do around a fork: a child has none of its parent's threads, and a lock that was held is never released."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - its own hook, a lock of all pools, is registered before ours
import os
import weakref
from collections.abc import Callable
from types import MethodType
from typing import cast

# By object, weakly. WeakMethod would print to stderr when the interpreter ends before its object.
_Hooks = weakref.WeakKeyDictionary[object, Callable[[object], None]]
_before: _Hooks = weakref.WeakKeyDictionary()
_in_parent: _Hooks = weakref.WeakKeyDictionary()
_in_child: _Hooks = weakref.WeakKeyDictionary()


def renew_in_child(renew: Callable[[], None]) -> None:
    """Call the bound method `renew` in every forked child, for as long as its object lives."""
    _add(_in_child, renew)


def pause_for_fork(pause: Callable[[], None], resume: Callable[[], None]) -> None:
    """Call the bound method `pause` before every fork and `resume` after it in the parent, both on the same thread."""
    _add(_before, pause)
    _add(_in_parent, resume)


def _add(hooks: _Hooks, method: Callable[[], None]) -> None:
    bound = cast(MethodType, method)
    hooks[bound.__self__] = bound.__func__


def _call(hooks: _Hooks) -> None:
    for holder, function in list(hooks.items()):
        function(holder)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _call(_before),
        after_in_parent=lambda: _call(_in_parent),
        after_in_child=lambda: _call(_in_child),
    )
