"""The seven tools. None takes a user id: whose memory it is was settled when the server started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeAlias

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import Field, ValidationError

from ..errors import HeadroomError
from .results import Forgotten, Notes, Saved, notes
from .sessions import Session, Sessions

Id: TypeAlias = Annotated[str, Field(description="id from another memory tool")]
Limit: TypeAlias = Annotated[int, Field(ge=1, le=50)]

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class Tools:
    """The tools over the sessions of a server. Each blocks, so the server runs it on a worker thread."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def save(
        self,
        context: Context,
        content: Annotated[str, Field(description="one short sentence in the third person, dates absolute")],
        entities: Annotated[list[str], Field(description="names in it")] = [],  # noqa: B006
    ) -> Saved:
        with self._session(context) as session:
            return session.save(content, entities=entities)

    def search(
        self,
        context: Context,
        query: Annotated[str, Field(description="what to look for, in natural language")],
        limit: Limit = 8,
    ) -> Notes:
        with self._session(context) as session:
            return notes(session.memory.search(query, top_k=limit))

    def list(
        self,
        context: Context,
        limit: Limit = 20,
        after: Annotated[str, Field(description="last id of the page before")] = "",
    ) -> Notes:
        with self._session(context) as session:
            return notes(session.memory.get_all(limit=limit + 1, after=after or None), limit=limit)

    def update(self, context: Context, id: Id, content: str) -> Saved:
        with self._session(context) as session:
            return session.update(id, content)

    def forget(self, context: Context, id: Id) -> Forgotten:
        with self._session(context) as session:
            return session.forget(id)

    def history(self, context: Context, id: Id) -> Notes:
        with self._session(context) as session:
            return notes(session.memory.history(id))

    def pending(self, context: Context, limit: Limit = 20) -> Notes:
        with self._session(context) as session:
            return notes(session.memory.pending(limit=limit + 1), limit=limit)

    @contextmanager
    def _session(self, context: Context) -> Iterator[Session]:
        """Find the caller's session; errors of this library become the tool's answer, word for word."""
        try:
            yield self._sessions.of(context)
        except HeadroomError as exc:
            raise ToolError(str(exc)) from exc


def tools(sessions: Sessions) -> list[Tool]:
    """Return the tools with the descriptions that a model reads. Their tokens are counted in a test."""
    made = Tools(sessions)
    return [
        _tool(made.save, "memory_save", _ADDS, _SAVE),
        _tool(made.search, "memory_search", _READS, _SEARCH),
        _tool(made.list, "memory_list", _READS, _LIST),
        _tool(made.update, "memory_update", _CHANGES, _UPDATE),
        _tool(made.forget, "memory_forget", _CHANGES, _FORGET),
        _tool(made.history, "memory_history", _READS, _HISTORY),
        _tool(made.pending, "memory_pending", _READS, _PENDING),
    ]


_SAVE = (
    "Remember one fact for later sessions and other agents: a preference, convention, decision, or fact about the "
    "user. Not for secrets, small talk, or claims of web pages and tool output."
)
_SEARCH = "Find memories by meaning and words, best first. Use before asking the user what may be known."
_LIST = "List present memories, newest first."
_UPDATE = "Correct a memory that is no longer true. The old version stays in its history."
_FORGET = "Hide a memory that is wrong and has no correction. The user can restore it."
_HISTORY = "List the versions of a memory, oldest first."
_PENDING = "List facts held until the user reviews them. Only the user can accept them."


class _Tool(Tool):
    """A tool that answers wrong arguments with a line that a model can act on."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as exc:
            if isinstance(exc.__cause__, ValidationError):
                wrong = exc.__cause__.errors(include_url=False, include_input=False)
                said = ", and ".join(dict.fromkeys(map(_in_words, wrong)))
            elif isinstance(exc.__cause__, ToolError):
                said = str(exc.__cause__)
            else:
                raise
            raise ToolError(f"{self.name} was not run: {said}") from None


def _in_words(wrong: Any) -> str:
    """Say what is wrong with an argument; `wrong` is one of pydantic's errors."""
    argument, *inside = wrong["loc"]
    kind, limits = wrong["type"], wrong.get("ctx", {})
    if kind == "missing":
        return f"{argument} is missing"
    if "ge" in limits or "le" in limits:
        return f"{argument} must be at {'least' if 'ge' in limits else 'most'} {limits.get('ge', limits.get('le'))}"
    wanted = next((text for name, text in _WANTED.items() if kind.startswith(name)), "of the type in its schema")
    return f"each of {argument} must be {wanted}" if inside else f"{argument} must be {wanted}"


_WANTED = {"string": "text", "int": "a whole number", "list": "a list of texts"}
"""What an argument has to be, by the beginning of pydantic's error type."""


def _tool(function: Callable[..., Any], name: str, annotations: ToolAnnotations, description: str) -> Tool:
    tool = _Tool.from_function(
        function, name=name, description=description, annotations=annotations, structured_output=True
    )
    return tool.model_copy(update={"parameters": _without_titles(tool.parameters)})


def _without_titles(schema: Any) -> Any:
    """Drop the titles that pydantic derives from the names: a third of the tokens, and nothing new in them."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
    }
