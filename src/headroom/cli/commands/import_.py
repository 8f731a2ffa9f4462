"""`headroom import`: read an export, or what other programs keep."""

from __future__ import annotations

from pathlib import Path

import click

from ...memory.portable.readers.table import LOOKS_FOR, NAMES_USERS, OWN_FORMAT, READERS
from .. import WRONG_INPUT
from ..options import Target, json_option, target_options
from ..output import print_json
from ..progress import progress_bar


@click.command(
    epilog="""\b
Examples:
  headroom import all.jsonl
  headroom import --from chatgpt --user alice export.zip
  headroom import --from langgraph --namespace "memories/{user_id}" store.db"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    type=click.Choice([OWN_FORMAT, *READERS]),
    default=OWN_FORMAT,
    show_default=True,
    help="What wrote FILE.",
)
@click.option("--namespace", metavar="FORM", help='Of LangGraph: where the user is, such as "memories/{user_id}".')
@click.option("--redact-secrets", is_flag=True, help="Take passwords and keys out of what another program kept.")
@target_options
@json_option
def command(
    target: Target, *, file: Path, source: str, namespace: str | None, redact_secrets: bool, as_json: bool
) -> int:
    """Read memories from FILE, all or none of them.

    They go to --user or --project if one is given, else to the users that FILE names; a file that names none is
    yours. No memory that is there is overwritten, and the same file again adds none. An import that was stopped goes
    on if it is started again.
    """
    names_users = source in NAMES_USERS or namespace is not None
    user = target.user_id if target.user or target.project or not names_users else None
    with target.open(new=True) as memory, progress_bar("memories") as show:
        done = memory.engine.import_from(
            file, user, source=source, namespace=namespace, redact_secrets=redact_secrets, progress=show
        )
    nothing = source in LOOKS_FOR and not (done.added or done.known or done.skipped)
    if as_json:
        print_json({"added": done.added, "known": done.known, "skipped": done.skipped})
    if nothing:
        click.echo(f"headroom: there is no memory in {file}: looked for {LOOKS_FOR[source]}", err=True)
    elif not as_json:
        noun = "memory" if done.added == 1 else "memories"
        known = f", {done.known:,} known before" if done.known else ""
        skipped = f", {done.skipped:,} skipped" if done.skipped else ""
        click.echo(f"{done.added:,} {noun} added{known}{skipped}")
    return WRONG_INPUT if nothing else 0
