"""A hook's process: recall in time, print one answer, store the prompt if asked, and be gone. It never fails."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from . import protocol
from .protocol import Prompt

if TYPE_CHECKING:
    from ...memory import UserMemory

RECORD_SECONDS = 1.0
"""From the answer until the process ends, the prompt stored or not."""

OpenMemory: TypeAlias = "Callable[[Prompt], UserMemory]"
"""Open the memory that a prompt belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a hook may take, in seconds since the start of its process."""

    answer: float = 0.9
    """Until the answer is printed, with or without notes."""
    embed: float = 0.8
    """Until the model is given up, and words alone must do."""


def run(agent: str, open_memory: OpenMemory, *, record_turns: bool, started: float, limits: Limits) -> None:
    """Answer one hook on standard output, and end the process with status 0, whatever happens.

    `started` is when the process began, on the monotonic clock. The work runs on a daemon thread, loading included, so
    neither a locked file nor a slow disk can hold up the agent.
    """
    logging.getLogger("headroom").addHandler(logging.NullHandler())
    logging.getLogger("headroom").propagate = False
    hook = _Hook(agent, open_memory, record_turns=record_turns, embed_until=started + limits.embed)
    threading.Thread(target=hook.work, name="headroom-hook", daemon=True).start()
    hook.answered.wait(max(0.0, started + limits.answer - time.monotonic()))
    _print(protocol.answer(agent, hook.context))
    if record_turns:
        hook.done.wait(max(RECORD_SECONDS, limits.answer))
    # Without waiting for threads: the model may still be loading. What was stored was committed.
    os._exit(0)


def process_started() -> float:
    """Return when this process began, on the monotonic clock; if the system does not tell, now."""
    with suppress(OSError, AttributeError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
        since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    return time.monotonic()


class _Hook:
    """The work of one hook, and how far it has come."""

    def __init__(self, agent: str, open_memory: OpenMemory, *, record_turns: bool, embed_until: float) -> None:
        self.context = ""
        self.answered, self.done = threading.Event(), threading.Event()
        self._agent, self._open, self._record, self._embed_until = agent, open_memory, record_turns, embed_until

    def work(self) -> None:
        """Recall, then record. A failure leaves the prompt as it is."""
        try:
            prompt = protocol.read(sys.stdin.buffer.read().decode("utf-8", "replace"))
            if prompt is not None:
                self._serve(prompt)
        except Exception as exc:  # noqa: BLE001 - the edge of the library: the agent must go on without memory
            print(f"headroom hook: memory is left out: {type(exc).__name__}", file=sys.stderr)  # noqa: T201
        finally:
            self.answered.set()
            self.done.set()

    def _serve(self, prompt: Prompt) -> None:
        # By name, and here: it loads the store, which must not keep the answer waiting.
        recalling = importlib.import_module(f"{__package__}.recalling")
        with self._open(prompt) as memory:
            if protocol.takes_context(self._agent):
                # Words first, so that there is something to print if the model is not there in time.
                self.context = recalling.recall(memory, prompt, within=0.0)
                if (left := self._embed_until - time.monotonic()) > 0:
                    self.context = recalling.recall(memory, prompt, within=left)
            self.answered.set()
            if self._record:
                recalling.record(memory, prompt)


def _print(text: str) -> None:
    """Write the answer and close standard output, so that the agent need not wait for the end of the process."""
    with suppress(OSError):  # the agent has gone
        os.write(1, (text + "\n").encode())
        os.close(1)
