"""Measure the quality of recall: what a search finds, and what a chat is reminded of."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from headroom.memory import MemoryConfig
from headroom.memory.embedders.table import make_embedder

from . import ablation, baselines, beliefs, chat, locomo, people, recall, reminding, sets


def main() -> None:
    """Measure what there is data for, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    sets.add_files(parser)
    parser.add_argument("--ablation", action="store_true", help="also measure every set without each idea (minutes)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder), chosen))


async def _measure(folder: Path, chosen: argparse.Namespace) -> None:
    _chat(folder)
    known = list(sets.load(chosen))
    await _search(folder, known)
    if chosen.ablation:
        await _ablation(folder, known)
    await _reminding(folder, locomo.load(chosen.locomo) if chosen.locomo else [])
    if chosen.beliefs:
        _beliefs(await beliefs.ask(folder, *beliefs.load(chosen.beliefs)))


def _chat(folder: Path) -> None:
    """Print the shares of messages that bring the right notes, or for small talk and the unrelated any."""
    first = people.load()
    groups = {
        "English": [person for person in first if person.language == "English"],
        "other languages": [person for person in first if person.language != "English"],
        "broad topics": people.load("broad"),
        "unseen": people.load("unseen"),
        "ten languages": people.load("languages"),
    }
    columns = {title: _by_kind(folder / title, persons) for title, persons in groups.items()}
    _head("messages", *(cell for title in columns for cell in (title, "share", "wrong notes")))
    for kind in columns["English"]:
        _row(kind, *(cell for column in columns.values() for cell in _shares(column[kind])))


def _by_kind(folder: Path, persons: Sequence[people.Person]) -> dict[str, list[chat.Brought]]:
    folder.mkdir()
    kinds: dict[str, list[chat.Brought]] = {}
    for brought in chat.ask(folder, persons):
        kinds.setdefault(brought.asked.kind, []).append(brought)
    return kinds


def _shares(all_: Sequence[chat.Brought]) -> tuple[str, str, str]:
    wrong = fmean(len(one.notes) - one.right for one in all_)
    return str(len(all_)), f"{fmean(one.good for one in all_):.2f}", f"{wrong:.1f}"


async def _search(folder: Path, known: Sequence[sets.Set]) -> None:
    """Print recall@5 and recall@10 of every set, with plain ways to search the same texts beside ours."""
    embedder = make_embedder(MemoryConfig())
    _head("set", "questions", "ours @5", "@10", "dense @5", "@10", "BM25 @5", "@10", "RRF @5", "@10")
    for each in known:
        found: dict[str, list[tuple[float, ...]]] = {"ours": []}
        for one in each.conversations:
            answered = await recall.ask(folder, one, each.store, plain=each.plain)
            found["ours"] += [answer.recall for answer in answered]
            for way, recalls in baselines.ask(one, each.store, embedder).items():
                found.setdefault(way, []).extend(recalls)
        means = [f"{fmean(recalls[depth] for recalls in way):.3f}" for way in found.values() for depth in (0, 1)]
        _row(each.name, str(len(found["ours"])), *means)


async def _ablation(folder: Path, known: Sequence[sets.Set]) -> None:
    _head("recall@10", *(each.name for each in known))
    near: dict[str, dict[str, float]] = {}
    for name, row in (await ablation.run(folder, known, {**ablation.WITHOUT, **ablation.NEAR})).items():
        way = "without " if name in list(ablation.WITHOUT)[1:] else ""
        _row(way + name, *(f"{value:.3f}" for value in row.values()))
        if not way:
            near[name] = row
    _row("chosen without the set that is asked", *(f"{value:.3f}" for value in ablation.held_out(near).values()))


async def _reminding(folder: Path, conversations: Sequence[locomo.Conversation]) -> None:
    _head("messages", "with any note", "notes", "tokens", "share relevant")
    _reminded("small talk", await reminding.small_talk(folder))
    if conversations:
        asked = [one for each in conversations for one in await reminding.questions(folder, each)]
        _reminded("LoCoMo questions, facts", asked)


def _reminded(what: str, all_: Sequence[reminding.Reminded]) -> None:
    notes = sum(one.notes for one in all_)
    _row(
        f"{len(all_)} of {what}",
        f"{fmean(one.notes > 0 for one in all_):.2f}",
        f"{notes / len(all_):.2f}",
        f"{fmean(one.tokens for one in all_):.0f}",
        f"{sum(one.relevant for one in all_) / max(notes, 1):.2f}",
    )


def _beliefs(returned: Sequence[beliefs.Returned]) -> None:
    _head(
        "category",
        "cases",
        "wanted",
        "found: search",
        "chat",
        "wrong a case: search",
        "chat",
        "forbidden: search",
        "chat",
    )
    ordered = sorted(returned, key=lambda one: one.case.category)
    groups = [(name, list(group)) for name, group in groupby(ordered, lambda one: one.case.category)]
    for name, group in [*groups, ("all", ordered)]:
        ways = [[(one.case, one.searched) for one in group], [(one.case, one.injected) for one in group]]
        _row(
            name,
            str(len(group)),
            str(sum(len(one.case.wanted) for one in group)),
            *(str(sum(len(case.wanted & set(got)) for case, got in way)) for way in ways),
            *(f"{fmean(len(set(got) - case.wanted) for case, got in way):.2f}" for way in ways),
            *(str(sum(len(case.forbidden & set(got)) for case, got in way)) for way in ways),
        )


def _head(*names: str) -> None:
    print()
    _row(*names)
    _row(*["---"] * len(names))


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
