"""The sets that a search is measured on, each as conversations of one form: what is stored, and what is asked of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import beliefs, locomo, people
from .locomo import Conversation, Item, Question

_SOME_DAY = datetime(2025, 6, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """One set: a store of each of its conversations. `plain` leaves out sessions and dates."""

    name: str
    store: str
    conversations: tuple[Conversation, ...]
    plain: bool = False


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the files of the sets; README.md beside this file says where to get them."""
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file; benchmarks/quality says where to get it")
    parser.add_argument("--beam", type=Path, help="BEAM's chats as one file of talks")
    parser.add_argument("--realtalk", type=Path, help="REALTALK's chats as one file of talks")
    parser.add_argument("--beliefs", type=Path, help="the folder of PrecisionMemBench's fixtures")


def load(files: argparse.Namespace) -> Iterator[Set]:
    """Yield the sets whose files the options name. The plain facts are part of this project."""
    yield Set(name="plain facts", store="facts", conversations=tuple(_plain_facts()), plain=True)
    if files.locomo:
        conversations = tuple(locomo.load(files.locomo))
        for store in ("facts", "turns"):
            yield Set(name=f"LoCoMo {store}", store=store, conversations=conversations)
            name = f"LoCoMo {store}, no sessions, no dates"
            yield Set(name=name, store=store, conversations=conversations, plain=True)
    for title, path in (("BEAM", files.beam), ("REALTALK", files.realtalk)):
        if path:
            talks = json.loads(path.read_text(encoding="utf-8"))["talks"]
            yield Set(name=title, store="turns", conversations=tuple(map(_talk, talks)))
    if files.beliefs:
        yield Set(name="PrecisionMemBench", store="facts", conversations=(_beliefs(files.beliefs),), plain=True)


def _plain_facts() -> Iterator[Conversation]:
    """Ask the direct questions of the invented users of all that they told."""
    for person in people.load():
        asked = [scene for scene in people.scenes(person) if scene.kind == "direct"][-1]
        questions = [(message.text, tuple(message.wanted)) for message in asked.messages]
        yield _conversation(person.name, "facts", [_item(text, text) for text in asked.notes], questions)


def _talk(raw: Mapping[str, Any]) -> Conversation:
    items = [_item(said["text"], said["id"], said["session"], said["day"]) for said in raw["memories"]]
    questions = [(asked["question"], tuple(asked["evidence"])) for asked in raw["questions"]]
    return _conversation(raw["name"], "turns", items, questions)


def _beliefs(folder: Path) -> Conversation:
    """Ask what is to be found among the present beliefs of the first user."""
    stored, cases = beliefs.load(folder)
    own = [one for one in stored if one["user_id"] == "test-user" and not (one["superseded_by"] or one["resolved_at"])]
    known = {one["_id"] for one in own}
    asked = [(case.query, tuple(case.wanted & known)) for case in cases if case.user == "test-user"]
    items = [_item(one["content"], one["_id"]) for one in own]
    return _conversation("beliefs", "facts", items, [(text, wanted) for text, wanted in asked if wanted])


def _item(text: str, mark: str, session: str = "", day: str | None = None) -> Item:
    """Make an item that stands for one piece of evidence."""
    said_at = datetime.fromisoformat(day).replace(tzinfo=timezone.utc) if day else _SOME_DAY
    return Item(text=text, session=session, said_at=said_at, turns=frozenset([mark]))


def _conversation(
    name: str, store: str, items: Sequence[Item], questions: Sequence[tuple[str, tuple[str, ...]]]
) -> Conversation:
    asked = tuple(Question(text=text, category=0, evidence=evidence) for text, evidence in questions)
    return Conversation(name=name, stores={store: tuple(items)}, questions=asked)
