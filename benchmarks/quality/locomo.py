"""LoCoMo: long conversations of two people, with questions and the turns that answer them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_TURN = re.compile(r"D\d+:\d+")
_SESSION = re.compile(r"session_(\d+)")
ASKED = (1, 2, 3, 4)
"""The categories of questions that have an answer: several hops, time, open domain, one hop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A memory of the benchmark, and the ids of the turns that it stands for."""

    text: str
    session: str
    said_at: datetime
    turns: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    category: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation as two stores, each in order: the observations made of it, and its turns."""

    name: str
    stores: Mapping[str, tuple[Item, ...]]
    questions: tuple[Question, ...]


def load(path: Path) -> list[Conversation]:
    """Read the conversations of a LoCoMo file."""
    return [_conversation(raw) for raw in json.loads(path.read_text(encoding="utf-8"))]


def _conversation(raw: Mapping[str, Any]) -> Conversation:
    questions = [
        Question(text=qa["question"], category=qa["category"], evidence=tuple(_turns(qa["evidence"])))
        for qa in raw["qa"]
        if qa["category"] in ASKED
    ]
    return Conversation(
        name=raw["sample_id"],
        stores={"facts": tuple(_facts(raw)), "turns": tuple(_dialogue(raw))},
        questions=tuple(question for question in questions if question.evidence),
    )


def _sessions(raw: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    talk = raw["conversation"]
    for number in sorted(int(found[1]) for key in talk if (found := _SESSION.fullmatch(key))):
        said = datetime.strptime(talk[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
        yield f"session_{number}", said.replace(tzinfo=timezone.utc)


def _facts(raw: Mapping[str, Any]) -> Iterator[Item]:
    for session, said_at in _sessions(raw):
        for observed in raw["observation"].get(f"{session}_observation", {}).values():
            for text, turns in observed:
                yield Item(text=text, session=session, said_at=said_at, turns=frozenset(_turns(turns)))


def _dialogue(raw: Mapping[str, Any]) -> Iterator[Item]:
    for session, said_at in _sessions(raw):
        for turn in raw["conversation"][session]:
            caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            text = f"{turn['speaker']}: {turn['text']}{caption}"
            yield Item(text=text, session=session, said_at=said_at, turns=frozenset([turn["dia_id"]]))


def _turns(evidence: str | Iterable[str]) -> list[str]:
    """Read ids of turns; some are joined in one string."""
    return _TURN.findall(evidence if isinstance(evidence, str) else " ".join(evidence))
