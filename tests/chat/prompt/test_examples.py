"""The examples for small models keep the format that the instruction asks for."""

from __future__ import annotations

import pytest

from headroom.chat.block.filter import parse
from headroom.chat.prompt.examples import EXAMPLES

pytestmark = pytest.mark.quick


def test_the_examples_are_turns_that_keep_the_format() -> None:
    """Each reply is an answer and a block that is read whole; some turns hold a fact, and some do not."""
    assert [message["role"] for message in EXAMPLES] == ["user", "assistant"] * 5
    replies = [parse(message["content"]) for message in EXAMPLES[1::2]]
    assert all(reply.visible and reply.blocks == 1 and not reply.cut and not reply.skipped for reply in replies)
    assert {len(reply.items) for reply in replies} == {0, 1}
