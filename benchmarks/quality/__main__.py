"""Measure the quality of recall: `python -m benchmarks.quality --locomo locomo10.json`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from . import locomo, recall

_CATEGORIES = {1: "several hops", 2: "time", 3: "open domain", 4: "one hop"}


def main() -> None:
    """Run the parts whose data is given, and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file; benchmarks/quality/README.md says where to get it")
    chosen = parser.parse_args()
    if chosen.locomo is None:
        parser.error("name the data to measure with, such as --locomo locomo10.json")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_recall(Path(folder), locomo.load(chosen.locomo)))


async def _recall(folder: Path, conversations: Sequence[locomo.Conversation]) -> None:
    print("| store | recall@5 | recall@10 | by conversation, @10 | by category, @10 |\n|---|---|---|---|---|")
    for store in ("facts", "turns"):
        for plain in (False, True):
            answered = []
            for conversation in conversations:
                answered += await recall.ask(folder, conversation, store, plain=plain)
            _row(f"{store}{', no sessions or dates' * plain}", answered)


def _row(what: str, answered: Sequence[recall.Answered]) -> None:
    at_5, at_10 = (fmean(one.recall[depth] for one in answered) for depth in (0, 1))
    by_talk = ", ".join(
        f"{fmean(one.recall[1] for one in group):.3f}" for _, group in groupby(answered, lambda one: one.conversation)
    )
    ordered = sorted(answered, key=lambda one: one.category)
    by_category = ", ".join(
        f"{_CATEGORIES[category]} {fmean(one.recall[1] for one in group):.3f}"
        for category, group in groupby(ordered, lambda one: one.category)
    )
    print(f"| {what} | {at_5:.3f} | {at_10:.3f} | {by_talk} | {by_category} |", flush=True)


if __name__ == "__main__":
    main()
