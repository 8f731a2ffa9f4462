"""OpenAI's and Ollama's embedding APIs on the loopback: real HTTP, made vectors, faults that a test scripts.

Shapes as documented: OpenAI's POST /v1/embeddings, and Ollama's POST /api/embed (which came with 0.3.0, and has the
same fields in the documentation of 0.40).
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headroom.testing import HashEmbedder


class Apis:
    """What the server received, and what it answers instead of vectors next."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.faults: deque[int] = deque()
        """What the next requests get; 200 is an answer as ever."""
        self.models = {"nomic-embed-text": 768, "all-minilm": 384}
        self.spoil: str | None = None
        """"short" leaves a vector out, "wide" adds a number to each, "ragged" adds one to the first, "zero" makes them
        zeros, "nan" fails as Ollama does on them, "foreign" has none, "null" says null, "text" is no JSON, "cut" ends
        within the answer."""

    def vectors(self, texts: list[str], width: int) -> list[list[float]]:
        rows = [[3 * number for number in row] for row in HashEmbedder(width).embed(texts).tolist()]
        if self.spoil == "short":
            return rows[1:]
        if self.spoil == "wide":
            return [[*row, 1.0] for row in rows]
        if self.spoil == "ragged":
            return [[*rows[0], 1.0], *rows[1:]]
        return [[0.0] * width for _ in rows] if self.spoil == "zero" else rows


@contextmanager
def serving(port: int = 0) -> Iterator[Apis]:
    """Serve until the block ends."""
    apis = Apis()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            apis.received.append(asked)
            apis.keys.append(self.headers["Authorization"])
            if apis.faults and (status := apis.faults.popleft()) != 200:
                self.answer(status, {"error": {"message": f"refused: {asked['input']}"}})
            elif apis.spoil == "nan":
                self.answer(500, {"error": "failed to encode response: json: unsupported value: NaN"})
            elif apis.spoil == "foreign":
                self.answer(200, {"hello": "world"})
            elif apis.spoil == "null":
                self.answer(200, {"embeddings": None, "data": None})
            elif apis.spoil in ("text", "cut"):
                self.answer(200, "<html>hello</html>")
            elif self.path == "/v1/embeddings":
                rows = apis.vectors(asked["input"], asked.get("dimensions", 1536))
                data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
                usage = {"prompt_tokens": 1, "total_tokens": 1}
                self.answer(200, {"object": "list", "data": data[::-1], "model": asked["model"], "usage": usage})
            elif asked["model"] not in apis.models:
                self.answer(404, {"error": f'model "{asked["model"]}" not found, try pulling it first'})
            else:
                rows = apis.vectors(asked["input"], apis.models[asked["model"]])
                self.answer(200, {"model": asked["model"], "embeddings": rows, "total_duration": 1})

        def answer(self, status: int, body: dict[str, Any] | str) -> None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content) + (apis.spoil == "cut")))
            self.send_header("Retry-After", "0.01")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    apis.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield apis
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
