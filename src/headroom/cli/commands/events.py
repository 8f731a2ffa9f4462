"""`headroom events`: who did what when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from ..options import Target, Whole, date_time, json_option, target_options
from ..output import moment, print_json, print_table


@click.command(
    epilog="""\b
Examples:
  headroom events --since 2026-11-01
  headroom events --turn 5b0c2f1e9d5c4a0f8c3c6a9e2d1b7f40 --json"""
)
@click.option("--turn", "turn_id", metavar="TURN", help="Only of this turn.")
@click.option("--since", type=date_time, metavar="DATE", help="Only since then.")
@click.option("-n", "--limit", type=Whole(1), default=50, show_default=True, metavar="N", help="At most so many.")
@target_options
@json_option
def command(target: Target, *, turn_id: str | None, since: datetime | None, limit: int, as_json: bool) -> None:
    """List who did what when, newest first.

    By ids, without any text. Events are kept as long as the memory that they are about.
    """
    with target.open() as memory:
        events = memory.owner.events(turn_id=turn_id, since=since)[:limit]
    if as_json:
        hidden = {"before"}
        print_json({"events": [{k: v for k, v in asdict(event).items() if k not in hidden} for event in events]})
        return
    heads = ["when", "what", "memory", "by", "turn"]
    rows = [
        [moment(event.at), event.action.value, event.memory_id, event.agent_id or "-", event.turn_id or "-"]
        for event in events
    ]
    print_table(heads, rows)
