"""Rules of the block in a whole reply: which one is ours, what it says, what stays visible."""

from __future__ import annotations

import json

import pytest

from headroom.chat.block.filter import MAX_ITEMS, Parsed, parse

pytestmark = pytest.mark.quick


def contents(parsed: Parsed) -> list[str | None]:
    return [item.content for item in parsed.items]


OURS = {
    "an array of strings": ('["likes tea", "has a dog"]', ["likes tea", "has a dog"]),
    "an array of objects": ('[{"content": "likes tea", "importance": 0.8}]', ["likes tea"]),
    "strings and objects": ('["likes tea", {"content": "has a dog"}]', ["likes tea", "has a dog"]),
    "a list under memories": ('{"memories": [{"content": "likes tea"}]}', ["likes tea"]),
    "a list under facts": ('{"facts": ["likes tea", "has a dog"]}', ["likes tea", "has a dog"]),
    "one object": ('{"content": "likes tea"}', ["likes tea"]),
    "one string": ('"likes tea"', ["likes tea"]),
    "other words for content": ('[{"fact": "likes tea"}, {"memory": "has a dog"}]', ["likes tea", "has a dog"]),
    "fenced": ('\n```json\n["likes tea"]\n```\n', ["likes tea"]),
    "fenced without a language": ('```\n["likes tea"]\n```', ["likes tea"]),
    "single quotes": ("[{'content': 'likes tea', 'scope': None}]", ["likes tea"]),
    "an apostrophe in single quotes": ("['likes the dog's bowl']", ["likes the dog's bowl"]),
    "an unescaped quote": ('["owns a 27" screen", "said "hi" once"]', ['owns a 27" screen', 'said "hi" once']),
    "trailing commas": ('[{"content": "likes tea",}, "has a dog",]', ["likes tea", "has a dog"]),
    "keys without quotes": ('[{content: "likes tea", importance: 0.8}]', ["likes tea"]),
    "no brackets": ('"likes tea",\n"has a dog"', ["likes tea", "has a dog"]),
    "an object a line": ('{"content": "likes tea"}\n{"content": "has a dog"}', ["likes tea", "has a dog"]),
    "a missing brace": ('[{"content": "likes tea"}, {"content": "has a dog"]', ["likes tea"]),
    "a missing bracket": ('[{"content": "likes tea"}, {"content": "has a dog"}', ["likes tea", "has a dog"]),
    "a missing quote": ('["likes tea", "has a dog]', ["likes tea"]),
    "nested objects": ('[{"content": "likes tea", "meta": {"a": [{"b": {}}]}}]', ["likes tea"]),
    "bullets": ("\n- likes tea\n- has a dog\n", ["likes tea", "has a dog"]),
    "stars and blank lines": ("\n* likes tea\n\n* has a dog\n", ["likes tea", "has a dog"]),
    "numbers": ("\n1. likes tea\n2) has a dog\n", ["likes tea", "has a dog"]),
    "a bullet of two lines": ("\n- likes tea\n  from China\n", ["likes tea from China"]),
    "bullets of JSON": ('\n- {"content": "likes tea"}\n- "has a dog"\n', ["likes tea", "has a dog"]),
    "bullets with fields": ("\n- content: likes tea\n  importance: 0.8\n- has a dog\n", ["likes tea", "has a dog"]),
    "an empty list": ("[]", []),
    "an empty wrapper": ('{"memories": []}', []),
    "an empty object": ("{}", []),
    "nothing": ("", []),
    "white space": ("\n \n", []),
    "no bullet worth keeping": ("\n- none\n", []),
}


@pytest.mark.parametrize(("body", "said"), OURS.values(), ids=OURS)
def test_a_body_in_our_format_is_read_and_taken_out_anywhere(body: str, said: list[str]) -> None:
    """Every format models are seen to write counts as ours at the end, in the middle, first, and alone."""
    block = f"<memory>{body}</memory>"
    for reply, visible in [
        (f"Sure.\n\n{block}", "Sure."),
        (f"Sure.\n\n{block}\n\nBye.", "Sure.\n\nBye."),
        (f"{block}\nSure.", "\nSure."),
        (block, ""),
    ]:
        parsed = parse(reply)
        assert (parsed.visible, contents(parsed), parsed.cut, parsed.blocks) == (visible, said, False, 1)


