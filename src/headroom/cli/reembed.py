"""`headroom reembed`: move a memory file to another embedder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..memory.config import MemoryConfig
from ..memory.open import reembed
from .progress import progress_bar

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "reembed",
        help="move a memory file to another embedder",
        description="Make new vectors for every memory, then switch at once. Other programs go on searching the old "
        "ones until then. A run that was stopped goes on where it was.",
    )
    parser.add_argument("--db", metavar="PATH", help="the memory file (default: $HEADROOM_HOME/memory.db)")
    parser.add_argument("--backend", default="onnx", help="onnx, local, openai or ollama (default: onnx)")
    parser.add_argument("--model", help="the embedder's model (default: the backend's own)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry out the command."""
    config = MemoryConfig(db_path=options.db, embedder_backend=options.backend, embedder_model=options.model)
    with progress_bar("memories") as show:
        count = reembed(config, progress=show)
    print(f"{config.path}: {count:,} memories embedded" if count else f"{config.path}: nothing to do")  # noqa: T201
    return 0
