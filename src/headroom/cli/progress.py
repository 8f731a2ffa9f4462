"""A progress bar on a terminal's standard error: that of rich if it is installed, else a plain one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with how many are done and how many there are in all."""
    if importlib.util.find_spec("rich") is not None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            task = bars.add_task(unit, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
    else:
        from tqdm import tqdm

        with tqdm(unit=f" {unit}", delay=0.5, disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show
