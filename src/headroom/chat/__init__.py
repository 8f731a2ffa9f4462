"""The drop-in: `with_memory`."""

from .facts import Redact
from .memory import AsyncChatMemory, ChatMemory
from .proxy import with_memory
from .report import LastTurn, Skipped, Stored

__all__ = ["AsyncChatMemory", "ChatMemory", "LastTurn", "Redact", "Skipped", "Stored", "with_memory"]
