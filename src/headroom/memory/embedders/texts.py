"""What every embedder asks of a text."""

from __future__ import annotations

from ...errors import InvalidInput


def utf8(text: str) -> bytes:
    """Encode `text`; raise InvalidInput where it is not valid Unicode."""
    try:
        return text.encode()
    except UnicodeEncodeError:  # not chained: it holds the text
        raise InvalidInput("a text with lone surrogates is not valid Unicode and cannot be embedded") from None
