"""The words of printed sheets."""

import pytest

from maillage_directory.sheets.wording import hours_lines


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
