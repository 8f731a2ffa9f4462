"""The drop-in: `with_memory`."""

from .learning import Redact
from .client_memory import AsyncChatMemory, ChatMemory
from .with_memory import with_memory
from .last_turn import LastTurn, Skipped, Stored

__all__ = ["AsyncChatMemory", "ChatMemory", "LastTurn", "Redact", "Skipped", "Stored", "with_memory"]
