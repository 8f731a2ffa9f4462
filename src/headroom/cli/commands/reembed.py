"""`headroom reembed`: move a memory file to another embedder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ...memory.config import EmbedderBackend, MemoryConfig
from ...memory.open import reembed
from ..progress import progress_bar

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    backends = [backend.value for backend in EmbedderBackend]
    parser = commands.add_parser(
        "reembed",
        help="move a memory file to another embedder",
        description="Make new vectors for every memory, then switch at once. Other programs go on searching the old "
        "ones until then. A run that was stopped goes on where it was.",
        epilog="The openai backend reads its key from OPENAI_API_KEY.",
    )
    parser.add_argument("--db", metavar="PATH", help="the memory file (default: $HEADROOM_HOME/memory.db)")
    parser.add_argument("--backend", choices=backends, default="onnx", help="what makes vectors (default: onnx)")
    parser.add_argument("--model", help="the embedder's model (default: the backend's own)")
    parser.add_argument("--dimension", type=int, metavar="N", help="the vectors' width (default: the model's own)")
    parser.add_argument("--openai-base-url", metavar="URL", help="a server that speaks OpenAI's API")
    parser.add_argument(
        "--ollama-base-url", metavar="URL", help="the Ollama server (default: $OLLAMA_HOST, then local)"
    )
    parser.add_argument(
        "--onnx-provider", action="append", metavar="NAME", help="an onnxruntime provider; may be given several times"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry out the command."""
    config = MemoryConfig(
        db_path=options.db,
        embedder_backend=options.backend,
        embedder_model=options.model,
        vector_dimension=options.dimension,
        onnx_providers=options.onnx_provider or MemoryConfig().onnx_providers,
        openai_base_url=options.openai_base_url,
        ollama_base_url=options.ollama_base_url,
    )
    with progress_bar("memories") as show:
        count = reembed(config, progress=show)
    print(f"{config.path}: {count:,} memories embedded" if count else f"{config.path}: nothing to do")  # noqa: T201
    return 0
