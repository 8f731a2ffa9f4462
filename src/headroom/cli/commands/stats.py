"""`headroom stats`: what is stored."""

from __future__ import annotations

import click

from ..options import Target, json_option, target_options
from ..output import print_fields, print_json


@click.command(
    epilog="""\b
Example:
  headroom stats --user alice --json"""
)
@target_options
@json_option
def command(target: Target, *, as_json: bool) -> None:
    """Count what is stored."""
    with target.open() as memory:
        counts = dict(memory.stats())
    config = target.config
    place = {"path": str(config.path)} if config.backend == "local" else {"backend": config.backend}
    if as_json:
        print_json({"user_id": target.user_id, **place, **counts})
    else:
        numbers = {name.replace("_", " "): _shown(value) for name, value in counts.items()}
        print_fields({"user": target.user_id, **place, **numbers})


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:,}" for name, number in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
