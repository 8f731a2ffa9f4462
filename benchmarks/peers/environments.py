"""The virtual environment of each peer, made when it is first needed, and the quiet in which a peer runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .catalogue import Peer

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venvs" / "peers"
# The embedder's own packages are those of this environment, so that all rows embed alike. None of the peers needs
# torch as it is configured here; one that came to want it is skipped rather than fetching gigabytes.
_CONSTRAINTS = [*(f"{name}=={version(name)}" for name in ("numpy", "onnxruntime", "tokenizers")), "torch==0"]
_SHARED = ("numpy", "onnxruntime", "tokenizers")
_NOWHERE = "http://127.0.0.1:9"
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HEADROOM_OFFLINE": "1",
    "HEADROOM_TELEMETRY": "off",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "MEM0_TELEMETRY": "False",
    "ORT_DISABLE_TELEMETRY": "1",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), _NOWHERE),
}


class Failed(Exception):
    """A peer did not install or did not run; the message is the last line that it left."""


def python_of(peer: Peer) -> str:
    """Return the interpreter that has the peer; install it if that was not done. Raise Failed if it cannot be."""
    if not peer.requirements:
        return sys.executable
    folder = ENVIRONMENTS / peer.environment
    python, stamp = folder / "bin" / "python", folder / ".made"
    wanted = "\n".join([sys.version, *peer.requirements, *_CONSTRAINTS])
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(folder)])
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(_CONSTRAINTS), encoding="utf-8")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
        run([*pip, *peer.requirements, *_SHARED])
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)


def quiet(home: Path) -> dict[str, str]:
    """Return the environment variables of a peer: no keys, no telemetry, no way out, and a home folder of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return kept | {"HOME": str(home), "USERPROFILE": str(home)} | _QUIET


def run(command: Sequence[str], environment: dict[str, str] | None = None, seconds: float = 1_200) -> None:
    """Run a command in the project's folder. Raises Failed."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=seconds)
    except subprocess.TimeoutExpired as exc:
        raise Failed(f"it took more than {seconds:.0f} seconds") from exc
    except subprocess.CalledProcessError as exc:
        said = f"{exc.stdout}\n{exc.stderr}".strip().splitlines()
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise Failed(errors[-1] if errors else f"exit status {exc.returncode}") from exc
