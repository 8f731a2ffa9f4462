"""The memory of each test's own: what runs on threads and through forks here is a memory."""

from ..memory.conftest import engine, memory, path

__all__ = ["engine", "memory", "path"]
