"""The history of a record, and who is told what of it."""

import json
import re
from typing import Any

SERVICES = "/directory/v1/services"


async def _history(client: Any, path: str, headers: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}/history?limit=100", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


class TestHistory:
    async def test_tells_each_field_that_changed_and_who_changed_it(
        self, directory: Any, client: Any, editor: Any, professional: Any, query_counter: Any
    ) -> None:
        await directory.has(directory.service("Accueil", languages=["fr"]))
        path = f"{SERVICES}/{directory.id('service', 'Accueil')}"
        changed = await client.patch(
            path,
            json={"languages": ["ar", "fr"], "cost": "free"},
            headers={**editor(), "If-Match": "*"},
        )
        assert changed.status_code == 200, changed.text
        await client.post(
            f"{path}/capacity-reports", json={"status": "no_capacity"}, headers=editor()
        )
        items = await _history(client, path, professional)
        owner = f"organization:{directory.id('organization', 'host')}"
        assert {
            item["field_name"]: (
                item["previous_value"],
                item["replacement_value"],
                item["updated_by"],
                item["last_action_type"],
            )
            for item in items[:2]
        } == {
            "languages": (["fr"], ["ar", "fr"], owner, "update"),
            "cost": ("unknown", "free", owner, "update"),
        }
        assert [(i["last_action_type"], i["field_name"], i["updated_by"]) for i in items[2:]] == [
            ("create", "*", "source:test")
        ]
        with query_counter() as queries:
            page = (await client.get(f"{path}/history?limit=2", headers=professional)).json()
        assert queries.count == 2
        rest = await client.get(
            f"{path}/history", params={"cursor": page["next_cursor"]}, headers=professional
        )
        assert [i["id"] for i in page["items"] + rest.json()["items"]] == [i["id"] for i in items]

    async def test_hidden_members_stay_hidden_before_and_after(
        self, directory: Any, client: Any, editor: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.service(
                "Accueil",
                email="old@example.org",
                phones=[{"number": "+3225550001"}, {"number": "+3225550002", "visibility": "own"}],
                contacts=[{"name": "A. Peeters"}],
            )
        )
        path = f"{SERVICES}/{directory.id('service', 'Accueil')}"
        changes: tuple[dict[str, Any], ...] = (
            {"email": "new@example.org", "field_visibility": {"email": "own"}},
            {"email": "newer@example.org", "contacts": [{"name": "B. Janssens"}]},
            {"phones": [{"number": "+3225550001", "visibility": "own"}]},
            {"field_visibility": {}},
        )
        for change in changes:
            done = await client.patch(path, json=change, headers={**editor(), "If-Match": "*"})
            assert done.status_code == 200, done.text
        told = json.dumps(await _history(client, path, professional))
        for hidden in ("example.org", "+3225550", "Peeters", "Janssens"):
            assert hidden not in told
        own = json.dumps(await _history(client, path, editor()))
        assert "newer@example.org" in own
        assert "+3225550002" in own
        # Contact persons are people: their past is not kept, not even for the owner.
        assert "Peeters" not in own

    async def test_a_place_that_became_confidential_is_told_in_no_past(
        self, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        place = {"id": "00000000-0000-4000-8000-000000000001"}
        await directory.has(
            directory.service("Refuge", locations=[{**place, "latitude": 50.9, "longitude": 4.4}])
        )
        path = f"{SERVICES}/{directory.id('service', 'Refuge')}"
        for locations in (
            [{**place, "latitude": 50.8, "longitude": 4.3}],
            [{**place, "latitude": 50.8, "longitude": 4.3, "confidential": True}],
            [],
        ):
            done = await client.patch(
                path, json={"locations": locations}, headers={**editor(), "If-Match": "*"}
            )
            assert done.status_code == 200, done.text
        items = await _history(client, path, admin)
        places = [item for item in items if item["field_name"] == "locations"]
        assert [item["withheld"] for item in places] == [True, True, True]
        # Without the times of day, whose seconds may be 50.
        assert "50." not in re.sub(r"T\d\d:[\d:.]+", "", json.dumps(items))

    async def test_what_happened_while_a_record_was_hidden_stays_with_those_who_saw_it(
        self, directory: Any, client: Any, editor: Any, professional: Any
    ) -> None:
        await directory.has(directory.service("Draft", visibility="own", description={"fr": "un"}))
        path = f"{SERVICES}/{directory.id('service', 'Draft')}"
        for change in (
            {"description": {"fr": "deux"}},
            {"visibility": "public"},
            {"description": {"fr": "trois"}},
        ):
            await client.patch(path, json=change, headers={**editor(), "If-Match": "*"})
        items = await _history(client, path, professional)
        assert [item["field_name"] for item in items] == ["description"]
        assert len(await _history(client, path, editor())) == 4

    async def test_a_change_of_the_owners_name_is_none_of_the_service(
        self, directory: Any, client: Any, admin: Any
    ) -> None:
        await directory.has(directory.service("Accueil"))
        await directory.loads(directory.organization("host", name={"fr": "Autre nom"}))
        service = f"{SERVICES}/{directory.id('service', 'Accueil')}"
        assert len(await _history(client, service, admin)) == 1
        owner = f"/directory/v1/organizations/{directory.id('organization', 'host')}"
        assert [i["field_name"] for i in await _history(client, owner, admin)] == ["name", "*"]

    async def test_is_not_for_the_public(
        self, directory: Any, client: Any, as_anonymous: Any, professional: Any
    ) -> None:
        await directory.has(directory.service("Hidden", visibility="own"))
        path = f"{SERVICES}/{directory.id('service', 'Hidden')}/history"
        assert (await client.get(path, headers=as_anonymous())).status_code == 403
        assert (await client.get(path, headers=professional)).status_code == 404

    async def test_nobody_rewrites_it(self, directory: Any) -> None:
        await directory.has(directory.service("Accueil"))
        for table in ("metadata", "change"):
            async with directory.database.read() as session:
                connection = await session.connection()
                held = await connection.exec_driver_sql(
                    f"SELECT has_table_privilege('{table}', 'UPDATE')"
                    f" OR has_table_privilege('{table}', 'DELETE')"
                )
                assert held.scalar_one() is False
