"""Saving, one fact at a time and in bulk, against the bare embedder call."""

from __future__ import annotations

from collections.abc import Iterator

from ..figures import Aim, Figure, against
from ..lab import Lab, user_of
from ..measure import Spread, milliseconds, ratio, take_turns
from ..sentences import Sentences


def save(lab: Lab) -> Iterator[Figure]:
    """Save facts, each durable when the call returns, for a user who has many already."""
    rounds, warm_up = lab.scale.rounds, 3
    facts = [f"{fact} since then" for fact in Sentences(seed=2).facts(rounds + warm_up)]
    user = user_of(max(lab.scale.real))
    with lab.memory(lab.copy_of_sizes("save")) as memory:
        bare, saved = take_turns(
            rounds,
            lambda i: lab.embedder.embed([facts[i]]),
            lambda i: memory.save(facts[i], user_id=user),
            warm_up=warm_up,
        )
    yield against("save of one fact, durable / bare embedder call", saved, bare, Aim(at_most=2))
    yield Figure(what="save of one fact, durable", measured=milliseconds(saved), unit="ms", aim=Aim(at_most=10))


def bulk_load(lab: Lab) -> Iterator[Figure]:
    """Load batches with `save_many`; the batch embedder takes turns with it on the same texts."""
    size, rounds = lab.scale.bulk, max(3, lab.scale.rounds // 30)
    facts = Sentences(seed=3).facts(size * (rounds + 1))
    batches = [facts[i * size : (i + 1) * size] for i in range(rounds + 1)]

    def embed(index: int) -> None:
        lab.progress.part(index, rounds + 1, "batch")
        lab.embedder.embed(batches[index])

    with lab.memory(lab.folder / "bulk.db") as memory:
        embedded, loaded = take_turns(rounds, embed, lambda i: memory.save_many(batches[i], user_id="alice"), warm_up=1)
    rates = (f"{size / milliseconds(times).median * 1e3:,.0f}" for times in (loaded, embedded))
    yield Figure(
        what="bulk load / bare batch embedder, throughput",
        measured=ratio(embedded, loaded),
        unit="x",
        aim=Aim(at_least=0.85),
        detail=f"{' against '.join(rates)} memories a second; "
        f"{Spread.of(embedded.cpu / loaded.cpu).median:.2f} x in processor time",
    )
