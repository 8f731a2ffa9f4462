"""`headroom uninstall`: take the memory out of a coding agent."""

from __future__ import annotations

from pathlib import Path

import click

from ...integrations.installer import AGENTS, edited, removal
from ...integrations.places import Place
from ..changes import confirm_and_apply


@click.command(
    epilog="""\b
Example:
  headroom uninstall claude-code"""
)
@click.argument("agent_name", metavar="AGENT", type=click.Choice(list(AGENTS)))
@click.option("--here", is_flag=True, help="Out of the files of this repository, not out of your own settings.")
@click.option("--dry-run", is_flag=True, help="Show the change and make none.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(*, agent_name: str, here: bool, dry_run: bool, yes: bool) -> None:
    """Take the memory out of a coding agent.

    Removes what headroom install put there and nothing else; the memory itself stays, and so does a skill or rules
    file that you have edited. Shows the change first, and keeps a back-up of each file that it changes; a file in which
    nothing else stands is removed.
    """
    agent, place = AGENTS[agent_name], Place(home=Path.home(), project=Path.cwd() if here else None)
    changes = removal(agent, place)
    for path in edited(agent, place):
        click.echo(f"{path} stays, because it was edited; remove it yourself if it is not wanted any more", err=True)
    if not changes:
        click.echo(f"nothing of this is in {agent.title}")
    elif confirm_and_apply(changes, question=f"Take it out of {agent.title}?", dry_run=dry_run, yes=yes):
        click.echo(f"{agent.title} has no memory any more")
