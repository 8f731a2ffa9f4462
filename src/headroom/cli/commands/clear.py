"""`headroom clear`: erase all memories of a user."""

from __future__ import annotations

import click

from ...errors import InvalidInput
from ..options import Target, json_option, scope_options, target_options
from ..output import confirm, print_json


@click.command(
    epilog="""\b
Examples:
  headroom clear --user alice
  headroom clear --user alice --session 42 --yes"""
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@scope_options
@target_options
@json_option
def command(target: Target, *, yes: bool, as_json: bool) -> None:
    """Erase all memories of a user for good.

    With --session or --agent, only those bound to it. Asks before it does anything, so --user or --project must say
    whose memory it is.
    """
    if target.user is None and target.project is None:
        raise InvalidInput("name whose memory is to be erased: --user ID, or --project FOLDER")
    with target.open() as memory:
        if not yes:
            bound = "".join(f", {name} {value}" for name in ("session", "agent") if (value := getattr(target, name)))
            total = sum(memory.stats()[name] for name in ("total", "superseded"))
            confirm(
                f"Erase the memories of {target.user_id}{bound} from {target.config.path} for good "
                f"({total:,} in all, with their history)?"
            )
        erased = memory.clear(session_id=target.session, agent_id=target.agent)
    if as_json:
        print_json({"erased": erased})
    else:
        click.echo(f"{erased:,} erased")
