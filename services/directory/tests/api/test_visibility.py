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

# Ways out that tell of services by name: the path, and queries that each show all there is.
LISTS = {
    "/directory/v1/services": (
        "limit=100",
        "limit=99&q=service",
        "limit=98&sort=name&territory=bru",
    ),
    "/directory/v1/changes": ("limit=500", "limit=500&type=service"),
}
# Files and HSDS: the same walk; test_exports.py opens every format.
FILES = {
    "/directory/v1/exports/ndjson": ("",),
    "/directory/v1/exports/geojson": ("",),
    "/hsds/v3/services": ("per_page=100", "full=true&per_page=100", "format=ndjson"),
    "/hsds/v3/organizations": ("full_service=true&per_page=100",),
}
# Ways out of one service.
ONE_BY_ONE = (
    "/directory/v1/services/{service_id}",
    "/directory/v1/services/{service_id}/capacity-reports",
    "/directory/v1/services/{service_id}/history",
)
# Not for the public at all.
CLOSED = {
    "/directory/v1/services/{service_id}/capacity-reports",
    "/directory/v1/services/{service_id}/history",
}
# Walked by a test of its own below.
WALKED_APART = {
    "/directory/v1/organizations",
    "/directory/v1/organizations/{organization_id}",
    "/directory/v1/organizations/{organization_id}/history",
    "/directory/v1/programs/{code}/coverage",
    "/directory/v1/observations",
    "/directory/v1/observations/{observation_id}",
    # In test_exports.py and test_imports.py.
    "/directory/v1/exports/ics",
    "/directory/v1/exports/{form}",
    "/directory/v1/imports/{import_id}",
    "/directory/v1/imports/{import_id}/rows",
    # In test_visibility_around.py.
    "/directory/v1/locations",
    "/directory/v1/locations/{location_id}",
    "/directory/v1/service-at-locations",
    "/directory/v1/service-at-locations/{at_location_id}",
    "/directory/v1/rotas",
    "/directory/v1/rotas/{rota_id}",
    "/directory/v1/events",
    "/directory/v1/events.ics",
    "/directory/v1/events/{event_id}",
    "/directory/v1/events/{event_id}/attendance",
    "/directory/v1/diagnostics",
    "/directory/v1/diagnostics/{diagnostic_id}",
    "/directory/v1/collections",
    "/directory/v1/collections/{collection_id}",
    "/directory/v1/collections/{collection_id}/print",
    "/directory/v1/territories/{code}/offline",
    # In test_enquiries.py: seen by who asked and by the desk alone.
    "/directory/v1/enquiries",
    "/directory/v1/enquiries/{enquiry_id}",
    # test_exports, test_imports
    # test_duplicates, test_suggestions, test_worklist, test_reports
    "/directory/v1/duplicates",
    "/directory/v1/worklist",
    "/directory/v1/reports/parity",
    "/directory/v1/reports/territories/{code}",
    "/directory/v1/duplicates/{duplicate_id}",
    "/directory/v1/suggestions",
}
WITHOUT_RECORDS = {
    # Of the caller's own; what is sent to them: test_saved_searches.
    "/directory/v1/webhooks",
    "/directory/v1/saved-searches",
    "/directory/v1/delegations",
    "/directory/v1/needs",
    "/directory/v1/territories",
    "/directory/v1/territories/resolve",
    "/directory/v1/territories/{code}",
    "/directory/v1/territories/{code}/outline",
    "/directory/v1/programs",
    "/directory/v1/observations/counts",
    "/directory/v1/status",
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
    async def test_every_way_out_tells_of_the_same_records(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        await records.settles()
        as_person = headers(person)
        for path, queries in {**LISTS, **FILES}.items():
            for query in queries:
                answer = await client.get(f"{path}?{query}", headers=as_person)
                if person == "anonymous" and path in CLOSED:
                    assert answer.status_code == 403, path
                    continue
                assert answer.status_code == 200, answer.text
                told = {kind for kind in KINDS if f'"service {kind}"' in answer.text}
                assert told == SEEN[person], f"{path}?{query}"
        for path in (*ONE_BY_ONE, "/hsds/v3/services/{service_id}"):
            for kind in KINDS:
                service_id = str(records.id("service", f"service {kind}"))
                answer = await client.get(path.format(service_id=service_id), headers=as_person)
                expected = 200 if kind in SEEN[person] else 404
                if person == "anonymous" and path in CLOSED:
                    expected = 403
                assert answer.status_code == expected, path

    async def test_a_service_is_seen_no_further_than_its_organization(
        self, records: Any, client: Any, headers: Any, person: Any
    ) -> None:
        for kind in KINDS:
            as_person = headers(person, owner_of=f"org {kind}")
            expected = kind in SEEN[person]
            for path in (
                f"services/{records.id('service', f'behind {kind}')}",
                f"organizations/{records.id('organization', f'org {kind}')}",
                f"organizations/{records.id('organization', f'org {kind}')}/history",
            ):
                answer = await client.get(f"/directory/v1/{path}", headers=as_person)
                if person == "anonymous" and path.endswith("/history"):
                    assert answer.status_code == 403
                    continue
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
    """A new GET route must be added to a table above."""
    reads = {
        path
        for path, operations in app.openapi()["paths"].items()
        if "get" in operations and path.startswith("/directory/")
    }
    assert reads == {*LISTS, *ONE_BY_ONE, *WALKED_APART, *WITHOUT_RECORDS}
