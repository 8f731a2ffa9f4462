"""Measure the peers: `python -m benchmarks.peers [--locomo FILE ...] [--only NAME] [--toy] [--publish]`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..machine import describe
from ..progress import Progress
from ..quality import sets
from ..table import conditions, put
from . import texts, told
from .catalogue import PEERS, Peer
from .environments import Failed
from .report import by_set, tables
from .runner import Row, Runner

_BENCHMARKS = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; write the JSON and the table."""
    options = _parser().parse_args(arguments)
    peers = _chosen(options.only)
    size = texts.TOY if options.toy else texts.USUAL
    with tempfile.TemporaryDirectory(prefix="headroom-peers-") as folder:
        rows, skipped = measure(peers, Runner(Path(folder), size, texts.made(size), told.read(sets.load(options))))
    _write(options.out, rows, skipped, publish=options.publish)


def measure(peers: Sequence[Peer], runner: Runner) -> tuple[list[Row], dict[str, str]]:
    """Measure one peer after the other; give the rows, and of each peer that failed the reason."""
    progress = Progress(len(peers))
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    for peer in peers:
        progress.step(peer.name)
        try:
            rows.append(runner.row(peer, progress.part))
        except Failed as exc:
            skipped[peer.name] = str(exc)
            progress.note(f"skipped: {exc}")
    progress.finish()
    return rows, skipped


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measure peers beside ours.")
    parser.add_argument("--only", action="append", metavar="NAME", help="one of: " + ", ".join(p.name for p in PEERS))
    sets.add_files(parser)
    parser.add_argument("--toy", action="store_true", help="tiny: shows that it runs, not how fast")
    parser.add_argument("--out", type=Path, default=_BENCHMARKS / "results", help="the folder for the JSON")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="put the tables into benchmarks/README.md and benchmarks/quality/README.md",
    )
    return parser


def _chosen(names: Sequence[str] | None) -> list[Peer]:
    unknown = set(names or ()) - {peer.name for peer in PEERS}
    if unknown:
        raise SystemExit(f"there is no peer called {', '.join(sorted(unknown))}")
    return [peer for peer in PEERS if names is None or peer.name in names]


def _write(out: Path, rows: Sequence[Row], skipped: dict[str, str], *, publish: bool) -> None:
    machine = describe()
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    result = {"at": at, "machine": machine, "peers": [row.as_json() for row in rows], "skipped": skipped}
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    costs, found = tables(rows, skipped) + "\n\n" + conditions(machine, "Medians"), by_set(rows)
    print(f"{costs}\n\n{found}")
    if publish:
        put(_BENCHMARKS / "README.md", {"peers": costs})
        put(_BENCHMARKS / "quality" / "README.md", {"peers": found})


if __name__ == "__main__":
    main()
