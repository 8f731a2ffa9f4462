"""`headroom export`: write memories to a file that any other Headroom Memory can read."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import Target, json_option, target_options
from ..output import print_json
from ..progress import progress_bar


@click.command(
    epilog="""\b
Examples:
  headroom export all.jsonl
  headroom export --user alice alice.jsonl"""
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Take the place of a file that is there.")
@target_options
@json_option
def command(target: Target, *, file: Path, overwrite: bool, as_json: bool) -> None:
    """Write memories whole to FILE, as JSON Lines.

    With --user or --project those of one user, else those of all users: with their vectors, history, sources, what is
    held for review, what happened to them, and the chat turns that were kept. Only you can read FILE, and it is not
    encrypted.
    """
    user = target.user_id if target.user or target.project else None
    with target.open() as memory, progress_bar("memories") as show:
        count = memory.engine.export(file, user, overwrite=overwrite, progress=show)
    if as_json:
        print_json({"exported": count})
    else:
        click.echo(f"{count:,} {'memory' if count == 1 else 'memories'} written to {file}")
