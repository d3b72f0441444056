from collections.abc import Callable
from datetime import date, time

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maillage_campaigns.identifiers import BadCell, parse_national_number, parse_phone
from maillage_campaigns.imports import cells
from maillage_campaigns.imports.communes import commune_of_name, commune_of_postcode
from maillage_campaigns.imports.headers import Column, column_letters, match_headings
from maillage_campaigns.imports.languages import parse_languages
from maillage_campaigns.imports.messages import CATALOGUE, messages_of

TODAY = date(2026, 11, 22)


def code_of(parse: Callable[[str], object], cell: str) -> str | None:
    """The code that the parser refuses the cell with, None when it reads it."""
    try:
        parse(cell)
    except BadCell as bad:
        return bad.code
    return None


class TestNationalNumber:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("88022999990", ("88022999990", 1988, False)),
            ("88.02.29-999.90", ("88022999990", 1988, False)),
            ("88222999936", ("88222999936", 1988, False)),
            ("01022299954", ("01022299954", 2001, False)),
            ("1022299954", ("01022299954", 2001, True)),
        ],
    )
    def test_reads_both_centuries_bis_numbers_and_lost_zeros(
        self, cell: str, expected: tuple[str, int, bool]
    ) -> None:
        assert parse_national_number(cell, today=TODAY) == expected

    @pytest.mark.parametrize(
        "cell",
        [
            "88150199951",
            "08222999935",
            "20070199952",
            "88022999991",
            "1234",
            "8802299999A",
            "²" * 11,
        ],
    )
    def test_refuses_what_fails_its_check(self, cell: str) -> None:
        with pytest.raises(BadCell, match="invalid-national-number"):
            parse_national_number(cell, today=TODAY)

    @pytest.mark.parametrize("cell", ["8.8E+10", "8,80229E10", "1.2e+10"])
    def test_says_when_a_spreadsheet_mangled_it(self, cell: str) -> None:
        with pytest.raises(BadCell, match="excel-mangled"):
            parse_national_number(cell, today=TODAY)

    @given(st.dates(date(1925, 1, 1), TODAY), st.integers(1, 998), st.sampled_from([0, 20, 40]))
    def test_accepts_every_rightly_made_number_and_no_neighbour(
        self, born: date, sequence: int, bis: int
    ) -> None:
        base = f"{born:%y}{born.month + bis:02d}{born:%d}{sequence:03d}"
        check = 97 - int(("2" if born.year >= 2000 else "") + base) % 97
        number, _, _ = parse_national_number(f"{base}{check:02d}", today=TODAY)
        assert number == f"{base}{check:02d}"


class TestPhone:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("0470/12.34.56", "+32470123456"),
            ("+32 470 12 34 56", "+32470123456"),
            ("0032 470 12 34 56", "+32470123456"),
            ("+32 (0)470 12 34 56", "+32470123456"),
            ("470123456", "+32470123456"),
            ("470123456.0", "+32470123456"),
            ("02/512.34.56", "+3225123456"),
            ("+33 6 12 34 56 78", "+33612345678"),
        ],
    )
    def test_writes_e164(self, cell: str, expected: str) -> None:
        assert parse_phone(cell) == expected

    @pytest.mark.parametrize("cell", ["12", "0470/12.34", "téléphone", "+32 999 99 99 99", "٠٤٧٠"])
    def test_refuses_what_is_no_number(self, cell: str) -> None:
        with pytest.raises(BadCell, match="invalid-phone"):
            parse_phone(cell)

    def test_says_when_a_spreadsheet_mangled_it(self) -> None:
        with pytest.raises(BadCell, match="excel-mangled"):
            parse_phone("3,247E+10")

    @given(st.from_regex(r"\A(\+32|0032|0)[ ./-]?[1-9]([ ./-]?[0-9]){6,9}\Z"))
    @example("0470123456")
    @example("+3210000000.0")
    def test_the_short_way_agrees_with_the_library(self, cell: str) -> None:
        try:
            parsed = phonenumbers.parse(cell, "BE")
            is_valid = phonenumbers.is_valid_number(parsed)
        except phonenumbers.NumberParseException:
            is_valid = False
        if is_valid:
            wanted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            assert parse_phone(cell) == wanted
        else:
            with pytest.raises(BadCell):
                parse_phone(cell)


