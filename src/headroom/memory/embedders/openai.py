"""OpenAI's embeddings, and those of servers that speak the same API."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import EmbedderError, InvalidInput
from ..config import MemoryConfig
from ..forks import renew_in_child
from .remote import RemoteEmbedder

if TYPE_CHECKING:
    from openai import OpenAI

DEFAULT_MODEL = "text-embedding-3-small"
WIDTHS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
SHORTENABLE = {"text-embedding-3-small", "text-embedding-3-large"}


class OpenAIEmbeddings:
    """The API behind `EmbedderBackend.OPENAI`. The SDK reads OPENAI_BASE_URL and retries on 429 and 5xx."""

    # The API counts tokens: 8192 a text, 300,000 a request. A token is at least one byte, so these can never exceed it.
    most_texts, most_bytes, most_bytes_a_text = 2048, 300_000, 8191

    def __init__(self, *, model: str, api_key: str, width: int | None = None) -> None:
        native = WIDTHS.get(model)
        self._model, self._api_key = model, api_key
        self._dimensions = width if width != native and model in SHORTENABLE else None
        self.width = self._dimensions or native or width
        self.id = f"openai/{model}" + (f"@{self._dimensions}" if self._dimensions else "")
        self._client: OpenAI | None = None
        renew_in_child(self._renew)

    @classmethod
    def from_config(cls, config: MemoryConfig) -> RemoteEmbedder:
        """Make the embedder that `config` asks for; `vector_dimension` shortens the vectors of a model that can."""
        api_key = config.openai_api_key or os.environ.get("OPENAI_API_KEY")
        if not api_key:
            raise InvalidInput("the openai embedder needs a key: set openai_api_key or OPENAI_API_KEY")
        model = config.embedder_model or DEFAULT_MODEL
        return RemoteEmbedder(cls(model=model, api_key=api_key, width=config.vector_dimension))

    def ask(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Return one vector a text, in order."""
        from openai import APIStatusError, OpenAIError, omit

        try:
            answer = self._connected().embeddings.create(
                model=self._model, input=texts, dimensions=self._dimensions or omit
            )
        except APIStatusError as exc:
            # The SDK's own message may show a part of the key, or of a text.
            raise EmbedderError(f"{self.id}: the API answered {exc.status_code} ({type(exc).__name__})") from None
        except OpenAIError as exc:
            raise EmbedderError(f"{self.id}: the API cannot be reached ({type(exc).__name__})") from exc
        return [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> OpenAI:
        from openai import OpenAI

        client = self._client
        if client is None:
            client = self._client = OpenAI(api_key=self._api_key, max_retries=5)
        return client

    def _renew(self) -> None:
        self._client = None  # a connection cannot be shared with the parent
