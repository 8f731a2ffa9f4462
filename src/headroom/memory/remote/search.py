"""One search: candidates from the engine, by vector and by words in one request, and our ranking over them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from qdrant_client import models as m

from ..protocols import Floats, Vector
from ..query import Query, Relevance
from ..records import Parts
from ..rules.search import dates, ranking
from ..rules.search.relevance import choose, rivals
from ..rules.search.words import OF_SELF, indexed_words, opening, question_words, telling
from ..rules.search.words import mark as word_mark
from ..rules.times import DAY, micros
from .outlook import Outlook, Outlooks
from .qdrant.collection import Collection
from .qdrant.connection import DENSE, WORDS
from .qdrant.points import Point, dense_of, read, sparse

_MOST_WORDS = 12
"""Words of a question that are looked up, each by a search of its own within the one request."""
_LISTED = 100
"""Memories counted for a word: one that more hold is common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What the engine found, in the order of storing, and how many hold each word of the question."""

    points: list[Point]
    cosines: Floats
    holding: Mapping[str, int]
    """By word; at most _LISTED."""
    whole: bool
    """They are all that may be seen."""


class Hit(NamedTuple):
    """A memory that was found."""

    point: Point
    parts: Parts
    """Of its score."""
    cosine: float
    """Of its vector and the question's; 0 while one of them is missing."""
    is_rival: bool = False
    """If notes for a chat are recalled: another one speaks of the same thing on another day."""


