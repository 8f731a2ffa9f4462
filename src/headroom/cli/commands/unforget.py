"""`headroom unforget`: bring a forgotten memory back."""

from __future__ import annotations

import click

from .. import NOT_FOUND
from ..options import Target, json_option, target_options
from ..output import plain, print_json


@click.command(
    epilog="""\b
Example:
  headroom unforget 0199f0c2-7c1e-7b0e-8a53-0d3a5b1c2d3e""",
)
@click.argument("memory_id", metavar="ID")
@target_options
@json_option
def command(target: Target, *, memory_id: str, as_json: bool) -> int:
    """Bring a forgotten memory back."""
    with target.open() as memory:
        done = memory.owner.restore(memory_id)
    if as_json:
        print_json({"id": memory_id, "restored": done})
    elif done:
        click.echo("it is remembered again")
    else:
        click.echo(f"headroom: there is no forgotten memory {plain(memory_id)}", err=True)
    return 0 if done else NOT_FOUND
