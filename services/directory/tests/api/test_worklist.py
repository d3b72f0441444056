"""What is due to be checked, to whom it is told, and in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maillage_common.clock import frozen_time

WORKLIST = "/directory/v1/worklist"
SERVICES = "/directory/v1/services"


def _ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


@pytest.fixture
def due(client: Any, editor: Any) -> Any:
    async def read(headers: Any = None, /, **params: Any) -> list[tuple[str, str, str]]:
        answer = await client.get(WORKLIST, params=params, headers=headers or editor())
        assert answer.status_code == 200, answer.text
        return [(i["label"], i["kind"], i["reason"]) for i in answer.json()["items"]]

    return read


class TestWorklist:
    async def test_each_kind_of_field_has_its_own_period(
        self, directory: Any, client: Any, admin: Any, due: Any
    ) -> None:
        await directory.has(directory.service("Accueil", verified_at=_ago(200)))
        assert await due() == [
            ("Accueil", "hours", "period_passed"),
            ("Accueil", "conditions", "period_passed"),
            ("Accueil", "reach", "period_passed"),
        ]
        path = f"{SERVICES}/{directory.id('service', 'Accueil')}/verifications"
        await client.post(path, json={"fields": ["phones", "schedules"]}, headers=admin)
        assert await due() == [("Accueil", "conditions", "period_passed")]
        await client.post(path, json={}, headers=admin)
        assert await due() == []

    async def test_what_nobody_checked_is_due_one_period_after_it_came(
        self, directory: Any, due: Any
    ) -> None:
        await directory.has(directory.service("Accueil"))
        assert await due() == []
        with frozen_time(datetime.now(UTC) + timedelta(days=100)):
            assert await due() == [("Accueil", "hours", "never_verified")]

    async def test_organizations_are_due_too_by_periods_of_their_own(
        self, directory: Any, client: Any, as_caller: Any, due: Any
    ) -> None:
        await directory.has(directory.service("Accueil", locations=[_at("1090")]))
        later = datetime.now(UTC) + timedelta(days=400)
        with frozen_time(later):
            admin = as_caller(scope="directory:verify directory:admin")
            kinds = [("host", "reach", "never_verified"), ("host", "identity", "never_verified")]
            assert await due(type="organization") == kinds
            assert await due(admin, type="organization", territory="nord") == kinds
            assert await due(admin, type="organization", territory="sud") == []
            path = f"/directory/v1/organizations/{directory.id('organization', 'host')}"
            checked = await client.post(
                f"{path}/verifications", json={"fields": ["phones"]}, headers=admin
            )
            assert checked.status_code == 201, checked.text
            assert await due(type="organization") == kinds[1:]
            await client.post(f"{path}/verifications", json={}, headers=admin)
            assert await due(type="organization") == []
        with frozen_time(later + timedelta(days=200)):
            assert await due(type="organization") == [("host", "reach", "period_passed")]

    async def test_knows_its_kinds(self, client: Any, admin: Any) -> None:
        answer = await client.get("/directory/v1/worklist?kind=bad", headers=admin)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "kind"
        for kind in ("hours", "reach", "conditions", "place", "identity", "capacity", "note"):
            known = await client.get(f"/directory/v1/worklist?kind={kind}", headers=admin)
            assert known.status_code == 200

    async def test_expired_capacity_notes_and_suggestions_are_told_to_editors(
        self, directory: Any, client: Any, as_anonymous: Any, as_caller: Any, due: Any, editor: Any
    ) -> None:
        capacity = {"status": "capacity", "observed_at": _ago(30)}
        await directory.has(directory.service("Accueil", verified_at=_ago(0), capacity=capacity))
        record = {"type": "service", "record": str(directory.id("service", "Accueil"))}
        await client.post(
            "/directory/v1/suggestions/notes",
            json={**record, "code": "wrong_phone"},
            headers=as_anonymous(),
        )
        await client.post(
            "/directory/v1/suggestions",
            json={**record, "patch": {"cost": "free"}},
            headers=as_caller(scope="directory:read"),
        )
        assert await due() == [
            ("Accueil", "capacity", "expired"),
            ("Accueil", "note", "wrong_phone"),
            ("Accueil", "suggestion", "suggested"),
        ]
        note = {"record": str(directory.id("organization", "host")), "type": "organization"}
        await client.post(
            "/directory/v1/suggestions/notes",
            json={**note, "code": "closed_for_good"},
            headers=as_anonymous(),
        )
        assert await due(type="organization") == [("host", "note", "closed_for_good")]
        await client.delete(f"/directory/v1/organizations/{note['record']}/notes", headers=editor())
        assert await due(type="organization") == []
        cleared = await client.delete(
            f"{SERVICES}/{directory.id('service', 'Accueil')}/notes", headers=editor()
        )
        assert cleared.status_code == 204
        assert [kind for _, kind, _ in await due()] == ["capacity", "suggestion"]

    async def test_a_note_made_after_midnight_is_due_at_once(
        self, directory: Any, client: Any, as_anonymous: Any, due: Any
    ) -> None:
        # The day of a note is one in Brussels, which began an hour before that of UTC.
        with frozen_time(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)):
            await directory.has(directory.service("Accueil"))
            record = {"type": "service", "record": str(directory.id("service", "Accueil"))}
            note = {**record, "code": "wrong_phone"}
            await client.post("/directory/v1/suggestions/notes", json=note, headers=as_anonymous())
            assert await due() == [("Accueil", "note", "wrong_phone")]

    async def test_is_ones_own_by_organization_territory_and_curator_page_by_page(
        self, directory: Any, client: Any, admin: Any, editor: Any, due: Any, query_counter: Any
    ) -> None:
        await directory.has(
            directory.organization("other"),
            directory.organization("curator"),
            *(
                directory.service(f"s{n}", verified_at=_ago(120 + n), locations=[_at("1090")])
                for n in range(5)
            ),
            directory.service("far", of="other", verified_at=_ago(400), locations=[_at("1180")]),
        )
        curator = str(directory.id("organization", "curator"))
        await client.post(
            "/directory/v1/delegations",
            json={"organization": curator, "territory": "nord"},
            headers=admin,
        )
        names = [f"s{n}" for n in reversed(range(5))]
        assert [label for label, _, _ in await due()] == names
        assert [label for label, _, _ in await due(editor("curator"))] == names
        assert [label for label, _, _ in await due(admin, curator=curator)] == names
        assert [label for label, _, _ in await due(admin, territory="sud", kind="hours")] == ["far"]
        assert len(await due(admin, organization=str(directory.id("organization", "other")))) == 5
        walked, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            with query_counter() as queries:
                page = (await client.get(WORKLIST, params=params, headers=editor())).json()
            assert queries.count == 1
            walked += [item["label"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert walked == names

    async def test_is_for_editors(self, client: Any, professional: Any) -> None:
        assert (await client.get(WORKLIST, headers=professional)).status_code == 403


def _at(postcode: str) -> dict[str, Any]:
    return {"address": {"postcode": postcode}}
