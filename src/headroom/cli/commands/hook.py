"""`headroom hook`: what agents run at each prompt. It prints one JSON object, exits with 0, and never raises."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import click

from ... import memory
from ...integrations.hooks.protocol import AGENTS, Prompt
from ...integrations.hooks.run import run
from ..options import Target, target_options

_STARTED = time.monotonic()


@click.command(hidden=True)
@click.argument("agent_name", metavar="AGENT", type=click.Choice(AGENTS))
@click.option("--record-turns", is_flag=True, help="Store the prompts as they are, in session scope.")
@target_options
def command(target: Target, *, agent_name: str, record_turns: bool) -> None:
    """Answer a hook of a coding agent: reads its JSON from standard input."""
    # The agent's settings may set the environment; the key comes from a file that only its owner may read.
    os.environ.pop("HEADROOM_KEY", None)

    def open_memory(prompt: Prompt) -> memory.UserMemory:
        place = replace(target, project=prompt.folder or ".") if target.project is not None else target
        return place.open(agent=agent_name)

    run(agent_name, open_memory, record_turns=record_turns, started=_STARTED)
