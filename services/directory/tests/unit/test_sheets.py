"""The words of printed sheets."""

import pytest

from maillage_directory.sheets.wording import hours_lines, phone_text


@pytest.mark.parametrize(
    ("byday", "fr", "nl"),
    [
        ("MO,TU,WE,TH,FR,SA,SU", "tous les jours", "elke dag"),
        ("MO,TU,WE,TH,FR", "du lundi au vendredi", "maandag tot en met vrijdag"),
        ("MO,TU", "lundi, mardi", "maandag, dinsdag"),
        ("MO,WE,FR", "lundi, mercredi, vendredi", "maandag, woensdag, vrijdag"),
        ("2TU", "2e mardi", "2e dinsdag"),
    ],
)
def test_days_in_a_row_are_told_as_one(byday: str, fr: str, nl: str) -> None:
    schedule = {
        "byday": byday,
        "opens_at": "09:00",
        "closes_at": "12:00",
        "freq": "WEEKLY",
        "interval": 1,
        "on_holidays": "closed",
    }
    for language, days in (("fr", fr), ("nl", nl)):
        assert hours_lines([schedule], language) == [f"{days} 09:00–12:00"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+32454099999", "0454 09 99 99"),
        ("+3225550001", "02 555 00 01"),
        ("+3242223344", "04 222 33 44"),
        ("+3210123456", "010 12 34 56"),
        ("+3280035243", "0800 35 243"),
        ("+3290312345", "0903 12 345"),
        ("+3292223344", "09 222 33 44"),
        ("+3281223344", "081 22 33 44"),
        ("+33142278186", "+33142278186"),
        ("107", "107"),
    ],
)
def test_belgian_numbers_are_written_as_they_are_dialled(number: str, text: str) -> None:
    assert phone_text(number) == text
