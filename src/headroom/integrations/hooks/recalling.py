"""What a hook does with the memory: the notes for a prompt, and the prompt as a memory of its session. Slow to load."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ...chat.prompt.frame import frame
from ...memory.portable.readers.brought import pieces
from ...memory.records import Draft, Origin
from ...memory.rules.secrets.redaction import redact_text
from ...memory.user_memory import UserMemory
from .protocol import Prompt

_TOP_K = 8


def recall(memory: UserMemory, prompt: Prompt, *, within: float) -> str:
    """Return the notes for a prompt, quoted as data in a frame; empty if nothing stands out.

    After `within` seconds without a vector of the prompt, words alone decide.
    """
    framed = frame(memory.recall(prompt.text, top_k=_TOP_K, within=within), day=date.today())
    return framed.text.strip() if framed.notes else ""


def record(memory: UserMemory, prompt: Prompt) -> None:
    """Store a prompt as it is but for secrets, seen by its own session alone; nothing without a session.

    One that is too long for a memory is stored in pieces.
    """
    if prompt.session_id is not None:
        session = replace(memory.reader, session_id=prompt.session_id)
        text, _ = redact_text(prompt.text)
        drafts = [Draft(piece, scope="session", origin=Origin.USER) for piece in pieces(text)]
        UserMemory.over(memory.engine, session).add_many(drafts)
