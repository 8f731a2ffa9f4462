"""A small OpenAI-compatible HTTP server on the loopback: a test scripts its replies and reads what it received."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .responses_api import events_of, response_of

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One choice of a scripted completion. `pieces` says how a stream cuts its text; None is one piece a word."""

    text: str | None = None
    finish_reason: str | None = "stop"
    pieces: Sequence[str] | None = None
    message: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the message: `refusal`, `tool_calls`, `reasoning_content` ..."""
    tokens: Sequence[str] | None = None
    """The text as tokens: sent as logprobs, and how a stream cuts the text."""

    def cut(self) -> Sequence[str]:
        if self.tokens is not None or self.pieces is not None:
            return list(self.tokens or self.pieces or ())
        words = (self.text or "").split(" ")
        return [word + " " for word in words[:-1]] + words[-1:] if self.text else []


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server answers once: a completion, streamed if the request asks for it, or `status` with `body`."""

    choices: Sequence[Choice] = ()
    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte."""
    breaks_after: int | None = None
    """How many chunks of a stream are sent before the connection breaks."""
    pauses_after: int | None = None
    """How many chunks of a stream are sent before the server waits for `Server.go_on`."""

    def with_(self, **changes: Any) -> Reply:
        """Return a copy with other fields."""
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def messages(self) -> list[Json]:
        messages: list[Json] = self.body["messages"]
        return messages


def says(text: str | None, **choice: Any) -> Reply:
    """Script a completion of one choice."""
    return Reply(choices=(Choice(text=text, **choice),))


def fails(status: int, message: str = "no", **headers: str) -> Reply:
    """Script an error of the API."""
    return Reply(status=status, body={"error": {"message": message, "type": "test"}}, headers=headers)


class Server:
    """Serves on 127.0.0.1 until closed. An empty script answers "OK"."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.stored: dict[str, Json] = {}
        """What was stored for the caller, by id, as the model wrote it."""
        self.paused, self.go_on = threading.Event(), threading.Event()
        self._script: deque[Reply] = deque()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.owner = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def script(self, *replies: Reply | str) -> None:
        """Answer the next requests with `replies`, in order."""
        self._script.extend(says(reply) if isinstance(reply, str) else reply for reply in replies)

    def next_reply(self) -> Reply:
        return self._script.popleft() if self._script else says("OK")

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    request_queue_size = 256  # tests send a hundred requests at once


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client left, which tests do on purpose
            super().handle()

    @property
    def _owner(self) -> Server:
        owner: Server = self.server.owner  # type: ignore[attr-defined]
        return owner

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("content-length", 0))))

    def _serve(self, raw: bytes) -> None:
        request = Received(method=self.command, path=self.path, headers=dict(self.headers), raw=raw)
        self._owner.received.append(request)
        path, _, _ = self.path.partition("?")
        if path.rpartition("/")[2] in self._owner.stored:
            return self._json(200, self._owner.stored[path.rpartition("/")[2]], {})
        if not path.endswith(("/chat/completions", "/responses")):
            return self._json(200, _other(path), {})
        reply = self._owner.next_reply()
        time.sleep(reply.delay)
        if reply.status != 200 or reply.body is not None:
            self._json(reply.status, reply.body or {}, reply.headers)
        elif path.endswith("/responses"):
            self._respond(reply, request.body)
        elif request.body.get("stream"):
            self._stream(chunks_of(reply, request.body), reply)
        else:
            completion = completion_of(reply, request.body)
            self._owner.stored[completion["id"]] = completion
            self._json(200, completion, reply.headers)

    def _respond(self, reply: Reply, request: Json) -> None:
        response = response_of(reply.choices, request, f"resp_{len(self._owner.stored) + 1}")
        self._owner.stored[response["id"]] = response
        if request.get("stream"):
            self._stream(events_of(reply.choices, response), reply)
        else:
            self._json(200, response, reply.headers)

    def _json(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "x-request-id": "req-1", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, chunks: Iterator[Json], reply: Reply) -> None:
        self.send_response(200)
        for name, value in {"content-type": "text/event-stream", "x-request-id": "req-1", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(chunks):
            if number == reply.pauses_after:
                self._owner.paused.set()
                self._owner.go_on.wait(60)
            if number == reply.breaks_after:
                self.close_connection = True
                return
            name = f"event: {chunk['type']}\n" if "type" in chunk else ""
            self._send(f"{name}data: {json.dumps(chunk)}\n\n")
        self._send("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, event: str) -> None:
        data = event.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


_USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def _head(kind: str, request: Json) -> Json:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": request.get("model", "m")}


def completion_of(reply: Reply, request: Json) -> Json:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": choice.text, **choice.message},
            "finish_reason": choice.finish_reason,
            "logprobs": _logprobs(choice.tokens),
        }
        for index, choice in enumerate(reply.choices)
    ]
    return {**_head("chat.completion", request), "choices": choices, "usage": _USAGE}


def chunks_of(reply: Reply, request: Json) -> Iterator[Json]:
    """Cut a completion into the chunks of a stream: the role, the text, other fields, the end, the usage."""
    head = _head("chat.completion.chunk", request)
    for index, choice in enumerate(reply.choices):
        yield {**head, "choices": [_delta(index, {"role": "assistant", "content": "" if choice.text else None})]}
    for index, choice in enumerate(reply.choices):
        for piece in choice.cut():
            logprobs = _logprobs([piece]) if choice.tokens is not None else None
            yield {**head, "choices": [{**_delta(index, {"content": piece}), "logprobs": logprobs}]}
        for name, value in choice.message.items():
            if name == "tool_calls":
                value = [{"index": number, **call} for number, call in enumerate(value)]
            yield {**head, "choices": [_delta(index, {name: value})]}
    for index, choice in enumerate(reply.choices):
        if choice.finish_reason is not None:
            yield {**head, "choices": [{**_delta(index, {}), "finish_reason": choice.finish_reason}]}
    if (request.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _USAGE}


def _delta(index: int, delta: Json) -> Json:
    return {"index": index, "delta": delta, "finish_reason": None, "logprobs": None}


def _logprobs(tokens: Sequence[str] | None) -> Json | None:
    if tokens is None:
        return None
    return {
        "content": [
            {"token": token, "logprob": -0.1, "bytes": list(token.encode()), "top_logprobs": []} for token in tokens
        ],
        "refusal": None,
    }


def _other(path: str) -> Json:
    """Answer for the API's other resources, which the wrapper leaves alone."""
    if "/embeddings" in path:
        item = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
        return {"object": "list", "model": "m", "data": [item], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    return {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "test"}]}
