"""Check digits of cards and bank accounts."""

from __future__ import annotations

import pytest

from headroom.memory.rules.secrets.checksums import is_card_number, is_iban

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "378282246310005", "6759649826438453"])
def test_a_card_number_of_a_known_scheme(number: str) -> None:
    """Spaces do not count; scheme, length and check digit must fit."""
    assert is_card_number(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_card_number(wrong)


@pytest.mark.parametrize("number", ["79927398713", "1234567812345670", "9999999999999995", "", "x", "42424242"])
def test_a_check_digit_alone_makes_no_card_number(number: str) -> None:
    """Other numbers have Luhn's check digit too."""
    assert not is_card_number(number)


@pytest.mark.parametrize("number", ["DE89370400440532013000", "gb29 nwbk 6016 1331 9268 19", "NO93-8601-1117-947"])
def test_an_iban(number: str) -> None:
    """Case, spaces and hyphens do not count; a digit that is changed does."""
    assert is_iban(number)
    assert not is_iban(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("number", ["DE8937040044053201300", "XX89370400440532013000", "DE", ""])
def test_no_iban(number: str) -> None:
    """A country that has none, and a length that is not the country's."""
    assert not is_iban(number)
