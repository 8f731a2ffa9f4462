"""`headroom undo`: take back what a turn did."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from .. import NOT_FOUND
from ..options import Target, date_time, json_option, target_options
from ..output import plain, print_json


@click.command(
    epilog="""\b
Examples:
  headroom events
  headroom undo 5b0c2f1e9d5c4a0f8c3c6a9e2d1b7f40
  headroom undo --since "2026-11-25 14:00:00\""""
)
@click.argument("turn_id", metavar="TURN", required=False)
@click.option("--since", type=date_time, metavar="DATE", help="Take back everything since then.")
@target_options
@json_option
def command(target: Target, *, turn_id: str | None, since: datetime | None, as_json: bool) -> int:
    """Take back what a turn stored, replaced and forgot.

    What it stored is hidden with its history, and what others changed since stays as they left it. headroom events
    shows the turns.
    """
    with target.open() as memory:
        undone = memory.owner.undo(turn_id, since=since)
    counts = {name: len(ids) for name, ids in asdict(undone).items()}
    if as_json:
        print_json(asdict(undone))
    elif any(counts.values()):
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items() if count))
    else:
        click.echo(f"headroom: there is nothing to take back{_of(turn_id)}", err=True)
    return 0 if any(counts.values()) else NOT_FOUND


def _of(turn_id: str | None) -> str:
    return f" of the turn {plain(turn_id)}" if turn_id else ""
