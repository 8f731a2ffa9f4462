"""The Responses API as the loopback server speaks it: each scripted choice is an item of the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

Json = dict[str, Any]


class Text(Protocol):
    """A scripted choice."""

    @property
    def text(self) -> str | None: ...
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def message(self) -> Any: ...
    @property
    def tokens(self) -> Sequence[str] | None: ...
    def cut(self) -> Sequence[str]: ...


def response_of(texts: Sequence[Text], request: Json, response_id: str) -> Json:
    """Make a whole response."""
    cut = any(text.finish_reason == "length" for text in texts)
    return {
        "id": response_id,
        "object": "response",
        "created_at": 1,
        "model": request.get("model", "m"),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "output": [_item(text, place) for place, text in enumerate(texts)],
        "parallel_tool_calls": True,
        "previous_response_id": request.get("previous_response_id"),
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
        "usage": {
            "input_tokens": 7,
            "output_tokens": 5,
            "total_tokens": 12,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def events_of(texts: Sequence[Text], response: Json) -> Iterator[Json]:
    """Make the events of the same response, streamed."""
    for number, event in enumerate(_events(texts, response)):
        yield {**event, "sequence_number": number}


def _events(texts: Sequence[Text], response: Json) -> Iterator[Json]:
    started = {**response, "status": "in_progress", "incomplete_details": None, "output": []}
    yield {"type": "response.created", "response": started}
    for place, (text, item) in enumerate(zip(texts, response["output"], strict=True)):
        where = {"output_index": place, "item_id": item["id"]}
        yield {"type": "response.output_item.added", **where, "item": _begun(item)}
        if item["type"] == "message":
            yield from _text_events(text, item, {**where, "content_index": 0})
        yield {"type": "response.output_item.done", **where, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _text_events(text: Text, item: Json, where: Json) -> Iterator[Json]:
    (part,) = item["content"]
    yield {"type": "response.content_part.added", **where, "part": {**part, "text": "", "annotations": []}}
    for piece in text.cut():
        tokens = _logprobs([piece]) if text.tokens else []
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": tokens}
    done = {"text": part["text"], "logprobs": part["logprobs"] or []}
    yield {"type": "response.output_text.done", **where, **done}
    yield {"type": "response.content_part.done", **where, "part": part}


def _begun(item: Json) -> Json:
    return {**item, "status": "in_progress", **({"content": []} if item["type"] == "message" else {})}


def _item(text: Text, place: int) -> Json:
    if text.text is None:
        return {"id": f"item_{place}", "status": "completed", **text.message}
    part = {
        "type": "output_text",
        "text": text.text,
        "annotations": text.message.get("annotations", []),
        "logprobs": _logprobs(text.tokens) if text.tokens else None,
    }
    status = "incomplete" if text.finish_reason == "length" else "completed"
    return {"id": f"item_{place}", "type": "message", "role": "assistant", "status": status, "content": [part]}


def _logprobs(tokens: Sequence[str] | None) -> list[Json]:
    return [
        {"token": token, "logprob": -0.1, "bytes": list(token.encode()), "top_logprobs": []} for token in tokens or ()
    ]
