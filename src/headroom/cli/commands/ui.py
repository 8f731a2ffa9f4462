"""`headroom ui`: look at a memory in a browser."""

from __future__ import annotations

from contextlib import suppress

import click

from ...runtime.extras import need
from ..options import Target, Whole, target_options
from ..output import plain


@click.command(
    epilog="""\b
Examples:
  headroom ui
  headroom ui --user alice --port 8000"""
)
@click.option("--port", type=Whole(0, 65535), default=0, help="The port; 0, the default, takes any free one.")
@target_options
def command(target: Target, *, port: int) -> None:
    """Show a memory on a local page.

    It listens on 127.0.0.1 until it is interrupted. The printed link opens the page once; whoever opens it can see,
    change and erase everything that is remembered of the user.
    """
    for module in ("jinja2", "starlette", "uvicorn"):
        need(module, "ui")
    serve = need("headroom.web.serve", "ui")
    with target.open(new=True) as memory:
        server = serve.PageServer(memory, port=port)
        click.echo(f"The memory of {plain(target.user_id)}: {server.link}")
        click.echo("Press Ctrl-C to close it.", err=True)
        with suppress(KeyboardInterrupt):
            server.run()