class Search:
    """Searches of one collection."""

    def __init__(self, collection: Collection, outlooks: Outlooks, *, ef: int, quantized: bool) -> None:
        self._collection, self._outlooks = collection, outlooks
        self._ef, self._quantized = ef, quantized

    def run(self, query: Query, where: m.Filter, now: int, *, key: Hashable | None) -> list[Hit]:
        """Return the best memories that `where` lets through, best first.

        `key` names `where` for what is kept about it; None if nothing should be.
        """
        asked = question_words(query.text)
        found = self._candidates(query, where, asked)
        if not found.points:
            return []
        rows = self._rows(found.points) if query.notes_only else {}
        outlook = self._outlook(found, rows, where, key)
        texts = [set(indexed_words(point.record.content)) for point in found.points]
        share, rare = _shares(query.text, texts, found.holding, outlook)
        parts = _parts(query, found, outlook, asked, texts, share, now)
        order = np.argsort(-parts.sum(axis=0), kind="stable")
        if query.relevance is not None and outlook.total > query.top_k:
            order = _recalled(query.relevance, found.points, rows, texts, query.top_k, now)
        elif query.notes_only and outlook.total > query.top_k:
            order = _noted(query, found.points, rows, outlook, order, rare if any(map(telling, asked)) else None)
        places = order[: query.top_k].tolist()
        rivals = _rivals([found.points[place] for place in places], rows)
        return [
            Hit(found.points[place], Parts(*parts[:, place].tolist()), float(found.cosines[place]), is_rival)
            for place, is_rival in zip(places, rivals, strict=True)
        ]

    def cosines(self, query: Query, points: Sequence[Point]) -> dict[str, float]:
        """Compare points with the vector of a question, by id; none are known if it has none."""
        asked = query.vector
        return {} if asked is None else {name: float(row @ asked) for name, row in self._rows(points).items()}

    def _candidates(self, query: Query, where: m.Filter, asked: Sequence[str]) -> Candidates:
        breadth = max(50, 4 * query.top_k)
        looked_up = sorted(asked, key=lambda word: (not telling(word), -len(word)))[:_MOST_WORDS]
        requests = self._requests(query, where, looked_up, breadth)
        parts = [] if query.relevance is None else [ask.vector for ask in query.relevance.asks[1:]]
        more = [self._nearest(vector, where, breadth) for vector in parts]
        near, worded, *lists = self._collection.query([*requests, *more])
        lists, others = lists[: len(looked_up)], lists[len(looked_up) :]
        # Without a vector of the question only words say what fits.
        hits = {str(hit.id): hit for hit in (*(near if query.vector is not None else ()), *worded)}
        if query.vector is not None and others:
            known = {str(hit.id): hit for found in others for hit in found if str(hit.id) not in hits}
            rows = self._collection.vectors(list(known))
            for memory_id, hit in known.items():
                hit.score = float(dense_of(rows[memory_id]) @ query.vector) if memory_id in rows else 0.0
            hits.update(known)
        points = sorted(
            ((read(memory_id, hit.payload or {}), hit.score) for memory_id, hit in hits.items()),
            key=lambda pair: (pair[0].seq, pair[0].id),
        )
        return Candidates(
            points=[point for point, _ in points],
            cosines=np.array([score for _, score in points], np.float32),
            holding={word: len(found) for word, found in zip(looked_up, lists, strict=True)},
            whole=len(near) < breadth,
        )

    def _requests(self, query: Query, where: m.Filter, looked_up: Sequence[str], breadth: int) -> list[m.QueryRequest]:
        """Ask for the nearest vectors, for the most words in common, and for the memories that hold each word."""
        vector = np.zeros(self._collection.width, np.float32) if query.vector is None else query.vector
        near: dict[str, Any] = {"query": vector.tolist(), "using": DENSE, "limit": breadth, "with_payload": True}
        common = m.Prefetch(query=sparse(list(looked_up)), using=WORDS, filter=where, limit=breadth)
        return [
            m.QueryRequest(**near, filter=where, params=self._params(breadth)),
            # The nested search picks by words, the outer one only scores these by their vectors.
            m.QueryRequest(**near, prefetch=[common]),
            *(
                m.QueryRequest(query=sparse([word]), using=WORDS, filter=where, limit=_LISTED, with_payload=False)
                for word in looked_up
            ),
        ]

    def _nearest(self, vector: Vector, where: m.Filter, breadth: int) -> m.QueryRequest:
        """Ask for what is nearest to another part of a message."""
        return m.QueryRequest(
            query=vector.tolist(),
            using=DENSE,
            limit=breadth,
            with_payload=True,
            filter=where,
            params=self._params(breadth),
        )

    def _params(self, breadth: int) -> m.SearchParams:
        rescored = m.QuantizationSearchParams(rescore=True, oversampling=2.0) if self._quantized else None
        return m.SearchParams(hnsw_ef=max(self._ef, breadth), quantization=rescored)

    def _rows(self, points: Sequence[Point]) -> dict[str, Vector]:
        found = self._collection.vectors(point.id for point in points)
        return {memory_id: dense_of(vectors) for memory_id, vectors in found.items()}

    def _outlook(self, found: Candidates, rows: Mapping[str, Vector], where: m.Filter, key: Hashable | None) -> Outlook:
        if not found.whole:
            return self._outlooks.of(where, key)
        lengths = [len(set(indexed_words(point.record.content))) for point in found.points]
        return Outlook(
            total=len(found.points),
            sample=np.stack(list(rows.values())) if rows else np.zeros((0, 1), np.float32),
            mean_length=max(1.0, float(np.mean(lengths))),
            common={},
            oldest=min(micros(point.record.created_at) for point in found.points),
        )


