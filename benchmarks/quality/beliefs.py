"""PrecisionMemBench: what a user believes, and which of it may be recalled for a question, and no more.

A belief is stored as its content; its aliases and scope are metadata, as a program would keep them, and a scope is
asked for with `where`. What was superseded is superseded here too, what was resolved is forgotten, and the second
user is another user. Of each case `relevantBeliefs` is scored: `shouldOnlyInclude` is what is to be found and all
that may be, `mustExclude` is forbidden. Pinned facts, personas and open questions are another system's own notions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom.memory import Draft, Memory
from headroom.memory.records import Change, Reader, Record

_FOUND = 5
"""Notes that a chat gets at most, and results that a search is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    category: str
    user: str
    scopes: tuple[str, ...]
    query: str
    wanted: frozenset[str]
    forbidden: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came back for one case: ids of beliefs."""

    case: Case
    searched: tuple[str, ...]
    injected: tuple[str, ...]


def load(folder: Path) -> tuple[list[dict[str, Any]], list[Case]]:
    """Read the beliefs, and the cases that ask something and do not test a budget of another system."""
    beliefs = json.loads((folder / "beliefs.seed.json").read_text(encoding="utf-8"))
    raw = json.loads((folder / "retrieval.cases.json").read_text(encoding="utf-8"))
    return beliefs, [case for one in raw if "budget" not in one for case in _case(one)]


def _case(raw: Mapping[str, Any]) -> Iterator[Case]:
    relevant = raw["expect"].get("relevantBeliefs")
    if relevant is not None and raw["query"].strip():
        yield Case(
            category=raw["category"],
            user=raw.get("userId", "test-user"),
            scopes=tuple(raw["scope"]),
            query=raw["query"],
            wanted=frozenset(relevant.get("shouldOnlyInclude", ())),
            forbidden=frozenset(relevant.get("mustExclude", ())),
        )


async def ask(folder: Path, beliefs: Sequence[Mapping[str, Any]], cases: Sequence[Case]) -> list[Returned]:
    """Store the beliefs and ask every case, by search and as a chat would be reminded."""
    async with Memory(db_path=folder / "beliefs.db") as memory:
        names = await _fill(memory, beliefs)
        return [await _returned(memory, case, names) for case in cases]


async def _fill(memory: Memory, beliefs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Store the beliefs, each after those that it superseded; give the names of beliefs by id of memory."""
    ids: dict[str, str] = {}
    for belief in sorted(beliefs, key=lambda one: _depth(one, beliefs), reverse=True):
        writer = Reader(user_id=belief["user_id"])
        metadata = {"scope": belief["scope"][0], "aliases": belief["aliases"]}
        replaced = tuple(ids[one["_id"]] for one in beliefs if one["superseded_by"] == belief["_id"])
        draft = Draft(belief["content"], importance=belief["confidence"], metadata=metadata)
        (stored,) = memory.engine.apply(writer, [Change(draft=draft, replaces=replaced)])
        ids[belief["_id"]] = str(stored.id)
        if belief["resolved_at"]:
            memory.engine.apply(writer, [Change(draft=None, replaces=(str(stored.id),))])
    return {memory_id: name for name, memory_id in ids.items()}


def _depth(belief: Mapping[str, Any], beliefs: Sequence[Mapping[str, Any]]) -> int:
    """Count the beliefs that came after this one."""
    later = next((one for one in beliefs if one["_id"] == belief["superseded_by"]), None)
    return 0 if later is None else 1 + _depth(later, beliefs)


async def _returned(memory: Memory, case: Case, names: Mapping[str, str]) -> Returned:
    """Search within the scopes of a case; a chat knows no scopes, so it is reminded of all that fits."""
    results: list[Record] = []
    for scope in case.scopes:
        results += await memory.search(case.query, case.user, top_k=_FOUND, where={"scope": scope})
    best = sorted(results, key=lambda result: -getattr(result, "score", 0.0))[:_FOUND]
    notes = memory.engine.recall(Reader(user_id=case.user), case.query, top_k=_FOUND)
    return Returned(
        case=case,
        searched=tuple(names[result.id] for result in best),
        injected=tuple(names[note.id] for note in notes),
    )
