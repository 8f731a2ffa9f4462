"""Transparent forwarding: what a stand-in does not replace reaches the object it stands in for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, ClassVar, NoReturn, TypeAlias

Replacement: TypeAlias = Callable[[Any, Any], Any]
"""Make, from a stand-in and an attribute of its target, what the stand-in shows instead."""

_VIEWS = frozenset({"with_raw_response", "with_streaming_response"})


class Forward:
    """Stand in for `target`: an `isinstance`, a `dir`, a read or a write sees the target itself.

    `replaced` says which attributes differ. Where the target lacks one of them, so does the stand-in.
    """

    __slots__ = ("__weakref__", "_children", "_target")
    replaced: ClassVar[Mapping[str, Replacement]] = {}

    def __init__(self, target: Any) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_children", {})

    def __getattr__(self, name: str) -> Any:
        if name in ("_target", "_children"):  # before __init__ ran; asking the target would recurse
            raise AttributeError(name)
        value = getattr(self._target, name)
        if name in _VIEWS:
            return type(value)(self)  # the SDKs build their raw views from the resource that they look at
        replacement = type(self).replaced.get(name)
        return value if replacement is None else self._child(name, value, replacement)

    def _child(self, name: str, value: Any, replacement: Replacement) -> Any:
        """Replace `value`; keep a stand-in for as long as the target has the same object there."""
        known = self._children.get(name)
        if known is not None and known._target is value:
            return known
        made = replacement(self, value)
        if isinstance(made, Forward):  # not a function, which would hold on to `self`
            self._children[name] = made
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._target, name)

    @property  # type: ignore[misc]  # object's own can be written to, as can ours through __setattr__
    def __class__(self) -> type:
        return type(self._target)

    def __dir__(self) -> list[str]:
        return dir(self._target)

    def __repr__(self) -> str:
        return f"with_memory({self._target!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"a {type(self._target).__name__} with memory cannot be pickled, as it holds an open memory file; "
            "call with_memory() in the process that uses it"
        )


class if_target_has_it:  # a decorator
    """A special method of a stand-in that is there only where its target has it too."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, stand_in: Any, owner: type | None = None) -> Any:
        if stand_in is None:
            return self._method
        if not hasattr(stand_in._target, self._name):
            raise AttributeError(f"{type(stand_in._target).__name__!r} object has no attribute {self._name!r}")
        return MethodType(self._method, stand_in)
