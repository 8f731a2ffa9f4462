"""Content that is not the user's word: what tools return, files, pages, and history that nobody here has seen.

Anybody may have written it, so a reply that has seen it may be somebody else's: a turn with such content in sight can
store and take back little. What counts is read from the request and the reply, never from what the model says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...memory.records import Origin
from .messages import any_of, fields, get

_TOOL_ROLES = ("tool", "function", "web")
_WORDS = ("text", "input_text", "output_text", "refusal", "input_audio", "thinking", "reasoning")
_OWN_ITEMS = ("message", "reasoning", "function_call", "custom_tool_call")
"""Items of a conversation that a tool did not write: what is said in it, and what the model asks a tool for."""
_OWN_TOOLS = ("function", "custom")
"""Tools that the program runs itself: their results come back as messages."""
# Where a request names what the provider looks up by itself: OpenAI and Perplexity, Azure, xAI, OpenRouter, Cohere.
_LOOKS_UP = ("web_search_options", "data_sources", "dataSources", "search_parameters", "plugins", "documents")
# Where a reply shows that it did: citations, and the tools that Groq and others ran.
_LOOKED_UP = ("annotations", "citations", "search_results", "executed_tools", "context")


def in_messages(messages: Iterable[Any]) -> Origin | None:
    """Return what foreign content stands in the messages or items of a request; None if there is none."""
    found = None
    for message in messages:
        role, kind, content = fields(message, "role", "type", "content")
        if role in _TOOL_ROLES or (role is None and kind is not None and kind not in _OWN_ITEMS):
            return Origin.TOOL
        for part in content if isinstance(content, (list, tuple)) else ():
            shown = None if isinstance(part, str) else get(part, "type")
            if shown in ("tool_result", "document_url", "search_result"):
                return Origin.TOOL
            if shown is not None and shown not in _WORDS:
                found = Origin.FILE
    return found


def in_request(body: Mapping[str, Any]) -> Origin | None:
    """Return whether the provider may bring in content by itself: by tools that it hosts, or history that it keeps."""
    tools = body.get("tools")
    if any(get(tool, "type") not in _OWN_TOOLS for tool in (tools if isinstance(tools, (list, tuple)) else ())):
        return Origin.TOOL
    if any_of([body], (*_LOOKS_UP, "previous_response_id", "conversation")):
        return Origin.TOOL
    return None


def is_in_reply(*parts: Any) -> bool:
    """Return whether a part of a reply (a message, a delta, the reply itself) shows that it looked something up."""
    return any_of(parts, _LOOKED_UP)


def is_hosted(item: Any) -> bool:
    """Return whether an item of a response is the work of a tool that the provider hosts."""
    kind = get(item, "type")
    return isinstance(kind, str) and kind not in _OWN_ITEMS
