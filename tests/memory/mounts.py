"""File systems with a fault of their own, for as long as a test needs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Mount a disk of its own at `folder`; skip the test if this user may not mount one."""
    folder.mkdir()
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "none"):
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Let nobody write to `folder`: by its mode, or for root, who may write anyway, by a mount."""
    if os.geteuid():
        folder.chmod(0o500)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
        return
    with _mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield folder


@contextmanager
def read_only_view(folder: Path, view: Path) -> Iterator[None]:
    """Show `folder` at `view` too, where nobody may write; skip the test if this user may not mount."""
    view.mkdir()
    with _mounted(view, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(view)], check=True)
        yield


@contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
