"""Vectors in the file: 16 bits a number, laid out so that sqlite-vec can scan them in place.

A unit row becomes two planes of `width` int8 each: the high bytes, which are an int8 vector of their own
(cosine does not mind the scale), then the low bytes. 2 bytes a number, error below 2e-5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...protocols import Vectors

_FULL = 127 * 256
"""The largest number, so that the high byte of a rounded one still fits in an int8."""


def encode(vectors: Vectors) -> list[bytes]:
    """Pack each row of an (n, width) array into 2 * width bytes."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    whole = np.rint(vectors * (_FULL / np.maximum(largest, 1e-12))).astype(np.int32)
    high = (whole + 128) >> 8
    planes = np.concatenate([high, whole - high * 256], axis=1).astype(np.int8)
    return [row.tobytes() for row in planes]


def decode(blobs: Sequence[bytes], width: int) -> Vectors:
    """Unpack blobs into a (len(blobs), width) float32 array of unit rows; an empty blob gives a zero row."""
    empty = bytes(2 * width)
    planes = np.frombuffer(b"".join(blob or empty for blob in blobs), np.int8).reshape(len(blobs), 2, width)
    rows = planes[:, 0].astype(np.float32)
    rows *= 256
    rows += planes[:, 1]
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.maximum(lengths, 1e-12)[:, None]
    return rows


def high_plane(vector: Vectors) -> bytes:
    """Pack one vector of shape (width,) as the int8 vector that sqlite-vec compares with stored high planes."""
    return encode(vector[None, :])[0][: vector.shape[0]]
