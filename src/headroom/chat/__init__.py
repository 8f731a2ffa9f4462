"""The drop-in: `with_memory`."""

from .client_memory import AsyncChatMemory, ChatMemory, ChatStats
from .last_turn import LastTurn, Skipped, Stored
from .learning import Redact
from .with_memory import with_memory

__all__ = ["AsyncChatMemory", "ChatMemory", "ChatStats", "LastTurn", "Redact", "Skipped", "Stored", "with_memory"]

# What a traceback or a repr shows is where the name is to be imported from.
for _shown in (AsyncChatMemory, ChatMemory, with_memory):
    _shown.__module__ = __name__
