"""`headroom unforget`: bring a forgotten memory back."""

from __future__ import annotations

import click

from ..options import Target, json_option, target_options
from ..output import report


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
    return report(
        memory_id, done=done, as_json=as_json, key="restored", said="it is remembered again", kind="forgotten memory"
    )
