"""What leaves in a file comes back by it: export, import into an empty directory, export again."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maillage_directory.hsds.tables import TABLES

IMPORTS = "/directory/v1/imports"
EXPORTS = "/directory/v1/exports"
FORMATS = ("ndjson", "csv", "xlsx", "hsds", "geojson")


@pytest.fixture
async def full(directory: Any, whole_service: Any) -> Any:
    """Records with every member, in many of the ways that they can be said."""
    whole = {**whole_service, "text_origins": {"name": {"nl": {"origin": "translated"}}}}
    await directory.loads(
        directory.organization("child", parent=str(directory.id("organization", "host"))),
        directory.organization(
            identifiers=[{"scheme": "BE-KBO", "identifier": "0403.170.701"}],
            description={"fr": "=1+1", "nl": "'tiens"},
            year_incorporated=1999,
            legal_status="ASBL",
            agreed_on="2026-10-01",
            phones=["+3225550009"],
            licence="CC BY 4.0",
            external_id="h 1",
            source_date="2026-01-02",
        ),
        directory.service(
            "whole",
            **whole,
            needs=["dental", "food"],
            conditions={"bim": "yes", "undocumented": "no", "men": "unknown"},
            access=["walk_in", "phone"],
            age_min=0,
            age_max=99,
            interpreter=True,
            closures=[{"from": "2026-12-24", "to": "2026-12-26", "reason": {"fr": "fêtes"}}],
            programs=["RAQ"],
            kind="informal_network",
            agreed_on="2026-10-01",
            action_zones=["21012", "nord"],
            verified_at="2026-10-02T10:00:00+00:00",
            capacity={
                "status": "waitlist",
                "places": 3,
                "waiting_days": 20,
                "unit": "lit",
                "observed_at": "2026-11-01T08:00:00+00:00",
                "valid_until": "2100-01-01T00:00:00+00:00",
                "confidence": "relayed",
                "source": "cpas-1080",
            },
        ),
        directory.service(
            "plain",
            of="child",
            description={"fr": '-une; liste,\n"deux"', "ar": "استقبال"},
            phones=["+3225550001", "112"],
            schedules=[
                {"byday": "MO,TU", "opens_at": "09:00", "closes_at": "24:00"},
                {"byday": "SA", "opens_at": "22:00", "closes_at": "02:00"},
            ],
            closures=[{"from": "2026-08-01", "to": "2026-08-15"}],
            locations=[
                directory.place(
                    50.8513, 4.3517, address={"street": {"fr": "Rue B 2"}, "postcode": "1080"}
                )
            ],
        ),
        directory.service(
            "rare",
            schedules=[
                {
                    "freq": "MONTHLY",
                    "byday": "1TH,-1FR",
                    "opens_at": "10:00",
                    "closes_at": "12:30",
                    "valid_from": "2026-01-01",
                    "interval": 2,
                    "dtstart": "2026-01-01",
                    "on_holidays": "open",
                }
            ],
            locations=[{"address": {"commune_nis": "21015"}}],
            phones=[{"number": "+3225550001", "extension": "007", "kind": "fax"}],
            contacts=[{"name": "A", "phone": "+3225550002", "visibility": "public"}],
            visibility="network",
            network="RAQ",
        ),
    )
    return directory


@pytest.fixture
def bring(client: Any, admin: Any, run_jobs: Any) -> Any:
    async def send(content: bytes, form: str, headers: Any = None, **params: Any) -> Any:
        made = await client.post(
            IMPORTS,
            params={"format": form, **params},
            content=content,
            headers={**(headers or admin), "Content-Type": "application/octet-stream"},
        )
        assert made.status_code == 202, made.text
        await run_jobs()
        path = f"{IMPORTS}/{made.json()['id']}"
        seen = (await client.get(path, headers=headers or admin)).json()
        rows = await client.get(f"{path}/rows?limit=100", headers=headers or admin)
        return seen, rows.json()["items"]

    return send


async def empty(directory: Any) -> None:
    async with directory.database.write(system="import") as session:
        connection = await session.connection()
        for table in ("service", "location", "organization"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")
        for table in ("card", "tombstone"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize("form", FORMATS)
async def test_a_file_brings_back_what_it_took_out(
    full: Any, client: Any, admin: Any, bring: Any, form: str
) -> None:
    async def lines() -> list[Any]:
        content = (await client.get(f"{EXPORTS}/ndjson", headers=admin)).content
        return [json.loads(line) for line in content.splitlines()]

    before, file = await lines(), await client.get(f"{EXPORTS}/{form}", headers=admin)
    assert len(before) == 5
    (report,) = (line["capacity"] for line in before if "capacity" in line)
    assert (report["confidence"], report["source"]) == ("relayed", "cpas-1080")
    await empty(full)
    assert await lines() == []
    seen, rows = await bring(file.content, form)
    assert (seen["stage"], rows) == ("done", [])
    assert seen["counts"] == {"created": 5, "changed": 0, "unchanged": 0, "bad": 0, "missing": 0}
    assert await lines() == before
    again, _ = await bring(file.content, form)
    assert again["counts"]["unchanged"] == 5


@pytest.mark.parametrize("form", FORMATS)
async def test_an_untouched_file_changes_nothing_where_it_came_from(
    full: Any, client: Any, admin: Any, bring: Any, form: str
) -> None:
    """Also when others than its source wrote last what it says."""
    patched = await client.patch(
        f"/directory/v1/services/{full.id('service', 'plain')}",
        json={"cost": "free", "needs": ["food", "dental"]},
        headers={**admin, "If-Match": "*"},
    )
    assert patched.status_code == 200, patched.text

    async def versions() -> Any:
        async with full.database.read() as session:
            connection = await session.connection()
            found = await connection.exec_driver_sql(
                "SELECT resource_id, version, updated_at, changed_at FROM card ORDER BY 1"
            )
            return found.all()

    before, file = await versions(), await client.get(f"{EXPORTS}/{form}", headers=admin)
    seen, _ = await bring(file.content, form)
    assert seen["counts"] == {"created": 0, "changed": 0, "unchanged": 5, "bad": 0, "missing": 0}
    assert await versions() == before


async def test_a_confidential_place_is_kept_by_its_own_export(
    full: Any, client: Any, admin: Any, bring: Any
) -> None:
    """What no file tells, no file takes away."""
    file = await client.get(f"{EXPORTS}/ndjson", headers=admin)
    changed = file.content.replace(b'"cost":"paid"', b'"cost":"free"')
    assert changed != file.content
    seen, _ = await bring(changed, "ndjson")
    assert seen["counts"]["changed"] >= 1
    async with full.database.read() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(
            "SELECT street->>'fr' FROM location WHERE is_confidential"
        )
        assert found.scalars().all() == ["Rue Cachée 2"]


async def test_the_hsds_package_is_valid_to_others(
    full: Any, client: Any, admin: Any, tmp_path: Path
) -> None:
    """What HSDS's publishers check their packages with finds nothing: keys, types, references."""
    answer = await client.get("/directory/v1/exports/hsds", headers=admin)
    package = tmp_path / "directory-hsds.zip"
    package.write_bytes(answer.content)
    told = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "frictionless", "validate", "--type", "package", "--json", package],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(told.stdout)
    assert report["valid"], [task["errors"] for task in report["tasks"] if task["errors"]]
    rows = {task["name"]: task["stats"]["rows"] for task in report["tasks"]}
    assert (rows["organization"], rows["service"]) == (2, 3)
    assert len(rows) == len(TABLES)
