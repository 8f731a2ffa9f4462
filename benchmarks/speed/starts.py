"""What a new process pays: the import, the first search, resident memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..figures import Aim, Figure
from ..lab import Lab, user_of
from ..measure import Spread, added, take_turns

ROOT = Path(__file__).parents[2]
"""The project's folder, where a new Python finds this package."""


def imports(lab: Lab) -> Iterator[Figure]:
    """Start Python bare and with the import, in turns."""
    programs = ("pass", "import headroom", "from headroom.memory import Memory")
    ways = [lambda _, program=program: python("-c", program) for program in programs]
    bare, package, memory = take_turns(3 * lab.scale.starts, *ways, warm_up=1)
    for name, times, aim in (("headroom", package, Aim(at_most=60)), ("headroom.memory.Memory", memory, None)):
        yield Figure(
            what=f"import {name}, over bare Python",
            measured=added(times, bare),
            unit="ms",
            aim=aim,
        )


def first_search(lab: Lab) -> Iterator[Figure]:
    """Open the file with the largest user in new processes and ask."""
    size = max(lab.scale.real)
    yield from opened(lab, lab.sizes, [user_of(size)] * lab.scale.starts, f"{size:,} memories")


def opened(lab: Lab, path: Path, users: list[str], name: str) -> Iterator[Figure]:
    """Ask a new process for each of `users`."""
    found = []
    for index, question in enumerate(lab.questions(len(users))):
        lab.progress.part(index, len(users), "process")
        found.append(json.loads(python("-m", "benchmarks.speed.probe", str(path), users[index], question)))
    rows = (
        ("opening", "opened", 1e3, "ms", None),
        ("loading the model and embedding once", "loaded", 1e3, "ms", Aim(at_most=200)),
        ("first search of a user, model loaded", "answered", 1e3, "ms", None),
        ("resident memory: the model", "model", 1, "MiB", None),
        ("resident memory: the user's index", "user", 1, "MiB", None),
    )
    for what, key, factor, unit, aim in rows:
        measured = Spread.of(row[key] * factor for row in found)
        yield Figure(what=f"{what} ({name})", measured=measured, unit=unit, aim=aim)


def python(*arguments: str) -> str:
    """Run a new Python in the folder of the project; give what it prints."""
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=ROOT).stdout
