"""Exports: whole, streamed, of one instant, and only what the caller may see."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest

from maillage_directory.cards import streaming

EXPORTS = "/directory/v1/exports"
FORMATS = ("ndjson", "csv", "xlsx", "geojson", "hsds")


@pytest.fixture
def export(client: Any, as_anonymous: Any) -> Any:
    async def read(form: str, headers: Any = None, **params: Any) -> bytes:
        answer = await client.get(
            f"{EXPORTS}/{form}", params=params, headers=headers or as_anonymous()
        )
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    return read


def contents(form: str, content: bytes) -> str:
    """All that a file says, unpacked."""
    if form not in ("xlsx", "hsds"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return "".join(archive.read(name).decode() for name in archive.namelist())


@pytest.fixture
async def mixed(directory: Any, whole_service: Any) -> Any:
    await directory.has(
        directory.service("whole", **whole_service, needs=["dental"]),
        directory.service("food", needs=["food"], programs=["RAQ"], action_zones=["21012"]),
        directory.service("network", visibility="network", network="RAQ", needs=["food"]),
        directory.service("professional", visibility="professional", needs=["food"]),
        directory.service("own", visibility="own"),
        directory.service("shown", source="demo"),
    )
    return directory


def ids_in(directory: Any, told: str) -> set[str]:
    names = ("whole", "food", "network", "professional", "own", "shown")
    return {name for name in names if str(directory.id("service", name)) in told}


async def test_every_format_gives_what_the_caller_may_see(
    mixed: Any, export: Any, professional: Any, editor: Any, admin: Any
) -> None:
    hidden = (mixed.id("service", "own"),)
    for form in FORMATS:
        for headers, seen in (
            (None, {"whole", "food"}),
            (professional, {"whole", "food", "professional", "shown"}),
            (editor(), {"whole", "food", "network", "professional", "own", "shown"}),
            (admin, {"whole", "food", "network", "professional", "own", "shown"}),
        ):
            told = contents(form, await export(form, headers))
            assert ids_in(mixed, told) == seen, form
            assert "Rue Cachée" not in told
            assert ("permanence@example.org" in told) is (headers is not None)
            assert ("COCOF" in told) is ("own" in seen)
            assert ("Peeters" in told) is (headers is not None)
            assert (str(hidden[0]) in told) is ("own" in seen)


async def test_filters_add_up_and_keep_the_organizations_of_what_fits(
    mixed: Any, export: Any
) -> None:
    await mixed.loads(mixed.organization("other"), mixed.service("far", of="other"))

    async def names(**params: Any) -> set[str]:
        lines = (await export("ndjson", **params)).splitlines()
        return {record["name"]["fr"] for record in map(json.loads, lines)}

    assert await names(need="food") == {"host", "food"}
    assert await names(need="food", program="RAQ", territory="21012") == {"host", "food"}
    assert await names(territory="21012", need="dental") == {"host", "Permanence"}
    # Its other place is there, but nobody is told so.
    assert await names(territory="21015", need="dental") == set()
    assert await names(territory="bru", program="RAQ") == {"host", "food"}
    assert await names(modified_after="2100-01-01T00:00:00Z") == set()
    assert "far" in await names()


async def test_unknown_codes_and_formats_are_told(
    client: Any, as_anonymous: Any, mixed: Any
) -> None:
    answer = await client.get(f"{EXPORTS}/ndjson?need=fod", headers=as_anonymous())
    assert (answer.status_code, answer.json()["suggestions"]) == (422, ["food"])
    answer = await client.get(f"{EXPORTS}/doc", headers=as_anonymous())
    assert answer.status_code == 422


async def test_a_text_is_never_a_formula(directory: Any, export: Any) -> None:
    words = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1"]
    await directory.has(
        *(directory.service(f"s{n}", description={"fr": text}) for n, text in enumerate(words))
    )
    rows = list(csv.DictReader(io.StringIO((await export("csv")).decode("utf-8-sig"))))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")] == []
    assert {"'=1+1", "''=1"} <= set(cells)
    sheet = contents("xlsx", await export("xlsx"))
    assert "<f>" not in sheet
    assert ">=1" not in sheet


async def test_capacity_that_ended_is_not_told(directory: Any, export: Any) -> None:
    def report(until: str) -> dict[str, Any]:
        return {"status": "capacity", "observed_at": "2020-01-01T00:00:00Z", "valid_until": until}

    await directory.has(
        directory.service("past", capacity=report("2020-01-02T00:00:00Z")),
        directory.service("present", capacity=report("2100-01-02T00:00:00Z")),
    )
    for form in FORMATS:
        told = contents(form, await export(form))
        assert "2100-01-02" in told
        assert "2020-01-02" not in told


async def test_an_export_is_one_statement_however_long(
    directory: Any, export: Any, query_counter: Any
) -> None:
    counts = []
    for size in (1, 3, 40):
        await directory.has(*(directory.service(f"s{n}") for n in range(size)))
        with query_counter() as queries:
            await export("ndjson")
        counts.append(queries.count)
    assert counts[1] == counts[2]


async def test_rows_are_taken_some_at_a_time(directory: Any, monkeypatch: Any) -> None:
    """However many there are, so that an export takes no more memory for more."""
    await directory.has(*(directory.service(f"desk {number}") for number in range(4)))
    monkeypatch.setattr(streaming, "_ROWS_AT_ONCE", 2)
    asked = "SELECT resource_id FROM card ORDER BY resource_id"
    found = streaming.stream_rows(directory.database, asked, {})
    assert [len(some) async for some in found] == [2, 2, 1]
    left = streaming.stream_rows(directory.database, asked, {})
    assert len(await anext(left)) == 2
    await left.aclose()


async def test_a_place_of_a_commune_is_not_given_its_centre(directory: Any, export: Any) -> None:
    await directory.has(directory.service("s", locations=[{"address": {"commune_nis": "21012"}}]))
    told = json.loads(await export("geojson"))
    assert [feature["geometry"] for feature in told["features"]] == [None, None]


async def test_the_agenda_is_exported_as_a_calendar(directory: Any, export: Any) -> None:
    assert (await export("ics")).startswith(b"BEGIN:VCALENDAR")
