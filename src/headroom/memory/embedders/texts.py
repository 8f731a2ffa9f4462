"""How every embedder prepares a text, and how another library's failure becomes ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import EmbedderError, InvalidInput


def utf8(text: str) -> bytes:
    """Encode `text`; raise InvalidInput if it is not valid Unicode."""
    try:
        return text.encode()
    except UnicodeEncodeError:  # not chained: it holds the text
        raise InvalidInput("a text with lone surrogates is not valid Unicode and cannot be embedded") from None


def beginning(text: str, most: int) -> str:
    """Return the first `most` characters of `text`, without the white space around it."""
    cut = text.strip()[:most]
    utf8(cut)
    return cut


@contextmanager
def mapped(error: type[EmbedderError], message: str) -> Iterator[None]:
    """Turn a foreign error into ours."""
    try:
        yield
    except Exception as exc:  # the errors of onnxruntime, tokenizers and torch have no base of their own
        raise error(f"{message}: {exc}") from exc
