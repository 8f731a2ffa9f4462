"""`headroom delete`: erase a memory."""

from __future__ import annotations

import click

from ..options import Target, json_option, target_options
from ..output import report


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
    return report(memory_id, done=done, as_json=as_json, key="deleted", said="deleted", kind="memory")
