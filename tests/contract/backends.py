"""What every backend must keep to: the store's promises, over a deterministic embedder."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from headroom.errors import Closed, EmbedderUnavailable
from headroom.memory.protocols import Vector, Vectors
from headroom.memory.records import Reader
from headroom.testing.embedders import HashEmbedder

from ..asking import find, listed
from .carrying import Carrying
from .changing import Changing
from .finding import Finding
from .keeping import Keeping
from .looking_back import LookingBack
from .opened import ALICE, BOB


class BackendContract(Keeping, Finding, Changing, LookingBack, Carrying):
    """What every backend must keep to. Subclass it in a test module, say how to make yours, and run pytest:

    class TestMine(BackendContract):
        def make_backend(self, embedder):
            return Mine(embedder)
    """

    def test_a_stranger_has_nothing(self) -> None:
        """Reading, clearing and counting for a user who never saved gives nothing, and fails nowhere."""
        with self.opened() as engine:
            assert find(engine, BOB, "anything") == []
            assert listed(engine, BOB) == []
            assert engine.clear(BOB) == 0
            assert engine.stats(BOB)["total"] == engine.stats()["total"] == 0

    def test_many_threads_share_one_backend(self) -> None:
        """Saves and searches from eight threads lose nothing and mix nothing up."""
        with self.opened() as engine:

            def work(worker: int) -> None:
                reader = Reader(user_id=f"user {worker % 4}")
                for n in range(10):
                    engine.save(reader, [f"thread {worker} says {n}"])
                    found = find(engine, reader, f"thread {worker} says {n}", top_k=50)
                    assert f"thread {worker} says {n}" in {result.content for result in found}
                    assert {result.user_id for result in found} == {reader.user_id}

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(work, range(8)))
            assert engine.stats()["total"] == 80

    def test_after_close_every_call_says_so(self) -> None:
        """Closing twice is fine; using it afterwards raises Closed."""
        with self.opened() as engine:
            engine.save(ALICE, ["likes tea"])
            engine.close()
            engine.close()
            calls = (
                lambda: engine.save(ALICE, ["more"]),
                lambda: find(engine, ALICE, "tea"),
                lambda: listed(engine, ALICE),
                lambda: engine.clear(ALICE),
                lambda: engine.stats(),
            )
            for call in calls:
                try:
                    call()
                except Closed:
                    continue
                raise AssertionError("a closed backend answered")

    def test_a_memory_may_wait_for_its_vector(self) -> None:
        """What is saved while the embedder does not answer is found by its words, and by its vector once it does."""
        embedder = _Silent()
        with self.opened(embedder) as engine:
            engine.save(ALICE, ["the cat sat", "User prefers dark mode"])
            assert [result.content for result in find(engine, ALICE, "dark")] == ["User prefers dark mode"]
            embedder.answers = True
            assert engine.embed_waiting() == 2
            assert engine.embed_waiting() == 0
            found = find(engine, ALICE, "the cat sat")
            assert found[0].content == "the cat sat"
            assert len(listed(engine, ALICE)) == 2


class _Silent(HashEmbedder):
    answers = False

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not self.answers:
            raise EmbedderUnavailable("its server does not answer")
        return super().embed(texts)

    def embed_query(self, text: str) -> Vector:
        row: Vector = self.embed([text])[0]
        return row
