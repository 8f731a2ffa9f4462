"""One peer through all phases, each in a process of its own: a row of the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from headroom.memory.embedders.onnx import OnnxEmbedder

from ..measure import Spread
from .catalogue import Peer
from .environments import Failed, python_of, quiet, run
from .texts import Size, Texts
from .told import Told, embed

_NEAR = 1e-5
Found = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Milliseconds, and how many times those of the bare embedder in the same process."""

    ms: Spread
    times: float

    @classmethod
    def of(cls, pairs: Sequence[Sequence[float]]) -> Beside:
        """Sum up pairs of seconds: the embedder's and the store's."""
        base, way = np.array(pairs).T
        return cls(ms=Spread.of(1e3 * way), times=float(np.median(way / base)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found of a peer; None is what does not apply to it."""

    name: str
    version: str
    single: Beside
    batch: Beside
    search: Beside
    first: Spread | None
    """Milliseconds from the import to the first answer, in new processes."""
    opening: Spread | None
    """The part of it before the search."""
    disk: float | None
    """Bytes a memory."""
    resident: Spread
    """MiB after the first answer; after all questions if there is nothing on disk to open."""
    first_right: float | None
    """The share of questions whose answer is the first result."""
    found: float | None
    """The share of questions whose answer is among the first ten."""
    own: float | None
    """How many of the five memories of a user with nearer foreign ones are returned, on average."""
    foreign: int
    """Texts of other users among all that was returned."""
    recall: dict[str, float]
    """The share of evidence among the first ten, over all questions of each set."""

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


class Runner:
    """Measures peers in a folder, over one set of texts."""

    def __init__(self, folder: Path, size: Size, texts: Texts, told: Sequence[Told]) -> None:
        self._folder, self._size, self._texts, self._told = folder, size, texts, told
        self._known = folder / "known.npz"
        if told:
            embed(told, self._known)

    def row(self, peer: Peer, part: Callable[[int, int, str], None]) -> Row:
        """Measure one peer; `part` is told how far it is. Raises Failed."""
        starts = self._size.starts if peer.on_disk else 0
        names = ["write", *["first"] * starts, "ask", *["recall"] * (peer.remembers and bool(self._told))]
        part(0, len(names), "phases, installing;")
        python = python_of(peer)
        folder = self._folder / peer.script
        folder.mkdir()
        found: dict[str, list[Found]] = {name: [] for name in ("write", "first", "ask", "recall")}
        disk = 0
        for done, name in enumerate(names):
            part(done, len(names), "phases")
            found[name].append(self._phase(peer, python, folder, name))
            if name == "write":
                self._check(found[name][0]["vectors"])
                disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return self._summed(peer, found, disk)

    def _phase(self, peer: Peer, python: str, folder: Path, phase: str) -> Found:
        home = self._folder / f"home of {peer.script}"
        home.mkdir(exist_ok=True)
        job, out = self._folder / "job.json", self._folder / "found.json"
        described = {
            "phase": phase,
            "script": peer.script,
            "folder": str(folder),
            "out": str(out),
            "refill": not peer.on_disk,
            "texts": asdict(self._texts),
            "told": [one.as_json() for one in self._told] if phase == "recall" else [],
            "known": str(self._known),
        }
        job.write_text(json.dumps(described), encoding="utf-8")
        run([python, "-m", "benchmarks.peers.child", str(job)], quiet(home))
        found: Found = json.loads(out.read_text(encoding="utf-8"))
        return found

    def _check(self, vectors: Sequence[Sequence[float]]) -> None:
        """Compare the vectors made in the peer's environment with the embedder's own."""
        apart = float(np.abs(OnnxEmbedder().embed(self._texts.few) - np.array(vectors, np.float32)).max())
        if apart > _NEAR:
            raise Failed(f"the embedder gives other vectors in its environment, {apart:.1g} apart")

    def _summed(self, peer: Peer, found: dict[str, list[Found]], disk: int) -> Row:
        texts, (asked,), (written,), first = self._texts, found["ask"], found["write"], found["first"]
        mine = {*texts.facts, *texts.single}
        foreign = sum(text not in mine for answer in asked["answers"] for text in answer)
        foreign += sum(text not in texts.few for answer in asked["apart"] for text in answer)
        pairs = list(zip(texts.answers, asked["answers"], strict=True))
        return Row(
            name=peer.name,
            version=peer.version,
            single=Beside.of(written["single"]),
            batch=Beside.of(written["batch"]),
            search=Beside.of(asked["search"]),
            first=Spread.of(1e3 * one["answered"] for one in first) if first else None,
            opening=Spread.of(1e3 * one["opening"] for one in first) if first else None,
            disk=disk / texts.count if peer.on_disk else None,
            resident=Spread.of(one["resident"] for one in first or [asked]),
            first_right=fmean(got[:1] == [answer] for answer, got in pairs) if peer.remembers else None,
            found=fmean(answer in got for answer, got in pairs) if peer.remembers else None,
            own=fmean(len(set(texts.few) & set(got)) for got in asked["apart"]) if peer.remembers else None,
            foreign=foreign,
            recall=self._recalled(found["recall"]),
        )

    def _recalled(self, found: Sequence[Found]) -> dict[str, float]:
        shares: dict[str, list[float]] = {}
        for answers in (one["answers"] for one in found):
            for told, returned in zip(self._told, answers, strict=True):
                shares.setdefault(told.set, []).extend(told.shares(returned))
        return {name: fmean(values) for name, values in shares.items()}
