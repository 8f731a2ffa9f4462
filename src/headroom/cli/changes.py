"""Changes of settings files on a terminal: shown first, then made if the person agrees."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..integrations.installer import FileChange, apply
from .output import confirm

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def confirm_and_apply(changes: Sequence[FileChange], *, question: str, dry_run: bool, yes: bool) -> bool:
    """Show the changes as diffs, ask, and make them; return whether they were made."""
    for change in changes:
        for line in change.diff().splitlines():
            click.echo(click.style(line, fg=_COLOURS.get(line[:1])))
    if dry_run:
        return False
    if not yes:
        confirm(question)
    for backup in apply(changes):
        click.echo(f"kept {backup}")
    return True
