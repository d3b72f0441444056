"""Curators of a territory edit what lies there, for as long as they are."""

from typing import Any

import pytest

SERVICES = "/directory/v1/services"
DELEGATIONS = "/directory/v1/delegations"


@pytest.fixture
async def curated(directory: Any, client: Any, admin: Any) -> Any:
    """`curator` has the basin nord; `in` and `out` are services inside and outside of it."""
    await directory.has(
        directory.organization("curator"),
        directory.organization("abroad"),
        directory.service("in", locations=[{"address": {"postcode": "1090"}}]),
        directory.service("out", of="abroad", locations=[{"address": {"postcode": "1180"}}]),
    )

    async def given(**dates: str) -> Any:
        answer = await client.post(
            DELEGATIONS,
            json={
                "organization": str(directory.id("organization", "curator")),
                "territory": "nord",
                **dates,
            },
            headers=admin,
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    return given


class TestDelegation:
    async def test_lets_a_curator_edit_inside_its_territory_only(
        self, curated: Any, directory: Any, client: Any, editor: Any
    ) -> None:
        await curated()
        headers = {**editor("curator"), "If-Match": "*"}
        for name, expected in (("in", 200), ("out", 403)):
            path = f"{SERVICES}/{directory.id('service', name)}"
            answer = await client.patch(path, json={"cost": "free"}, headers=headers)
            assert answer.status_code == expected, name
            reported = await client.post(
                f"{path}/capacity-reports", json={"status": "capacity"}, headers=headers
            )
            assert reported.status_code == (201 if expected == 200 else 403)
        for name, expected in (("host", 201), ("abroad", 403)):
            made = await client.post(
                SERVICES,
                json={
                    "organization": str(directory.id("organization", name)),
                    "name": {"fr": "Nouveau"},
                },
                headers=headers,
            )
            assert made.status_code == expected, name

    @pytest.mark.parametrize("dates", [{"valid_from": "2125-01-01"}, {"valid_to": "2025-01-01"}])
    async def test_holds_between_its_dates(
        self, curated: Any, directory: Any, client: Any, editor: Any, dates: Any
    ) -> None:
        await curated(**dates)
        answer = await client.patch(
            f"{SERVICES}/{directory.id('service', 'in')}",
            json={"cost": "free"},
            headers={**editor("curator"), "If-Match": "*"},
        )
        assert answer.json()["code"] == "not_your_organization"

    async def test_ends_and_is_listed_to_those_it_concerns(
        self, curated: Any, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        given = await curated()
        for headers, expected in ((editor("curator"), [given]), (editor(), []), (admin, [given])):
            assert (await client.get(DELEGATIONS, headers=headers)).json()["items"] == expected
        ended = await client.delete(f"{DELEGATIONS}/{given['id']}", headers=admin)
        assert ended.status_code == 204
        assert (await client.delete(f"{DELEGATIONS}/{given['id']}", headers=admin)).json()[
            "code"
        ] == "delegation_not_found"
        answer = await client.patch(
            f"{SERVICES}/{directory.id('service', 'in')}",
            json={"cost": "free"},
            headers={**editor("curator"), "If-Match": "*"},
        )
        assert answer.status_code == 403

    async def test_is_given_once_from_a_day_on(
        self, curated: Any, directory: Any, client: Any, admin: Any
    ) -> None:
        given = await curated()
        payload = {name: given[name] for name in ("organization", "territory")}
        again = await client.post(
            DELEGATIONS, json={**payload, "valid_to": "2199-01-01"}, headers=admin
        )
        assert (again.status_code, again.json()["code"]) == (409, "already_delegated")
        later = await client.post(
            DELEGATIONS, json={**payload, "valid_from": "2126-01-01"}, headers=admin
        )
        assert later.status_code == 201

    async def test_is_given_by_admins_for_territories_that_exist(
        self, directory: Any, client: Any, editor: Any, admin: Any
    ) -> None:
        await directory.has()
        payload = {
            "organization": str(directory.id("organization", "host")),
            "territory": "nordd",
        }
        assert (await client.post(DELEGATIONS, json=payload, headers=editor())).status_code == 403
        answer = await client.post(DELEGATIONS, json=payload, headers=admin)
        assert (answer.json()["code"], answer.json()["suggestions"][0]) == (
            "unknown_territory",
            "nord",
        )
