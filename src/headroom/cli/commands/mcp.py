"""`headroom mcp`: serve the memory to agents."""

from __future__ import annotations

import gc
import secrets
import sys

import click

from ... import memory
from ...integrations.identity import read_token
from ...memory.rules.gate import Allowance
from ...runtime.extras import need
from ..options import Target, Whole, target_options


@click.command(
    epilog="""\b
Examples:
  headroom mcp
  headroom mcp --user alice --agent codex
  headroom mcp --http --port 8765 --token-file ~/.headroom/token

Agents start it themselves: headroom install --help."""
)
@click.option(
    "--max-saves",
    type=Whole(0),
    metavar="N",
    default=Allowance().facts,
    show_default=True,
    help="Facts that one session may store.",
)
@click.option(
    "--max-changes",
    type=Whole(0),
    metavar="N",
    default=Allowance().ends,
    show_default=True,
    help="Memories that one session may replace or forget.",
)
@click.option("--agent", metavar="ID", help="Who saves. [default: the client's name in the handshake]")
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of standard input and output.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on, with --http.")
@click.option(
    "--port", type=Whole(0, 65535), default=8765, show_default=True, help="The port; 0 lets the system choose."
)
@click.option(
    "--token-file",
    type=click.Path(),
    metavar="PATH",
    help="The bearer token, in a file of mode 0600. [default: a new one, printed]",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="One more name that clients may use.")
@target_options
def command(
    target: Target,
    *,
    max_saves: int,
    max_changes: int,
    http: bool,
    host: str,
    port: int,
    token_file: str | None,
    hosts: tuple[str, ...],
) -> None:
    """Serve the memory to agents over MCP.

    Over standard input and output, one client; with --http, any number, each with a bearer token. All tools work on
    one memory: none takes a user.
    """
    user_id = target.user_id  # a wrong option fails before the client waits for a handshake
    gc.disable()  # making the protocol's models leaves no garbage: 0.1 s less of 0.55 s
    server = need("headroom.mcp.server", "mcp")
    gc.freeze()
    gc.enable()

    def open_memory(client: str | None) -> memory.UserMemory:
        return memory.UserMemory(user_id, None, client, config=target.config)

    allowance = Allowance(facts=max_saves, ends=max_changes)
    if not http:
        if sys.stdin.isatty():
            click.echo(
                "waiting for an agent on standard input; headroom install sets one up. Ctrl-C ends it.", err=True
            )
        server.serve_stdio(open_memory, agent=target.agent, allowance=allowance)
        return
    token = read_token(token_file) if token_file else secrets.token_urlsafe(32)

    def started(url: str) -> None:
        click.echo(f"listening on {url}", err=True)
        if not token_file:
            click.echo(f"Authorization: Bearer {token}", err=True)

    server.serve_http(
        open_memory,
        host=host,
        port=port,
        token=token,
        hosts=hosts,
        agent=target.agent,
        allowance=allowance,
        started=started,
    )
