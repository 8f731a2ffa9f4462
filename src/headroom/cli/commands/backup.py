"""`headroom backup`: a whole copy of the memory file."""

from __future__ import annotations

import click

from ...memory.open import backup
from ..options import Target, json_option, target_options
from ..output import plain, print_json


@click.command(
    epilog="""\b
Examples:
  headroom backup ~/backups/memory-2026-11-25.db
  headroom backup --db team.db --overwrite /mnt/backup/team.db"""
)
@click.argument("file", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Take the place of a file that is there.")
@target_options
@json_option
def command(target: Target, *, file: str, overwrite: bool, as_json: bool) -> None:
    """Copy the memory file to FILE.

    Programs may go on writing meanwhile. The copy is checked, only you can read it, and a copy of an encrypted file has
    the same key.
    """
    backup(target.config, file, overwrite=overwrite)
    if as_json:
        print_json({"path": str(target.config.path), "backup": file})
    else:
        click.echo(f"{target.config.path} is copied to {plain(file)}")
