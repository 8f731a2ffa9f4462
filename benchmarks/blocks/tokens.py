"""What memory costs in tokens, counted by the byte-pair encodings of OpenAI's models, which `bpe-openai` ships."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

from headroom.chat.block.filter import parse
from headroom.chat.prompt.examples import EXAMPLES
from headroom.chat.prompt.frame import INSTRUCTION

from ..figures import Aim, Figure
from ..lab import Lab
from ..measure import Spread

ENCODINGS = ("cl100k_base", "o200k_base")
BLOCKS: tuple[list[dict[str, Any]], ...] = (
    [{"content": "User prefers Python for backend work"}],
    [{"content": "User moved from Berlin to Madrid in March 2025", "replaces": [2]}],
    [{"content": "User is allergic to peanuts and shellfish", "importance": 0.9}],
    [{"content": "User's daughter Mia starts school on 2025-09-01", "entities": ["Mia"]}],
    [{"content": "User decided to use Postgres instead of MongoDB for the billing service"}],
    [{"content": "User wants answers without code comments", "scope": "session"}],
    [{"content": "User works as a data engineer at a logistics company in Rotterdam", "importance": 0.8}],
    [
        {"content": "User's name is Carla and she lives in Lisbon"},
        {"content": "User is training for a half marathon on 2025-10-12"},
    ],
    [
        {"content": "User manages a team of six engineers", "importance": 0.7},
        {"content": "User's team releases every second Tuesday"},
    ],
    [{"content": "User no longer eats meat", "replaces": [1]}, {"forget": [3]}],
    [
        {
            "content": "User's sister Ana plays chess in a club in Porto",
            "entities": ["Ana", "Porto"],
            "relationships": [["Ana", "plays", "chess"]],
        }
    ],
    [
        {"content": "User is planning a trip to Japan in April 2026"},
        {"content": "User speaks a little Japanese"},
        {"content": "User prefers trains to domestic flights"},
    ],
)
"""Blocks as the instruction asks for them: one to three facts, with and without the optional keys."""


def counts(lab: Lab) -> Iterator[Figure]:
    """Count the constant instruction, what a block adds to a reply, and the example turns for small models."""
    if importlib.util.find_spec("bpe_openai") is None:
        lab.progress.note('skipped: pip install ".[bench]"')
        return
    import bpe_openai

    blocks = [f"\n<memory>\n{json.dumps(items)}\n</memory>" for items in BLOCKS]
    assert all(parse(f"Sure.{block}").blocks == 1 for block in blocks)
    for name in ENCODINGS:
        encode = bpe_openai.get_encoding(name).encode
        yield _tokens(f"the constant instruction, {name}", [len(encode(INSTRUCTION))], Aim(at_most=160))
        yield _tokens(f"a memory block, {name}", [len(encode(block)) for block in blocks], Aim(at_most=100))
        examples = sum(len(encode(str(message["content"]))) for message in EXAMPLES)
        yield _tokens(f"the example turns of small_model, {name}", [examples])


def _tokens(what: str, found: list[int], aim: Aim | None = None) -> Figure:
    detail = f"{min(found)} to {max(found)} in {len(found)} blocks" if len(found) > 1 else ""
    return Figure(what=f"tokens of {what}", measured=Spread.of(found), unit="tokens", aim=aim, detail=detail)
