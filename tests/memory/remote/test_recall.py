"""A chat is reminded by the same rule as with the local file, with the embedder that is bundled."""

from __future__ import annotations

import pytest

from headroom.memory.open import acquire, release
from headroom.memory.records import Reader
from headroom.testing import bundled_embedder

from ...chat.test_recalling import ALLERGIES, LOG, OTHERS
from .emptied import Collections

pytestmark = pytest.mark.engines

ALICE = Reader(user_id="alice")


def test_what_is_told_much_of_is_recalled_and_small_talk_recalls_nothing(collections: Collections) -> None:
    """Crowded topics, a profile, a follow-up and a question behind a paste, through Qdrant."""
    engine = acquire(collections.config(bundled_embedder().id))
    try:
        engine.save(ALICE, [*ALLERGIES, *OTHERS])

        def recalled(message: str, *earlier: str) -> set[str]:
            return {note.content for note in engine.recall(ALICE, message, top_k=5, earlier=earlier)}

        assert set(ALLERGIES) <= recalled("What am I allergic to?")
        assert len(recalled("What do you know about me?")) >= 3
        assert not recalled("thanks, that helped a lot", "What am I allergic to?")
        budget = "The user wants to spend at most 150 dollars a night on hotels."
        assert budget in recalled("How much may it cost?", "Help me book a hotel in Lisbon.")
        assert "The user's home server is called otter and runs Nextcloud." in recalled(
            f"{LOG}\n\nWhich of my servers is it?"
        )
    finally:
        release(engine)
