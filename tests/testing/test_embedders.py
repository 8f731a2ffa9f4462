"""The deterministic embedder and the bundled one, as users' tests get them; the contract finds what breaks it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.table import make_embedder
from headroom.memory.protocols import Embedder, Vectors
from headroom.testing import EmbedderContract, HashEmbedder, bundled_embedder

pytestmark = pytest.mark.quick


def test_the_hash_embedder_is_the_same_in_every_process() -> None:
    """Its vectors depend on nothing but the text: Python's own string hashes are seeded anew in each process."""
    script = "from headroom.testing import HashEmbedder as H; print(H(16).embed(['red tea', '!!']).tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == HashEmbedder(16).embed(["red tea", "!!"]).tobytes().hex()


def test_shared_words_mean_nearness() -> None:
    """Texts that share words are nearer than texts that do not; case and punctuation do not count."""
    tea, coffee, other = HashEmbedder().embed(["User likes tea", "The user likes coffee!", "Deploys run at noon"])
    assert tea @ coffee > tea @ other + 0.2
    assert np.allclose(*HashEmbedder().embed(["User likes tea", "user, likes TEA!"]))


def test_the_bundled_embedder_is_the_one_memory_uses() -> None:
    """It is shared with every Memory of the default configuration."""
    assert bundled_embedder() is make_embedder(MemoryConfig())


class Unscaled(HashEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        return super().embed(texts) * np.float32(2)


class Reversed(HashEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        return super().embed(texts)[::-1]


class Batched(HashEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = super().embed(texts)
        rows[:, 0] += len(texts) * rows.any(axis=1)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return rows


class Blankless(HashEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        return super().embed([text if text.strip() else "blank" for text in texts])


class Wide(HashEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        return super().embed(texts).astype(np.float64)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Unscaled, "test_rows_are_unit_float32_in_the_order_of_the_texts"),
        (Wide, "test_rows_are_unit_float32_in_the_order_of_the_texts"),
        (Reversed, "test_the_same_text_gives_the_same_vector_alone_and_in_any_batch"),
        (Batched, "test_the_same_text_gives_the_same_vector_alone_and_in_any_batch"),
        (Blankless, "test_a_blank_text_gives_a_zero_row"),
    ],
)
def test_the_contract_finds_a_broken_embedder(broken: type[Embedder], test: str) -> None:
    """Each rule of the contract fails for an embedder that breaks it."""

    class Contract(EmbedderContract):
        def make_embedder(self) -> Embedder:
            return broken()

    with pytest.raises(AssertionError):
        getattr(Contract(), test)()
