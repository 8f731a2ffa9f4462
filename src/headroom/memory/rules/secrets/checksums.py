"""Check digits of payment cards (Luhn, ISO/IEC 7812-1) and of bank accounts (IBAN, ISO 13616)."""

from __future__ import annotations

import re

# First digits and lengths of what each scheme issues, as Stripe's, Adyen's and PayPal's card pages list them.
_ISSUERS: tuple[tuple[range, tuple[int, ...]], ...] = (
    (range(4, 5), (16, 18, 19)),  # Visa
    (range(51, 56), (16,)),  # Mastercard
    (range(2221, 2721), (16,)),  # Mastercard
    (range(34, 35), (15,)),  # American Express
    (range(37, 38), (15,)),  # American Express
    (range(6011, 6012), (16, 19)),  # Discover
    (range(644, 660), (16, 19)),  # Discover
    (range(300, 306), (14, 16, 19)),  # Diners Club
    (range(36, 37), (14, 16, 19)),  # Diners Club
    (range(38, 40), (14, 16, 19)),  # Diners Club
    (range(3528, 3590), (16, 19)),  # JCB
    (range(62, 63), (16, 17, 18, 19)),  # UnionPay
    (range(6759, 6760), (16, 18, 19)),  # Maestro
)

# Letters and digits of an account number, by country: SWIFT's IBAN registry.
_COUNTRIES_BY_LENGTH = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {country: length for length, countries in _COUNTRIES_BY_LENGTH.items() for country in countries.split()}


def is_card_number(text: str) -> bool:
    """Return whether `text`, without its spaces and hyphens, is a number that a card scheme could have issued."""
    digits = re.sub(r"[ -]", "", text)
    if not digits.isascii() or not digits.isdigit():
        return False
    issued = any(int(digits[: len(str(first[0]))]) in first and len(digits) in lengths for first, lengths in _ISSUERS)
    return issued and _luhn(digits)


def iban_length(text: str) -> int | None:
    """Return how many letters and digits an account number that begins like this has; None if no country has it."""
    return _IBAN_LENGTHS.get(text[:2].upper())


def is_iban(text: str) -> bool:
    """Return whether `text`, without its spaces and hyphens, is an account number with the right check digits."""
    plain = re.sub(r"[ -]", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+", plain) or len(plain) != iban_length(plain):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _luhn(digits: str) -> bool:
    """Count every second digit from the right double, and sum all digits: the sum of a valid number ends in 0."""
    values = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in values) % 10 == 0
