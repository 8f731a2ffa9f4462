"""What a chat is reminded of: the share of messages that bring the right notes, by kind of message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom.memory import Embedder, MemoryConfig
from headroom.memory.engine import Engine
from headroom.memory.open import acquire, release
from headroom.memory.records import Reader

from .people import Asked, Message, Person, scenes

NOTES = 5
"""Notes that a chat gets at most, by default."""

Recall = Callable[[Engine, Reader, Message], Sequence[str]]
"""Return the texts of the notes that a message brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What one message brought."""

    asked: Asked
    message: Message
    notes: tuple[str, ...]

    @property
    def right(self) -> int:
        """How many of the notes are wanted."""
        return sum(note in self.message.wanted for note in self.notes)

    @property
    def good(self) -> bool:
        """Enough notes came; for a message that needs none, any did."""
        if not self.message.needed:
            return bool(self.notes)
        return (self.right if self.message.wanted else len(self.notes)) >= self.message.needed


def through_the_engine(engine: Engine, reader: Reader, message: Message) -> Sequence[str]:
    """Recall as a chat turn does."""
    return [note.content for note in engine.recall(reader, message.text, top_k=NOTES, earlier=message.earlier)]


def ask(
    folder: Path, people: Iterable[Person], *, recall: Recall = through_the_engine, embedder: Embedder | None = None
) -> Iterator[Brought]:
    """Store the notes of each scene as a user of its own, and send its messages."""
    for person in people:
        engine = acquire(MemoryConfig(db_path=folder / f"{person.name}.db"), embedder)
        try:
            for number, scene in enumerate(scenes(person)):
                reader = Reader(user_id=f"{person.name} {number}")
                engine.save(reader, scene.notes)
                for message in scene.messages:
                    yield Brought(asked=scene, message=message, notes=tuple(recall(engine, reader, message)))
        finally:
            release(engine)
