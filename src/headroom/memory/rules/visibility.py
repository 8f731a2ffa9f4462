"""Who sees what: the one place of the visibility rule.

A rule is a tuple of clauses, any of which may hold; a clause maps a column to the values it may have.
The store turns the same rule into SQL or into a mask over its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ...errors import InvalidInput
from ..records import Reader, Record, Scope

Clause: TypeAlias = Mapping[str, tuple[str | None, ...]]
Rule: TypeAlias = tuple[Clause, ...]

_OWN_ID = {Scope.SESSION: "session_id", Scope.AGENT: "agent_id", Scope.TURN: "turn_id"}
# From the broadest id to the narrowest.
_BOUND_TO = {
    "session_id": (Scope.AGENT, Scope.SESSION, Scope.TURN),
    "agent_id": (Scope.AGENT,),
    "turn_id": (Scope.TURN,),
}


def visible(reader: Reader) -> Rule:
    """Return the rule for which of a user's memories `reader` sees, by search and by id alike."""
    if reader.owner:
        return ({},)
    clauses: list[Clause] = [{"scope": (Scope.USER,)}]
    if reader.session_id is not None:
        clauses.append({"scope": (Scope.SESSION,), "session_id": (reader.session_id,)})
    if reader.agent_id is not None:
        sessions = tuple(dict.fromkeys((None, reader.session_id)))
        clauses.append({"scope": (Scope.AGENT,), "agent_id": (reader.agent_id,), "session_id": sessions})
    if reader.turn_id is not None:
        clauses.append({"scope": (Scope.TURN,), "turn_id": (reader.turn_id,)})
    return tuple(clauses)


def sees(reader: Reader, record: Record) -> bool:
    """Return whether `reader` may reach a memory by its id: what no search would show it is not found."""
    return record.user_id == reader.user_id and any(
        all(getattr(record, name) in values for name, values in clause.items()) for clause in visible(reader)
    )


def audience(scope: Scope, writer: Reader) -> Rule:
    """Return the rule for the memories that all readers of one written at `scope` see: where a duplicate may be."""
    same: dict[str, tuple[str | None, ...]] = {"scope": (scope,)}
    if scope in _OWN_ID:
        same[_OWN_ID[scope]] = (getattr(writer, _OWN_ID[scope]),)
    if scope is Scope.AGENT:
        same["session_id"] = (writer.session_id,)
    return (same,) if scope is Scope.USER else ({"scope": (Scope.USER,)}, same)


def bound(reader: Reader) -> Rule:
    """Return the rule for what `clear` removes: all of the user, or only what is bound to the ids that are given.

    The narrowest of several ids says which scopes are meant: an agent and a turn, the memories of that turn which
    that agent saved.
    """
    given = {name: getattr(reader, name) for name in _BOUND_TO if getattr(reader, name) is not None}
    if not given:
        return ({},)
    narrowest = next(reversed(given))
    return ({"scope": _BOUND_TO[narrowest], **{name: (value,) for name, value in given.items()}},)


def require_id(scope: Scope, writer: Reader) -> None:
    """Raise InvalidInput if a memory of `scope` lacks the id that it is bound to."""
    name = _OWN_ID.get(scope)
    if name is not None and getattr(writer, name) is None:
        raise InvalidInput(f"a memory of {scope.value} scope needs {name}; pass it, or save at user scope")
