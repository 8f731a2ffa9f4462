"""`headroom reembed`: move a memory file to another embedder."""

from __future__ import annotations

import click

from ...integrations.identity import read_key
from ...memory.config import EmbedderBackend, MemoryConfig
from ...memory.open import reembed
from ..options import db_option, key_file_option
from ..progress import progress_bar


@click.command(
    epilog="""\b
Examples:
  headroom reembed --backend ollama --model nomic-embed-text
  headroom reembed --backend openai --dimension 512

The openai backend reads its key from OPENAI_API_KEY."""
)
@db_option
@click.option(
    "--backend",
    type=click.Choice([backend.value for backend in EmbedderBackend]),
    default="onnx",
    show_default=True,
    help="What makes vectors.",
)
@click.option("--model", metavar="NAME", help="The embedder's model. [default: the backend's own]")
@click.option("--dimension", type=int, metavar="N", help="The vectors' width. [default: the model's own]")
@click.option("--openai-base-url", metavar="URL", help="A server that speaks OpenAI's API.")
@click.option("--ollama-base-url", metavar="URL", help="The Ollama server. [default: $OLLAMA_HOST, then local]")
@click.option("--onnx-provider", multiple=True, metavar="NAME", help="An onnxruntime provider; may be repeated.")
@key_file_option
def command(
    *,
    db: str | None,
    backend: str,
    model: str | None,
    dimension: int | None,
    openai_base_url: str | None,
    ollama_base_url: str | None,
    onnx_provider: tuple[str, ...],
    key_file: str | None,
) -> None:
    """Move a memory file to another embedder.

    Makes new vectors for every memory, then switches at once. Other programs go on searching the old ones until then.
    A run that was stopped goes on where it was.
    """
    config = MemoryConfig(
        db_path=db,
        encryption_key=read_key(key_file),
        embedder_backend=backend,
        embedder_model=model,
        vector_dimension=dimension,
        onnx_providers=onnx_provider or MemoryConfig().onnx_providers,
        openai_base_url=openai_base_url,
        ollama_base_url=ollama_base_url,
    )
    with progress_bar("memories") as show:
        count = reembed(config, progress=show)
    click.echo(f"{config.path}: {count:,} memories embedded" if count else f"{config.path}: nothing to do")
