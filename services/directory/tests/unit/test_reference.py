"""The packaged reference data: what it counts, and that nothing in it points nowhere."""

import csv
import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

import phonenumbers
import pytest

REFERENCE = files("maillage_directory") / "reference"
REFERENCE_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://maillage.brussels/reference")
SENSITIVE = {"mental-health", "addiction", "sexual-health", "violence", "foreigners-law"}
THEMES_OF_PREVENTION = {
    "prevention-tuberculosis",
    "prevention-tobacco",
    "prevention-alcohol",
    "prevention-cancer-screening",
    "prevention-infectious-diseases",
    "prevention-vaccination",
    "prevention-diabetes",
}
# Emergency and information numbers dialled as they are; E.164 has no form for them.
SHORT_NUMBERS = {"101", "103", "107", "112", "1710"}


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((REFERENCE / name).read_text("utf-8").splitlines()))


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (REFERENCE / name).read_text("utf-8").splitlines()]


NEEDS = {row["code"]: row for row in table("needs.csv")}
TERRITORIES = {row["code"]: row for row in table("territories.csv")}
MEMBERSHIPS = table("memberships.csv")
SOURCES = {row["code"]: row for row in table("sources.csv")}
PROGRAMS = {row["code"]: row for row in table("programs.csv")}
ORGANIZATIONS = {row["id"]: row for row in records("organizations.ndjson")}
SERVICES = {row["id"]: row for row in records("services.ndjson")}
WITHIN: dict[str, list[dict[str, str]]] = defaultdict(list)
for _row in MEMBERSHIPS:
    WITHIN[_row["territory"]].append(_row)


def _place(row: dict[str, Any]) -> dict[str, Any]:
    """The one place of a reference service, or nothing."""
    found: dict[str, Any] = next(iter(row.get("locations", [])), {})
    return found


def kbo_check_holds(number: str) -> bool:
    """Belgian enterprise numbers: ten digits, the last two are 97 minus the first eight mod 97."""
    return re.fullmatch(r"[01]\d{9}", number) is not None and 97 - int(number[:8]) % 97 == int(
        number[8:]
    )


def paths_upward(
    code: str, certain: bool = True, steps: int = 0
) -> Iterator[tuple[str, bool, int]]:
    """Every territory that `code` lies in: its code, whether all rows on the way are certain, the
    number of rows on the way."""
    for row in WITHIN[code]:
        sure = certain and row["certain"] == "true"
        yield row["within"], sure, steps + 1
        yield from paths_upward(row["within"], sure, steps + 1)


def basins_of(*codes: str) -> set[str]:
    """Certain answers beat uncertain ones, then a territory's own rows those it inherits."""
    found = [
        answer
        for code in codes
        for answer in paths_upward(code)
        if TERRITORIES[answer[0]]["kind"] == "basin"
    ]
    if any(certain for _, certain, _ in found):
        return {basin for basin, certain, _ in found if certain}
    nearest = min((steps for *_, steps in found), default=0)
    return {basin for basin, _, steps in found if steps == nearest}


