"""The demo directory: fictitious, reproducible, and in the region's proportions."""

import csv
import json
import re
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import phonenumbers
import pytest

from maillage_local.demo.generate import AS_OF, demo_records, write_demo
from maillage_local.demo.identities import PERSONAS, demo_organization, demo_service
from maillage_local.demo.organizations import enterprise_number
from maillage_local.demo.places import PLACES

REFERENCE = files("maillage_directory") / "reference"
RECORDS: list[Any] = list(demo_records())
ORGANIZATIONS = [r for r in RECORDS if r["type"] == "organization"]
SERVICES = [r for r in RECORDS if r["type"] == "service"]
OBSERVATIONS = [r for r in RECORDS if r["type"] == "observation"]
COVERAGE = [r for r in RECORDS if r["type"] == "coverage"]
LIFE = {
    kind: [r for r in RECORDS if r["type"] == kind]
    for kind in ("event", "rota", "diagnostic", "collection")
}
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def codes(name: str, column: str = "code") -> set[str]:
    rows = csv.DictReader((REFERENCE / name).read_text("utf-8").splitlines())
    return {row[column] for row in rows}


class TestReproducibility:
    def test_two_runs_write_the_same_bytes(self, tmp_path: Path) -> None:
        write_demo(tmp_path / "first.ndjson")
        write_demo(tmp_path / "second.ndjson")
        first = (tmp_path / "first.ndjson").read_bytes()
        assert first == (tmp_path / "second.ndjson").read_bytes()
        assert len(first.splitlines()) == len(RECORDS)

    def test_another_day_moves_ages_and_no_identity(self) -> None:
        later = list(demo_records(as_of=datetime(2027, 3, 1, tzinfo=UTC)))
        assert [r["id"] for r in ORGANIZATIONS] == [
            r["id"] for r in later if r["type"] == "organization"
        ]
        assert later != RECORDS

    def test_another_seed_makes_another_region_around_the_fixed_ones(self) -> None:
        other = [r for r in demo_records(seed=1) if r["type"] == "service"]
        assert {r["id"] for r in other} & {r["id"] for r in SERVICES}
        assert [r["languages"] for r in other] != [r["languages"] for r in SERVICES]

    def test_counts_are_told(self, tmp_path: Path) -> None:
        assert write_demo(tmp_path / "demo.ndjson") == {
            "organization": len(ORGANIZATIONS),
            "service": len(SERVICES),
            "coverage": len(COVERAGE),
            "observation": len(OBSERVATIONS),
            **{kind: len(records) for kind, records in LIFE.items()},
        }


class TestFiction:
    def test_every_name_carries_the_mark_of_the_demo(self) -> None:
        marks = {"fr": "(démonstration)", "nl": "(demonstratie)", "en": "(demonstration)"}
        for record in [*ORGANIZATIONS, *SERVICES]:
            assert record["source"] == "demo"
            for language, name in record["name"].items():
                assert name.endswith(marks[language])

    def test_no_two_services_or_organizations_share_a_name_or_an_id(self) -> None:
        for records in (ORGANIZATIONS, SERVICES):
            assert len({json.dumps(r["name"]) for r in records}) == len(records)
        ids = [r["id"] for r in RECORDS if r["type"] != "coverage"]
        assert len(ids) == len(set(ids))

    def test_phones_are_valid_and_in_the_unassigned_block(self) -> None:
        phones = [p for r in [*ORGANIZATIONS, *SERVICES] for p in r.get("phones", [])]
        assert len(phones) == len(set(phones))
        for phone in phones:
            assert phone.startswith("+324540")
            assert phonenumbers.is_valid_number(phonenumbers.parse(phone))

    def test_web_addresses_and_mailboxes_are_in_a_reserved_domain(self) -> None:
        for record in ORGANIZATIONS:
            for address in (record.get("url"), record.get("email")):
                assert address is None or address.removesuffix("/").endswith(".example")

    def test_enterprise_numbers_pass_their_check_and_are_far_from_those_given(self) -> None:
        numbers = [i["identifier"] for r in ORGANIZATIONS for i in r.get("identifiers", [])]
        assert len(numbers) == len(set(numbers)) > 30
        for number in [*numbers, enterprise_number(7)]:
            assert number.startswith("1999")
            assert len(number) == 10
            assert 97 - int(number[:8]) % 97 == int(number[8:])


