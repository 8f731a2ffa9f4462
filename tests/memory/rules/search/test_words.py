"""Text to words, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.memory.rules.search.words import (
    OF_SELF,
    fold,
    indexed_words,
    mark,
    opening,
    question_words,
    telling,
    words,
)

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User prefers dark mode.", ["user", "prefers", "dark", "mode"]),
        ("Zoë's café", ["zoe", "cafe"]),
        ("retry_count", ["retry_count", "retry", "count"]),
        ("parseHttpResponse", ["parsehttpresponse", "parse", "http", "response"]),
        ("numpy 1.26.4", ["numpy", "1.26.4", "1", "26", "4"]),
        ("ИВАН любит чай", ["иван", "любит", "чаи"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー", "東京", "京タ", "タワ", "ワー"]),
        ("🚀", ["🚀"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_text_is_split_into_folded_words(text: str, expected: list[str]) -> None:
    """Words are folded, compounds keep their whole and give their parts, unspaced scripts give pairs."""
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=127)))
def test_an_ascii_text_has_the_words_that_it_has_within_another(text: str) -> None:
    """The short cut for ASCII texts splits as Unicode's rules do, which a text with any other letter goes by."""
    assert [*words(text), "cafe"] == words(f"{text} café")


@pytest.mark.parametrize(
    "word", ["C++", "F#", "k8s", "Node.js", "v1.2", "--no-cache", "/etc/hosts", "a@b.example", "i18n"]
)
def test_code_is_found_by_its_own_spelling(word: str) -> None:
    """Every word of a question for a piece of code is among the words of a text that holds it."""
    assert set(question_words(word)) <= set(words(f"They said that {word} is what counts."))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("İstanbul", "istanbul"),
        ("ılık", "ilik"),
        ("café", "cafe"),
        ("ＡＢＣ", "abc"),
        ("Ωμέγα", "ωμεγα"),
        ("أَحْمَد", "احمد"),
        ("ٱلإيمان", "الايمان"),
        ("على", "علی"),
        ("کتاب", "كتاب"),
        ("شكـــرا", "شكرا"),
        ("שָׁלוֹם", "שלום"),
        ("٣٥", "35"),
    ],
)
def test_folding_makes_words_equal_that_differ_in_case_accents_width_or_points(one: str, other: str) -> None:
    """One word in two spellings is one word."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize("asked", ["3.5 kg", "3.5kg", "3,5 kg", "3,5kg", "٣٫٥ kg"])
def test_a_number_is_found_with_its_unit_glued_to_it_or_not(asked: str) -> None:
    """All spellings of an amount ask for the same words, and no other amount holds them."""
    for told in ("it weighs 3.5kg", "it weighs 3.5 kg", "it weighs 3,5 kg"):
        assert set(question_words(asked)) <= set(words(told))
    for other in ("it weighs 35 kg", "it weighs 35kg", "it weighs 3 kg and costs 5", "it weighs 3.50 kg"):
        assert not set(question_words(asked)) <= set(words(other))


def test_a_decimal_is_not_taken_apart() -> None:
    """2.1 is never 2.10, and neither holds a 2 or a 10; thousands may have a comma."""
    assert words("2.10") == ["2.10"]
    assert words("2.1") == ["2.1"]
    assert words("1,000 km") == words("1000 km") == ["1000", "km"]


def test_vowel_signs_are_no_accents() -> None:
    """In Hindi and Thai a mark can be a vowel: other words stay other words."""
    assert fold("कि") != fold("की")
    assert fold("ที") != fold("ทา")


def test_a_question_drops_words_without_a_topic_where_others_remain() -> None:
    """What is left of a question are its distinct words that say something, or all if none does."""
    assert question_words("What is the name of the dog, the dog?") == ["name", "dog"]
    assert question_words("who are you") == ["who", "are", "you"]
    assert question_words("?!") == []


def test_user_text_cannot_leave_its_words() -> None:
    """Nothing that the index or its query language could take for a sign survives."""
    for text in ('a" OR "b', "near(a b)", "x:y", "a*", "^a", "{a b}: c", "a -b"):
        assert not set("".join(words(text))) & set('":*^(){}\x00 ')


def test_a_long_run_is_cut_on_both_sides() -> None:
    """A hash of a thousand characters is found by itself."""
    run = "a1" * 500
    assert question_words(run) == [word for word in words(run) if word in question_words(run)]
    assert max(map(len, words(run))) <= 48


def test_small_talk_tells_nothing() -> None:
    """Words of any chat, and single letters and digits, call no memory to mind; a single sign of Chinese may."""
    assert not any(map(telling, ["thanks", "today", "hello", "7", "x"]))
    assert all(map(telling, ["python", "aarhus", "茶", "2024"]))


def test_the_opening_is_the_first_word_folded() -> None:
    """Signs before the word and case do not matter."""
    assert opening("  «Anna: hello") == opening("anna said") == mark("anna")
    assert opening("...") == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Wo wohne ich?", "Jonas wohnt mit Lea in Freiburg."),
        ("¿A qué soy alérgica?", "Lucía tiene alergia a las gambas y no las come."),
        ("Где я работаю?", "Ольга работала врачом в больнице."),
        ("من هو المهندس؟", "يعمل يوسف مهندسًا"),
    ],
)
def test_forms_of_a_foreign_word_have_their_beginning_in_common(asked: str, told: str) -> None:
    """The index stems English alone; what is asked in another form of the word is found by how the word begins."""
    assert set(question_words(asked)) & set(indexed_words(told))


def test_an_english_text_has_no_beginnings() -> None:
    """They would only make its index larger: the index stems English."""
    for text in ("The user works as a teacher.", "retry_count", "--no-cache", "User prefers dark mode"):
        assert indexed_words(text) == words(text)


def test_a_foreign_question_drops_its_own_words_without_a_topic() -> None:
    """Articles, pronouns and question words of the languages in the table carry no topic."""
    assert question_words("Wie heißt mein Hund?") == ["hund"]
    assert question_words("¿Cómo se llama mi gata?") == ["gata"]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Anna: I moved to Rome", True),
        ("Anna: That is my brother", True),
        ("Anna: Ich wohne in Rom", True),
        ("Анна: Я живу в Риме", True),
        ("Anna: Where is it?", False),
        ("Mia: Where is it?", False),
    ],
)
def test_a_text_in_the_first_person_is_marked(text: str, marked: bool) -> None:
    """The index knows what speaks of itself, in many languages; the name that a turn opens with is no such word."""
    assert (OF_SELF in indexed_words(text)) is marked
    assert OF_SELF not in words(text)
