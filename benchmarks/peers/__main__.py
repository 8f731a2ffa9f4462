"""Measure the peers: `python -m benchmarks.peers [--locomo PATH] [--only NAME] [--toy] [--out FOLDER] [--publish]`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..machine import describe
from ..progress import Progress
from ..table import conditions, put
from . import texts, told
from .catalogue import PEERS, Peer
from .environments import Failed
from .report import tables
from .runner import Row, Runner

_BENCHMARKS = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; write the JSON and the table."""
    options = _parser().parse_args(arguments)
    peers = _chosen(options.only)
    size = texts.TOY if options.toy else texts.USUAL
    stores = told.read(options.locomo) if options.locomo else []
    with tempfile.TemporaryDirectory(prefix="headroom-peers-") as folder:
        rows, skipped = measure(peers, Runner(Path(folder), size, texts.made(size), stores))
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
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file; benchmarks/quality says where to get it")
    parser.add_argument("--toy", action="store_true", help="tiny: shows that it runs, not how fast")
    parser.add_argument("--out", type=Path, default=_BENCHMARKS / "results", help="the folder for the JSON")
    parser.add_argument("--publish", action="store_true", help="put the table into benchmarks/README.md")
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
    shown = tables(rows, skipped) + "\n\n" + conditions(machine, "Medians")
    print(shown)
    if publish:
        put(_BENCHMARKS / "README.md", {"peers": shown})


if __name__ == "__main__":
    main()
