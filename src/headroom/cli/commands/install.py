"""`headroom install`: set up the memory in a coding agent."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from ...integrations.installer import AGENTS, installation
from ...integrations.places import Place, Setup
from ...runtime.extras import need
from ..changes import confirm_and_apply
from ..options import Target, target_options


@click.command(
    epilog="""\b
Examples:
  headroom install claude-code
  headroom install codex --record-turns
  headroom install vscode --here --project .

Start with --dry-run to see the change only."""
)
@click.argument("agent_name", metavar="AGENT", type=click.Choice(list(AGENTS)))
@click.option("--here", is_flag=True, help="Write into the files of this repository, not into your own settings.")
@click.option("--record-turns", is_flag=True, help="Store your prompts as they are, in the scope of their session.")
@click.option("--command", "program", metavar="PATH", help="How the agent starts headroom. [default: this program]")
@click.option("--dry-run", is_flag=True, help="Show the change and make none.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@target_options
def command(
    target: Target, *, agent_name: str, here: bool, record_turns: bool, program: str | None, dry_run: bool, yes: bool
) -> None:
    """Set up the memory in a coding agent.

    AGENT is one of claude-code, claude-desktop, codex, gemini, antigravity, cursor, vscode. Adds the MCP server, the
    hook that recalls at each prompt if the agent has hooks, and a short skill or rules file. Shows the change first,
    and keeps a back-up of each file that it changes. Doing it twice changes nothing.
    """
    need("mcp", "mcp")
    agent = AGENTS[agent_name]
    place = Place(home=Path.home(), project=Path.cwd() if here else None)
    setup = Setup(program=_program(program, here=here), options=target.arguments(), record_turns=record_turns)
    changes = installation(agent, place, setup)
    if not changes:
        click.echo(f"{agent.title} is set up already")
    elif confirm_and_apply(changes, question=f"Set up {agent.title}?", dry_run=dry_run, yes=yes):
        click.echo(f"{agent.title} is set up. {agent.note}")


def _program(named: str | None, *, here: bool) -> tuple[str, ...]:
    """Return how to start headroom: by its full path, since agents often see another PATH than a shell.

    Files of a repository are for everybody's machine, so there the bare name must do.
    """
    if named is not None or here:
        return (named or "headroom",)
    script = shutil.which("headroom", path=str(Path(sys.executable).parent)) or shutil.which("headroom")
    return (script,) if script else (sys.executable, "-m", "headroom")
