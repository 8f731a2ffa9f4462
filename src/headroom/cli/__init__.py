"""The `headroom` command: a memory from a shell. A command is loaded when it is run, or its own help is asked for."""

from __future__ import annotations

import difflib
import importlib
import keyword
import os
import sys
import traceback
from collections.abc import Sequence

import click

from ..errors import HeadroomError, InvalidInput, NotFound, UnreadableImport

# The short help stands here, so that `headroom --help` loads no command.
COMMANDS = {
    "search": "Find memories by meaning and words.",
    "add": "Store a memory.",
    "list": "List the present memories, newest first.",
    "show": "Show a memory with its history and sources, and why a question finds it.",
    "forget": "Hide a memory; its history stays.",
    "unforget": "Bring a forgotten memory back.",
    "delete": "Erase a memory for good.",
    "undo": "Take back what a turn stored, replaced and forgot.",
    "review": "Decide on what is held for review.",
    "events": "List who did what when, newest first.",
    "clear": "Erase all memories of a user for good.",
    "stats": "Count what is stored.",
    "export": "Write memories whole to FILE, as JSON Lines.",
    "import": "Read memories from FILE, all or none of them.",
    "ui": "Show a memory on a local page.",
    "backup": "Copy the memory file to FILE.",
    "restore": "Put a back-up in the place of the memory file.",
    "rekey": "Encrypt the memory file, change its key, or decrypt it.",
    "reembed": "Move a memory file to another embedder.",
    "doctor": "Check the memory file, and mend what can be rebuilt.",
    "reconcile": "Compare Neo4j with Qdrant, and mend what differs.",
    "mcp": "Serve the memory to agents over MCP.",
    "install": "Set up the memory in a coding agent.",
    "uninstall": "Take the memory out of a coding agent.",
    "hook": "Answer a hook of a coding agent.",
}
_HIDDEN = {"hook"}

NOT_FOUND, WRONG_INPUT = 3, 2
"""The exit status if there is no such memory, and if what was typed or piped in cannot be used."""

_EPILOG = """\b
Examples:
  headroom add "User prefers uv over pip"
  headroom search "package manager"
  headroom install claude-code

\b
Exit status: 0 done, 1 failed, 2 wrong usage or input, 3 no such memory, 130 stopped.
Tab completion: eval "$(_HEADROOM_COMPLETE=bash_source headroom)" (or zsh_source, fish_source)."""


class _Commands(click.Group):
    """The commands by name, each in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if name not in _HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_") + "_" * keyword.iskeyword(cmd_name)
        module = importlib.import_module(f"{__name__}.commands.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            if near := difflib.get_close_matches(args[0], self.list_commands(ctx), n=1):
                raise click.UsageError(f"{exc.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="headroom-memory", prog_name="headroom")
@click.pass_context
def group(context: click.Context) -> None:
    """Look at a memory, change it, and share it with agents."""
    if os.environ.get("NO_COLOR"):  # https://no-color.org; click does not look at it
        context.color = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = _run(words)
    if status and words[:1] == ["hook"]:
        # To an agent some statuses mean that the prompt must not pass: a hook that it cannot start must not do that.
        click.echo("{}")
        return 0
    return status


def _run(words: list[str]) -> int:
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell, as in `headroom list >&-`
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process lives
    try:
        status = group.main(args=words, prog_name="headroom", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _failed("stopped", 130)
    except HeadroomError as exc:
        return _failed(str(exc), _status(exc))
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        return _failed(f"{exc.filename or 'input or output'}: {exc.strerror or exc}", 1)
    except Exception as exc:  # noqa: BLE001 - a person at a shell gets a line, and the traceback only if asked for
        if os.environ.get("HEADROOM_TRACEBACK"):
            traceback.print_exc()
        return _failed(f"unexpected {type(exc).__name__}; set HEADROOM_TRACEBACK=1 to see where, and report it", 1)


def _status(exc: HeadroomError) -> int:
    if isinstance(exc, NotFound):
        return NOT_FOUND
    return WRONG_INPUT if isinstance(exc, (InvalidInput, UnreadableImport)) else 1


def _failed(message: str, status: int) -> int:
    click.echo(f"headroom: {message}", err=True)
    return status
