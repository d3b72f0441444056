"""The migrations give the schema of the models, and go down and up again."""

from typing import Any

from sqlalchemy import text

from maillage_common import migrations
from maillage_common.audit import SystemReason
from maillage_directory import projection
from maillage_local.drift import down_and_up, schema_drift


def test_give_the_schema_of_the_models(database: Any) -> None:
    assert schema_drift("directory", database) == ""


def test_go_down_and_up_again(database: Any) -> None:
    before, undone, after = down_and_up("directory", database)
    assert before == after
    left = ("CREATE TABLE", "CREATE VIEW", "CREATE FUNCTION", "CREATE TEXT SEARCH")
    assert not [line for line in undone if any(mark in line for mark in left)]


async def test_hide_what_informal_networks_offer_without_having_agreed(
    directory: Any, database: Any, client: Any, search: Any, professional: Any
) -> None:
    await directory.has(
        directory.organization("neighbours"),
        directory.service("unasked"),
        directory.service("promised"),
        directory.service("agreed", agreed_on="2026-10-01"),
        directory.service("theirs", of="neighbours"),
    )
    migrations.downgrade("directory", database.owner_url, "0019")
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        connection = await session.connection()
        for statement in (
            "UPDATE service SET kind = 'informal_network' WHERE organization_id = :host",
            'UPDATE service SET details = \'{"agreed_on": "2199-01-01"}\''
            " WHERE name->>'fr' = 'promised'",
            "UPDATE organization SET kind = 'informal_network', agreed_on = '2199-01-01'"
            " WHERE id <> :host",
        ):
            host = directory.id("organization", "host")
            await connection.execute(text(statement), {"host": host})
        await projection.refresh(session)
    assert (await search())["total"] == 4
    path = f"/directory/v1/services/{directory.id('service', 'unasked')}"
    before = (await client.get(path, headers=professional)).headers["ETag"]

    migrations.migrate("directory", database.owner_url)

    page = await search()
    assert ([item["label"] for item in page["items"]], page["total"]) == (["agreed"], 1)
    assert (await search(professional))["total"] == 4
    hidden = await client.get(path, headers=professional)
    assert (hidden.json()["visibility"], hidden.headers["ETag"] != before) == ("professional", True)
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await projection.refresh(session)
    assert (await search())["total"] == 1
    assert (await client.get(path, headers=professional)).headers["ETag"] == hidden.headers["ETag"]
