"""Deletion, delisting, and what is told of a record that is no more."""

import re
from typing import Any

from sqlalchemy import text

SERVICES, ORGANIZATIONS = "/directory/v1/services", "/directory/v1/organizations"


class TestDeleteService:
    async def test_answers_gone_and_keeps_its_history(
        self, directory: Any, client: Any, editor: Any, as_anonymous: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.service("Accueil", locations=[directory.place(50.8, 4.3)]),
            directory.service("Draft", visibility="own"),
        )
        path = f"{SERVICES}/{directory.id('service', 'Accueil')}"
        draft = f"{SERVICES}/{directory.id('service', 'Draft')}"
        without = await client.delete(path, headers=editor())
        assert without.status_code == 428
        read = await client.get(path, headers=editor())
        tagged = {**editor(), "If-Match": read.headers["ETag"]}
        await client.patch(path, json={"cost": "free"}, headers=tagged)
        assert (await client.delete(path, headers=tagged)).status_code == 412
        for gone in (path, draft):
            done = await client.delete(gone, headers={**editor(), "If-Match": "*"})
            assert (done.status_code, done.content) == (204, b"")
        answer = await client.get(path, headers=as_anonymous())
        assert (answer.status_code, answer.json()["code"]) == (410, "record_gone")
        # What strangers never saw never was.
        assert (await client.get(draft, headers=as_anonymous())).status_code == 404
        for left, status, code in ((path, 410, "record_gone"), (draft, 404, "not_found")):
            there = left.replace("/directory/v1", "/hsds/v3")
            answer = await client.get(there, headers=as_anonymous())
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        history = await client.get(f"{path}/history", headers=professional)
        assert [i["last_action_type"] for i in history.json()["items"]] == [
            *("delete", "update", "create"),
        ]
        async with directory.database.read() as session:
            connection = await session.connection()
            left = await connection.exec_driver_sql("SELECT count(*) FROM location")
            assert left.scalar_one() == 0

    async def test_is_for_its_owner(self, directory: Any, client: Any, editor: Any) -> None:
        await directory.has(directory.organization("other"), directory.service("Accueil"))
        answer = await client.delete(
            f"{SERVICES}/{directory.id('service', 'Accueil')}",
            headers={**editor("other"), "If-Match": "*"},
        )
        assert answer.json()["code"] == "not_your_organization"


