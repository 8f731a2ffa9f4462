"""A sentence embedder of 500 bytes, written by hand, and a Hugging Face cache that holds it.

The graph is a plain export's: three inputs, `last_hidden_state` out. A token's row is its entry in `ROWS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

WORDS = ["[UNK]", "[CLS]", "[SEP]", "red", "blue", "ask"]
ROWS = np.array([[1, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 9, 0]], np.float32)
_FLOAT, _INT64 = 1, 7


def tokenizer() -> bytes:
    """Return a tokenizer file that, like published ones, asks for padding and for a cut of its own."""
    made = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    made.enable_padding(length=9)
    made.enable_truncation(4)
    return made.to_str().encode()


def graph() -> bytes:
    """Return the ONNX file."""
    table = _ints(1, *ROWS.shape) + _int(2, _FLOAT) + _text(8, "table") + _bytes(9, ROWS.tobytes())
    gather = _text(1, "table") + _text(1, "input_ids") + _text(2, "last_hidden_state") + _text(4, "Gather")
    inputs = [_value(name, _INT64, "batch", "tokens") for name in ("input_ids", "attention_mask", "token_type_ids")]
    output = _value("last_hidden_state", _FLOAT, "batch", "tokens", ROWS.shape[1])
    parts = [_bytes(1, gather), _text(2, "tiny"), _bytes(5, table), *(_bytes(11, each) for each in inputs)]
    return _int(1, 8) + _bytes(7, b"".join(parts) + _bytes(12, output)) + _bytes(8, _int(2, 17))


def hub_cache(folder: Path, repository: str, revision: str, files: Mapping[str, bytes]) -> None:
    """Lay out `files` as huggingface_hub keeps them: blobs by hash, and links to them from the commit's snapshot."""
    home = folder / f"models--{repository.replace('/', '--')}"
    (home / "blobs").mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(revision)
    for name, content in files.items():
        blob = home / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        link = home / "snapshots" / revision / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + _varint(number // 128)


def _int(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _ints(field: int, *numbers: int) -> bytes:
    return b"".join(_int(field, number) for number in numbers)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, content: str) -> bytes:
    return _bytes(field, content.encode())


def _value(name: str, kind: int, *shape: str | int) -> bytes:
    sizes = b"".join(_bytes(1, _int(1, size) if isinstance(size, int) else _text(2, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, sizes)))