NOT_OURS = {
    "inside a line": 'Write <memory>["likes tea"]</memory> at the end.',
    "in inline code": '`<memory>["likes tea"]</memory>` is the form.',
    "at a line's end": 'The form is <memory>["likes tea"]</memory>',
    "in a fence": 'Like so:\n```xml\n<memory>\n["likes tea"]\n</memory>\n```\nDone.',
    "in a fence at the end": 'Like so:\n```\n<memory>["likes tea"]</memory>\n```',
    "in a fence of waves": 'Like so:\n~~~\n```\n<memory>["likes tea"]</memory>\n~~~\n',
    "in a longer fence": 'Like so:\n````\n```\n<memory>["likes tea"]</memory>\n```\n````\n',
    "in indented code": 'Like so:\n\n    <memory>["likes tea"]</memory>\n',
    "in a quotation": '> <memory>["likes tea"]</memory>\n',
    "with an attribute": '<memory type="ddr5">["likes tea"]</memory>\n',
    "an element with children": "The server:\n<memory>\n  <size>16</size>\n</memory>",
    "an element in its parent": "<server>\n<memory>16 GB</memory>\n</server>",
    "another element": '<memory-bank>["likes tea"]</memory-bank>\n<memories>["x"]</memories>',
    "closed without being opened": "So it ends:\n</memory>",
    "a placeholder": "Write\n<memory>[...]</memory>\nat the end.",
    "a quoted placeholder": 'Write\n<memory>["..."]</memory>\nat the end.',
    "other JSON": 'A machine:\n<memory>{"size": "16 GB"}</memory>\nand so on.',
    "numbers": "A machine:\n<memory>[16, 32]</memory>\nand so on.",
    "words": "A machine:\n<memory>16 GB</memory>\nand so on.",
    "a sentence about the tag": "<memory> is a tag.\n\nIt marks facts.",
    "a last sentence about the tag": "<memory> is a tag that marks facts",
    "a dash about the tag": "<memory> - a tag that marks facts",
    "a quoted word about the tag": '<memory> "facts" go into this tag.',
    "a list and then an answer": '<memory>\n["likes tea"]\n\nTea is a drink.',
    "an open string and then an answer": '<memory>\n["likes tea]\n\nTea is a drink.',
    "a bracket and then an answer": "<memory>\n[This is an answer, not a block.",
    "the tag's first letters": "Look:\n<me",
    "the tag's first letters in a fence": "```\n<memor",
    "cut in a fence": '```\n<memory>["likes tea", "has',
    "a bare comparison": "a\n<b and c\n< d",
}


@pytest.mark.parametrize("reply", NOT_OURS.values(), ids=NOT_OURS)
def test_an_answer_that_shows_the_tag_is_not_touched(reply: str) -> None:
    """What only looks like a block stays as the model wrote it, and teaches nothing."""
    assert parse(reply) == Parsed(visible=reply, items=(), cut=False, blocks=0, skipped={}, removed=())


AT_THE_END = {
    "words": ("<memory>not our format</memory>", []),
    "words on their own lines": ("<memory>\nnot our\nformat\n</memory>", []),
    "broken JSON": ("<memory>{{{oops</memory>", []),
    "numbers": ("<memory>[1, 2]</memory>", []),
    "something after the list": ('<memory>["likes tea"] and more</memory>', ["likes tea"]),
    "two of them": ("<memory>not ours</memory>\n<memory>[1]</memory>", []),
    "one before a good one": ('<memory>not ours</memory>\n<memory>["likes tea"]</memory>', ["likes tea"]),
    "one after a good one": ('<memory>["likes tea"]</memory>\n<memory>not ours</memory>', ["likes tea"]),
    "one in a fence that never closes": ('```md\n<memory>["likes tea"]</memory>', ["likes tea"]),
}


@pytest.mark.parametrize(("block", "said"), AT_THE_END.values(), ids=AT_THE_END)
def test_an_unreadable_block_is_ours_only_at_the_end(block: str, said: list[str]) -> None:
    """Nothing visible follows it: then it was meant for the memory. White space after it stays."""
    before, _, block = block.rpartition("```md")
    parsed = parse(f"Sure.{before}\n\n{block}\n")
    assert (parsed.visible, contents(parsed), parsed.cut) == (f"Sure.{before}\n", said, False)
    followed = f"Sure.\n\n{AT_THE_END['words'][0]}\n\nBye."
    assert parse(followed).visible == followed


