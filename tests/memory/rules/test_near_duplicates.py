"""Which memories are near, and which only look so to vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headroom.memory.records import Record
from headroom.memory.rules.duplicates import near_groups

from .test_filters import RECORD

pytestmark = pytest.mark.quick


def near(*texts: str, cosine: float = 0.95) -> list[set[str]]:
    """Group texts that all have this cosine to each other."""
    count = len(texts)
    square = np.full((count, count), cosine, np.float32) + np.eye(count, dtype=np.float32) * (1 - cosine)
    rows = np.linalg.cholesky(square).astype(np.float32)
    records: list[Record] = [replace(RECORD, content=text) for text in texts]
    return [{record.content for record in group.memories} for group in near_groups(records, rows, threshold=0.9)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The meeting is at 5 pm", "The meeting is at 6 pm"),
        ("User likes tea", "User does not like tea"),
        ("User met Anna in Rome", "User met Bob in Rome"),
        ("The server runs v1.2", "The server runs v1.3"),
        ("User never eats meat", "User eats meat"),
    ],
)
def test_what_differs_in_what_matters_is_not_near(one: str, other: str) -> None:
    """A number, a name or a negation keeps two texts apart, whatever their vectors say."""
    assert near(one, other) == []
    assert near(one, one.replace("The", "the")) == [{one, one.replace("The", "the")}]


def test_each_of_a_group_is_near_its_first() -> None:
    """Of three alike there is one group; below the threshold there is none; a memory without a vector is in none."""
    assert near("a cat sat", "the cat sat", "one cat sat") == [{"a cat sat", "the cat sat", "one cat sat"}]
    assert near("a cat sat", "the cat sat", cosine=0.8) == []
    assert near_groups([RECORD, RECORD], np.zeros((2, 8), np.float32), threshold=0.5) == []


def test_a_chain_leads_nowhere() -> None:
    """The ends of a chain of small steps are not called alike."""
    angles = np.array([0.0, 0.4, 0.8])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    records = [replace(RECORD, content=text) for text in ("one", "two words", "three words here")]
    (group,) = near_groups(records, rows, threshold=0.9)
    assert [record.content for record in group.memories] == ["one", "two words"]
    assert group.cosines == pytest.approx((1.0, np.cos(0.4)))
