"""What the project promised before there was any code: each of these blocks runs exactly as printed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from .blocks import Notebook
from .server import Server

# Quick, though the model loads once: what users install has to keep these on every Python.
pytestmark = [pytest.mark.quick, pytest.mark.usefixtures("loaded_embedder")]

QUICK_START = """
from openai import OpenAI
from headroom import with_memory

# One line — that's it
client = with_memory(OpenAI(), user_id="alice")

# Use exactly like normal
response = client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "I prefer Python for backend work"}]
)
# Memory extracted INLINE — zero extra latency

# Later, in a new conversation...
response = client.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "What language should I use?"}]
)
# Response uses the Python preference from memory
"""

SESSIONS = """
from openai import OpenAI
from headroom import with_memory

# Session 1: Morning
client1 = with_memory(
    OpenAI(),
    user_id="bob",
    session_id="morning-session",
)
response = client1.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "I prefer Go for performance-critical code"}]
)
# Memory stored at USER level (persists across sessions)

# Session 2: Afternoon (different session, same user)
client2 = with_memory(
    OpenAI(),
    user_id="bob",
    session_id="afternoon-session",
)
response = client2.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "What language for my new microservice?"}]
)
# Recalls Go preference from morning session
"""

NO_SETUP = """
from headroom.memory import Memory

# No setup required — works out of the box
memory = Memory()

await memory.save("User prefers dark mode and uses Python", user_id="alice")

results = await memory.search("What programming language?", user_id="alice")
for r in results:
    print(r.content, r.score)
"""

CONFIG = """
from headroom.memory import MemoryConfig, EmbedderBackend, VectorBackend

config = MemoryConfig(
    db_path="memory.db",           # SQLite database path
    vector_backend=VectorBackend.AUTO,  # AUTO selects SQLITE_VEC if available, else HNSW
    vector_dimension=384,          # Embedding vector size
    hnsw_ef_construction=200,      # HNSW build-time accuracy
    hnsw_m=16,                     # HNSW connections per node
    hnsw_ef_search=50,             # HNSW search-time accuracy
    cache_enabled=True,
    cache_max_size=1000,
    embedder_backend=EmbedderBackend.ONNX,   # Fast, free, private (~30 MB)
    embedder_model="BAAI/bge-small-en-v1.5",
)
"""

ASYNC = """
from headroom.memory import Memory

memory = Memory()

# Save a fact
await memory.save(
    "User prefers dark mode and uses Python",
    user_id="alice",
)

# Semantic search
results = await memory.search(
    "What programming language?",
    user_id="alice",
)
for r in results:
    print(r.content, r.score)
"""

# The printed block takes its imports from the ones before it.
IMPORTS = """
from openai import OpenAI
from headroom import with_memory
"""

DIRECT = """
client = with_memory(OpenAI(), user_id="alice")

# Semantic search
results = client.memory.search("python preferences", top_k=5)

# Add a memory manually
client.memory.add("User is a senior engineer", importance=0.9)

# Get all memories for this user
all_memories = client.memory.get_all()

# Stats
stats = client.memory.stats()
print(f"Total memories: {stats['total']}")
"""

CROSS_AGENT = """
from headroom.memory import Memory

memory = Memory()

# Claude Code stores a fact
await memory.save(
    "Project uses uv, not pip",
    user_id="team",
    agent_id="claude",
)

# Codex recalls it in a different session
results = await memory.search(
    "package manager",
    user_id="team",
    agent_id="codex",
)
# Returns: "Project uses uv, not pip"
"""

PROVIDERS = """
from openai import OpenAI
from headroom import with_memory

# Standard OpenAI
client = with_memory(OpenAI(), user_id="alice")

# Azure OpenAI
client = with_memory(
    OpenAI(base_url="https://your-resource.openai.azure.com/..."),
    user_id="alice",
)

# Groq
from groq import Groq
client = with_memory(Groq(), user_id="alice")
"""


@pytest.fixture(autouse=True)
def provider(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the environment name the loopback as the provider."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    monkeypatch.setenv("GROQ_API_KEY", "test")
    monkeypatch.chdir(tmp_path)


Run: TypeAlias = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.fixture
def run(notebook: Notebook) -> Run:
    """Run one promised block by itself and return its names."""

    async def run(code: str) -> dict[str, Any]:
        await notebook.run(code, source="promise")
        return notebook.names

    return run


async def test_quick_start(run: Run, server: Server) -> None:
    """The second conversation carries the preference that the first reply taught; both replies are clean."""
    server.script('Good.\n<memory>[{"content": "User prefers Python for backend work"}]</memory>', "Python.")
    names = await run(QUICK_START)
    assert "User prefers Python for backend work" in server.received[1].messages[-1]["content"]
    assert names["response"].choices[0].message.content == "Python."
    assert [memory.content for memory in names["client"].memory.get_all()] == ["User prefers Python for backend work"]


async def test_a_user_memory_outlives_its_session(run: Run, server: Server) -> None:
    """The afternoon session recalls what the morning session was told."""
    server.script('Fast!\n<memory>[{"content": "User prefers Go for performance-critical code"}]</memory>', "Go.")
    await run(SESSIONS)
    assert "User prefers Go for performance-critical code" in server.received[1].messages[-1]["content"]


@pytest.mark.parametrize("block", [NO_SETUP, ASYNC])
async def test_memory_works_out_of_the_box(run: Run, block: str, headroom_home: Path) -> None:
    """`Memory()` needs no setup and keeps its one file in the home folder."""
    names = await run(block)
    assert [(r.content, 0 <= r.score <= 1) for r in names["results"]] == [
        ("User prefers dark mode and uses Python", True)
    ]
    assert (headroom_home / "memory.db").is_file()


async def test_config_takes_every_parameter(run: Run, tmp_path: Path) -> None:
    """Making a config with every printed parameter touches neither disk nor network."""
    names = await run(CONFIG)
    assert names["config"].embedder_model == "BAAI/bge-small-en-v1.5"
    assert not (tmp_path / "memory.db").exists()


async def test_the_wrapped_client_shows_its_memory(run: Run) -> None:
    """`.memory` of a sync client works while an event loop runs, as in a notebook."""
    names = await run(IMPORTS + DIRECT)
    assert names["results"] == []
    assert [memory.content for memory in names["all_memories"]] == ["User is a senior engineer"]
    assert names["all_memories"][0].importance == 0.9
    assert names["stats"]["total"] == 1


async def test_agents_share_what_they_learn(run: Run) -> None:
    """Codex finds what Claude saved, and sees who saved it."""
    names = await run(CROSS_AGENT)
    assert [result.content for result in names["results"]] == ["Project uses uv, not pip"]
    assert [source.agent_id for source in names["results"][0].sources] == ["claude"]


async def test_every_provider_can_be_wrapped(run: Run, server: Server) -> None:
    """A Groq client is wrapped like an OpenAI one, and remembers."""
    names = await run(PROVIDERS)
    server.script('Hi.\n<memory>[{"content": "User lives in Lima"}]</memory>')
    reply = names["client"].chat.completions.create(model="m", messages=[{"role": "user", "content": "I live in Lima"}])
    assert reply.choices[0].message.content == "Hi."
    assert [memory.content for memory in names["client"].memory.get_all()] == ["User lives in Lima"]
