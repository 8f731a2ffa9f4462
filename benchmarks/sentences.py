"""Made sentences of the kind that a memory holds, and questions about them: varied, seeded, in any number."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Container, Iterator

from .words import SLOTS, split

_FACTS = """
User prefers {tool} for {subject}
User prefers {style} when talking about {topic}
User works as a {job} at {company} in {city}
User moved from {city} to {city} in {month} {year}
User's {relative} {name} lives in {city} and works as a {job}
User's {relative} {name} is allergic to {food}
User has {problem} and avoids {food}
User drinks {food} every morning before {hobby}
User is learning {tool} because {reason}
User stopped using {tool} for {subject} because {reason}
User adopted a {pet} called {name} {when}
User's {pet} {name} has to see the vet on {day} at {hour}
User bought a {thing} for {number} euros {when}
User's {thing} is {number} days old and already needs repair
User takes part in a {hobby} course in {city} every {day}
User is {feeling} about the {project}
User's birthday is on {month} {dom}
User met {name} from {company} at a conference about {topic} in {city}
User has a meeting with {name} about the {project} every {day} at {hour}
User wants to finish the {project} by {month} {dom}
User reads about {topic} and {topic} on the train
User is saving {number} euros a month for a trip to {city}
User and {name} are planning to visit {city} in {month}
User's favourite food is {food}, and {food} is a close second
User does not like {food}, but {name} does
User earned a degree in {topic} from a university in {city} in {year}
User's team at {company} switched from {tool} to {tool} {when} because {reason}
User asked for {style} in every answer about {tool}
User can't sleep well {when} and is {feeling} about it
User's goal for {year} is {hobby} at least {small} times a week
User runs {tool} {version} on the {thing} at home
User keeps the {project} in a repository next to the {project}
User's manager {name} wants the {project} to be moved to {tool}
User owns a {thing}, a {thing} and no car
User goes {hobby} with {name} on {day}s
User once lived in {city} for {small} years and still speaks the language
User never schedules calls before {hour} on a {day}
User is vegetarian but eats {food} when visiting {relative} {name}
User gave a talk about {topic} at {company} {when}
User's {relative} recommended {hobby} against {problem}
The {project} uses {tool} {version} and {tool}, because {reason}
The deadline of the {project} was moved to {month} {dom} by {name}
{name} from {company} is responsible for the {project} and prefers {style}
{name} said that the {project} costs about {number} euros a year
{name} and {name} got married in {city} {when}
{name}, the {relative} of the user, collects books about {topic}
"""
_QUESTIONS = """
What does {name} think about {topic}?
Which language should I use for {subject}?
Where does my {relative} {name} live?
What should I cook with {food} tonight?
When is the deadline of the {project}?
Can you suggest something to do in {city} in {month}?
Who is responsible for the {project} at {company}?
How often do I go {hobby}?
What did I decide about {tool} for the {project}?
Is there anything {name} can't eat?
How much did I pay for my {thing} {when}?
What kind of {pet} do I have?
I feel {feeling} about {topic}, any advice?
Please write an email to {name} about the {project}.
Should we move the {project} from {tool} to {tool}?
What time is my appointment on {day}?
Why did I stop using {tool}?
Recommend a book about {topic} for my {relative}.
Help me plan a weekend of {hobby} near {city}.
Do I still have {problem} when I eat {food}?
"""
_NUMBERS: dict[str, Callable[[random.Random], str]] = {
    "year": lambda r: str(r.randint(1990, 2030)),
    "dom": lambda r: str(r.randint(1, 28)),
    "hour": lambda r: f"{r.randint(7, 19)}:{r.choice(('00', '15', '30', '45'))}",
    "number": lambda r: str(r.randint(3, 2500)),
    "small": lambda r: str(r.randint(2, 9)),
    "version": lambda r: f"{r.randint(1, 20)}.{r.randint(0, 30)}",
}
_LISTS = {name: split(values) for name, values in SLOTS.items()}


class Sentences:
    """An endless source of sentences; the same seed gives the same ones in the same order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def facts(self, count: int, lengths: Container[int] = range(1, 1000)) -> list[str]:
        """Make distinct facts whose number of characters is in `lengths`."""
        return self._distinct(self._endless(_PARSED_FACTS), count, lengths)

    def questions(self, count: int) -> list[str]:
        """Make distinct questions."""
        return self._distinct(self._endless(_PARSED_QUESTIONS), count, range(1, 1000))

    def _endless(self, templates: list[list[str]]) -> Iterator[str]:
        while True:
            yield self._filled(self._random.choice(templates))

    def _distinct(self, source: Iterator[str], count: int, lengths: Container[int]) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            text = next(source)
            if len(text) in lengths:
                found[text] = None
        return list(found)

    def _filled(self, parts: list[str]) -> str:
        """Join plain parts and filled slots, which take turns."""
        return "".join(self._word(part) if i % 2 else part for i, part in enumerate(parts))

    def _word(self, slot: str) -> str:
        if slot in _NUMBERS:
            return _NUMBERS[slot](self._random)
        values = _LISTS[slot]
        # Squaring a uniform number makes the first words of a list the common ones.
        return values[int(self._random.random() ** 2 * len(values))]


def _parsed(templates: str) -> list[list[str]]:
    return [re.split(r"{(\w+)}", line) for line in templates.strip().splitlines()]


_PARSED_FACTS, _PARSED_QUESTIONS = _parsed(_FACTS), _parsed(_QUESTIONS)
