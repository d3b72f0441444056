"""What lives around services, walked with a record of each visibility, as each sort of caller."""

from typing import Any

import pytest

V1 = "/directory/v1"
SEEN = {
    "anonymous": {"public"},
    "professional": {"public", "professional"},
    "networked": {"public", "professional", "network"},
    "worker of the program": {"public", "professional", "program"},
    "owner": {"public", "professional", "network", "program", "own"},
    "curator": {"public", "professional", "network", "program", "own"},
}
KINDS: dict[str, dict[str, str]] = {
    "public": {"visibility": "public"},
    "professional": {"visibility": "professional"},
    "network": {"visibility": "network", "network": "nord"},
    "program": {"visibility": "network", "network": "RAQ"},
    "own": {"visibility": "own"},
}
# An organization that hides hides what it keeps, too.
BEHIND = "behind"
EVENT = {
    "kind": "workshop",
    "territory": "21003",
    "starts_at": "2026-12-01T10:00:00+01:00",
    "ends_at": "2026-12-01T12:00:00+01:00",
}
DIAGNOSTIC = {
    "territory": "21003",
    "published_on": "2025-06-01",
    "author": "Observatoire",
    "url": "https://example.org/d",
}


@pytest.fixture
def headers(as_anonymous: Any, as_caller: Any, professional: Any, admin: Any, editor: Any) -> Any:
    def of(directory: Any) -> dict[str, Any]:
        neighbour = str(directory.id("organization", "neighbour"))
        return {
            "anonymous": as_anonymous(),
            "professional": professional,
            "networked": as_caller(scope="directory:read", org=neighbour),
            "worker of the program": as_caller(scope="directory:read", function="raq"),
            "owner": editor(),
            "curator": admin,
        }

    return of


@pytest.fixture
async def made(directory: Any, client: Any, editor: Any) -> Any:
    """For each visibility an event, a diagnosis and a collection of `host`, a service with a place
    of its own and a turn; and the like of an organization that is seen by its own people alone."""
    await directory.has(
        directory.organization("neighbour"),
        directory.organization(BEHIND, visibility="own"),
        {
            "type": "coverage",
            "program": "CPPS",
            "organization": str(directory.id("organization", "neighbour")),
            "territory": "21003",
            "role": "team",
        },
        *(
            directory.service(
                f"service {kind}",
                locations=[{"name": {"fr": f"place {kind}"}, "address": {"postcode": "1082"}}],
                **fields,
            )
            for kind, fields in KINDS.items()
        ),
    )
    everyone = [{"service": str(directory.id("service", f"service {kind}"))} for kind in KINDS]
    for kind, fields in [*KINDS.items(), (BEHIND, {"visibility": "public"})]:
        owner = editor(BEHIND) if kind == BEHIND else editor()
        items = [] if kind == BEHIND else everyone
        for noun, content in (
            ("events", {**EVENT, "name": {"fr": f"event {kind}"}}),
            ("diagnostics", {**DIAGNOSTIC, "title": {"fr": f"diagnostic {kind}"}}),
            ("collections", {"title": {"fr": f"collection {kind}"}, "items": items}),
        ):
            answer = await client.post(f"{V1}/{noun}", json={**content, **fields}, headers=owner)
            assert answer.status_code == 201, answer.text
            directory.made = {
                **getattr(directory, "made", {}),
                f"{noun} {kind}": answer.json()["id"],
            }
    turn = {"on": "2026-12-25", "opens_at": "09:00", "closes_at": "10:00"}
    rota = {"name": {"fr": "rota"}, "turns": [{**one, **turn} for one in everyone]}
    directory.rota = (await client.post(f"{V1}/rotas", json=rota, headers=editor())).json()["id"]
    return directory


async def test_every_way_out_honours_visibility(made: Any, client: Any, headers: Any) -> None:
    for person, as_person in headers(made).items():
        behind = {BEHIND} if person == "curator" else set()

        async def told(path: str, what: str, as_person: Any = as_person) -> set[str]:
            answer = await client.get(f"{V1}/{path}", headers=as_person)
            assert answer.status_code == 200, answer.text
            return {kind for kind in [*KINDS, BEHIND] if f"{what} {kind}" in answer.text}

        for path, what in (
            ("events?from=2026-12-01&limit=100", "event"),
            ("events.ics?from=2026-12-01", "event"),
            ("diagnostics?limit=100", "diagnostic"),
            ("collections?limit=100", "collection"),
        ):
            assert await told(path, what) == SEEN[person] | behind, (person, path)
        of_all = made.made["collections public"]
        for path, what in (
            (f"collections/{of_all}", "service"),
            (f"collections/{of_all}/print?audience=professional", "service"),
            ("territories/21003/offline?audience=professional", "service"),
            ("locations?limit=100", "place"),
            ("service-at-locations?limit=100", "place"),
            ("rotas", "service"),
            (f"rotas/{made.rota}", "service"),
        ):
            assert await told(path, what) == SEEN[person], (person, path)
        assert await told(f"collections/{of_all}/print", "service") == {"public"}


async def test_a_hidden_one_cannot_be_told_from_none(made: Any, client: Any, headers: Any) -> None:
    for person, as_person in headers(made).items():
        for kind in [*KINDS, BEHIND]:
            sees = kind in SEEN[person] or (kind == BEHIND and person == "curator")
            for noun, below in (
                ("events", ""),
                ("events", "/attendance"),
                ("diagnostics", ""),
                ("collections", ""),
                ("collections", "/print"),
            ):
                path = f"{V1}/{noun}/{made.made[f'{noun} {kind}']}{below}"
                answer = await client.get(path, headers=as_person)
                expected = 200 if sees else 404
                if below == "/attendance" and person == "anonymous":
                    expected = 403
                assert answer.status_code == expected, (person, path)
        for kind in KINDS:
            place = made.id("service", f"service {kind}")
            listed = await client.get(f"{V1}/locations?service={place}", headers=as_person)
            assert bool(listed.json()["items"]) is (kind in SEEN[person])
