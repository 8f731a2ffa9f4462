"""Embeddings of a local Ollama server."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence

from ...errors import EmbedderError, EmbedderUnavailable, InvalidInput, ModelUnavailable
from ..config import MemoryConfig
from .remote import RemoteEmbedder, refused

DEFAULT_MODEL = "nomic-embed-text"
DEFAULT_PORT = 11434
SECONDS = 300.0  # the first request after a pause waits until the server has loaded the model


class OllamaEmbeddings:
    """The API behind `EmbedderBackend.OLLAMA`: POST /api/embed. The server truncates a text at its model's limit."""

    most_texts, most_bytes, most_bytes_a_text = 64, 1_000_000, 100_000

    def __init__(self, *, model: str, base_url: str, width: int | None = None) -> None:
        self._model, self._base_url = model, base_url
        self._opener = _opener(base_url)
        self.width = width
        self.id = f"ollama/{model.removesuffix(':latest')}"

    @classmethod
    def from_config(cls, config: MemoryConfig) -> RemoteEmbedder:
        """Make the embedder that `config` asks for; the default URL is the one that Ollama's own tools use."""
        url = _base_url(config.ollama_base_url or os.environ.get("OLLAMA_HOST") or "127.0.0.1")
        model = config.embedder_model or DEFAULT_MODEL
        return RemoteEmbedder(cls(model=model, base_url=url, width=config.vector_dimension))

    def ask(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Return one vector per text, in order."""
        body = json.dumps({"model": self._model, "input": texts, "truncate": True}).encode()
        request = urllib.request.Request(f"{self._base_url}/api/embed", body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=SECONDS) as response:
                embeddings: list[list[float]] = json.load(response)["embeddings"]
        except urllib.error.HTTPError as exc:
            with exc:
                not_a_number = b"NaN" in exc.read(10_000)
            if not_a_number:  # the model fails on this text every time
                raise EmbedderError(f"{self.id} fails on a text (NaN); choose another embedder_model") from None
            if exc.code == 404:
                raise ModelUnavailable(f"Ollama has no model {self._model!r}; run: ollama pull {self._model}") from None
            raise refused("Ollama", exc.code, "its log says why") from None
        except (OSError, http.client.HTTPException) as exc:
            raise EmbedderUnavailable(
                f"no Ollama answers at {self._base_url}; run: ollama serve, or set ollama_base_url"
            ) from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise EmbedderError(f"what answers at {self._base_url} is no Ollama; set ollama_base_url") from exc
        return embeddings

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""


def _base_url(given: str) -> str:
    """Read a URL as Ollama does: scheme and port are optional, and 0.0.0.0 (where a server listens) is this machine."""
    try:
        parts = urllib.parse.urlsplit(given if "://" in given else f"http://{given}")
        host, port = parts.hostname, parts.port or ("" if "://" in given else DEFAULT_PORT)
    except ValueError:
        host, port = None, ""
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidInput(f"ollama_base_url must be like http://127.0.0.1:{DEFAULT_PORT}, not {given!r}") from None
    name = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{port and f':{port}'}{parts.path}".rstrip("/")


def _opener(base_url: str) -> urllib.request.OpenerDirector:
    """Return an opener for requests; requests to this machine never go through a proxy."""
    host = urllib.parse.urlsplit(base_url).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return urllib.request.build_opener(*[urllib.request.ProxyHandler({})] if local else [])
