"""What every store is told and asked: made facts of several users, and questions whose answer is one of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from ..sentences import Sentences

_ASKED = [
    (re.compile(fact), question)
    for fact, question in (
        (r"User's (.+) (\w+) lives in .+ and works as an? .+", "Where does my {0} {1} live?"),
        (r"User's (.+) (\w+) is allergic to .+", "Is there anything that my {0} {1} can't eat?"),
        (r"User's (.+) (\w+) has to see the vet on .+", "When does my {0} {1} see the vet?"),
        (r"User stopped using (.+) for (.+) because .+", "Why did I stop using {0} for {1}?"),
        (r"User adopted a (.+) called (\w+) .+", "When did I get my {0} {1}?"),
        (r"User bought a (.+) for (\d+) euros .+", "When did I buy the {0} that cost {1} euros?"),
        (r"User met (\w+) from (.+) at a conference .+", "At which conference did I meet {0} from {1}?"),
        (r"User earned a degree in (.+) from a .+ in \d+", "Where did I study {0}?"),
        (r"The deadline of the (.+) was moved to .+ by (\w+)", "What deadline did {1} set for the {0}?"),
        (r"(\w+) said that the (.+) costs about .+", "How much does the {1} cost, as {0} says?"),
        (r"(\w+) and (\w+) got married in .+", "Where did {0} and {1} get married?"),
    )
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything."""

    facts: int
    """Memories of the user who is asked, stored in batches."""
    single: int
    """As many more, stored one by one."""
    others: int
    """Other users of 50 memories each."""
    questions: int
    starts: int
    """New processes for the first search."""


USUAL = Size(facts=2_000, single=100, others=20, questions=150, starts=3)
TOY = Size(facts=40, single=4, others=2, questions=4, starts=1)
EACH, FEW = 50, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """All texts are distinct. `answers` are facts, one a question, in order."""

    facts: list[str]
    single: list[str]
    others: list[list[str]]
    few: list[str]
    """All that one more user has. What he asks is said word for word by `facts`, and by none of his own."""
    questions: list[str]
    answers: list[str]

    @property
    def count(self) -> int:
        """How many memories there are in all."""
        return sum(len(texts) for texts in (self.facts, self.single, self.few, *self.others))


def made(size: Size) -> Texts:
    """Make the texts of a size."""
    source = iter(Sentences(seed=7).facts(size.facts + size.single + size.others * EACH + FEW))
    few = list(islice(source, FEW))
    facts, single = list(islice(source, size.facts)), list(islice(source, size.single))
    others = [list(islice(source, EACH)) for _ in range(size.others)]
    asked = _asked(facts)[: size.questions]
    questions, answers = zip(*asked, strict=True)
    return Texts(facts=facts, single=single, others=others, few=few, questions=list(questions), answers=list(answers))


def _asked(facts: list[str]) -> list[tuple[str, str]]:
    """Pair facts with the questions that only they answer."""
    pairs = [
        (question.format(*found.groups()), fact)
        for fact in facts
        for pattern, question in _ASKED
        if (found := pattern.fullmatch(fact))
    ]
    times = Counter(question for question, _ in pairs)
    return [(question, fact) for question, fact in pairs if times[question] == 1]
