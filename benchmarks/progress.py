"""A bar on the terminal; one line a step if the output is no terminal."""

from __future__ import annotations

import sys
from time import monotonic

_CELLS = 24


class Progress:
    """Shows which step runs, how far it is, and the time so far."""

    def __init__(self, steps: int) -> None:
        self._steps, self._done, self._name = steps, -1, ""
        self._started = self._drawn = monotonic()
        self._terminal = sys.stderr.isatty()

    def step(self, name: str) -> None:
        """Begin the next step."""
        self._done, self._name = self._done + 1, name
        if not self._terminal:
            print(f"[{self._clock()}] {self._done + 1}/{self._steps} {name}", file=sys.stderr, flush=True)
        self._draw(0.0, "")

    def part(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` of the current step is there; cheap to call often."""
        if monotonic() - self._drawn > 0.2:
            self._draw(done / max(total, 1), f"{what} {done:,} of {total:,}")

    def note(self, text: str) -> None:
        """Print something about the current step that stays on the screen."""
        clear = "\r\x1b[K" if self._terminal else ""
        print(f"{clear}{self._name}: {text}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Leave a full bar."""
        self._done, self._name = self._steps, "done"
        self._draw(0.0, "")
        if self._terminal:
            print(file=sys.stderr)

    def _draw(self, fraction: float, detail: str) -> None:
        self._drawn = monotonic()
        if self._terminal:
            full = int(_CELLS * (self._done + fraction) / self._steps)
            bar = "#" * full + "." * (_CELLS - full)
            print(f"\r\x1b[K[{bar}] {self._clock()} {self._name} {detail}", end="", file=sys.stderr, flush=True)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(monotonic() - self._started), 60)
        return f"{minutes}:{seconds:02}"
