"""Rules of the help for small models: the examples keep the format, and the grammar admits nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom.chat.block.filter import parse
from headroom.chat.prompt.examples import EXAMPLES, GRAMMAR

pytestmark = pytest.mark.quick


PARTS = re.compile(r""""(?P<literal>(?:[^"\\]|\\.)*)"|\[(?:[^\]\\]|\\.)*\]|(?P<rule>[a-z]+)|[ ]""")
ESCAPE = re.compile(r"\\(.)")


def as_regex(grammar: str) -> re.Pattern[str]:
    """Translate a GBNF grammar without recursion: a rule's name becomes the rule, and a literal is escaped."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.strip().splitlines())

    def translate(part: re.Match[str]) -> str:
        if part["rule"]:
            return f"(?:{PARTS.sub(translate, rules[part['rule']])})"
        if part["literal"]:
            return f"(?:{re.escape(re.sub(ESCAPE, unescape, part['literal']))})"
        return part[0].strip(" ")

    return re.compile(PARTS.sub(translate, rules["root"]))


def unescape(escape: re.Match[str]) -> str:
    return {"n": "\n"}.get(escape[1], escape[1])


OPENING = "\n<memory>\n"
REPLIES = as_regex(GRAMMAR)


def test_the_examples_are_turns_that_keep_the_format() -> None:
    """Each reply is an answer and a block that is read whole; some turns hold a fact, and some do not."""
    assert [message["role"] for message in EXAMPLES] == ["user", "assistant"] * 5
    replies = [parse(message["content"]) for message in EXAMPLES[1::2]]
    assert all(reply.visible and reply.blocks == 1 and not reply.cut and not reply.skipped for reply in replies)
    assert {len(reply.items) for reply in replies} == {0, 1}


def test_the_grammar_admits_the_examples() -> None:
    """A model is not forced away from what it was shown."""
    for message in EXAMPLES[1::2]:
        assert REPLIES.fullmatch(message["content"])


@pytest.mark.parametrize(
    "reply",
    [
        *("Sure.", "Sure.\n<memory>\n[]", 'Sure.\n<memory>\n["x"]\n</memory>', "\n<memory>\n[]\n</memory>"),
        *("Sure. <memory>\n[]\n</memory>", "Sure.\n<memory>\n[]\n</memory>\n<memory>\n[]\n</memory>"),
    ],
)
def test_the_grammar_admits_nothing_but_an_answer_and_one_block(reply: str) -> None:
    """No block, half of one, another form, no answer, or two blocks: none of it can be written."""
    assert not REPLIES.fullmatch(reply)


@pytest.mark.parametrize(
    "item",
    [
        '{"content": "User lives in Rome", "importance": 0.8, "replaces": [1]}',
        '{"content": "x", "scope": "session", "entities": ["Rome", "Ana"]}',
        '{"forget": [1, 12]}',
        '{"content": "a \\"quoted\\" word"}',
    ],
)
def test_the_grammar_admits_what_the_instruction_offers(item: str) -> None:
    """Larger local models may say more than a content."""
    assert REPLIES.fullmatch(f"Sure, 1 < 2.\n<memory>\n[{item}]\n</memory>")


answers = st.from_regex(r"[A-Za-z.,<\n ]{1,40}", fullmatch=True).filter(
    lambda text: not re.search("<  |< ?[mM]|< ?$", text)
)
items = st.from_regex(re.compile(REPLIES.pattern.partition(f"(?:{re.escape(OPENING)})")[2]), fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(answer=answers, rest=items)
def test_whatever_the_grammar_admits_is_read(answer: str, rest: str) -> None:
    """The block is found and taken out, and the answer stays."""
    reply = answer + OPENING + rest
    assert REPLIES.fullmatch(reply)
    parsed = parse(reply)
    assert (parsed.visible, parsed.blocks, parsed.cut) == (answer.rstrip(), 1, False)
    assert "unreadable block" not in parsed.skipped
