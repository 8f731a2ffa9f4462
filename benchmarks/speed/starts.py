"""What a new process pays: the import, the model, the first search, resident memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from headroom.memory import MemoryConfig

from ..figures import Aim, Figure, memories
from ..lab import Lab, user_of
from ..measure import Spread, added, take_turns

ROOT = Path(__file__).parents[2]
"""The project's folder, where a new Python finds this package."""


def imports(lab: Lab) -> Iterator[Figure]:
    """Start Python bare and with the import, in turns."""
    programs = ("pass", "import headroom", "from headroom import Memory", "from headroom import with_memory")
    ways = [lambda _, program=program: python("-c", program) for program in programs]
    bare, *imported = take_turns(lab.scale.starts, *ways, warm_up=1)
    for program, times in zip(programs[1:], imported, strict=True):
        aim = Aim(at_most=60) if program == "import headroom" else None
        yield Figure(what=f"`{program}`, more than bare Python", measured=added(times, bare), unit="ms", aim=aim)


def first_search(lab: Lab) -> Iterator[Figure]:
    """Open the file with the largest user in new processes and ask."""
    size = max(lab.scale.real)
    found = [_probe(lab, lab.sizes, [user_of(size)]) for _ in range(lab.scale.starts)]
    yield Figure(
        what="loading the model and embedding once",
        measured=Spread.of(1e3 * row["model"] for row in found),
        unit="ms",
        aim=Aim(at_most=200),
    )
    yield _mebibytes("resident memory, Python with headroom.memory", [row["base_mib"] for row in found])
    yield _mebibytes("resident memory, the model", [row["model_mib"] for row in found])
    yield from _opened(found, memories(size))


def opened(lab: Lab, path: Path, users: list[str], name: str) -> Iterator[Figure]:
    """Ask in a new process for each of `users`."""
    found = []
    for index, user in enumerate(users):
        lab.progress.part(index, len(users), "process")
        found.append(_probe(lab, path, [user]))
    yield from _opened(found, name)


def resident_after(lab: Lab, path: Path, users: list[str], name: str) -> Figure:
    """Ask for all of `users` in one process; the default configuration bounds what it keeps of them."""
    found = _probe(lab, path, users)
    return Figure(
        what=f"resident memory, after searches of {len(users):,} {name}",
        measured=Spread.exactly(found["users_mib"]),
        unit="MiB",
        detail=f"index_cache_mb bounds the indexes to {MemoryConfig().index_cache_mb} MiB; "
        f"{found['mapped_mib']:.0f} MiB are pages of the file, mapped",
    )


def python(*arguments: str) -> str:
    """Run a new Python in the folder of the project; give what it prints."""
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def _opened(found: list[dict[str, float]], name: str) -> Iterator[Figure]:
    parts = {part: Spread.of(1e3 * row[part] for row in found) for part in ("opening", "model", "search")}
    yield Figure(
        what=f"opening and first search, {name}",
        measured=Spread.of(1e3 * (row["opening"] + row["model"] + row["search"]) for row in found),
        unit="ms",
        aim=Aim(at_most=500),
        detail=", ".join(f"{part} {times.median:.0f} ms" for part, times in parts.items()),
    )
    yield _mebibytes(f"resident memory, index and pages of {name}", [row["users_mib"] for row in found])


def _mebibytes(what: str, values: list[float]) -> Figure:
    return Figure(what=what, measured=Spread.of(values), unit="MiB")


def _probe(lab: Lab, path: Path, users: list[str]) -> dict[str, float]:
    """Run `probe` in a process of its own."""
    (question,) = lab.questions(1)
    found: dict[str, float] = json.loads(python("-m", "benchmarks.speed.probe", str(path), question, *users))
    return found
