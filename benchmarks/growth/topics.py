"""What a user talks about: ten kinds of fact, each in four phrasings, and how it is told and asked in a chat."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from ..words import SLOTS, split

_LISTS = {name: split(values) for name, values in SLOTS.items()}
_OWN = split(
    """shoe size|monthly rent in euros|postcode|house number|locker|bus line|library card|seat at the office|badge|
    weekly working hours|weekly running distance|membership at the gym|insurance policy|standing desk height|
    resting pulse|daily step goal|savings goal in euros|phone extension|parking space|flat"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What holds of a subject: as a note has it, and as the user says it on a day."""

    written: str
    spoken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A kind of fact. `slots` make its subjects; templates name them, `{value}`, and `{spoken}` if it is told."""

    name: str
    slots: tuple[str, ...]
    values: Callable[[random.Random, date], Value]
    says: tuple[str, str, str, str]
    """The phrasings of a note."""
    tells: tuple[str, str]
    """Messages of the user from which the note is taken."""
    asks: str

    def subject(self, chance: random.Random) -> dict[str, str]:
        """Draw a subject: a word for each slot."""
        return {slot: chance.choice(_LISTS.get(slot, _OWN)) for slot in self.slots}


def _one_of(*words: str) -> Callable[[random.Random, date], Value]:
    def draw(chance: random.Random, today: date) -> Value:
        word = chance.choice(words)
        return Value(written=word, spoken=word)

    return draw


def _hour(chance: random.Random, today: date) -> Value:
    text = f"{chance.choice(_LISTS['day'])} at {chance.randint(1, 11)} {chance.choice(('am', 'pm'))}"
    return Value(written=text, spoken=text)


def _version(chance: random.Random, today: date) -> Value:
    text = f"{chance.randint(1, 20)}.{chance.randint(0, 30)}"
    return Value(written=text, spoken=text)


def _number(chance: random.Random, today: date) -> Value:
    text = str(chance.randint(20, 2500))
    return Value(written=text, spoken=text)


def _ahead(chance: random.Random, today: date) -> Value:
    """Draw a date to come: the user says it as seen from today, the note has the date."""
    days = chance.randint(2, 60)
    then = today + timedelta(days=days)
    spoken = f"next {then:%A}" if days < 8 else f"in {days} days"
    return Value(written=then.isoformat(), spoken=spoken)


TOPICS = (
    Topic(
        name="home",
        slots=("relative", "name"),
        values=_one_of(*_LISTS["city"]),
        says=(
            "User's {relative} {name} lives in {value}",
            "{name}, the user's {relative}, lives in {value}",
            "The user has a {relative} called {name} who is based in {value}",
            "{value} is the home of the user's {relative} {name}",
        ),
        tells=("My {relative} {name} lives in {spoken} now.", "I am visiting my {relative} {name} in {spoken}."),
        asks="Where does my {relative} {name} live?",
    ),
    Topic(
        name="job",
        slots=("relative", "name"),
        values=_one_of(*_LISTS["job"]),
        says=(
            "User's {relative} {name} works as a {value}",
            "{name}, who is the user's {relative}, is a {value}",
            "The job of the user's {relative} {name} is {value}",
            "The user's {relative} {name} earns a living as a {value}",
        ),
        tells=("My {relative} {name} is a {spoken}.", "My {relative} {name} works as a {spoken} these days."),
        asks="What does my {relative} {name} do for work?",
    ),
    Topic(
        name="taste",
        slots=("name", "food"),
        values=_one_of("likes", "does not like"),
        says=(
            "{name} {value} {food}",
            "User says that {name} {value} {food}",
            "User's guest {name} {value} {food} at dinner",
            "When cooking for {name}: {name} {value} {food}",
        ),
        tells=("{name} {spoken} {food}, by the way.", "Remember for the dinner: {name} {spoken} {food}."),
        asks="Can I cook something with {food} for {name}?",
    ),
    Topic(
        name="appointment",
        slots=("name", "project"),
        values=_hour,
        says=(
            "User meets {name} about the {project} on {value}",
            "User has a meeting with {name} on the {project}, {value}",
            "The {project} meeting with {name} is on {value}",
            "User and {name} discuss the {project} every {value}",
        ),
        tells=(
            "I am meeting {name} about the {project} on {spoken}.",
            "The {project} meeting with {name} is {spoken}.",
        ),
        asks="When is my meeting with {name} about the {project}?",
    ),
    Topic(
        name="version",
        slots=("project", "tool"),
        values=_version,
        says=(
            "The {project} runs on {tool} {value}",
            "User's {project} uses {tool} in version {value}",
            "User pinned {tool} to {value} for the {project}",
            "{tool} {value} is installed for the {project}",
        ),
        tells=("We run {tool} {spoken} for the {project}.", "The {project} is on {tool} {spoken}."),
        asks="Which version of {tool} does the {project} use?",
    ),
    Topic(
        name="deadline",
        slots=("project", "company"),
        values=_ahead,
        says=(
            "The deadline of the {project} for {company} is {value}",
            "User has to deliver the {project} to {company} by {value}",
            "{company} expects the {project} on {value}",
            "The {project} for {company} is due on {value}",
        ),
        tells=("{company} wants the {project} {spoken}.", "The {project} for {company} is due {spoken}."),
        asks="When is the {project} for {company} due?",
    ),
    Topic(
        name="price",
        slots=("thing", "name"),
        values=_number,
        says=(
            "User sold the {thing} to {name} for {value} euros",
            "{name} paid the user {value} euros for the {thing}",
            "User got {value} euros from {name} for the {thing}",
            "The {thing} that {name} bought from the user cost {value} euros",
        ),
        tells=("{name} gave me {spoken} euros for my {thing}.", "I sold my {thing} to {name} for {spoken} euros."),
        asks="How much did {name} pay for my {thing}?",
    ),
    Topic(
        name="choice",
        slots=("subject", "project"),
        values=_one_of(*_LISTS["tool"]),
        says=(
            "User prefers {value} for {subject} in the {project}",
            "User's choice for {subject} in the {project} is {value}",
            "For {subject} the {project} relies on {value}",
            "In the {project}, user does {subject} with {value}",
        ),
        tells=(
            "I use {spoken} for {subject} in the {project}.",
            "For {subject} in the {project} I go with {spoken}.",
        ),
        asks="What do I use for {subject} in the {project}?",
    ),
    Topic(
        name="hobby",
        slots=("hobby", "name"),
        values=_one_of(*_LISTS["day"]),
        says=(
            "User goes {hobby} with {name} every {value}",
            "{value} is the day for {hobby} with {name}",
            "User and {name} meet for {hobby} each {value}",
            "User's {hobby} with {name} takes place on {value}s",
        ),
        tells=("I do {hobby} with {name} on {spoken}s.", "{name} and I have {hobby} every {spoken}."),
        asks="On which day do I do {hobby} with {name}?",
    ),
    Topic(
        name="own",
        slots=("own",),
        values=_number,
        says=(
            "User's {own} is {value}",
            "The user has {value} as {own}",
            "For the {own} the user gave {value}",
            "{value} is the user's {own}",
        ),
        tells=("My {own} is {spoken}.", "It is {spoken}, my {own}."),
        asks="What is my {own}?",
    ),
)
