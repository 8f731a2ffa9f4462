"""Measure the quality of recall: what a search finds, and what a chat is reminded of."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from . import ablation, beliefs, locomo, recall, reminding

_CATEGORIES = {1: "several hops", 2: "time", 3: "open domain", 4: "one hop"}


def main() -> None:
    """Measure what there is data for, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file; README.md beside this file says where to get it")
    parser.add_argument("--beliefs", type=Path, help="the folder of PrecisionMemBench's fixtures")
    parser.add_argument("--ablation", action="store_true", help="also measure LoCoMo without each idea (minutes)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder), chosen.locomo, chosen.beliefs, chosen.ablation))


async def _measure(folder: Path, locomo_file: Path | None, beliefs_folder: Path | None, ablate: bool) -> None:
    conversations = locomo.load(locomo_file) if locomo_file else []
    if conversations:
        await _recall(folder, conversations)
    if conversations and ablate:
        await _ablation(folder, conversations)
    await _reminding(folder, conversations)
    if beliefs_folder:
        _beliefs(await beliefs.ask(folder, *beliefs.load(beliefs_folder)))


async def _recall(folder: Path, conversations: Sequence[locomo.Conversation]) -> None:
    _head("store", "recall@5", "recall@10", "by conversation, @10", "by category, @10")
    for store in ("facts", "turns"):
        for plain in (False, True):
            answered = []
            for conversation in conversations:
                answered += await recall.ask(folder, conversation, store, plain=plain)
            _row(
                f"{store}{', no sessions, no dates' * plain}",
                *(f"{fmean(one.recall[depth] for one in answered):.3f}" for depth in (0, 1)),
                _means(answered, lambda one: one.conversation),
                _means(answered, lambda one: _CATEGORIES[one.category]),
            )


def _means(answered: Iterable[recall.Answered], name: Callable[[recall.Answered], str]) -> str:
    groups = groupby(sorted(answered, key=name), name)
    return ", ".join(f"{key} {fmean(one.recall[1] for one in group):.3f}" for key, group in groups)


async def _ablation(folder: Path, conversations: Sequence[locomo.Conversation]) -> None:
    """Print means over conversations, each of the same weight."""
    _head("setting", "facts @5", "facts @10", "turns @5", "turns @10")
    rows = list(await ablation.run(folder, conversations, {**ablation.WITHOUT, **ablation.NEAR}))
    for name, stores in rows:
        way = "without " if name in list(ablation.WITHOUT)[1:] else ""
        _row(way + name, *(f"{fmean(depth):.3f}" for row in stores.values() for depth in row))
    near = [stores for name, stores in rows if name == "all ideas" or name in ablation.NEAR]
    held = {store: f"{ablation.held_out([stores[store] for stores in near]):.3f}" for store in ("facts", "turns")}
    _row("chosen without the conversation that is asked", "", held["facts"], "", held["turns"])


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