class TestOtherCells:
    @pytest.mark.parametrize(
        ("cell", "year"),
        [("01/02/1950", 1950), ("1.2.1950", 1950), ("1950-02-01", 1950), ("1950", 1950)],
    )
    def test_reads_days_first_and_iso(self, cell: str, year: int) -> None:
        assert cells.parse_birth_year(cell, today=TODAY) == year

    @pytest.mark.parametrize("cell", ["31/02/1950", "02/31/1950", "1850", "2050", "hier", "1/1/50"])
    def test_refuses_impossible_days(self, cell: str) -> None:
        with pytest.raises(BadCell, match="invalid-date"):
            cells.parse_birth_year(cell, today=TODAY)

    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("09:00-12:30", (time(9), time(12, 30))),
            ("9h-12h30", (time(9), time(12, 30))),
            ("9 tot 12", (time(9), time(12))),
        ],
    )
    def test_reads_preferred_times(self, cell: str, expected: tuple[time, time]) -> None:
        assert cells.parse_times(cell) == expected

    @pytest.mark.parametrize("cell", ["25-26", "12-9", "le matin"])
    def test_refuses_times_that_are_none(self, cell: str) -> None:
        with pytest.raises(BadCell):
            cells.parse_times(cell)

    def test_reads_languages_by_name_in_three_languages(self) -> None:
        assert parse_languages("Français, Arabisch / turkish") == (("fr", "ar", "tr"), 0)
        assert parse_languages("fr-BE; klingon") == (("fr",), 1)

    def test_places_postcodes_and_commune_names(self) -> None:
        assert commune_of_postcode("1020") == "21004"
        assert commune_of_name("Sint-Jans-Molenbeek") == "21012"
        assert commune_of_name("St-Gilles") == "21013"
        assert commune_of_name("21001") == "21001"
        assert commune_of_postcode("4000") is None

    def test_removes_what_cannot_be_seen(self) -> None:
        assert cells.clean("\ufeff\u200b 0470\u00a012 ") == "0470 12"

    @given(st.text(max_size=60))
    def test_no_text_breaks_a_parser(self, cell: str) -> None:
        for parse in (
            parse_phone,
            cells.parse_postcode,
            cells.parse_yes,
            cells.parse_priority,
            cells.parse_times,
            cells.parse_criteria,
            lambda text: parse_national_number(text, today=TODAY),
            lambda text: cells.parse_birth_year(text, today=TODAY),
        ):
            assert code_of(parse, cell) in {None, *CATALOGUE}


class TestHeadings:
    @pytest.mark.parametrize(
        ("label", "column"),
        [
            ("N° de registre national", Column.NATIONAL_NUMBER),
            ("Rijksregisternummer", Column.NATIONAL_NUMBER),
            ("TÉLÉPHONE 2", Column.PHONE),
            ("gsm-nummer", Column.PHONE),
            ("Geboortedatum", Column.BIRTH),
            ("first_name", Column.FIRST_NAME),
            ("Naam", Column.LAST_NAME),
            ("Couleur préférée", None),
            ("Иван GSM", None),
            ("نور", None),
            ("GSM 0470123456", None),
            ("Nom: Dupont", None),
            ("Nom \N{MATHEMATICAL BOLD CAPITAL D}upont", None),
        ],
    )
    def test_are_known_in_three_languages(self, label: str, column: Column | None) -> None:
        assert match_headings([label])[0].column is column

    def test_a_second_column_of_one_kind_is_repeated_unless_a_phone(self) -> None:
        found = match_headings(["Nom", "Naam", "Tel", "GSM"])
        assert [item.is_repeated for item in found] == [False, True, False, False]

    def test_letters_are_the_spreadsheets(self) -> None:
        assert [column_letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_every_message_is_there_in_three_languages() -> None:
    for code in CATALOGUE:
        assert all(messages_of(code, {"first_row": 5}).values())