def _rivals(points: Sequence[Point], rows: Mapping[str, Vector]) -> list[bool]:
    """Return whether another note speaks of the same thing on another day, for each; no search has `rows`."""
    if not points or any(point.id not in rows for point in points):
        return [False] * len(points)
    days = np.array([micros(point.record.created_at) // DAY for point in points], np.int64)
    return [bool(each) for each in rivals(np.stack([rows[point.id] for point in points]), days)]


def _shares(
    question: str, texts: Sequence[set[str]], holding: Mapping[str, int], outlook: Outlook
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Weigh candidates by the rarity of the words that they share with a question, and mark those with a rare one."""
    share, rare = np.zeros(len(texts), np.float32), np.zeros(len(texts), np.bool_)
    # Of a word that more hold than were counted, the sample says how many these are.
    counts = {
        word: listed if listed < _LISTED else max(listed, int(outlook.common.get(word, 0) * outlook.total))
        for word, listed in holding.items()
    }
    total = max([outlook.total, *counts.values()])
    for word, weight in ranking.shares(counts, total, dates.time_words(question)).items():
        holds = np.array([word in text for text in texts], np.bool_)
        share += np.float32(weight) * holds
        if ranking.is_rare(word, counts[word], outlook.total):
            rare |= holds
    return share, rare


def _parts(
    query: Query,
    found: Candidates,
    outlook: Outlook,
    asked: Sequence[str],
    texts: Sequence[set[str]],
    share: Floats,
    now: int,
) -> Floats:
    records = [point.record for point in found.points]
    told_at = np.array([micros(record.created_at) for record in records], np.int64)
    sessions = {record.session_id: number for number, record in enumerate(records, 1) if record.session_id}
    marks = {word_mark(word) for word in asked}
    subject = np.array([opening(record.content) in marks for record in records], np.bool_)
    times = dates.times(query.text, query.zone, oldest=outlook.oldest, now=now)
    # Neighbours are known only if nothing that may lie between them was left out; else they are as far apart as usual.
    rank = np.arange(len(records)) * (1 if found.whole else max(2, outlook.total // len(records)))
    if query.vector is None:
        middle = 0.0
    elif found.whole:
        middle = float(found.cosines.mean())
    else:
        middle = float((outlook.sample @ query.vector).mean()) if len(outlook.sample) else 0.0
    return ranking.parts(
        ranking.Candidates(
            rank=rank,
            cosine=found.cosines,
            # A memory that waits for its vector is neither near nor far.
            lift=np.where(found.cosines == 0, 0, found.cosines - np.float32(middle)).astype(np.float32),
            words=share,
            subject=subject,
            of_self=subject & np.array([OF_SELF in text for text in texts], np.bool_),
            nearness=dates.told_near(told_at, times, query.zone),
            on_day=dates.told_on(told_at, times, query.zone),
            session=np.array([sessions.get(record.session_id or "", 0) for record in records], np.int64),
            created_at=told_at,
            length=np.array([len(text) for text in texts], np.float64),
            mean_length=outlook.mean_length,
            importance=np.array([record.importance for record in records], np.float32),
            age_days=(now - told_at) / DAY,
        )
    )


def _recalled(
    relevance: Relevance,
    points: Sequence[Point],
    rows: Mapping[str, Vector],
    texts: Sequence[set[str]],
    most: int,
    now: int,
) -> npt.NDArray[np.int64]:
    """Choose by the same rule as the local store what deserves to be put into a chat."""
    places = [place for place, point in enumerate(points) if point.id in rows]
    if not places:
        return np.empty(0, np.int64)
    held = [
        [sum(weight for word, weight in ask.weights.items() if word in texts[place]) for place in places]
        for ask in relevance.asks
    ]
    records = [points[place].record for place in places]
    vectors = np.stack([rows[points[place].id] for place in places])
    chosen = choose(
        relevance,
        vectors,
        np.array(held, np.float32),
        lambda best: relevance.impostors(vectors[best]),
        np.array([record.importance for record in records], np.float32),
        np.array([(now - micros(record.created_at)) / DAY for record in records]),
        most,
    )
    return np.array(places, np.int64)[chosen]


def _noted(
    query: Query,
    points: Sequence[Point],
    rows: Mapping[str, Vector],
    outlook: Outlook,
    order: npt.NDArray[np.int64],
    rare: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.int64]:
    """Keep of the best only what deserves to be put into a chat; `rare` is None if the message says nothing."""
    order = np.array([place for place in order[: 4 * query.top_k].tolist() if points[place].id in rows], np.int64)
    if rare is None or not len(order) or query.vector is None:
        return order[:0]
    vectors = np.stack([rows[points[place].id] for place in order.tolist()])
    return np.asarray(
        order[ranking.noteworthy(query.vector, vectors, outlook.sample, rare[order], query.top_k)], np.int64
    )
