"""OpenAI's embeddings, and those of servers that speak the same API."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import EmbedderError, EmbedderUnavailable, InvalidInput, ModelUnavailable
from ...runtime.forks import renew_in_child
from ..config import MemoryConfig
from .remote import RemoteEmbedder, refused

if TYPE_CHECKING:
    from openai import OpenAI

DEFAULT_MODEL = "text-embedding-3-small"
WIDTHS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
SHORTENABLE = {"text-embedding-3-small", "text-embedding-3-large"}
RETRIES = 3  # with the SDK's backoff; a text that still got no vector is embedded later
SECONDS = 60.0


class OpenAIEmbeddings:
    """The API behind `EmbedderBackend.OPENAI`. The SDK retries if no answer comes, and on 429 and 5xx.

    `base_url` defaults to OPENAI_BASE_URL, and to OpenAI's own server if that is not set.
    """

    # The API limits tokens: 8192 per text, 300,000 per request. A token is at least one byte, so these stay within it.
    most_texts, most_bytes, most_bytes_a_text = 2048, 300_000, 8191
    _client: OpenAI | None

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, width: int | None = None) -> None:
        native = WIDTHS.get(model)
        shorter = width is not None and native is not None and width < native and model in SHORTENABLE
        self._model, self._api_key, self._base_url = model, api_key, base_url
        self._dimensions = width if shorter else None
        self.width = self._dimensions or native or width
        self.id = f"openai/{model}" + (f"@{self._dimensions}" if self._dimensions else "")
        self._renew()
        renew_in_child(self._renew)

    @classmethod
    def from_config(cls, config: MemoryConfig) -> RemoteEmbedder:
        """Make the embedder that `config` asks for; `vector_dimension` shortens vectors if the model allows it."""
        api_key = config.openai_api_key or os.environ.get("OPENAI_API_KEY")
        if not api_key:
            raise InvalidInput("the openai embedder needs a key: set openai_api_key or OPENAI_API_KEY")
        model = config.embedder_model or DEFAULT_MODEL
        return RemoteEmbedder(
            cls(model=model, api_key=api_key, base_url=config.openai_base_url, width=config.vector_dimension)
        )

    def ask(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Return one vector per text, in order."""
        from openai import APIConnectionError, APIStatusError, OpenAIError, omit

        try:
            answer = self._connected().embeddings.create(
                model=self._model, input=texts, dimensions=self._dimensions or omit
            )
            return [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        except APIStatusError as exc:  # not chained: the SDK's message may show part of the key or of a text
            if exc.status_code == 404:
                raise ModelUnavailable(f"{self.id}: there is no such model at {self._connected().base_url}") from None
            raise refused(self.id, exc.status_code, type(exc).__name__) from None
        except APIConnectionError as exc:
            raise EmbedderUnavailable(f"{self.id}: the API cannot be reached ({type(exc).__name__})") from exc
        except (OpenAIError, AttributeError, TypeError, ValueError):
            raise EmbedderError(f"{self.id}: what answers at {self._connected().base_url} is no OpenAI API") from None

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> OpenAI:
        from openai import OpenAI

        with self._lock:
            if self._client is None:
                self._client = OpenAI(
                    api_key=self._api_key, base_url=self._base_url, max_retries=RETRIES, timeout=SECONDS
                )
            return self._client

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._client = None  # a connection cannot be shared with the parent
