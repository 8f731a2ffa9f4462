"""Transparent forwarding: what a stand-in does not replace reaches the object it stands in for."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, ClassVar, NoReturn, TypeAlias

Replacement: TypeAlias = Callable[[Any, Any], Any]
"""Make, from a stand-in and an attribute of its target, what the stand-in shows instead."""

_VIEWS = frozenset({"with_raw_response", "with_streaming_response"})
# Names that every class has; what a stand-in shows under them is the target's.
_SHOWN_OF_TARGET = frozenset(
    {"__init__", "__new__", "__init_subclass__", "__slots__", "__module__", "__doc__", "__dict__", "__annotations__"}
)


class Forward:
    """Stand in for `target`: an `isinstance`, a `dir`, a read or a write sees the target itself.

    `replaced` says which attributes differ. If the target lacks one of them, so does the stand-in. If `resembles` is
    set, the type of the stand-in is a subclass of the target's type too, for those who ask with `issubclass`.
    """

    __slots__ = ("__weakref__", "_children", "_target")
    replaced: ClassVar[Mapping[str, Replacement]] = {}
    resembles: ClassVar[bool] = False
    _own: ClassVar[frozenset[str]] = frozenset()
    """The names that are looked up on the stand-in; all others are the target's."""

    def __init_subclass__(cls) -> None:
        if "_own" not in vars(cls):
            family = [vars(kind) for kind in cls.__mro__ if issubclass(kind, Forward)]
            cls._own = frozenset(name for names in family for name in names) - _SHOWN_OF_TARGET

    def __new__(cls, target: Any, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(_resembling(cls, type(target)) if cls.resembles else cls)

    def __init__(self, target: Any) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_children", {})

    def __getattribute__(self, name: str) -> Any:
        if name in type(self)._own:
            return object.__getattribute__(self, name)
        return object.__getattribute__(self, "_of_target")(name)

    def _of_target(self, name: str) -> Any:
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
        if isinstance(made, Forward) and not isinstance(made, Method):  # which would hold on to `self`
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


class Method(Forward):
    """Stand in for a method. Calling it calls `instead`; a signature, or what a mock has recorded, is the method's."""

    __slots__ = ("_instead",)

    def __init__(self, target: Any, instead: Callable[..., Any]) -> None:
        super().__init__(target)
        object.__setattr__(self, "_instead", instead)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._instead(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return bool(self._target == (other._target if type(other) is Method else other))

    def __hash__(self) -> int:
        return hash(self._target)


# Not kept for longer than a stand-in needs them: some libraries make a class for each client or call.
_resembling_classes: weakref.WeakValueDictionary[tuple[type, type], type] = weakref.WeakValueDictionary()


def _resembling(kind: type[Forward], of: type) -> type[Forward]:
    """Return a subclass of `kind` that is one of `of` as well; `kind` itself if Python cannot make one."""
    known = _resembling_classes.get((kind, of))
    if known is None:
        names: dict[str, Any] = {
            "__slots__": (),
            "__module__": of.__module__,
            "__qualname__": of.__qualname__,
            "_own": kind._own,
        }
        if hasattr(of, "__del__"):
            names["__del__"] = _nothing_to_release  # the target's own would close it a second time
        try:
            known = types.new_class(of.__name__, (kind, of), exec_body=lambda body: body.update(names))
        except TypeError:  # two memory layouts, a final class
            known = kind
        _resembling_classes[kind, of] = known
    return known


def _nothing_to_release(stand_in: Any) -> None:
    """Leave the target alone when its stand-in goes."""


class if_target_has_it:  # a decorator
    """A special method of a stand-in that is there only if its target has it too."""

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
