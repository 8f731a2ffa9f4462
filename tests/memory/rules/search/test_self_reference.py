"""Whether a message speaks of the one who writes it."""

from __future__ import annotations

import pytest

from headroom.memory.rules.search.self_reference import speaks_of_writer

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "message",
    [
        "What am I allergic to?",
        "what's my wifi called",
        "Wo wohne ich?",
        "Wie heißt meine Ärztin?",
        "Où est-ce que j'habite ?",
        "À quoi suis-je allergique ?",
        "¿Dónde vivo?",
        "Onde eu moro?",
        "Come si chiama mio figlio?",
        "Waar woon ik?",
        "Gdzie mieszkam?",
        "Как зовут моего сына?",
        "Де я живу?",
        "Benim köpeğimin adı ne?",
        "أين أسكن؟",
        "ما هي مهنتي؟",
        "איפה אני גר?",
        "मैं कहाँ रहता हूँ?",
        "我住在哪里？",
        "私はどこに住んでいますか？",
        "내 생일은 언제야?",
        "Di mana saya tinggal?",
        "Tôi sống ở đâu?",
        "¿Qué idioma estudio?",
        "Che strumento suono?",
        "Onde moro?",
        "Jakiego języka się uczę?",
        "Где живу?",
        "Hangi dili öğreniyorum?",
        "Πού μένω;",
        "仕事は何だったっけ？",
        "생일이 언제였지?",
        "住在哪个城市来着？",
    ],
)
def test_a_first_person_word_speaks_of_the_writer(message: str) -> None:
    """In each language of the table, with the pronoun, a possessive, an ending, or the verb alone."""
    assert speaks_of_writer(message) == 1.0


@pytest.mark.parametrize(
    "message",
    [
        "What is the capital of Mongolia?",
        "tell me a joke",
        "Wer hat Faust geschrieben?",
        "Übersetze das bitte mit Humor.",
        "Raconte-moi une blague.",
        "¿Quién pintó Las Meninas?",
        "Como se faz um bolo?",
        "Кто написал «Войну и мир»?",
        "من كتب ألف ليلة وليلة؟",
        "澳大利亚的首都是哪里？",
        "¿Quién pintó el cuadro?",
        "Quanto costa un biglietto?",
        "¿Cómo funciona un motor eléctrico?",
        "¡Qué gracioso!",
        "What is a photo?",
        "who made this piano",
        "Ποια είναι η πρωτεύουσα;",
    ],
)
def test_general_questions_and_requests_do_not(message: str) -> None:
    """Nor does the one who is told something: "tell me a joke"."""
    assert speaks_of_writer(message) == 0.0


def test_a_language_that_is_not_known_is_in_the_middle() -> None:
    """Finnish and Georgian are in no table."""
    assert speaks_of_writer("Mikä lääkkeeni nimi olikaan?") == 0.5
    assert speaks_of_writer("სად ვცხოვრობ მე ახლა?") == 0.5