BLOCK = '<memory>\n[{"content": "likes tea"}]\n</memory>'
FENCED = {
    "backticks": f"```\n{BLOCK}\n```",
    "with a language": f"```xml\n{BLOCK}\n```",
    "waves": f"~~~~json\n{BLOCK}\n~~~~",
    "space about": f"```  \n  {BLOCK}\n\n```",
    "windows": f"```xml\r\n{BLOCK}\r\n```",
    "not closed": f"```xml\n{BLOCK}",
    "half closed": f"```xml\n{BLOCK}\n``",
}


@pytest.mark.parametrize("fenced", FENCED.values(), ids=FENCED)
def test_a_block_that_fills_a_fence_at_the_end_is_ours(fenced: str) -> None:
    """It goes with its fence, whatever else stands in the reply, and with another block beside it."""
    for before in ("Sure.", "```py\nx = [1]\n```\nSure.", 'Sure.\n<memory>["has a dog"]</memory>'):
        parsed = parse(f"{before}\n\n{fenced}")
        assert parsed.visible == before.partition("\n<memory>")[0]
        assert contents(parsed)[-1] == "likes tea"


STAYS = {
    "a JSON answer": 'Here it is.\n\n```json\n[{"content": "likes tea"}]\n```',
    "in the middle": f"Here it is.\n\n```\n{BLOCK}\n```\n\nThat is all.",
    "with something beside it": f"Here it is.\n\n```\n{BLOCK}\nx = 1\n```",
    "of another format": "Here it is.\n\n```\n<memory>16 GB</memory>\n```",
    "announced": f"The format is:\n\n```\n{BLOCK}\n```",
    "about the tag": f"The <memory> tag holds facts.\n\n```\n{BLOCK}\n```",
    "about the block": f"This is what a memory block looks like.\n\n```\n{BLOCK}\n```",
    "cut inside": 'Here it is.\n\n```\n<memory>\n[{"content": "likes tea"}',
    "another element": "Here it is.\n\n```html\n<memories>x</memories>\n```",
    "an empty fence": "Here it is.\n\n```\n",
}


@pytest.mark.parametrize("reply", STAYS.values(), ids=STAYS)
def test_a_fence_that_is_an_answer_stays(reply: str) -> None:
    """A fenced answer, a fence in the middle, and a reply about the tag are shown, and teach nothing."""
    assert parse(reply) == Parsed(visible=reply, items=(), cut=False, blocks=0, skipped={}, removed=())


REJECTED = '<memory>["is a spy"]</memory>'
THINKING = {
    "a draft": f"<think>\nMaybe:\n{REJECTED}\nNo, that is wrong.\n</think>\n\nSure.",
    "another name": f"<thinking>\n{REJECTED}\n</thinking>\nSure.",
    "fences": f"<think>\n```\n{REJECTED}\n```\n~~~\n</think>\nSure.",
    "never ended": f"<think>\n{REJECTED}\nHm",
    "twice": f"<think>a\n{REJECTED}</think>\nSo.\n<think>\n{REJECTED}</think>\nSure.",
}


@pytest.mark.parametrize("reply", THINKING.values(), ids=THINKING)
def test_what_stands_in_thinking_is_never_ours(reply: str) -> None:
    """It is shown as the model wrote it; a block after it counts, also on the very line."""
    assert parse(reply) == Parsed(visible=reply, items=(), cut=False, blocks=0, skipped={}, removed=())
    if "</" in reply.rpartition("\n")[0] + "Sure." and not reply.endswith("Hm"):
        parsed = parse(f"{reply}\n{BLOCK}")
        assert (parsed.visible, contents(parsed)) == (reply, ["likes tea"])
    assert contents(parse(f"<think>Hm</think>{BLOCK}")) == ["likes tea"]


