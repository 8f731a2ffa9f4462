"""Which peers there are, what pip installs for each, and which script drives it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One row of the table."""

    name: str
    script: str
    """A module of `stores`."""
    requirements: tuple[str, ...] = ()
    """What pip installs, the peer itself first; without any it runs where this project runs."""
    on_disk: bool = True
    """Whether what it holds outlives the process."""
    remembers: bool = True
    """Whether it is a store at all."""

    @property
    def environment(self) -> str:
        """The name of its environment's folder; peers with the same requirements share one."""
        return self.requirements[0].replace("==", "-")

    @property
    def version(self) -> str:
        """The version that is pinned, or this project's."""
        return self.requirements[0].partition("==")[2] if self.requirements else version("headroom-memory")


# For Pythons whose sqlite3 cannot load extensions: sqlite-vec is one.
_SQLITE = "pysqlite3-binary==0.5.4.post2; sys_platform == 'linux' and platform_machine == 'x86_64'"
_LANGGRAPH = ("langgraph==1.2.24", "langgraph-checkpoint-sqlite==3.1.2", _SQLITE)
_HEADROOM_AI = ("headroom-ai==0.42.0", "sqlite-vec==0.1.9", _SQLITE)

PEERS = (
    Peer(name="the embedder alone", script="bare", on_disk=False, remembers=False),
    Peer(name="this project", script="ours"),
    Peer(name="mem0", script="mem0", requirements=("mem0ai==2.2.1",)),
    Peer(name="chromadb", script="chroma", requirements=("chromadb==1.5.9",)),
    # It imports httpx without asking for it.
    Peer(name="taosmd", script="taosmd", requirements=("taosmd==0.4.0", "httpx==0.28.1")),
    Peer(name="LangGraph SqliteStore", script="langgraph_sqlite", requirements=_LANGGRAPH),
    Peer(name="LangGraph InMemoryStore", script="langgraph_memory", requirements=_LANGGRAPH, on_disk=False),
    # Without its extra "memory", which wants torch; sqlite-vec is the part of it that the local store needs.
    Peer(name="headroom-ai", script="headroom_ai", requirements=_HEADROOM_AI),
)
