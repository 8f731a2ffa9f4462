"""Search end to end against the bare embedder call, by the number of memories of one user."""

from __future__ import annotations

from collections.abc import Iterator

from headroom.memory.records import Reader

from ..figures import Aim, Figure, against
from ..lab import Lab, user_of
from ..measure import Way, milliseconds, take_turns

BARE = "bare embedder call"
END_TO_END = "search, end to end"
WITHOUT = "search without the embedder call"
_AIMS = {10_000: Aim(at_most=1.5)}


def by_size(lab: Lab) -> Iterator[Figure]:
    """Ask each user the same kind of question; the embedder takes turns with the search and the injection."""
    for size in lab.scale.real:
        lab.progress.part(size, max(lab.scale.real), "searching among")
        yield from _asked(lab, size)


def _asked(lab: Lab, size: int) -> Iterator[Figure]:
    rounds, warm_up = lab.scale.rounds, 3
    user = user_of(size)
    asked, recalled = lab.questions(rounds + warm_up), lab.questions(rounds + warm_up)
    with lab.engine(lab.sizes) as engine, lab.memory(lab.sizes) as memory:
        ways: tuple[Way, ...] = (
            lambda i: lab.embedder.embed_query(asked[i]),
            lambda i: memory.search(asked[i], user_id=user),
            # The same question again: its vector is in the cache.
            lambda i: memory.search(asked[max(i - 1, 0)], user_id=user),
            lambda i: engine.recall(Reader(user_id=user), recalled[i], top_k=5),
        )
        bare, searched, cached, injected = take_turns(rounds, *ways, warm_up=warm_up)
    yield against(f"search among {size:,} / bare embedder call", searched, bare, _AIMS.get(size))
    yield against(f"recall for a chat among {size:,} / bare embedder call", injected, bare, _AIMS.get(size))
    for name, times in ((BARE, bare), (END_TO_END, searched), (WITHOUT, cached)):
        yield Figure(what=f"{name}, {size:,}", measured=milliseconds(times), unit="ms", series=name, size=size)