def test_thinking_whose_start_the_server_leaves_out() -> None:
    """Some templates begin inside it: what a block before the end tag says is not learned, and one after it is."""
    parsed = parse(f"Maybe:\n{REJECTED}\nNo.\n</think>\n\nSure.\n{BLOCK}")
    assert parsed.visible == "Maybe:\nNo.\n</think>\n\nSure."
    assert contents(parsed) == ["likes tea"]
    assert parsed.skipped == {"it was said while thinking": 1}


def test_a_reply_about_thinking_is_an_answer() -> None:
    """A tag inside a line, or in inline code, begins nothing."""
    reply = f"Write <think> first, and `</think>` last.\n{BLOCK}"
    assert contents(parse(reply)) == ["likes tea"]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("<memory>[{broken", "cut off by the end of the reply"),
        ('<memory>["likes te', "cut off by the end of the reply"),
        ("<memory>\n- likes te", "cut off by the end of the reply"),
        ("<memory>[{broken</memory>", "unreadable block"),
        ("<memory>oops</memory>", "unreadable block"),
        ('<memory>["' + "x" * 400_000 + '"]</memory>', "unreadable block"),
    ],
)
def test_a_block_that_cannot_be_read_says_so(block: str, why: str) -> None:
    """Nothing is swallowed without a word."""
    parsed = parse(f"Sure.\n{block}")
    assert (parsed.visible, contents(parsed), parsed.skipped) == ("Sure.", [], {why: 1})


@pytest.mark.parametrize(
    "block", ["<memory>", "<memory>[", "<memory>\n[\n", "<mem", "<memory>[]</memory>", "<memory>[{"]
)
def test_a_block_that_says_nothing_is_not_skipped(block: str) -> None:
    """A block that ended before its first item began left nothing out."""
    assert parse(f"Sure.\n{block}").skipped == {}


def test_a_block_in_a_fence_that_never_closes_is_ours_at_the_end() -> None:
    """Models nest fences wrongly; the last thing of a reply is then still the block, unless something follows it."""
    nested = '```md\n```sh\nls\n```\n```\n<memory>["likes tea"]</memory>'
    assert parse(nested).visible == "```md\n```sh\nls\n```"
    assert contents(parse(nested)) == ["likes tea"]
    assert parse(nested + "\nDone.").visible == nested + "\nDone."


CUT = {
    "in the tag": ("<mem", []),
    "after the tag": ("<memory>", []),
    "after white space": ("<memory>\n", []),
    "in a fence's opening": ("<memory>\n```js", []),
    "in a list": ('<memory>["likes tea", ', ["likes tea"]),
    "in a string": ('<memory>["likes tea", "has a d', ["likes tea"]),
    "in an object": ('<memory>[{"content": "likes tea"}, {"content": "has a dog", "impo', ["likes tea"]),
    "in an object that is whole but for its brace": ('<memory>[{"content": "likes tea"', []),
    "in a wrapper": ('<memory>{"memories": [{"content": "likes tea"}, {"con', ["likes tea"]),
    "after a comma in a wrapper": ('<memory>{"memories": ["likes tea",', ["likes tea"]),
    "in a literal": ('<memory>["likes tea", {"content": "has a dog", "scope": nul', ["likes tea"]),
    "before the closing tag": ('<memory>\n["likes tea"]\n', ["likes tea"]),
    "in the closing tag": ('<memory>\n["likes tea"]\n</mem', ["likes tea"]),
    "before the last character": ('<memory>\n["likes tea"]\n</memory', ["likes tea"]),
    "in a bullet": ("<memory>\n- likes tea\n- has a d", ["likes tea"]),
    "in the first bullet": ("<memory>\n- likes t", []),
    "after a bullet": ("<memory>\n- likes tea\n", ["likes tea"]),
    "where the opening tag came again": ('<memory>\n["likes tea"]\n<memory>', ["likes tea"]),
}


@pytest.mark.parametrize(("block", "said"), CUT.values(), ids=CUT)
def test_a_half_cut_block_gives_its_complete_items(block: str, said: list[str]) -> None:
    """If the reply ends inside a block, only the block was cut: the visible reply is whole."""
    parsed = parse(f"Sure.\n\n{block}")
    assert (parsed.visible, contents(parsed), parsed.cut) == ("Sure.", said, True)


