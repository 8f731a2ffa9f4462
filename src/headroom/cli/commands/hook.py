"""`headroom hook`: what agents run at each prompt. It prints one JSON object, exits with 0, and never raises."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from ... import memory
from ...integrations.hooks.protocol import AGENTS, Prompt
from ...integrations.hooks.run import Limits, process_started, run
from ..options import Target, target_options


@click.command(hidden=True)
@click.argument("agent_name", metavar="AGENT", type=click.Choice(AGENTS))
@click.option("--record-turns", is_flag=True, help="Store the prompts as they are, in session scope.")
@click.option("--seconds", type=float, default=Limits().answer, envvar="HEADROOM_HOOK_SECONDS", help="Answer by then.")
@click.option(
    "--embed-seconds",
    type=float,
    default=Limits().embed,
    envvar="HEADROOM_HOOK_EMBED_SECONDS",
    help="Go on by words alone if the model is not there by then.",
)
@target_options
def command(target: Target, *, agent_name: str, record_turns: bool, seconds: float, embed_seconds: float) -> None:
    """Answer a hook of a coding agent.

    Reads the agent's JSON from standard input; headroom install sets it up.
    """
    # The agent's settings may set the environment; the key comes from a file that only its owner may read.
    os.environ.pop("HEADROOM_KEY", None)

    def open_memory(prompt: Prompt) -> memory.UserMemory:
        place = replace(target, project=prompt.folder or ".") if target.project is not None else target
        return place.open(agent=agent_name, new=True)

    limits = Limits(answer=seconds, embed=embed_seconds)
    run(agent_name, open_memory, record_turns=record_turns, started=process_started(), limits=limits)
