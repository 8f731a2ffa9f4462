"""Invented users: what they told, and messages of theirs with the notes that these should bring.

Each user is one text file in `people/`; `load` says how it is laid out. `fillers.txt` holds notes that answer nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent
_SHARED = ("chatter.txt", "unrelated.txt")
"""Small talk and general questions for all English users of a folder; those beside this file if it has none."""
SIZES = (32, 92, 252)
"""How many notes the direct questions, and all other messages but those on a crowded topic, are asked among."""
_TOPIC_SHARES = (1, 2, 3, 5)
"""A topic makes up all of the notes, half, a third and a fifth of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a user writes, and which of the notes it should bring."""

    text: str
    earlier: tuple[str, ...] = ()
    """The user's messages before, oldest first."""
    wanted: frozenset[str] = frozenset()
    needed: int = 0
    """How many of `wanted`, or of any notes if `wanted` is empty, make it right; 0: no note at all may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A user with some notes, and messages of one kind."""

    person: str
    kind: str
    language: str
    notes: tuple[str, ...]
    messages: tuple[Message, ...]


@dataclass(slots=True, kw_only=True)
class Person:
    """One file, read."""

    name: str
    language: str
    folder: Path
    sections: dict[str, list[str]] = field(default_factory=dict)

    def pairs(self, section: str) -> list[tuple[str, str]]:
        """Return the lines "left :: right" of a section."""
        return [_split(line, "::") for line in self.sections.get(section, [])]

    def topics(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Yield the notes and the questions of each topic."""
        for section, lines in self.sections.items():
            if section.startswith("topic "):
                asked = tuple(line[2:] for line in lines if line.startswith("? "))
                yield tuple(line for line in lines if not line.startswith("? ")), asked


def load(group: str = "") -> list[Person]:
    """Read the users of a group: a folder below `people/`, or the first twelve.

    "broad" are English users whose topics hold notes that hardly look alike, "languages" write in ten other languages,
    and "unseen" are English ones by another writer, whose texts nobody read while the rule was made.

    A file opens with `name:` and `language:`. Then come sections: `[direct]` with lines "note :: question",
    `[follow-ups]` with "earlier message > message :: note", `[pastes]` with "question :: note", `[topic ...]` with
    notes and "? question" lines, and `[notes]`, `[about me]`, `[small talk]`, `[unrelated]` with one text a line.
    """
    folder = _HERE / "people" / group
    return [_read(path) for path in sorted(folder.glob("*.txt")) if path.name not in _SHARED]


def scenes(person: Person) -> Iterator[Asked]:
    """Yield everything that is asked as this user."""
    yield from _crowded(person)
    kinds = list(_kinds(person))
    for notes in _stores(person):
        for kind, messages in kinds:
            if messages:
                yield _asked(person, kind, notes, messages)


def own_notes(person: Person) -> list[str]:
    """Return the notes of the user's own file, but for the topics'."""
    facts = [note for note, _ in person.pairs("direct")]
    facts += [note for section in ("follow-ups", "pastes") for _, note in person.pairs(section)]
    return list(dict.fromkeys([*facts, *person.sections.get("notes", [])]))


def _stores(person: Person) -> Iterator[tuple[str, ...]]:
    own = own_notes(person)
    topic_notes = [note for notes, _ in person.topics() for note in notes]
    if person.language != "English":  # fillers are in English: they would make it easy
        yield tuple(_mixed([*own, *topic_notes]))
        return
    for size in SIZES:
        yield tuple(
            _mixed([*own, *_fillers(person)][:size] if size < 90 else [*own, *topic_notes, *_fillers(person)][:size])
        )


def _crowded(person: Person) -> Iterator[Asked]:
    for notes, questions in person.topics():
        messages = [Message(text=text, wanted=frozenset(notes), needed=3) for text in questions]
        others = [*own_notes(person), *(_fillers(person) if person.language == "English" else [])]
        for share in _TOPIC_SHARES:
            yield _asked(person, "crowded", tuple(_mixed([*notes, *others[: (share - 1) * len(notes)]])), messages)


def _kinds(person: Person) -> Iterator[tuple[str, list[Message]]]:
    yield "direct", [Message(text=text, wanted=frozenset([note]), needed=1) for note, text in person.pairs("direct")]
    yield "about me", [Message(text=text, needed=3) for text in person.sections["about me"]]
    yield "follow-up", [_follow_up(line, note) for line, note in person.pairs("follow-ups")]
    yield "behind a paste", [m for text, note in person.pairs("pastes") for m in _pasted(text, note)]
    yield "small talk", [Message(text=text) for text in _lines(person, "small talk", "chatter.txt")]
    yield "unrelated", [Message(text=text) for text in _lines(person, "unrelated", "unrelated.txt")]


def _follow_up(line: str, note: str) -> Message:
    *earlier, text = (part.strip() for part in line.split(" > "))
    return Message(text=text, earlier=tuple(earlier), wanted=frozenset([note]), needed=1)


def _pasted(question: str, note: str) -> Iterator[Message]:
    for path in sorted((_HERE / "pastes").glob("*.txt")):
        yield Message(text=f"{path.read_text(encoding='utf-8')}\n{question}", wanted=frozenset([note]), needed=1)


def _asked(person: Person, kind: str, notes: Sequence[str], messages: Sequence[Message]) -> Asked:
    """Ask of a store what its notes can answer."""
    known = set(notes)
    answerable = tuple(message for message in messages if message.wanted <= known)
    return Asked(person=person.name, kind=kind, language=person.language, notes=tuple(notes), messages=answerable)


def _lines(person: Person, section: str, shared: str) -> list[str]:
    if person.language != "English":
        return person.sections[section]
    own = person.folder / shared
    return (own if own.exists() else _HERE / shared).read_text(encoding="utf-8").splitlines()


def _fillers(person: Person) -> list[str]:
    """Return the notes that answer nothing, in the style of this user's own."""
    first = person.pairs("direct")[0][0]
    style = next((word for word in ("The user", "User", person.name) if first.startswith(word)), None)
    lines = (_HERE / "fillers.txt").read_text(encoding="utf-8").splitlines()
    if style is None:
        return [line.removeprefix("{U} ").capitalize() for line in lines]
    return [line.replace("{U}", style) for line in lines]


def _mixed(notes: Sequence[str]) -> list[str]:
    """Order notes so that neighbours have nothing to do with each other, always in the same way."""
    return [note for start in range(7) for note in notes[start::7]]


def _read(path: Path) -> Person:
    head, *rest = re.split(r"^\[(.+)\]$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = dict(_split(line, ":") for line in head.splitlines() if line)
    sections = {
        title: [line for line in body.splitlines() if line] for title, body in zip(rest[::2], rest[1::2], strict=True)
    }
    return Person(name=named["name"], language=named["language"], folder=path.parent, sections=sections)


def _split(line: str, mark: str) -> tuple[str, str]:
    left, right = line.rsplit(mark, 1) if mark == "::" else line.split(mark, 1)
    return left.strip(), right.strip()