@pytest.mark.parametrize(
    "tags",
    [
        ("<Memory>", "</MEMORY>"),
        ("< memory >", "</ memory >"),
        ("<memory\t>", "< /memory>"),
        ("   <memory>", "</memory>"),
    ],
)
def test_tags_may_be_in_any_case_and_hold_stray_spaces(tags: tuple[str, str]) -> None:
    """A tag is read the way a person reads it."""
    parsed = parse(f'Sure.\n{tags[0]}["likes tea"]{tags[1]}')
    assert (parsed.visible, contents(parsed)) == ("Sure.", ["likes tea"])


def test_several_blocks_are_all_read_in_order() -> None:
    """Each goes with the white space before it, whether they stand apart or touch."""
    block = '<memory>["{}"]</memory>'.format
    parsed = parse(f"{block(1)}One.\n\n{block(2)}{block(3)}  \nTwo.\r\n{block(4)}")
    assert (parsed.visible, contents(parsed), parsed.blocks) == ("One.  \nTwo.", ["1", "2", "3", "4"], 4)


def test_a_block_may_touch_one_that_turns_out_to_be_an_answer() -> None:
    """What follows a block without anything visible between them counts as starting a line."""
    parsed = parse('Sure.\n<memory>oops</memory><memory>["x"]</memory>\nBye.')
    assert (parsed.visible, contents(parsed)) == ("Sure.\n<memory>oops</memory>\nBye.", ["x"])


def test_fences_in_a_block_that_is_shown_count() -> None:
    """A block that stays visible is Markdown like the rest: its last line of backticks closes the outer fence."""
    shown = '```\n<memory>\n```json\n["x"]\n```\n</memory>'
    parsed = parse(f'{shown}\n<memory>["y"]</memory>\nBye.')
    assert (parsed.visible, contents(parsed)) == (f"{shown}\nBye.", ["y"])


def test_only_white_space_before_a_block_goes_with_it() -> None:
    """Every other character stays, trailing spaces and odd line ends of the answer included."""
    parsed = parse('  One  \r\n\r\n\ttwo \t\n \n<memory>["x"]</memory>  \n three\n\n')
    assert parsed.visible == "  One  \r\n\r\n\ttwo  \n three\n\n"


def test_a_reply_without_a_block_is_returned_as_it_is() -> None:
    """Text that has nothing to do with memory comes back equal, whatever it holds."""
    for reply in ["", " ", "\n\n", "a < b > c", "<", "\n<", "```\ncode", "x\n\n\n", "‮<\0>"]:
        assert parse(reply) == Parsed(visible=reply, items=(), cut=False, blocks=0, skipped={}, removed=())


def test_removed_names_the_spans_that_are_not_visible() -> None:
    """The spans are what a caller needs to cut the same text out of anything that runs beside it."""
    reply = 'One.\n<memory>["x"]</memory>\nTwo.\n<memory>["y"]</memory>\n<memory>oops</memory>'
    parsed = parse(reply)
    first, second = parsed.removed
    assert reply[slice(*first)] == '\n<memory>["x"]</memory>'
    assert reply[: first[0]] + reply[first[1] : second[0]] + reply[second[1] :] == parsed.visible


def test_the_items_of_one_reply_are_bounded() -> None:
    """Ten thousand items are read over, the first few taken, and the rest counted."""
    parsed = parse(f"Sure.\n<memory>{json.dumps([f'fact {n}' for n in range(10_000)])}</memory>")
    assert parsed.visible == "Sure."
    assert contents(parsed) == [f"fact {n}" for n in range(MAX_ITEMS)]
    assert parsed.skipped == {f"more than {MAX_ITEMS} items": 10_000 - MAX_ITEMS}


def test_what_is_not_taken_is_counted_with_its_reason() -> None:
    """Good items beside bad ones are taken; the reasons hold nothing of the user's text."""
    body = '["likes tea", 5, {"scope": "user"}, "…", {"content": "x", "scope": "galaxy"}]'
    parsed = parse(f"<memory>{body}</memory>")
    assert contents(parsed) == ["likes tea"]
    assert parsed.skipped == {"not an item": 1, "no content": 1, "no words in it": 1, "unknown scope": 1}
    assert parse("<memory>oops</memory>").skipped == {"unreadable block": 1}
