"""A program that PyInstaller froze: the hook in the package brings what is loaded by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PyInstaller", reason="pyinstaller is not installed")

PROGRAM = """
import asyncio, sys
from headroom.memory import Memory, MemoryConfig, VectorBackend

async def main():
    config = MemoryConfig(db_path=sys.argv[1], vector_backend=VectorBackend.SQLITE_VEC)
    async with Memory(config) as memory:
        await memory.save("User plays the cello", user_id="alice")
        print((await memory.search("Which instrument?", user_id="alice"))[0].content)

asyncio.run(main())
"""


def test_a_frozen_program_remembers(tmp_path: Path) -> None:
    """The frozen program has the bundled model and sqlite-vec's library, and needs no Python beside it."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    built = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--onedir", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    frozen = next((tmp_path / "dist" / "program").glob("program*"))
    ran = subprocess.run([frozen, tmp_path / "memory.db"], capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip() == "User plays the cello", ran.stderr
