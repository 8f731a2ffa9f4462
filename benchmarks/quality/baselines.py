"""Plain ways to search the same texts: dense vectors of the same embedder, BM25, and both by reciprocal rank fusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from headroom.memory.protocols import Embedder
from headroom.memory.rules.search.words import question_words, words

from .locomo import Conversation
from .recall import DEPTHS, share

_K1, _B = 1.2, 0.75
_RANKS = 60
Floats = npt.NDArray[np.float32]


def ask(conversation: Conversation, store: str, embedder: Embedder) -> dict[str, list[tuple[float, ...]]]:
    """Return each question's recall at each depth, by the name of the way."""
    items = conversation.stores[store]
    vectors = embedder.embed([item.text for item in items])
    held = [Counter(words(item.text)) for item in items]
    found: dict[str, list[tuple[float, ...]]] = {"dense": [], "BM25": [], "RRF": []}
    for question in conversation.questions:
        scores: Mapping[str, Floats] = {
            "dense": vectors @ embedder.embed_query(question.text),
            "BM25": bm25(question_words(question.text), held),
        }
        fused = sum(
            1 / (_RANKS + np.argsort(np.argsort(-each, kind="stable"), kind="stable")) for each in scores.values()
        )
        for name, each in {**scores, "RRF": fused}.items():
            best = np.argsort(-np.asarray(each), kind="stable")
            found[name].append(
                tuple(share(question.evidence, [items[place].turns for place in best[:depth]]) for depth in DEPTHS)
            )
    return found


def bm25(asked: Sequence[str], held: Sequence[Counter[str]]) -> Floats:
    """Score n texts by the words that they hold (Robertson, Zaragoza 2009), k1 = 1.2, b = 0.75."""
    lengths = np.array([sum(counts.values()) for counts in held], np.float32)
    scores = np.zeros(len(held), np.float32)
    for word in asked:
        frequency = np.array([counts[word] for counts in held], np.float32)
        holding = int((frequency > 0).sum())
        weight = np.log1p((len(held) - holding + 0.5) / (holding + 0.5))
        scores += weight * frequency * (_K1 + 1) / (frequency + _K1 * (1 - _B + _B * lengths / lengths.mean()))
    return scores