class TestNeeds:
    def test_every_need_has_its_names_in_three_languages_and_a_pictogram(self) -> None:
        blanks = [
            (code, column)
            for code, row in NEEDS.items()
            for column in ("name_fr", "name_nl", "name_en", "pictogram")
            if not row[column].strip()
        ]
        assert blanks == []

    def test_codes_are_kebab_case_and_met_once(self) -> None:
        codes = [row["code"] for row in table("needs.csv")]
        assert len(codes) == len(set(codes))
        assert [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []

    def test_parents_come_before_their_children(self) -> None:
        seen: set[str] = set()
        for code, row in NEEDS.items():
            assert row["parent"] == "" or row["parent"] in seen, code
            seen.add(code)

    def test_pictograms_are_not_shared(self) -> None:
        shared = Counter(row["pictogram"] for row in NEEDS.values())
        assert [pictogram for pictogram, times in shared.items() if times > 1] == []

    def test_sensitive_needs_are_flagged_with_all_below_them(self) -> None:
        for code, row in NEEDS.items():
            expected = code in SENSITIVE or NEEDS.get(row["parent"], {}).get("sensitive") == "true"
            assert row["sensitive"] == ("true" if expected else "false"), code

    def test_the_six_regional_prevention_themes_are_there(self) -> None:
        children = {code for code, row in NEEDS.items() if row["parent"] == "prevention"}
        assert children == THEMES_OF_PREVENTION

    def test_everyday_words_are_in_both_languages_or_in_none(self) -> None:
        for code, row in NEEDS.items():
            assert bool(row["keywords_fr"]) == bool(row["keywords_nl"]), code
        assert "dentiste" in NEEDS["dental"]["keywords_fr"]

    def test_links_are_single_web_addresses(self) -> None:
        links = [row["exact_match"] for row in NEEDS.values() if row["exact_match"]]
        assert links
        assert all(re.fullmatch(r"https?://\S+", link) for link in links)


class TestTerritories:
    def test_counts_by_kind(self) -> None:
        kinds = Counter(row["kind"] for row in TERRITORIES.values())
        assert kinds == {"region": 1, "basin": 5, "commune": 19, "postcode": 22, "raq_zone": 30}
        assert len(TERRITORIES) == len(table("territories.csv"))

    def test_communes_have_both_names_and_a_point_in_the_region(self) -> None:
        for row in TERRITORIES.values():
            if row["kind"] != "commune":
                assert row["latitude"] == row["longitude"] == "", row["code"]
                continue
            assert re.fullmatch(r"21\d{3}", row["code"])
            assert row["name_fr"]
            assert row["name_nl"]
            assert 50.76 < float(row["latitude"]) < 50.92, row["code"]
            assert 4.24 < float(row["longitude"]) < 4.49, row["code"]

    def test_every_membership_refers_to_known_territories(self) -> None:
        unknown = {
            code
            for row in MEMBERSHIPS
            for code in (row["territory"], row["within"])
            if code not in TERRITORIES
        }
        assert unknown == set()
        assert all(row["certain"] in {"true", "false"} for row in MEMBERSHIPS)

    def test_memberships_have_no_cycle_and_end_in_the_region(self) -> None:
        for code in TERRITORIES.keys() - {"bru"}:
            above = {answer for answer, _, _ in paths_upward(code)}
            assert "bru" in above, code
            assert code not in above, code

    @pytest.mark.parametrize(
        ("postcode", "basins"),
        [
            ("1020", {"nord"}),
            ("1120", {"nord"}),
            ("1130", {"nord"}),
            ("1000", {"centre-ouest", "sud"}),
            ("1040", {"sud-est", "centre-ouest", "sud"}),
            ("1050", {"sud", "centre-ouest"}),
            ("1080", {"centre-ouest"}),
            ("1030", {"nord-est"}),
            ("1170", {"sud"}),
        ],
    )
    def test_a_postcode_resolves_to_its_basins(self, postcode: str, basins: set[str]) -> None:
        assert basins_of(postcode) == basins

    def test_a_commune_settles_a_postcode_that_straddles(self) -> None:
        assert basins_of("21005", "1040") == {"sud-est"}
        assert basins_of("21009", "1050") == {"sud"}

    def test_only_the_city_lies_in_several_basins(self) -> None:
        communes = [code for code, row in TERRITORIES.items() if row["kind"] == "commune"]
        assert {code for code in communes if len(basins_of(code)) > 1} == {"21004"}


class TestSources:
    def test_every_row_names_a_known_source_and_its_date(self) -> None:
        dated = [*table("territories.csv"), *table("programs.csv")]
        dated += [*ORGANIZATIONS.values(), *SERVICES.values()]
        for row in dated:
            assert row["source_date"] == SOURCES[row["source"]]["source_date"]
            date.fromisoformat(row["source_date"])
        for row in [*MEMBERSHIPS, *table("coverage.csv")]:
            assert row["source"] in SOURCES

    def test_nothing_taken_from_an_unverified_source_says_it_is_verified(self) -> None:
        for row in [*table("territories.csv"), *table("programs.csv")]:
            assert row["verified"] == SOURCES[row["source"]]["verified"], row["code"]
        for row in [*ORGANIZATIONS.values(), *SERVICES.values()]:
            assert SOURCES[row["source"]]["verified"] == "false"
            assert "verified_at" not in row


class TestProgramsAndCoverage:
    def test_the_five_programs(self) -> None:
        assert set(PROGRAMS) == {"RAQ", "CHW", "CPPS", "CeS", "CLSS"}

    def test_coverage_refers_to_known_programs_organizations_and_territories(self) -> None:
        for row in table("coverage.csv"):
            assert row["program"] in PROGRAMS
            assert row["organization"] in ORGANIZATIONS
            assert row["territory"] in TERRITORIES
            assert row["role"] in {"worker", "host_partner", "team"}

    def test_every_raq_zone_has_one_host_partner(self) -> None:
        hosts = Counter(r["territory"] for r in table("coverage.csv") if r["program"] == "RAQ")
        zones = {code for code, row in TERRITORIES.items() if row["kind"] == "raq_zone"}
        assert hosts == dict.fromkeys(zones, 1)


class TestOrganizationsAndServices:
    def test_counts_by_source(self) -> None:
        assert Counter(row["source"] for row in SERVICES.values()) == {
            "raq-report-2022": 19,
            "aller-vers-panorama": 5,
            "public-compilation-2026-08": 41,
        }
        # The federation's help line is a second service of it; three coordinators have none here.
        assert len(ORGANIZATIONS) == 19 + (5 + 3) + 40
        assert len(records("services.ndjson")) == len(SERVICES)
        assert len(records("organizations.ndjson")) == len(ORGANIZATIONS)

    def test_ids_come_from_the_source_so_that_loading_twice_changes_nothing(self) -> None:
        mutuality = uuid.uuid5(REFERENCE_NAMESPACE, "aller-vers-panorama:mc")
        assert ORGANIZATIONS[str(mutuality)]["name"]["nl"] == "Christelijke Mutualiteit (CM)"

    def test_every_reference_of_a_service_is_known(self) -> None:
        for row in SERVICES.values():
            assert row["organization"] in ORGANIZATIONS
            assert set(row.get("needs", [])) <= set(NEEDS), row["name"]
            assert set(row.get("action_zones", [])) <= set(TERRITORIES), row["name"]
            assert set(row.get("programs", [])) <= set(PROGRAMS), row["name"]
            address = _place(row).get("address", {})
            assert address.get("commune_nis", "bru") in TERRITORIES
            assert address.get("postcode", "bru") in TERRITORIES

    def test_phones_parse(self) -> None:
        for row in [*ORGANIZATIONS.values(), *SERVICES.values()]:
            for phone in row.get("phones", []):
                if phone in SHORT_NUMBERS:
                    continue
                number = phonenumbers.parse(phone)
                assert phonenumbers.is_valid_number(number), row["name"]
                assert phone == phonenumbers.format_number(
                    number, phonenumbers.PhoneNumberFormat.E164
                )

    def test_enterprise_numbers_pass_their_check(self) -> None:
        assert kbo_check_holds("0203430576")  # a known public number: the check itself works
        assert not kbo_check_holds("0203430577")
        for row in ORGANIZATIONS.values():
            for identifier in row.get("identifiers", []):
                assert kbo_check_holds(identifier["identifier"]), row["name"]

    def test_no_coordinates_are_made_up_for_real_places(self) -> None:
        for row in SERVICES.values():
            location = _place(row)
            assert not {"latitude", "longitude"} & location.keys(), row["name"]

    def test_the_confidential_place_has_no_address(self) -> None:
        hidden = [r for r in SERVICES.values() if _place(r).get("confidential")]
        assert len(hidden) == 1
        assert "address" not in _place(hidden[0])

    def test_places_open_all_day_are_written_with_24_00(self) -> None:
        spans = Counter(
            (schedule["byday"], schedule["opens_at"], schedule["closes_at"])
            for row in SERVICES.values()
            for schedule in row.get("schedules", [])
        )
        assert spans == {
            ("MO,TU,WE,TH,FR,SA,SU", "00:00", "24:00"): 11,
            ("MO,TU,WE,TH,FR", "09:00", "19:00"): 1,
            ("MO,TU,WE,TH,FR", "09:00", "12:30"): 1,
            ("MO,TU,WE,TH,FR", "13:00", "17:00"): 1,
        }