class TestReferences:
    def test_every_record_refers_to_what_came_before(self) -> None:
        known = {record["id"] for record in ORGANIZATIONS}
        for record in [*SERVICES, *COVERAGE]:
            assert record["organization"] in known
        kinds = [record["type"] for record in RECORDS]
        order = ["organization", "service", "coverage", "observation", "event", "rota"]
        order += ["diagnostic", "collection"]
        assert [kind for kind, _ in Counter(kinds).items()] == order
        assert kinds == sorted(kinds, key=order.index)

    def test_codes_are_those_of_the_reference_data(self) -> None:
        needs, territories = codes("needs.csv"), codes("territories.csv")
        programs = codes("programs.csv")
        for service in SERVICES:
            assert set(service["needs"]) <= needs, service["name"]
            assert set(service["action_zones"]) <= territories
            assert set(service["programs"]) <= programs
            for place in service.get("locations", []):
                assert place["address"]["postcode"] in territories
        for seen in OBSERVATIONS:
            assert seen["need"] in needs
            assert {seen["territory"]} <= territories
            assert seen["program"] in programs
        for record in (one for records in LIFE.values() for one in records):
            assert {*record.get("needs", ()), *record.get("themes", ())} <= needs
            assert {record.get("territory", "bru")} <= territories
        for row in COVERAGE:
            assert row["territory"] in territories
            assert row["program"] in programs

    def test_places_agree_with_the_reference_territories(self) -> None:
        rows = csv.DictReader((REFERENCE / "territories.csv").read_text("utf-8").splitlines())
        communes = {row["code"]: row for row in rows if row["kind"] == "commune"}
        assert {place.commune for place in PLACES} == set(communes)
        for place in PLACES:
            row = communes[place.commune]
            # The City's outer parts are kilometres away from its centre.
            reach = 0.07 if place.commune == "21004" else 0.0005
            assert abs(float(row["latitude"]) - place.latitude) < reach
            assert abs(float(row["longitude"]) - place.longitude) < reach

    def test_the_organization_of_every_persona_is_there(self) -> None:
        known = {record["id"] for record in ORGANIZATIONS}
        for persona in PERSONAS.values():
            assert persona.organization is None or str(persona.organization) in known


class TestShapes:
    def test_opening_hours_are_well_formed(self) -> None:
        for service in SERVICES:
            for schedule in service["schedules"]:
                assert TIME_OF_DAY.fullmatch(schedule["opens_at"])
                assert TIME_OF_DAY.fullmatch(schedule["closes_at"])
                day = r"[1-4](MO|TU|WE|TH|FR)" if schedule["freq"] == "MONTHLY" else r"[A-Z]{2}"
                assert all(re.fullmatch(day, byday) for byday in schedule["byday"].split(","))

    def test_closures_and_capacity_reports_end_after_they_begin(self) -> None:
        for service in SERVICES:
            assert all(closure["from"] <= closure["to"] for closure in service["closures"])
            if report := service.get("capacity"):
                assert report["observed_at"] < report["valid_until"]
                assert datetime.fromisoformat(report["observed_at"]) <= AS_OF

    def test_a_network_is_named_exactly_where_it_is_the_audience(self) -> None:
        for record in [*ORGANIZATIONS, *SERVICES]:
            assert ("network" in record) == (record["visibility"] == "network")


