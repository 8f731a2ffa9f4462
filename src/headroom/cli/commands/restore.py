"""`headroom restore`: a back-up in the place of the memory file."""

from __future__ import annotations

import click

from ...memory.open import restore_backup
from ..options import Target, json_option, target_options
from ..output import confirm, plain, print_json


@click.command(
    epilog="""\b
Examples:
  headroom restore ~/backups/memory-2026-11-25.db
  headroom restore --db team.db --yes /mnt/backup/team.db

To bring back one memory that was forgotten: headroom unforget."""
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-y", "--yes", is_flag=True, help="Do not ask before a file is replaced.")
@target_options
@json_option
def command(target: Target, *, file: str, yes: bool, as_json: bool) -> None:
    """Put a back-up in the place of the memory file.

    FILE is checked first. Close all programs that have the memory open. Asks if there is a memory file already, which
    is then lost.
    """
    path = target.config.path
    if path.exists() and not yes:
        confirm(f"Replace {path}? What it holds is lost.")
    restore_backup(target.config, file, overwrite=True)
    if as_json:
        print_json({"path": str(path), "restored": file})
    else:
        click.echo(f"{path} is restored from {plain(file)}")
