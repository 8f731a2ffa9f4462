"""The sets of the quality of recall as plain texts, and the share of evidence that the returned texts hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headroom.memory.embedders.onnx import OnnxEmbedder

from ..quality.locomo import Question
from ..quality.recall import share
from ..quality.sets import Set

_BEGINS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One conversation of a set."""

    set: str
    texts: list[str]
    turns: dict[str, frozenset[str]]
    """The ids of turns that each text stands for."""
    questions: tuple[Question, ...]

    def shares(self, answers: Sequence[Sequence[str]]) -> Iterator[float]:
        """Return each question's share of evidence among the texts returned for it."""
        for question, texts in zip(self.questions, answers, strict=True):
            yield share(question.evidence, [self._turns_of(text) for text in texts])

    def _turns_of(self, returned: str) -> frozenset[str]:
        """Return the turns that a text stands for; a peer that redacts what it stores is known by how a text begins."""
        if returned in self.turns:
            return self.turns[returned]
        begins = returned[:_BEGINS]
        return next((turns for text, turns in self.turns.items() if text.startswith(begins)), frozenset())

    def as_json(self) -> dict[str, list[str]]:
        """Return what a peer is told and asked."""
        return {"texts": self.texts, "questions": [question.text for question in self.questions]}


def read(known: Iterable[Set]) -> list[Told]:
    """Read the conversations of each set without sessions and dates, which not every peer takes."""
    found = []
    plain = {each.name.partition(",")[0]: each for each in known}  # the same texts, with and without dates, are one set
    for name, each in plain.items():
        for conversation in each.conversations:
            items = conversation.stores[each.store]
            turns: dict[str, frozenset[str]] = {}
            for item in items:
                turns[item.text] = turns.get(item.text, frozenset()) | item.turns
            found.append(Told(set=name, texts=list(turns), turns=turns, questions=conversation.questions))
    return found


def embed(told: Sequence[Told], path: Path) -> None:
    """Embed all that is told and asked into a file, so that each peer need not."""
    texts = list(dict.fromkeys(text for one in told for part in one.as_json().values() for text in part))
    np.savez(path, texts=np.array(texts), vectors=OnnxEmbedder().embed(texts))
