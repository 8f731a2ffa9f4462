"""What a user's memories are like in general, which a ranking compares with. Sampled, and kept for a while."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from qdrant_client import models as m

from ...runtime.forks import renew_in_child
from ..protocols import Vectors
from ..rules.search.words import indexed_words
from .qdrant.collection import Collection
from .qdrant.connection import DENSE
from .qdrant.points import dense_of

SAMPLE = 256
"""Memories that tell what a user's memories are like in general."""
_COMMON = 0.02
"""The share of the sample from which on a word's frequency is kept."""
_KEPT_SECONDS = 60.0
_KEPT_USERS = 256
"""About 50 MB at 384 dimensions, as float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A sample of some memories, and how many there are."""

    total: int
    sample: Vectors
    """Shape (at most SAMPLE, width)."""
    mean_length: float
    """In distinct words; at least 1."""
    common: Mapping[str, float]
    """The share of the sample that holds a word, of those that many hold."""
    oldest: int
    """When the first of them was told, in microseconds."""


class Outlooks:
    """The outlooks of the users seen lately. One that is a minute old is made anew: a sample hardly changes."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._kept: OrderedDict[Hashable, tuple[float, Outlook]] = OrderedDict()
        self._lock = threading.Lock()
        renew_in_child(self._renew)

    def of(self, where: m.Filter, key: Hashable | None) -> Outlook:
        """Return the outlook on what `where` lets through, kept under `key`; None is not kept."""
        if key is None:
            return self._make(where)
        with self._lock:
            made, outlook = self._kept.get(key, (0.0, None))
        if outlook is None or time.monotonic() - made > _KEPT_SECONDS:
            outlook = self._make(where)
            with self._lock:
                self._kept[key] = (time.monotonic(), outlook)
                self._kept.move_to_end(key)
                if len(self._kept) > _KEPT_USERS:
                    self._kept.popitem(last=False)
        return outlook

    def forget(self, user_id: str) -> None:
        """Drop what is kept of a user, some of whose memories are erased."""
        with self._lock:
            for key in [key for key in self._kept if isinstance(key, tuple) and key[0] == user_id]:
                del self._kept[key]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()

    def _make(self, where: m.Filter) -> Outlook:
        sampled = m.QueryRequest(
            query=m.SampleQuery(sample=m.Sample.RANDOM),
            filter=where,
            limit=SAMPLE,
            with_payload=["content"],
            with_vector=[DENSE],
        )
        first = m.QueryRequest(
            query=m.OrderByQuery(order_by=m.OrderBy(key="created_at", direction=m.Direction.ASC)),
            filter=where,
            limit=1,
            with_payload=["created_at"],
        )
        some, oldest = self._collection.query([sampled, first])
        texts = [set(indexed_words((each.payload or {})["content"])) for each in some]
        counts = Counter(word for text in texts for word in text)
        vectors = [dense_of(each.vector) for each in some]
        return Outlook(
            total=self._collection.count(where) if len(some) == SAMPLE else len(some),
            sample=np.stack(vectors) if vectors else np.zeros((0, 1), np.float32),
            mean_length=max(1.0, fmean(len(text) for text in texts)) if texts else 1.0,
            common={word: count / len(texts) for word, count in counts.items() if count > _COMMON * len(texts)},
            oldest=(oldest[0].payload or {})["created_at"] if oldest else 0,
        )

    def _renew(self) -> None:
        self._lock = threading.Lock()
