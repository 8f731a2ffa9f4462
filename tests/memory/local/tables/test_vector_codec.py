"""The form of a vector in the file."""

from __future__ import annotations

import apsw
import numpy as np
import pytest
import sqlite_vec

from headroom.memory.local.tables.vector_codec import decode, encode, high_plane

pytestmark = pytest.mark.quick


def unit_rows(count: int, width: int = 384, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_vector_survives_storing() -> None:
    """Two bytes a number keep every cosine to four digits, and rows stay unit rows."""
    rows = unit_rows(200)
    blobs = encode(rows)
    back = decode(blobs, 384)
    assert {len(blob) for blob in blobs} == {768}
    assert np.abs(back @ rows.T - rows @ rows.T).max() < 5e-5
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)


def test_a_missing_vector_is_a_zero_row() -> None:
    """A memory that waits for its vector takes part in a search by its words alone."""
    back = decode([b"", encode(unit_rows(1))[0]], 384)
    assert not back[0].any()
    assert back[1].any()


def test_extreme_numbers_do_not_wrap_around() -> None:
    """The largest number, of either sign, comes back as itself."""
    rows = np.zeros((2, 8), np.float32)
    rows[0, 3], rows[1, 5] = 1, -1
    np.testing.assert_array_equal(decode(encode(rows), 8), rows)


def test_sqlite_vec_compares_stored_vectors_in_place() -> None:
    """The first half of a stored vector is an int8 vector of the same direction."""
    rows = unit_rows(2, seed=3)
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    distance = connection.execute(
        "select vec_distance_cosine(vec_int8(substr(?, 1, 384)), vec_int8(?))",
        (encode(rows)[0], high_plane(rows[1])),
    ).get
    assert 1 - distance == pytest.approx(float(rows[0] @ rows[1]), abs=5e-3)
