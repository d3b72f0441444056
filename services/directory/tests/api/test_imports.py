"""Imports: checked first when asked, idempotent, and one bad row never loses the good ones."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from services.directory.tests.api.test_round_trips import IMPORTS, bring

from maillage_common import clock
from maillage_directory.imports import running
from maillage_directory.imports.service import erase_undecided
from maillage_directory.loading.outcome import Rejected

__all__ = ["bring"]


def sheet(*rows: str) -> bytes:
    return "\n".join(("type,external_id,organization_external_id,name_fr,kind", *rows)).encode()


GOOD = (
    "organization,o1,,Accueil,association",
    "service,s1,o1,Permanence,",
    "service,s2,o1,Repas,",
)


def codes(rows: Any) -> list[tuple[int, str, str]]:
    return [(row["line"], row["field"], row["code"]) for row in rows]


async def count(directory: Any, table: str) -> int:
    async with directory.database.read() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")
        return int(found.scalar_one())


async def test_a_dry_run_writes_nothing_and_its_decision_applies_it(
    directory: Any, client: Any, admin: Any, bring: Any, run_jobs: Any
) -> None:
    seen, rows = await bring(sheet(*GOOD), "csv", source="cdcs", dry_run="true")
    assert (seen["stage"], rows) == ("checked", [])
    assert (seen["counts"]["created"], seen["lines_total"]) == (3, 3)
    assert await count(directory, "service") == 0
    decided = await client.post(
        f"{IMPORTS}/{seen['id']}/decision", json={"decision": "apply"}, headers=admin
    )
    assert decided.status_code == 200, decided.text
    await run_jobs()
    applied = (await client.get(f"{IMPORTS}/{seen['id']}", headers=admin)).json()
    assert (applied["stage"], applied["counts"]["created"]) == ("done", 3)
    assert await count(directory, "service") == 2
    assert await count(directory, "import_chunk") == 0
    late = await client.post(
        f"{IMPORTS}/{seen['id']}/decision", json={"decision": "cancel"}, headers=admin
    )
    assert (late.status_code, late.json()["code"]) == (409, "import_not_waiting")


async def test_a_source_knows_its_records_by_its_own_identifiers(
    directory: Any, bring: Any
) -> None:
    """Services first, the organization last: the order of a file is free."""
    await bring(sheet(*reversed(GOOD)), "csv", source="cdcs")
    again, _ = await bring(sheet(*GOOD), "csv", source="cdcs")
    assert again["counts"]["unchanged"] == 3
    changed, _ = await bring(sheet(GOOD[0], GOOD[1], "service,s2,o1,Soupe,"), "csv", source="cdcs")
    assert (changed["counts"]["changed"], changed["counts"]["unchanged"]) == (1, 2)
    other, _ = await bring(sheet(*GOOD), "csv", source="another")
    assert other["counts"]["created"] == 3
    with_ids = [
        directory.service("new name", external_id="s1", source="cdcs", of="none"),
        directory.organization("none", external_id="o1", source="cdcs"),
    ]
    lines = "\n".join(map(json.dumps, with_ids)).encode()
    moved, rows = await bring(lines, "ndjson", complete="false")
    assert rows == []
    assert moved["counts"]["changed"] == 2
    assert await count(directory, "service") == 4


async def test_what_a_source_no_longer_has_is_flagged_and_kept(directory: Any, bring: Any) -> None:
    await bring(sheet(*GOOD), "csv", source="cdcs")
    for params, flagged in (({"dry_run": "true"}, 0), ({"complete": "false"}, 0), ({}, 1)):
        _, rows = await bring(sheet(*GOOD[:2]), "csv", source="cdcs", **params)
        told = [row["code"] for row in rows]
        assert told == ([] if "complete" in params else ["missing_from_file"])
        assert await count(directory, "source_absence") == flagged
    assert await count(directory, "service") == 2
    await bring(sheet(*GOOD), "csv", source="cdcs")
    assert await count(directory, "source_absence") == 0


async def test_every_fault_of_a_row_is_told_and_the_good_rows_kept(
    directory: Any, bring: Any
) -> None:
    header = (
        "type;external_id;organization_external_id;name_fr;kind;identifiers;needs;latitude;"
        "longitude;schedules;age_min;age_max;phones;colour;contacts"
    )
    rows = (
        "organization;o1;;Bonne;association;BE-KBO:0403.170.701;;;;;;;;blue;",
        "organization;o2;;KBO;association;0403.170.702;;;;;;;;;",
        "service;s1;o1;Bon;;;food;50.85;4.35;MO 09:00-12:00;18;;+32 2 555 00 00;;",
        "service;s2;o1;Codes;;;fod, dentl;;;;;;;;",
        "service;s3;o1;;;;;50.85;;;x;;12;;",
        "service;s4;o1;Place;;;;nord;4.35;;;;;;",
        "service;s5;o1;Heures;;;;;;lundi;;;;;",
        "service;s6;o1;Ages;;;;;;;20;10;;;",
        "service;s7;o1;=HYPERLINK(1);;;;;;;;;;;",
        "service;s8;o1;Json;;;;;;;;;;;{oops",
        "service;s9;nobody;Perdu;;;;;;;;;;;",
        "service;;o1;Sans numéro;;;;;;;;;;;",
        "service;s1;o1;Deux fois;;;;;;;;;;;",
        "service;s11;o1;Long;;;;;;;;;;;;;extra",
        "dragon;d1;;Dragon;;;;;;;;;;;",
    )
    file = "\n".join((header, *rows)).encode("windows-1252")
    seen, told = await bring(file, "csv", source="cdcs")
    assert seen["counts"]["created"] == 2
    assert seen["counts"]["bad"] == 13
    found = codes(told)
    for expected in (
        (1, "colour", "unknown_column"),
        (3, "identifiers", "invalid_kbo_number"),
        (5, "needs", "unknown_need"),
        (6, "name_fr", "missing"),
        (6, "latitude", "incomplete_position"),
        (6, "age_min", "int_parsing"),
        (6, "phones", "string_pattern_mismatch"),
        (7, "latitude", "float_parsing"),
        (8, "schedules", "impossible_schedule"),
        (10, "name_fr", "formula_cell"),
        (11, "contacts", "malformed_json"),
        (12, "organization", "unknown_organization"),
        (13, "id", "id_missing"),
        (14, "id", "repeated_id"),
        (15, "", "too_many_cells"),
    ):
        assert expected in found or (expected[0], "locations", expected[2]) in found, (
            expected,
            found,
        )
    assert {line for line, _, code in found if code == "ages_out_of_order"} == {9}
    assert {row["near"][0] for row in told if row["line"] == 5} == {"food", "dental"}


async def test_a_row_is_told_all_its_faults_at_once(directory: Any, bring: Any) -> None:
    header = "type;external_id;organization_external_id;name_fr;age_min;needs;languages;commune_nis"
    row = "service;s1;nobody;;vingt;dentl, Santé mentale;arabe;1080"
    _, told = await bring(f"{header}\n{row}".encode(), "csv", source="cdcs")
    assert {(fault["field"], fault["code"], *fault["near"][:1]) for fault in told} == {
        ("name_fr", "missing"),
        ("age_min", "int_parsing"),
        ("needs", "unknown_need", "dental"),
        ("needs", "unknown_need", "mental-health"),
        ("languages", "unknown_language", "ar"),
        ("commune_nis", "unknown_commune", "21012"),
    }
    record = directory.service("desk", of="nobody", needs=["fod"], network="nort", capacity=None)
    record |= {"visibility": "network", "verified_at": "2199-01-01T00:00:00Z"}
    _, told = await bring(json.dumps(record).encode(), "ndjson")
    assert {(fault["field"], fault["code"], *fault["near"][:1]) for fault in told} == {
        ("/needs/0", "unknown_need", "food"),
        ("/network", "unknown_network", "nord"),
        ("/verified_at", "in_the_future"),
        ("/organization", "unknown_organization"),
    }


async def test_a_row_that_postgresql_refuses_stands_alone(
    directory: Any, bring: Any, monkeypatch: Any
) -> None:
    """Found by halving its batch, while the next one is being checked."""
    monkeypatch.setattr(running, "BATCH", 4)
    records = [
        directory.organization(str(n), external_id=f"o{n}", source="cdcs") for n in range(1, 12)
    ]
    records[3]["url"] = "https://x.example/\0"  # cannot be written
    records[5]["external_id"] = "o\0"  # cannot even be looked for
    seen, rows = await bring("\n".join(map(json.dumps, records)).encode(), "ndjson")
    assert [(row["line"], row["code"]) for row in rows] == [
        (4, "not_storable"),
        (6, "not_storable"),
    ]
    assert (seen["stage"], seen["lines_done"], seen["lines_total"]) == ("done", 11, 11)
    assert (seen["counts"]["created"], seen["counts"]["bad"]) == (9, 2)
    assert await count(directory, "organization") == 9


async def test_the_parts_of_a_batch_are_written_at_once_and_lose_nothing(
    directory: Any, bring: Any
) -> None:
    """Organizations whose services all stand in one place, each told by all of its services."""
    owners = [directory.organization(str(n)) for n in range(12)]
    services = [
        directory.service(
            f"{owner}/{n}",
            of=str(owner),
            locations=[directory.place(50.85, 4.35, id=owners[owner]["id"])],
        )
        for n in range(5)
        for owner in range(12)
    ]
    assert len(running.in_parts(list(enumerate(services)))) == 2
    services[17]["url"] = "https://x.example/\0"  # cannot be written
    lines = [json.dumps(record) for record in (*services, *owners)]
    seen, rows = await bring("\n".join(lines).encode(), "ndjson")
    assert [(row["line"], row["code"]) for row in rows] == [(18, "not_storable")]
    assert (seen["counts"]["created"], seen["counts"]["bad"]) == (71, 1)
    assert (seen["stage"], seen["lines_done"]) == ("done", 72)
    for table in ("card", "change", "metadata"):
        assert await count(directory, table) == 71
    assert await count(directory, "location") == 12


def test_services_of_one_organization_are_in_one_part_and_other_records_part_nothing(
    directory: Any,
) -> None:
    services = [directory.service(f"{n}", of=f"{n % 9}") for n in range(90)]
    raws = list(enumerate([*services, Rejected(90, "malformed_json", "", "")]))
    parts = running.in_parts(raws)
    owners = [{raw["organization"] for _, raw in part if isinstance(raw, dict)} for part in parts]
    assert len(parts) == 2
    assert not owners[0] & owners[1]
    assert sorted(number for part in parts for number, _ in part) == list(range(91))
    event = {"type": "event", "organization": services[0]["organization"]}
    assert running.in_parts([*raws, (91, event)]) == ([*raws, (91, event)],)


async def test_an_editor_changes_the_own_organization_only(
    directory: Any, client: Any, editor: Any, bring: Any, professional: Any
) -> None:
    await directory.has(directory.organization("other"), directory.service("theirs", of="other"))
    lines = [
        directory.service("mine"),
        directory.service("theirs"),
        directory.service("new", of="other"),
        directory.organization("other", name={"fr": "taken"}),
        {
            "type": "coverage",
            "program": "RAQ",
            "territory": "nord",
            "organization": str(directory.id("organization", "host")),
        },
    ]
    file = "\n".join(map(json.dumps, lines)).encode()
    seen, rows = await bring(file, "ndjson", headers=editor(), complete="false")
    assert seen["counts"]["created"] == 1
    assert [(row["line"], row["code"]) for row in rows] == [
        (line, "not_your_organization") for line in (2, 3, 4, 5)
    ]
    for headers, status in ((editor("other"), 404), (professional, 403)):
        answer = await client.get(f"{IMPORTS}/{seen['id']}", headers=headers)
        assert answer.status_code == status


async def test_a_curator_brings_the_rows_of_its_territory_and_no_others(
    directory: Any, client: Any, admin: Any, editor: Any, bring: Any
) -> None:
    inside, outside = ({"address": {"postcode": code}} for code in ("1090", "1180"))
    await directory.has(
        directory.organization("curator"),
        directory.organization("abroad"),
        directory.service("in", locations=[inside]),
        directory.service("out", of="abroad", locations=[outside]),
    )
    given = await client.post(
        "/directory/v1/delegations",
        json={"organization": str(directory.id("organization", "curator")), "territory": "nord"},
        headers=admin,
    )
    assert given.status_code == 201, given.text
    lines = [
        directory.service("in", locations=[inside], cost="free"),
        directory.service("out", of="abroad", locations=[outside], cost="free"),
        directory.service("new", locations=[inside]),
        directory.service("elsewhere", of="abroad", locations=[outside]),
        directory.organization("abroad", name={"fr": "taken"}),
        directory.service("own", of="curator"),
    ]
    file = "\n".join(map(json.dumps, lines)).encode()
    seen, rows = await bring(file, "ndjson", headers=editor("curator"), complete="false")
    assert (seen["counts"]["changed"], seen["counts"]["created"]) == (1, 2)
    assert [(row["line"], row["code"]) for row in rows] == [
        (line, "not_your_organization") for line in (2, 4, 5)
    ]
    path = f"/directory/v1/services/{directory.id('service', 'in')}"
    assert (await client.get(path, headers=admin)).json()["cost"] == "free"


def packed_strangely() -> bytes:
    """An archive whose part is packed by a method that zipfile does not know (99)."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("services.csv", "id\n")
    packed = bytearray(held.getvalue())
    packed[8:10] = (99).to_bytes(2, "little")
    central = packed.index(b"PK\x01\x02") + 10
    packed[central : central + 2] = (99).to_bytes(2, "little")
    return bytes(packed)


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("services.csv", bytes(40 << 20))
    return packed.getvalue()


