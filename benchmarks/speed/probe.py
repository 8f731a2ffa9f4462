"""What is measured in a process of its own: `python -m benchmarks.speed.probe PATH USER QUESTION` prints JSON.

Seconds to open the file, to the first answer with the model loaded on the way, to the next answer; and MiB resident.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter

_MEBIBYTE = 1 << 20


def main(path: str, user: str, question: str) -> None:
    """Open the file, ask twice, and print what it took."""
    times = {"start": perf_counter()}
    from headroom.memory import MemoryConfig
    from headroom.memory.open import acquire
    from headroom.memory.records import Reader

    times["imported"] = perf_counter()
    before = resident()
    engine = acquire(MemoryConfig(db_path=path))
    times["opened"] = perf_counter()
    # A stranger's search embeds the question, so it loads the model, and reads nothing else.
    engine.search(Reader(user_id="nobody"), question)
    times["loaded"] = perf_counter()
    with_model = resident()
    engine.search(Reader(user_id=user), question)
    times["answered"] = perf_counter()
    engine.search(Reader(user_id=user), question)
    times["again"] = perf_counter()
    took = {name: times[name] - times[earlier] for earlier, name in pairwise(times)}
    print(json.dumps({**took, "base": before, "model": with_model - before, "user": resident() - with_model}))


def resident() -> float:
    """Give this process's resident memory in MiB; where Linux's count is missing, the most it ever was."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (_MEBIBYTE if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
