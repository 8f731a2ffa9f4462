"""`headroom show`: one memory with its history and sources, and why a question finds it."""

from __future__ import annotations

import click

from ...memory.records import Record, SearchResult
from .. import NOT_FOUND
from ..options import Target, json_option, target_options
from ..output import moment, plain, print_fields, print_json, record_json

_DEPTH = 100
"""Results among which a memory is looked for, to explain its score."""


@click.command(
    epilog="""\b
Examples:
  headroom show 0199f0c2-7c1e-7b0e-8a53-0d3a5b1c2d3e
  headroom show ID --for "which package manager" """
)
@click.argument("memory_id", metavar="ID")
@click.option("--for", "question", metavar="QUESTION", help="Say also why this question finds it.")
@target_options
@json_option
def command(target: Target, *, memory_id: str, question: str | None, as_json: bool) -> int:
    """Show a memory with its history and sources, and why a question finds it."""
    with target.open() as memory:
        versions = memory.owner.history(memory_id)
        found = memory.owner.search(question, top_k=_DEPTH) if question else []
    record = next((version for version in versions if version.id == memory_id), None)
    if record is None:
        click.echo(f"headroom: there is no memory {plain(memory_id)}; headroom list and events show the ids", err=True)
        return NOT_FOUND
    result = next((result for result in found if result.id == memory_id), None)
    if as_json:
        history = [record_json(version) for version in versions]
        print_json({"memory": record_json(result or record), "history": history})
    else:
        _print(record, versions, result, question)
    return 0


def _print(record: Record, versions: list[Record], result: SearchResult | None, question: str | None) -> None:
    print_fields(
        {
            "memory": record.content,
            "id": record.id,
            "user": record.user_id,
            "scope": record.scope.value,
            "importance": f"{record.importance:g}",
            **({"entities": ", ".join(record.entities)} if record.entities else {}),
            **({"held until": moment(record.held_until)} if record.held_until else {}),
            **({"valid until": moment(record.valid_until)} if record.valid_until else {}),
            **({"expires": moment(record.expires_at)} if record.expires_at else {}),
        }
    )
    click.echo("\nsources, oldest first")
    for source in record.sources:
        named = (source.agent_id, source.session_id and f"session {source.session_id}", source.origin.value)
        click.echo("  " + plain("  ".join([moment(source.created_at), *(part for part in named if part)])))
    if len(versions) > 1:
        click.echo("\nversions, oldest first")
        for version in versions:
            mark = "*" if version.id == record.id else " "
            click.echo(f"  {mark} {moment(version.created_at)}  {plain(version.content)}")
    if result is not None:
        click.echo(f"\nscore {result.score:.3f} for {plain(question or '')!r}")
        for name, part in sorted(result.parts._asdict().items(), key=lambda item: -abs(item[1])):
            if part:
                click.echo(f"  {part:+.3f}  {name}")
    elif question:
        click.echo(f"\nnot among the first {_DEPTH} results for {plain(question)!r}")