class TestDeleteOrganization:
    async def test_must_offer_nothing_any_more(
        self, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        await directory.has(
            directory.service("Accueil"),
            directory.organization("child", parent=str(directory.id("organization", "host"))),
        )
        path = f"{ORGANIZATIONS}/{directory.id('organization', 'host')}"
        headers = {**editor(), "If-Match": "*"}
        answer = await client.delete(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "still_offers_services")
        await client.delete(f"{SERVICES}/{directory.id('service', 'Accueil')}", headers=headers)
        assert (await client.delete(path, headers=headers)).status_code == 204
        assert (await client.get(path, headers=admin)).status_code == 410
        child = f"{ORGANIZATIONS}/{directory.id('organization', 'child')}"
        assert "parent" not in (await client.get(child, headers=admin)).json()


class TestDelisting:
    async def test_hides_everything_at_once_whatever_its_source_says(
        self, directory: Any, client: Any, editor: Any, as_anonymous: Any, professional: Any
    ) -> None:
        await directory.has(directory.service("Accueil"))
        path = f"{ORGANIZATIONS}/{directory.id('organization', 'host')}"
        service = f"{SERVICES}/{directory.id('service', 'Accueil')}"
        first = await client.post(f"{path}/delisting", headers=editor())
        again = await client.post(f"{path}/delisting", headers=editor())
        assert first.status_code == again.status_code == 200
        assert first.json() == again.json()
        await directory.loads(directory.organization("host", description={"fr": "encore"}))
        for hidden in (path, service):
            for headers in (as_anonymous(), professional):
                assert (await client.get(hidden, headers=headers)).status_code == 404
            assert (await client.get(hidden, headers=editor())).status_code == 200
        refused = await client.patch(
            path, json={"visibility": "public"}, headers={**editor(), "If-Match": "*"}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "delisted")
        assert (await client.delete(f"{path}/delisting", headers=editor())).status_code == 204
        await client.patch(
            path, json={"visibility": "public"}, headers={**editor(), "If-Match": "*"}
        )
        assert (await client.get(service, headers=as_anonymous())).status_code == 200

    async def test_is_on_their_own_word_or_an_admins(
        self, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        await directory.has(directory.organization("other"))
        path = f"{ORGANIZATIONS}/{directory.id('organization', 'host')}/delisting"
        assert (await client.post(path, headers=editor("other"))).status_code == 403
        assert (await client.post(path, headers=admin)).status_code == 200


async def test_a_place_that_one_service_calls_confidential_is_told_by_none(
    directory: Any, client: Any, editor: Any, as_anonymous: Any
) -> None:
    place = {
        "id": "00000000-0000-4000-8000-000000000001",
        **directory.place(50.81, 4.31, address={"street": {"fr": "Rue Cachée 2"}}),
    }
    await directory.has(
        directory.service("one", locations=[place]), directory.service("two", locations=[place])
    )
    done = await client.patch(
        f"{SERVICES}/{directory.id('service', 'one')}",
        json={"locations": [{**place, "confidential": True}]},
        headers={**editor(), "If-Match": "*"},
    )
    assert done.status_code == 200, done.text
    two = await client.get(f"{SERVICES}/{directory.id('service', 'two')}", headers=as_anonymous())
    assert "Cachée" not in two.text
    # Without the times of day, whose seconds may be 50.8.
    assert "50.8" not in re.sub(r"T\d\d:[\d:.]+", "", two.text)


async def test_what_a_worker_leaves_is_the_organizations_and_names_nobody(
    directory: Any, client: Any, as_caller: Any
) -> None:
    """Entries, verifications and all else belong to the organization from the start."""
    await directory.has(directory.organization("neighbour"))
    host = str(directory.id("organization", "host"))
    scope = "directory:read directory:write directory:verify"
    leaver = as_caller(sub="the-one-who-leaves", scope=scope, org=host)
    colleague = as_caller(sub="colleague", scope=scope, org=host)

    async def sends(method: str, path: str, body: Any, headers: Any = leaver) -> Any:
        answer = await client.request(
            method, f"/directory/v1/{path}", json=body, headers={**headers, "If-Match": "*"}
        )
        assert answer.is_success, answer.text
        return answer.json()

    made = await sends("POST", "services", {"organization": host, "name": {"fr": "Accueil"}})
    service = f"services/{made['id']}"
    await sends("PATCH", service, {"cost": "free"})
    await sends("POST", f"{service}/verifications", {})
    await sends("POST", f"{service}/capacity-reports", {"status": "capacity"})
    record = {"type": "service", "record": made["id"]}
    proposed = await sends("POST", "suggestions", {**record, "patch": {"languages": ["ar"]}})
    await sends("POST", "suggestions/notes", {**record, "code": "wrong_phone"})
    await sends("POST", "observations", {"kind": "gap", "need": "dental"})
    asked = await sends("POST", "enquiries", {"need": "dental", "territory": "21003"})
    library = {"title": {"fr": "Liste"}, "items": [{"service": made["id"]}]}
    collected = await sends("POST", "collections", library)

    async with directory.database.read() as session:
        connection = await session.connection()
        tables = await connection.execute(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename NOT IN ('audit_entry', 'access_denial')"
            )
        )
        for name in tables.scalars().all():
            rows = await connection.execute(text(f'SELECT t::text FROM "{name}" t'))
            assert "the-one-who-leaves" not in "".join(rows.scalars()), name

    for method, path, body in (
        ("POST", f"suggestions/{proposed['id']}/decision", {"decision": "accept"}),
        ("PATCH", service, {"cost": "paid"}),
        ("POST", f"enquiries/{asked['id']}/withdrawal", None),
        ("PUT", f"collections/{collected['id']}", {**library, "items": []}),
    ):
        await sends(method, path, body, colleague)
    read = await sends("GET", service, None, colleague)
    assert (read["cost"], read["languages"]) == ("paid", ["ar"])
    assert read["verified_at"]
