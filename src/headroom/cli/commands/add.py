"""`headroom add`: store a memory."""

from __future__ import annotations

import sys

import click

from ...memory.records import Origin
from ..options import Target, json_option, scope_options, target_options
from ..output import print_json


@click.command(
    epilog="""\b
Examples:
  headroom add "User prefers uv over pip"
  echo "The staging server is called heron" | headroom add -
  headroom add --project . --importance 0.9 "Releases are cut on Thursdays\""""
)
@click.argument("content")
@click.option("--importance", type=float, default=0.5, show_default=True, metavar="X", help="From 0 to 1.")
@click.option("--entity", "entities", multiple=True, metavar="NAME", help="A name in it; may be given several times.")
@scope_options
@click.option(
    "--scope",
    type=click.Choice(["user", "session", "agent"]),
    default="user",
    show_default=True,
    help="Who sees it; session and agent need --session and --agent.",
)
@target_options
@json_option
def command(
    target: Target, *, content: str, importance: float, entities: tuple[str, ...], scope: str, as_json: bool
) -> None:
    """Store a memory.

    CONTENT is its text, or - to read it from standard input. A text that is known already keeps its id and
    gets one more source.
    """
    text = sys.stdin.read().strip() if content == "-" else content
    with target.open(new=True) as memory:
        memory_id = memory.add(text, importance=importance, entities=entities, scope=scope, origin=Origin.USER)
    if as_json:
        print_json({"id": memory_id})
    else:
        click.echo(memory_id)