class TestProportions:
    def test_about_three_hundred_services_of_a_hundred_and_fifty_organizations(self) -> None:
        assert 280 <= len(SERVICES) <= 320
        assert len(ORGANIZATIONS) == 150

    def test_big_communes_have_more_than_small_ones(self) -> None:
        communes = Counter(
            s["locations"][0]["address"]["commune_nis"] for s in SERVICES if "locations" in s
        )
        assert len(communes) >= 17
        assert communes["21004"] > communes["21011"]
        assert communes["21015"] > communes["21003"]

    @pytest.mark.parametrize("language", ["ar", "tr", "es", "ln", "sw", "ru", "uk"])
    def test_languages_met_on_the_ground_are_spoken_somewhere(self, language: str) -> None:
        assert sum(language in service["languages"] for service in SERVICES) >= 3

    def test_some_texts_are_in_one_language_only(self) -> None:
        written = Counter(tuple(service["name"]) for service in SERVICES)
        assert written["fr",] > 30
        assert written["nl",] > 10

    def test_every_kind_of_case_is_met(self) -> None:
        visibilities = Counter(service["visibility"] for service in SERVICES)
        assert min(visibilities[v] for v in ("public", "professional", "network", "own")) >= 2
        states = Counter(s["capacity"]["status"] for s in SERVICES if "capacity" in s)
        assert set(states) == {
            "capacity",
            "no_capacity",
            "waitlist",
            "additional_assessment_required",
        }
        assert sum(s["locations"][0]["confidential"] for s in SERVICES if "locations" in s) >= 3
        assert sum("locations" not in s for s in SERVICES) > 10
        assert sum("verified_at" not in s for s in SERVICES) > 40
        expired = [
            s
            for s in SERVICES
            if "capacity" in s and datetime.fromisoformat(s["capacity"]["valid_until"]) < AS_OF
        ]
        assert len(expired) > 20

    def test_observations_name_no_organization(self) -> None:
        assert all("organization" not in seen for seen in OBSERVATIONS)
        assert all(("obstacle" in seen) == (seen["kind"] == "obstacle") for seen in OBSERVATIONS)

    def test_both_kinds_of_observations_from_all_four_programs(self) -> None:
        assert {seen["kind"] for seen in OBSERVATIONS} == {"gap", "obstacle"}
        assert {seen["program"] for seen in OBSERVATIONS} == {"RAQ", "CHW", "CPPS", "CeS"}
        assert {row["program"] for row in COVERAGE} == {"RAQ", "CHW", "CPPS", "CeS"}


class TestStory:
    def test_the_target_service_takes_anyone_at_any_hour(self) -> None:
        target = next(s for s in SERVICES if s["id"] == str(demo_service("target")))
        assert target["organization"] == str(demo_organization("target"))
        assert target["name"]["fr"] == "Accueil social et santé Maillage (démonstration)"
        assert target["languages"] == ["ar", "fr"]
        assert {"administration", "general-medicine"} <= set(target["needs"])
        assert (target["access"], target["cost"]) == (["walk_in"], "free")
        assert target["conditions"]["no_papers_needed"] == "yes"
        assert target["conditions"]["undocumented"] == "yes"
        assert target["locations"][0]["address"]["postcode"] == "1080"
        assert target["closures"] == []
        assert target["schedules"] == [
            {
                "freq": "WEEKLY",
                "byday": "MO,TU,WE,TH,FR,SA,SU",
                "opens_at": "00:00",
                "closes_at": "24:00",
            }
        ]
        assert "capacity" in target
        assert target["capacity"]["status"] == "capacity"


class TestLife:
    def test_names_services_and_organizations_of_the_demo(self) -> None:
        services = {record["id"] for record in SERVICES}
        organizations = {record["id"] for record in ORGANIZATIONS}
        for records in LIFE.values():
            assert records
            for record in records:
                assert record["organization"] in organizations
                for part in (*record.get("turns", ()), *record.get("items", ())):
                    assert part["service"] in services
        assert {event["kind"] for event in LIFE["event"]} >= {
            "permanence",
            "workshop",
            "mobile_round",
        }

    def test_is_written_in_french_and_dutch(self) -> None:
        for record in (one for records in LIFE.values() for one in records):
            for words in (record.get("name") or record["title"], record.get("description", {})):
                assert not words or words.keys() >= {"fr", "nl"}