def spoilt(part: str, *, told: int | None = None) -> bytes:
    """An archive whose part breaks off inside, or holds more than it tells."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(part, "id,organization_id,name,status\n" * 4000)
    packed = bytearray(held.getvalue())
    if told is None:
        packed[60:70] = bytes(10)
    else:
        central = packed.index(b"PK\x01\x02")
        packed[central + 24 : central + 28] = told.to_bytes(4, "little")
    return bytes(packed)


def workbook(sheet: str) -> bytes:
    """An XLSX file around that sheet."""
    made = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["type", "external_id", "name_fr", "kind"])  # type: ignore[union-attr]
    book.save(made)
    again = io.BytesIO()
    with zipfile.ZipFile(made) as read, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as write:
        for name in read.namelist():
            write.writestr(name, sheet if name.endswith("sheet1.xml") else read.read(name))
    return again.getvalue()


# Nine entities of ten of the one before: a gigabyte of text.
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY e0 'ha'>"
    + "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
    + "]><worksheet><sheetData><row><c t='inlineStr'><is><t>&e9;</t></is></c></row></sheetData>"
    "</worksheet>"
)


async def test_a_formula_and_a_broken_encoding_are_told_at_their_row(
    directory: Any, bring: Any
) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["type", "external_id", "name_fr", "kind"])
    sheet.append(["organization", "o1", '=HYPERLINK("https://x.example")', "association"])
    sheet.append(["organization", "o2", "Bonne", "association"])
    held = io.BytesIO()
    book.save(held)
    seen, rows = await bring(held.getvalue(), "xlsx", source="cdcs", complete="false")
    assert (codes(rows), seen["counts"]["created"]) == ([(2, "name_fr", "formula_cell")], 1)

    good = json.dumps(directory.organization("good")).encode()
    lines = (
        good.replace(b"good", b"\xff\xfe"),
        good.replace(b'"good"', b'"\\ud800"'),
        good.replace(b'"good"', b'"' + b"x" * 400 + b'"'),
        b"[" * 100_000,
        good.replace(b'"good"', b'"good", "source": "a", "source": "b"', 1),
        good,
    )
    seen, rows = await bring(b"\n".join(lines), "ndjson", complete="false")
    assert [(row["line"], row["code"]) for row in rows] == [
        (1, "malformed_json"),
        (2, "malformed_json"),
        (3, "text_too_long"),
        (4, "malformed_json"),
        (5, "duplicate_member"),
    ]
    assert seen["counts"]["created"] == 1
    feature = {"type": "Feature", "geometry": None, "properties": directory.service("x")}
    feature["properties"] |= {"external_id": "SURROGATE"}
    collection = json.dumps({"type": "FeatureCollection", "features": [feature]})
    seen, rows = await bring(collection.replace("SURROGATE", "\\ud800").encode(), "geojson")
    assert [row["code"] for row in rows] == ["not_storable"]
    seen, _ = await bring(collection.encode("utf-16"), "geojson")
    assert (seen["stage"], seen["failure_code"]) == ("failed", "malformed_json")


async def test_a_file_that_cannot_be_read_is_told_as_a_whole(
    directory: Any, client: Any, admin: Any, bring: Any
) -> None:
    for content, form, code in (
        (b"a,b,c\n1,2,3\n", "csv", "no_known_column"),
        (b"nothing", "xlsx", "not_a_zip_file"),
        (bomb(), "xlsx", "archive_too_large"),
        (bomb(), "hsds", "archive_too_large"),
        (packed_strangely(), "hsds", "not_a_zip_file"),
        (spoilt("services.csv"), "hsds", "not_a_zip_file"),
        (spoilt("services.csv", told=100), "hsds", "not_an_hsds_package"),
        (spoilt("xl/workbook.xml"), "xlsx", "not_a_workbook"),
        (workbook(LAUGHS), "xlsx", "not_a_workbook"),
        (workbook("<worksheet><sheetData><row>"), "xlsx", "not_a_workbook"),
        (b"[1, 2", "hsds", "malformed_json"),
        (b"<html>", "geojson", "malformed_json"),
        (b'{"contents": [], "contents": []}', "hsds", "duplicate_member"),
        (b'[{"id": "1", "id": "2"}]', "hsds", "duplicate_member"),
    ):
        seen, _ = await bring(content, form)
        assert (seen["stage"], seen["failure_code"]) == ("failed", code)
    empty = await client.post(f"{IMPORTS}?format=csv", headers=admin)
    assert (empty.status_code, empty.json()["code"]) == (422, "empty_file")
    assert await count(directory, "import_chunk") == 0


async def test_a_file_larger_than_allowed_is_refused_while_it_comes(
    directory: Any, client: Any, admin: Any, app: Any
) -> None:
    async def pieces() -> Any:
        for _ in range(10_000):
            sent.append(1)
            yield bytes(1 << 16)

    sent: list[int] = []
    app.state.settings.max_import_bytes = 1 << 20
    answer = await client.post(f"{IMPORTS}?format=csv", content=pieces(), headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert len(sent) < 40
    assert await count(directory, "record_import") == 0


async def test_geojson_places_its_features_by_points(directory: Any, bring: Any) -> None:
    await directory.has()
    host = str(directory.id("organization", "host"))

    def feature(number: int, geometry: Any) -> dict[str, Any]:
        properties = {"external_id": f"g{number}", "organization": host, "name_fr": "Borne"}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    file = {
        "type": "FeatureCollection",
        "features": [
            feature(1, {"type": "Point", "coordinates": [4.35, 50.85]}),
            feature(2, {"type": "Polygon", "coordinates": [[[4, 50], [5, 50]]]}),
            feature(3, {"type": "Point", "coordinates": ["x", 50.85]}),
            feature(4, {"type": "Point", "coordinates": [4.35, 500]}),
            {"type": "Feature"},
            feature(6, None),
        ],
    }
    seen, rows = await bring(json.dumps(file).encode(), "geojson")
    assert seen["counts"]["created"] == 2
    assert [(row["line"], row["code"]) for row in rows] == [
        (2, "invalid_geometry"),
        (3, "invalid_geometry"),
        (4, "less_than_equal"),
        (5, "not_a_feature"),
    ]


async def test_hsds_of_others_comes_in_with_what_it_lacks_told(
    directory: Any, client: Any, admin: Any, bring: Any
) -> None:
    service = {
        "id": str(directory.id("service", "theirs")),
        "name": "Food bank",
        "status": "active",
        "organization": {
            "id": str(directory.id("organization", "theirs")),
            "name": "Charity",
            "description": "Helps",
            "tax_id": "BE 0403.170.701",
        },
        "phones": [{"id": "x", "number": "+32 2 555 00 00"}],
        "attributes": [
            {"id": "y", "taxonomy_term": {"name": "Food", "code": "food", "taxonomy": "other"}},
            {"id": "z", "taxonomy_term": {"name": "Dragons", "code": "dragon"}},
        ],
        "schedules": [
            {"freq": "WEEKLY", "byday": "MO", "opens_at": "09:00", "closes_at": "17:00Z"}
        ],
        "capacities": [
            {"available": 2, "updated": "2026-11-01T00:00:00Z", "unit": {"name": "bed"}}
        ],
    }
    page = {"total_items": 1, "contents": [service, {**service, "status": 3, "phones": "none"}]}
    for content in (json.dumps(page), json.dumps([service]), json.dumps(service)):
        seen, rows = await bring(content.encode(), "hsds", source="211", complete="false")
        assert (1, "/attributes", "unknown_need") in codes(rows)
    assert seen["counts"]["unchanged"] == 2
    path = f"/directory/v1/services/{service['id']}"
    found = (await client.get(path, headers=admin)).json()
    assert found["needs"] == ["food"]
    assert found["name"] == {"und": "Food bank"}
    assert found["provenance"]["source"] == "211"


@pytest.mark.parametrize("piece", [7, 100_000])
def test_json_is_read_item_by_item_wherever_it_is_cut(piece: int) -> None:
    from maillage_directory.imports.documents import items_of

    class Drop(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            return super().read(min(piece, size))

    items = [{"é": [1, 2.5, -3e2, '[,]}"', None, True]}, [], 12345678901234567890, "x" * 3000]
    for text in (
        json.dumps(items),
        json.dumps({"a": {"b": [1]}, "contents": items, "z": 1}, ensure_ascii=False),
    ):
        assert list(items_of(Drop(text.encode()))) == items


async def test_files_of_dry_runs_that_nobody_decided_about_are_erased(
    directory: Any, bring: Any
) -> None:
    await bring(sheet(*GOOD), "csv", source="cdcs", dry_run="true")
    for before, kept in ((timedelta(days=1), 1), (timedelta(days=-1), 0)):
        async with directory.database.write(system="retention") as session:
            await erase_undecided(session, before=clock.now() - before)
        assert await count(directory, "import_chunk") == kept


async def test_a_source_does_not_bring_back_what_was_deleted_here(
    directory: Any, client: Any, admin: Any, bring: Any
) -> None:
    await bring(sheet(*GOOD), "csv", source="cdcs")
    found = await client.get("/directory/v1/services?q=Repas", headers=admin)
    path = f"/directory/v1/services/{found.json()['items'][0]['id']}"
    gone = await client.delete(path, headers={**admin, "If-Match": "*"})
    assert gone.status_code == 204, gone.text
    again, rows = await bring(sheet(*GOOD), "csv", source="cdcs")
    assert again["counts"]["unchanged"] == 3
    assert codes(rows) == [(4, "id", "deleted_here")]
    assert await count(directory, "service") == 1
