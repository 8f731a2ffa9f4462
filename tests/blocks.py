"""Run Python as it stands in a document, bare `await` included."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

Names = dict[str, Any]


async def run_block(code: str, names: Names, *, source: str) -> None:
    """Run `code` in `names`, inside the running event loop, as a notebook does."""
    compiled = compile(code, source, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, names)
    if inspect.iscoroutine(result):
        await result


def python_blocks(document: Path) -> list[str]:
    """Return the Python blocks of a Markdown document, each at its own line, so that a traceback points there."""
    text = document.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return ["\n" * text[: block.start(1)].count("\n") + block[1] for block in found]
