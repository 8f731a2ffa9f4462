"""`headroom delete`: erase a memory."""

from __future__ import annotations

import click

from .. import NOT_FOUND
from ..options import Target, json_option, target_options
from ..output import plain, print_json


@click.command(
    epilog="""\b
Example:
  headroom delete 0199f0c2-7c1e-7b0e-8a53-0d3a5b1c2d3e"""
)
@click.argument("memory_id", metavar="ID")
@target_options
@json_option
def command(target: Target, *, memory_id: str, as_json: bool) -> int:
    """Erase a memory for good.

    The versions that it replaced go with it. No byte of them stays in the file. To hide it only: headroom forget.
    """
    with target.open() as memory:
        done = memory.owner.delete(memory_id)
    if as_json:
        print_json({"id": memory_id, "deleted": done})
    elif done:
        click.echo("deleted")
    else:
        click.echo(f"headroom: there is no memory {plain(memory_id)}", err=True)
    return 0 if done else NOT_FOUND
