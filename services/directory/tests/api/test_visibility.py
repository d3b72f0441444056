"""Every read endpoint, walked with a record of each visibility, as each sort of caller."""

from typing import Any

import pytest

PEOPLE = ("anonymous", "professional", "networked", "worker of the program", "owner", "curator")
SEEN = {
    "anonymous": {"public"},
    "professional": {"public", "professional"},
    "networked": {"public", "professional", "network"},
    "worker of the program": {"public", "professional", "program"},
    "owner": {"public", "professional", "network", "program", "own"},
    "curator": {"public", "professional", "network", "program", "own"},
}
KINDS = {
    "public": {"visibility": "public"},
    "professional": {"visibility": "professional"},
    "network": {"visibility": "network", "network": "nord"},
    "program": {"visibility": "network", "network": "RAQ"},
    "own": {"visibility": "own"},
}


@pytest.fixture
async def records(directory: Any) -> Any:
    """For each visibility a service of a public organization, and an organization with a service
    that is itself public: seen only as far as its organization is."""
    await directory.has(
        directory.organization("neighbour"),
        {
            "type": "coverage",
            "program": "CPPS",
            "organization": str(directory.id("organization", "neighbour")),
            "territory": "21003",
            "role": "team",
        },
        *(directory.service(f"service {kind}", **fields) for kind, fields in KINDS.items()),
        *(directory.organization(f"org {kind}", **fields) for kind, fields in KINDS.items()),
        *(
            directory.service(f"behind {kind}", of=f"org {kind}", contacts=[{"name": "Someone"}])
            for kind in KINDS
        ),
    )
    return directory


@pytest.fixture
def headers(
    as_anonymous: Any, as_caller: Any, professional: Any, admin: Any, directory: Any
) -> Any:
    def of(person: str, owner_of: str = "host") -> Any:
        return {
            "anonymous": as_anonymous(),
            "professional": professional,
            "networked": as_caller(
                scope="directory:read", org=str(directory.id("organization", "neighbour"))
            ),
            "worker of the program": as_caller(scope="directory:read", function="raq"),
            "owner": as_caller(
                scope="directory:read", org=str(directory.id("organization", owner_of))
            ),
            "curator": admin,
        }[person]

    return of


@pytest.mark.parametrize("person", PEOPLE)
class TestEveryRead:
    async def test_search_lists_and_single_reads_agree(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        listed = set()
        for query in ("limit=100", "limit=100&q=service", "limit=100&sort=name&territory=bru"):
            page = await client.get(f"/directory/v1/services?{query}", headers=headers(person))
            found = {i["label"].removeprefix("service ") for i in page.json()["items"]}
            listed = found & set(KINDS)
            assert listed == SEEN[person]
        for kind in KINDS:
            service_id = records.id("service", f"service {kind}")
            expected = 200 if kind in SEEN[person] else 404
            answer = await client.get(
                f"/directory/v1/services/{service_id}", headers=headers(person)
            )
            assert answer.status_code == expected
            history = await client.get(
                f"/directory/v1/services/{service_id}/capacity-reports", headers=headers(person)
            )
            assert history.status_code == (403 if person == "anonymous" else expected)

    async def test_a_service_is_seen_no_further_than_its_organization(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        for kind in KINDS:
            as_person = headers(person, owner_of=f"org {kind}")
            expected = kind in SEEN[person]
            for path in (
                f"services/{records.id('service', f'behind {kind}')}",
                f"organizations/{records.id('organization', f'org {kind}')}",
            ):
                answer = await client.get(f"/directory/v1/{path}", headers=as_person)
                assert (answer.status_code == 200) is expected, path
                assert ("Someone" in answer.text) <= (person != "anonymous")
            page = await client.get("/directory/v1/organizations?limit=100", headers=as_person)
            labels = {item["label"] for item in page.json()["items"]}
            assert (f"org {kind}" in labels) is expected
            page = await client.get("/directory/v1/services?limit=100", headers=as_person)
            labels = {item["label"] for item in page.json()["items"]}
            assert (f"behind {kind}" in labels) is expected

    async def test_a_hidden_record_cannot_be_told_from_none(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        hidden = set(KINDS) - SEEN[person]
        absent = await client.get(
            f"/directory/v1/services/{records.id('service', 'never was')}", headers=headers(person)
        )
        for kind in hidden:
            answer = await client.get(
                f"/directory/v1/services/{records.id('service', f'service {kind}')}",
                headers=headers(person),
            )
            told, untold = answer.json(), absent.json()
            told.pop("trace_id"), untold.pop("trace_id", None)
            assert told == untold

    async def test_coverage_names_only_organizations_that_are_seen(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        for kind in KINDS:
            await records.loads(
                {
                    "type": "coverage",
                    "program": "CHW",
                    "organization": str(records.id("organization", f"org {kind}")),
                    "territory": "21001",
                    "role": "team",
                }
            )
        for kind in KINDS:
            answer = await client.get(
                "/directory/v1/programs/CHW/coverage",
                headers=headers(person, owner_of=f"org {kind}"),
            )
            labels = {item["organization_label"] for item in answer.json()["items"]}
            assert (f"org {kind}" in labels) is (kind in SEEN[person])

    async def test_observations_of_professionals_stay_with_them(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        for visibility in ("public", "professional"):
            await records.loads(
                {
                    "type": "observation",
                    "id": str(records.id("observation", visibility)),
                    "source": "test",
                    "kind": "gap",
                    "need": "dental",
                    "visibility": visibility,
                }
            )
        answer = await client.get("/directory/v1/observations", headers=headers(person))
        seen = {item["visibility"] for item in answer.json()["items"]}
        assert seen == ({"public"} if person == "anonymous" else {"public", "professional"})


def test_the_walk_knows_every_route_that_reads_records(app: Any) -> None:
    """A new GET route must be added to the walk above, or to the routes without records here."""
    walked = {
        "/directory/v1/services",
        "/directory/v1/services/{service_id}",
        "/directory/v1/services/{service_id}/capacity-reports",
        "/directory/v1/organizations",
        "/directory/v1/organizations/{organization_id}",
        "/directory/v1/programs/{code}/coverage",
        "/directory/v1/observations",
    }
    without_records = {
        "/directory/v1/needs",
        "/directory/v1/territories",
        "/directory/v1/territories/resolve",
        "/directory/v1/territories/{code}",
        "/directory/v1/programs",
        "/directory/v1/observations/counts",
        "/directory/v1/status",
    }
    reads = {
        path
        for path, operations in app.openapi()["paths"].items()
        if "get" in operations and path.startswith("/directory/")
    }
    assert reads == walked | without_records
