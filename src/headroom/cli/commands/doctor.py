"""`headroom doctor`: the health of the memory file."""

from __future__ import annotations

import click

from ...memory.open import check_up
from ...memory.records import Finding, Health
from ..options import Target, json_option, target_options
from ..output import plain, print_json

_COLOURS = {Health.OK: "green", Health.MENDED: "yellow", Health.NOTE: "cyan", Health.WRONG: "red"}


@click.command(
    epilog="""\b
Examples:
  headroom doctor
  headroom doctor --dry-run --json"""
)
@click.option("--dry-run", is_flag=True, help="Check only, and mend nothing.")
@target_options
@json_option
def command(target: Target, *, dry_run: bool, as_json: bool) -> int:
    """Check the memory file, and mend what can be rebuilt.

    Looks at permissions, SQLite's own integrity, the index of words, the vectors, the embedder, the log and the disk.
    What is only a copy of something else is rebuilt: no text is ever changed. The exit status is 1 if something is
    still wrong.
    """
    findings = check_up(target.config, mend=not dry_run)
    if not dry_run and _waiting(findings):
        with target.open() as memory:
            memory.engine.embed_waiting()
    ok = all(finding.health is not Health.WRONG for finding in findings)
    if as_json:
        shown = [{"name": f.name, "health": f.health.value, "message": f.message} for f in findings]
        print_json({"path": str(target.config.path), "ok": ok, "findings": shown})
    else:
        for finding in findings:
            mark = click.style(finding.health.value.ljust(6), fg=_COLOURS[finding.health])
            click.echo(f"{mark}  {finding.name.ljust(11)}  {plain(finding.message)}")
    return 0 if ok else 1


def _waiting(findings: list[Finding]) -> bool:
    """Return whether memories wait for a vector that the embedder could make now."""
    by_name = {finding.name: finding for finding in findings}
    works = "embedder" in by_name and by_name["embedder"].health is Health.OK
    return works and any("vector" in finding.name and finding.health is Health.MENDED for finding in findings)
