"""`headroom list`: the present memories."""

from __future__ import annotations

import click

from ..options import Target, Whole, json_option, scope_options, target_options
from ..output import print_records


@click.command(
    epilog="""\b
Examples:
  headroom list
  headroom list --limit 100 --json | jq -r '.memories[].content'"""
)
@click.option("-n", "--limit", type=Whole(1), default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--after", metavar="ID", help="Go on after this memory, the last one of the page before.")
@click.option("--all", "everything", is_flag=True, help="Of every session and agent, as the owner sees them.")
@scope_options
@target_options
@json_option
def command(target: Target, *, limit: int, after: str | None, everything: bool, as_json: bool) -> None:
    """List the present memories, newest first."""
    with target.open() as memory:
        found = (memory.owner if everything else memory).get_all(limit=limit, after=after)
    print_records(found, as_json=as_json, empty="nothing is remembered yet")
