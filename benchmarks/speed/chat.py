"""What the wrapper adds to a chat call, against the bare client on a server that answers at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from openai import OpenAI

from headroom import with_memory
from headroom.memory import MemoryConfig

from ..figures import Aim, Figure, memories, number
from ..lab import Lab, user_of
from ..measure import Spread, Times, added, milliseconds, take_turns
from .starts import ROOT

_SAMPLES = 20


def overhead(lab: Lab) -> Iterator[Figure]:
    """Send the same messages with the bare client and with wrapped ones, in turns."""
    with provider() as url, OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        config = MemoryConfig(db_path=lab.copy_of_sizes("chat"))
        yield _switched_off(lab, client, config)
        for size in lab.scale.real:
            yield from _by_size(lab, client, config, size)
        yield from _streamed(lab, client, config, max(lab.scale.real))


@contextmanager
def provider() -> Iterator[str]:
    """Run the loopback server; give its address."""
    program = [sys.executable, "-m", "benchmarks.speed.loopback"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def _switched_off(lab: Lab, client: OpenAI, config: MemoryConfig) -> Figure:
    """Many pairs, because two calls over HTTP differ by more than what is measured: each sample compares medians."""
    idle = with_memory(client, user_of(1), config=config, inject=False, extract=False)
    pairs = max(2, lab.scale.rounds * 2 // 3)
    bare, wrapped = take_turns(_SAMPLES * pairs, lambda _: say(client, "Hello"), lambda _: say(idle, "Hello"))
    in_cpu = _by_sample(wrapped.cpu, bare.cpu).median
    return Figure(
        what="a chat call with memory switched off, more than the bare client",
        measured=_by_sample(wrapped.wall, bare.wall),
        unit="ms",
        aim=Aim(at_most=0.1),
        detail=f"{_SAMPLES} samples of {pairs} pairs of calls; {number(in_cpu)} ms of processor time; "
        f"the bare call takes {milliseconds(bare).median:.2f} ms",
    )


def _by_sample(wrapped: Times, bare: Times) -> Spread:
    """Return the milliseconds between the medians of the two ways, sample by sample."""
    with_it, without = (np.median(times.reshape(_SAMPLES, -1), axis=1) for times in (wrapped, bare))
    return Spread.of(1e3 * (with_it - without))


def _by_size(lab: Lab, client: OpenAI, config: MemoryConfig, size: int) -> Iterator[Figure]:
    remembering = with_memory(client, user_of(size), config=config)
    rounds = lab.scale.rounds // 2
    messages, learning = lab.questions(rounds + 3), lab.questions(rounds + 3)
    bare, call, fact, embedding = take_turns(
        rounds,
        lambda i: say(client, messages[i]),
        lambda i: say(remembering, messages[i]),
        lambda i: say(remembering, learning[i], model="fact"),
        lambda i: lab.embedder.embed_query(messages[i]),
    )
    detail = f"the bare embedder call takes {milliseconds(embedding).median:.2f} ms"
    name = f"a chat call with {memories(size)}, more than the bare client"
    yield Figure(what=name, measured=added(call, bare), unit="ms", detail=detail)
    yield Figure(what=f"{name}, one fact learned", measured=added(fact, bare), unit="ms", detail=detail)


def _streamed(lab: Lab, client: OpenAI, config: MemoryConfig, size: int) -> Iterator[Figure]:
    remembering = with_memory(client, user_of(size), config=config)
    rounds = lab.scale.rounds // 2
    messages = [lab.questions(rounds + 3) for _ in range(2)]
    first, wrapped_first, whole, wrapped_whole = take_turns(
        rounds,
        lambda i: first_token(client, messages[0][i]),
        lambda i: first_token(remembering, messages[0][i]),
        lambda i: read(client, messages[1][i]),
        lambda i: read(remembering, messages[1][i]),
    )
    name = f"a streamed chat call with {memories(size)}, more than the bare client"
    yield Figure(what=f"{name}, to the first token", measured=added(wrapped_first, first), unit="ms")
    yield Figure(
        what=f"{name}, the whole stream",
        measured=added(wrapped_whole, whole),
        unit="ms",
        detail=f"the bare stream takes {milliseconds(whole).median:.2f} ms",
    )


def say(client: Any, text: str, model: str = "plain", **options: Any) -> Any:
    """Make one chat call."""
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **options)


def read(client: Any, text: str) -> int:
    """Read a streamed reply to its end."""
    return sum(1 for _ in say(client, text, stream=True))


def first_token(client: Any, text: str) -> None:
    """Read a streamed reply to its first visible text."""
    with say(client, text, stream=True) as stream:
        next(chunk for chunk in stream if chunk.choices and chunk.choices[0].delta.content)
