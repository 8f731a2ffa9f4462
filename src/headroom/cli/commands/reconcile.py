"""`headroom reconcile`: do Neo4j and Qdrant still say the same?"""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from ...memory.open import reconcile
from ..options import Target, json_option, target_options
from ..output import print_json

_MEANING = {
    "half_replaced": "memories whose predecessors had not ended",
    "half_written": "memories of a bulk load that was cut off",
    "not_linked": "memories stored while Neo4j was away",
    "not_forgotten": "memories erased while Neo4j was away",
    "outdated": "memories whose entities or relations differ in Neo4j",
    "orphaned": "memories in Neo4j that are not in Qdrant",
    "unused_entities": "entities that no memory mentions",
    "expired": "expired memories that were still stored",
}


@click.command(
    epilog="""\b
Examples:
  headroom reconcile --dry-run
  HEADROOM_QDRANT_URL=https://qdrant.example.com headroom reconcile

The addresses and passwords come from HEADROOM_QDRANT_URL, HEADROOM_QDRANT_API_KEY, HEADROOM_QDRANT_COLLECTION,
HEADROOM_NEO4J_URI, HEADROOM_NEO4J_USER and HEADROOM_NEO4J_PASSWORD."""
)
@click.option("--dry-run", is_flag=True, help="Compare only, and mend nothing.")
@target_options
@json_option
def command(target: Target, *, dry_run: bool, as_json: bool) -> int:
    """Compare Neo4j with Qdrant, and mend what differs.

    Qdrant has the memories, Neo4j a graph that is made from them. After a failure of either one this says what is
    missing where, and puts it right; it may run while programs write. With --dry-run the exit status is 1 if something
    is to be mended.
    """
    found = asdict(reconcile(replace(target.config, backend="qdrant-neo4j"), mend=not dry_run))
    wrong = {name: count for name, count in found.items() if count and name != "memories"}
    if as_json:
        print_json({"mended": not dry_run, **found})
    else:
        done = "found" if dry_run else "mended"
        for name, count in wrong.items():
            click.echo(f"{done}: {count:,} {_MEANING[name]}")
        click.echo(f"{found['memories']:,} memories compared" + ("" if wrong else ", nothing to mend"))
    return 1 if dry_run and wrong else 0
