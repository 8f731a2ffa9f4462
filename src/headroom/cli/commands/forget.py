"""`headroom forget`: hide a memory."""

from __future__ import annotations

import click

from ..options import Target, json_option, target_options
from ..output import plain, report


@click.command(
    epilog="""\b
Example:
  headroom forget 0199f0c2-7c1e-7b0e-8a53-0d3a5b1c2d3e"""
)
@click.argument("memory_id", metavar="ID")
@target_options
@json_option
def command(target: Target, *, memory_id: str, as_json: bool) -> int:
    """Hide a memory; its history stays.

    headroom unforget brings it back. To erase it for good: headroom delete.
    """
    with target.open() as memory:
        done = memory.owner.forget(memory_id)
    return report(
        memory_id,
        done=done,
        as_json=as_json,
        key="forgotten",
        said=f"forgotten; to bring it back: headroom unforget {plain(memory_id)}",
        kind="present memory",
    )
