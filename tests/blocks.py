"""Run Python as it stands in a document, bare `await` included."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any


class Notebook:
    """Runs blocks one after another in shared names, as a reader would, and closes at the end what they opened."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._opened: dict[int, Any] = {}

    async def run(self, code: str, *, source: str) -> None:
        """Run `code` inside the running event loop."""
        compiled = compile(code, source, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(compiled, self.names)
        if inspect.iscoroutine(result):
            await result
        found = (value for value in self.names.values() if hasattr(value, "close") and not inspect.isclass(value))
        self._opened.update((id(value), value) for value in found)

    async def close(self) -> None:
        """Close every client and every memory, also those whose name was taken since."""
        for opened in self._opened.values():
            closed = opened.close()
            if inspect.isawaitable(closed):
                await closed


def python_blocks(document: Path) -> list[str]:
    """Return the Python blocks of a Markdown document, each at its own line, so that a traceback points there."""
    text = document.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return ["\n" * text[: block.start(1)].count("\n") + block[1] for block in found]
