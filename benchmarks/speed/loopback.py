"""A provider that answers at once, in a process of its own: `python -m benchmarks.speed.loopback` prints its port.

The model "fact" ends its reply with one new fact to remember; any other just replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

_REPLY = "Here is what I would do: start small, measure, and keep what works. Ask me again when you know more."
_numbers = count()


class Handler(BaseHTTPRequestHandler):
    """Answers chat completions, streamed if that is asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """Answer one request in one write: nothing else is measured here."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = _REPLY
        if request["model"] == "fact":
            item = {"content": f"User ordered part number {next(_numbers)} for the workshop"}
            text += f"\n<memory>\n{json.dumps([item])}\n</memory>"
        if request.get("stream"):
            body, kind = "".join(_events(text)).encode(), "text/event-stream"
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": 30, "total_tokens": 37}
            body = json.dumps({**_head("chat.completion"), "choices": [choice], "usage": usage}).encode()
            kind = "application/json"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "m"}


def _events(text: str) -> Iterator[str]:
    """Cut a reply into one event a word."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": f"{word} "} for word in text.split(" "))]
    for delta in [*deltas, {}]:
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        yield f"data: {json.dumps({**_head('chat.completion.chunk'), 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
