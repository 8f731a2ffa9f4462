"""An import that is killed, at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.memory.records import Reader
from headroom.testing import HashEmbedder

_IMPORT = """
import sys
from pathlib import Path
from headroom.memory.config import MemoryConfig
from headroom.memory.embedders.cached import CachedEmbedder
from headroom.memory.engine import Engine
from headroom.memory.local.backend import LocalBackend
from headroom.testing import HashEmbedder

engine = Engine(LocalBackend(MemoryConfig(db_path=sys.argv[1]), HashEmbedder()), CachedEmbedder(HashEmbedder(), 0))
engine.import_from(Path(sys.argv[2]), progress=lambda done, total: print(done, flush=True))
"""


def opened(path: Path) -> Engine:
    return Engine(LocalBackend(MemoryConfig(db_path=path), HashEmbedder()), CachedEmbedder(HashEmbedder(), 0))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_killed_import_leaves_nothing_seen_and_goes_on(tmp_path: Path, batches: int) -> None:
    """After a SIGKILL nobody sees any of it; the next run stores what is missing, and then all is there once."""
    old, new, file = tmp_path / "old.db", tmp_path / "new.db", tmp_path / "all.jsonl"
    engine = opened(old)
    engine.save(Reader(user_id="alice"), [f"User has seen place {n}" for n in range(1_200)])
    engine.export(file)
    texts = {record.content for record in engine.everything("alice").memories}
    engine.close()
    child = subprocess.Popen([sys.executable, "-c", _IMPORT, str(new), str(file)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    for _ in range(batches):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    engine = opened(new)
    total = engine.stats()["total"]
    assert total in (0, 1_200)  # the child may have been faster than the signal
    done = engine.import_from(file)
    assert done.added + done.known == 1_200
    assert {record.content for record in engine.everything("alice").memories} == texts
    assert engine.stats()["total"] == 1_200
    assert engine.discard_imports() == 0
    engine.close()
