"""The drop-in: `with_memory`."""

from .client_memory import AsyncChatMemory, ChatMemory
from .last_turn import LastTurn, Skipped, Stored
from .learning import Redact
from .with_memory import with_memory

__all__ = ["AsyncChatMemory", "ChatMemory", "LastTurn", "Redact", "Skipped", "Stored", "with_memory"]
