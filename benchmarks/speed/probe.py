"""What is measured in a process of its own: `python -m benchmarks.speed.probe PATH QUESTION USER...` prints JSON.

Seconds to open the file, to load the model, to the first answer for the first user; MiB resident before, with the
model, and after a search for each of the users, of which some are pages of mapped files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

_MEBIBYTE = 1 << 20


def main(path: str, question: str, first: str, *others: str) -> None:
    """Open the file, search, and print what it took."""
    from headroom.memory import MemoryConfig
    from headroom.memory.open import acquire
    from headroom.memory.query import Query
    from headroom.memory.records import Reader

    before, start = resident(), perf_counter()
    engine = acquire(MemoryConfig(db_path=path))
    opened = perf_counter()
    # A stranger has no memories, but his question is embedded: this loads the model and nothing else.
    engine.search(Query(reader=Reader(user_id="nobody"), text=question))
    loaded, with_model, mapped = perf_counter(), resident(), resident("RssFile")
    engine.search(Query(reader=Reader(user_id=first), text=question))
    answered = perf_counter()
    for user in others:
        engine.search(Query(reader=Reader(user_id=user), text=question))
    found = {
        "opening": opened - start,
        "model": loaded - opened,
        "search": answered - loaded,
        "base_mib": before,
        "model_mib": with_model - before,
        "users_mib": resident() - with_model,
        "mapped_mib": resident("RssFile") - mapped,
    }
    print(json.dumps(found))


def resident(kind: str = "VmRSS") -> float:
    """Return this process's resident memory in MiB; if Linux's count is missing, the most it ever was."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (_MEBIBYTE if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
