"""Sample call lists: fictitious people, written as back offices write."""

import csv
import io
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_local.demo.lists import (
    BORN_ON,
    DO_NOT_CALL,
    DUTCH,
    FAULTS,
    FRENCH,
    LANGUAGE,
    MEMBER_NUMBER,
    MOBILE,
    NATIONAL_NUMBER,
    PHONE,
    SURNAME,
    Tenant,
    call_list,
    story_list,
    write_call_list,
)
from maillage_local.demo.people import BIRTH_DAYS, national_number, person


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("windows-1252"), newline=""), delimiter=";"))


def register_check_holds(dotted: str) -> bool:
    """The check of a register number, for either century."""
    digits = dotted.replace(".", "").replace("-", "")
    first, check = digits[:9], int(digits[9:])
    return check in {97 - int(first) % 97, 97 - int(f"2{first}") % 97}


class TestPeople:
    @given(st.integers(min_value=0, max_value=5_000_000))
    def test_nobody_has_a_number_that_could_be_someone_s(self, number: int) -> None:
        made = person(number, seed=1)
        assert made.national_number == "" or made.national_number[6:9] == "999"
        for phone in made.phones:
            assert phone.startswith("+32454")
            assert not phone.startswith("+324540")  # the phones of demo services
            assert phonenumbers.is_valid_number(phonenumbers.parse(phone))

    def test_register_numbers_are_met_once(self) -> None:
        made = [person(number, seed=1).national_number for number in range(BIRTH_DAYS + 10)]
        assert len(set(made[:BIRTH_DAYS])) == BIRTH_DAYS
        assert set(made[BIRTH_DAYS:]) == {""}

    def test_the_check_counts_a_2_before_those_born_since_2000(self) -> None:
        old, young = person(0, seed=1).born_on, person(0, seed=1).born_on.replace(year=2001)
        # Worked out by hand: 97 - 300101999 % 97, and 97 - 2010101999 % 97.
        assert national_number(old) == "30010199993"
        assert national_number(young) == f"010101999{97 - 2010101999 % 97:02d}"

    def test_the_same_number_and_seed_give_the_same_person(self) -> None:
        assert person(12, seed=3) == person(12, seed=3)
        assert person(12, seed=3) != person(12, seed=4)


class TestStoryList:
    @pytest.mark.parametrize(("tenant", "style"), [("mc", FRENCH), ("solidaris", DUTCH)])
    def test_is_what_a_back_office_sends(self, tenant: Tenant, style: object) -> None:
        content = story_list(tenant)
        header, *rows = rows_of(content)
        assert header == list(style.headers)  # type: ignore[attr-defined]
        assert content.endswith(b"\r\n")
        assert len(rows) == 30
        assert {len(row) for row in rows} == {len(header)}
        with pytest.raises(UnicodeDecodeError):
            content.decode("utf-8")

    @pytest.mark.parametrize("tenant", ["mc", "solidaris"])
    def test_holds_each_fault_once(self, tenant: Tenant) -> None:
        _, *rows = rows_of(story_list(tenant))
        for fault in FAULTS:
            assert sum(row[fault.column] == fault.cell for row in rows) == 1, fault.what

    @pytest.mark.parametrize("tenant", ["mc", "solidaris"])
    def test_holds_a_repeated_row_a_second_spelling_and_an_objection(self, tenant: Tenant) -> None:
        _, *rows = rows_of(story_list(tenant))
        assert rows.count(rows[0]) == 2
        respelled = [row for row in rows if row[PHONE] == rows[1][PHONE]]
        assert [row[SURNAME] for row in respelled] == [rows[1][SURNAME], rows[1][SURNAME].upper()]
        assert len({row[MEMBER_NUMBER] for row in respelled}) == 2
        yes = "oui" if tenant == "mc" else "ja"
        assert sum(row[DO_NOT_CALL] == yes for row in rows) == 1

    def test_someone_speaks_arabic_someone_dutch_and_someone_turkish(self) -> None:
        _, *rows = rows_of(story_list("mc"))
        assert {"AR/FR", "NL", "TR"} <= {row[LANGUAGE] for row in rows}

    @pytest.mark.parametrize("tenant", ["mc", "solidaris"])
    def test_corrected_rows_are_the_faulty_ones_put_right(self, tenant: Tenant) -> None:
        _, *rows = rows_of(story_list(tenant))
        _, *corrected = rows_of(story_list(tenant, corrected=True))
        assert len(corrected) == len(FAULTS)
        faulty = {
            row[MEMBER_NUMBER]
            for row in rows
            if any(row[fault.column] == fault.cell for fault in FAULTS)
        }
        assert {row[MEMBER_NUMBER] for row in corrected} == faulty
        for row in corrected:
            assert register_check_holds(row[NATIONAL_NUMBER])
            assert row[PHONE].startswith("0454/")

    def test_two_mutualities_share_no_person(self) -> None:
        def numbers(tenant: Tenant) -> set[str]:
            _, *rows = rows_of(story_list(tenant))
            cells = {row[column] for row in rows for column in (NATIONAL_NUMBER, PHONE, MOBILE)}
            return cells - {fault.cell for fault in FAULTS} - {""}

        assert numbers("mc").isdisjoint(numbers("solidaris"))

    def test_is_the_same_every_time(self) -> None:
        assert story_list("mc") == story_list("mc")


class TestCallList:
    def test_has_the_rows_asked_for_and_few_bad_ones(self, tmp_path: Path) -> None:
        path = tmp_path / "list.csv"
        write_call_list(path, rows=3_000, bad_percent=2)
        header, *rows = rows_of(path.read_bytes())
        assert header == list(FRENCH.headers)
        assert len(rows) == 3_000
        bad = sum(any(row[f.column] == f.cell for f in FAULTS) for row in rows)
        assert 30 <= bad <= 90
        assert sum(row[DO_NOT_CALL] == "oui" for row in rows) > 3

    def test_all_other_rows_are_good(self) -> None:
        _, *rows = rows_of(b"".join(call_list(500, bad_percent=0)))
        for row in rows:
            assert register_check_holds(row[NATIONAL_NUMBER])
            assert row[PHONE].startswith("0454/")
            day, month, year = row[BORN_ON].split("/")
            assert f"{year[2:]}.{month}.{day}" == row[NATIONAL_NUMBER][:8]

    def test_streams_line_by_line(self) -> None:
        lines = call_list(10**9)
        assert next(lines).decode("windows-1252").startswith("N° national;")
        assert next(lines).count(b";") == len(FRENCH.headers) - 1
