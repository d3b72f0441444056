"""Loading records: idempotent, fast enough, and one bad line never loses the good ones."""

import json
import time
from typing import Any

from maillage_common.audit import SystemReason
from maillage_directory.loading.command import load, load_reference
from maillage_directory.loading.service import load_records
from maillage_directory.settings import Settings


async def statement(directory: Any, sql: Any) -> Any:
    async with directory.database.read() as session:
        connection = await session.connection()
        return (await connection.exec_driver_sql(sql)).scalar_one()


async def test_the_same_file_again_changes_nothing(directory: Any) -> None:
    records = [
        directory.organization(),
        directory.service("one", needs=["food"], verified_at="2026-10-02T10:00:00Z"),
        {
            "type": "coverage",
            "program": "RAQ",
            "organization": str(directory.id("organization", "host")),
            "territory": "21001",
            "role": "worker",
        },
    ]
    first = await directory.loads(*records)
    again = await directory.loads(*records)
    assert first.created.total() == 3
    assert (again.written, again.unchanged.total()) == (0, 3)
    assert await statement(directory, "SELECT version FROM service") == 1


async def test_corrections_made_here_stay_until_the_source_says_something_new(
    directory: Any, client: Any, editor: Any
) -> None:
    await directory.has(directory.service("desk"))
    await client.patch(
        f"/directory/v1/services/{directory.id('service', 'desk')}",
        json={"cost": "free"},
        headers={**editor(), "If-Match": "*"},
    )
    await directory.has(directory.service("desk"))
    assert await statement(directory, "SELECT cost FROM service") == "free"
    await directory.has(directory.service("desk", cost="paid"))
    assert await statement(directory, "SELECT cost FROM service") == "paid"


async def test_what_is_yet_to_come_was_neither_checked_nor_observed(directory: Any) -> None:
    day = "2199-01-01T00:00:00Z"
    await directory.has()
    outcome = await directory.loads(
        directory.service("checked", verified_at=day),
        directory.service("told", capacity={"status": "capacity", "observed_at": day}),
    )
    assert [(fault.line, fault.code, fault.field) for fault in outcome.rejected] == [
        (1, "in_the_future", "/verified_at"),
        (2, "in_the_future", "/capacity/observed_at"),
    ]
    assert await statement(directory, "SELECT count(*) FROM service") == 0


async def test_bad_lines_are_told_and_the_good_ones_kept(directory: Any) -> None:
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        lines = [
            json.dumps(directory.organization()).encode(),
            b"not json",
            b"",
            json.dumps(directory.service("good")).encode(),
            json.dumps(directory.service("lost", of="nobody")).encode(),
            json.dumps(directory.service("odd", needs=["fod"])).encode(),
            json.dumps(directory.service("good")).encode(),
            json.dumps({"type": "dragon"}).encode(),
            json.dumps(
                directory.service(
                    "never", schedules=[{"byday": "MO", "opens_at": "9", "closes_at": "10:00"}]
                )
            ).encode(),
        ]
        outcome = await load_records(session, lines)
    assert [(bad.line, bad.code) for bad in outcome.rejected] == [
        (2, "malformed_json"),
        (5, "unknown_organization"),
        (6, "unknown_need"),
        (7, "repeated_id"),
        (8, "union_tag_invalid"),
        (9, "impossible_schedule"),
    ]
    (dragon,) = (bad for bad in outcome.rejected if bad.line == 8)
    assert dragon.field == "/type"
    assert dragon.detail.startswith("The `type` is one of organization, service, observation, ")
    assert await statement(directory, "SELECT count(*) FROM service") == 1


async def test_three_hundred_services_take_less_than_two_seconds_of_work(directory: Any) -> None:
    services = [
        directory.service(
            f"service {number}",
            needs=["food", "housing"],
            languages=["fr", "nl", "ar"],
            conditions={"undocumented": "yes", "bim": "no"},
            schedules=[{"byday": "MO,TU,WE", "opens_at": "09:00", "closes_at": "17:00"}],
            locations=[directory.place(50.8, 4.3, address={"postcode": "1080"})],
            action_zones=["nord"],
        )
        for number in range(300)
    ]
    started = time.process_time()
    outcome = await directory.loads(directory.organization(), *services)
    assert outcome.created.total() == 301
    assert time.process_time() - started < 2


def test_the_packaged_reference_loads_whole_and_twice(environment: Any, capsys: Any) -> None:
    assert load_reference(Settings(), []) == 0
    assert load_reference(Settings(), []) == 0
    assert "0 created, 0 changed" in capsys.readouterr().out.splitlines()[-1]


def test_the_exit_code_tells(environment: Any, tmp_path: Any, capsys: Any) -> None:
    assert load(Settings(), [str(tmp_path / "absent.ndjson")]) == 2
    file = tmp_path / "records.ndjson"
    file.write_text("nonsense\n")
    assert load(Settings(), [str(file)]) == 1
    assert "malformed_json" in capsys.readouterr().out
    file.write_text("\n")
    assert load(Settings(), [str(file)]) == 0


async def test_the_projection_is_what_a_full_refresh_would_give(directory: Any) -> None:
    await directory.has(
        directory.service(
            "desk",
            needs=["housing-emergency"],
            action_zones=["nord"],
            locations=[directory.place(50.8, 4.3)],
        )
    )
    await directory.loads(directory.organization(email="desk@example.org"))
    before = await statement(directory, "SELECT to_jsonb(s) FROM service_search s")
    await directory.refreshes()
    assert await statement(directory, "SELECT to_jsonb(s) FROM service_search s") == before
