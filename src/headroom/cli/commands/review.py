"""`headroom review`: decide on what is held."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ...errors import InvalidInput, NotFound
from ...memory.records import Record
from ..options import Target, json_option, target_options
from ..output import moment, plain, print_json, print_records

if TYPE_CHECKING:
    from ...memory import UserMemory


@click.command(
    epilog="""\b
Examples:
  headroom review
  headroom review --list --json
  headroom review --accept ID --reject ID"""
)
@click.option("--accept", "accepted", multiple=True, metavar="ID", help="Let this one be seen from now on.")
@click.option("--reject", "rejected", multiple=True, metavar="ID", help="Turn this one down.")
@click.option("--list", "only_list", is_flag=True, help="List what is held and ask nothing.")
@target_options
@json_option
def command(
    target: Target, *, accepted: tuple[str, ...], rejected: tuple[str, ...], only_list: bool, as_json: bool
) -> None:
    """Decide on what is held for review.

    Held memories are seen by no search until you accept them; after 30 days they are gone. On a terminal each is shown
    with a question; --accept and --reject decide without one.
    """
    with target.open() as opened:
        memory = opened.owner
        held = memory.pending()
        if accepted or rejected:
            _check([*accepted, *rejected], held)
            for memory_id in accepted:
                memory.accept(memory_id)
            for memory_id in rejected:
                memory.reject(memory_id)
            _report(len(accepted), len(rejected), as_json=as_json)
            return
        if only_list or as_json or not held or not sys.stdin.isatty():
            print_records(held, as_json=as_json, empty="nothing is held")
        else:
            _ask(memory, held)


def _check(named: Sequence[str], held: Sequence[Record]) -> None:
    """Raise NotFound or InvalidInput, before anything is decided, if an id is not held or is named twice."""
    waiting = {record.id for record in held}
    for memory_id in named:
        if memory_id not in waiting:
            raise NotFound(memory_id=memory_id, wanted="held")
        if named.count(memory_id) > 1:
            raise InvalidInput(f"{memory_id} is named twice; accept it or reject it, once")


def _ask(memory: UserMemory, held: list[Record]) -> None:
    """Show each held memory and act on the answer; stopping keeps what was decided."""
    accepted = rejected = 0
    for number, record in enumerate(held, 1):
        source = record.sources[0]
        click.echo(f"\n{number} of {len(held)}: {plain(record.content)}")
        click.echo(
            f"  {moment(record.created_at)}  from {source.origin.value}  {plain(source.agent_id or '')}".rstrip()
        )
        answer = click.prompt("accept, reject, skip or quit", type=click.Choice(["a", "r", "s", "q"]), default="s")
        if answer == "q":
            break
        if answer == "a":
            memory.accept(record.id)
            accepted += 1
        elif answer == "r":
            memory.reject(record.id)
            rejected += 1
    _report(accepted, rejected, as_json=False)


def _report(accepted: int, rejected: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"accepted": accepted, "rejected": rejected})
    else:
        click.echo(f"{accepted} accepted, {rejected} rejected")
