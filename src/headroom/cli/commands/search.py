"""`headroom search`: find memories by meaning and words."""

from __future__ import annotations

from datetime import datetime

import click

from ...memory.records import Origin
from ..options import Target, Whole, date_time, json_option, scope_options, target_options
from ..output import print_records


@click.command(
    epilog="""\b
Examples:
  headroom search "package manager"
  headroom search "where does she live" --as-of 2025-06-01 --json"""
)
@click.argument("query")
@click.option("-n", "--limit", type=Whole(1), default=10, show_default=True, metavar="N", help="At most so many.")
@click.option("--saved-by", metavar="AGENT", help="Only what this agent saved.")
@click.option("--origin", type=click.Choice([origin.value for origin in Origin]), help="Only what came from there.")
@click.option("--as-of", type=date_time, metavar="DATE", help="What held at that time.")
@click.option("--timezone", metavar="NAME", help="Whose days a question names, such as Europe/Madrid. [default: local]")
@click.option("--min-score", type=float, default=0.0, metavar="X", help="Only results of at least this score, 0 to 1.")
@click.option("--all", "everything", is_flag=True, help="In every session and agent, as the owner sees them.")
@scope_options
@target_options
@json_option
def command(
    target: Target,
    *,
    query: str,
    limit: int,
    saved_by: str | None,
    origin: str | None,
    timezone: str | None,
    as_of: datetime | None,
    min_score: float,
    everything: bool,
    as_json: bool,
) -> None:
    """Find memories by meaning and words.

    The best ones come first. Their scores are comparable within one search.
    """
    with target.open() as memory:
        seen = memory.owner if everything else memory
        found = seen.search(
            query, top_k=limit, saved_by=saved_by, origin=origin, as_of=as_of, min_score=min_score, timezone=timezone
        )
    print_records(found, as_json=as_json, empty="nothing is remembered about that")
