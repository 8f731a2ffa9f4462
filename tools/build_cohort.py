"""Embed the texts of the cohort with the bundled embedder: src/headroom/memory/cohort/vectors.bin.

    python tools/build_cohort.py

Run it after a change of texts.txt or of the model, and measure again: python -m benchmarks.quality
"""

from __future__ import annotations

from pathlib import Path

from headroom.memory.cohort import encoded, texts
from headroom.memory.embedders.onnx import OnnxEmbedder

OUT = Path(__file__).parent.parent / "src/headroom/memory/cohort/vectors.bin"


def main() -> None:
    """Write the vectors, a byte a number."""
    vectors = OnnxEmbedder().embed(texts().all)
    OUT.write_bytes(encoded(vectors))
    print(f"{len(vectors)} texts, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
