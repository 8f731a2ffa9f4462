"""The `headroom` command: what is done to a memory file from a shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import HeadroomError
from .commands import reembed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="headroom", description="Look after a memory file.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    reembed.add(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except HeadroomError as exc:
        print(f"headroom: {exc}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("headroom: stopped; run the same command again to go on", file=sys.stderr)  # noqa: T201
        return 130
