"""Every endpoint that reads, taken from the application's own document, asked as each sort of
caller about a record of each visibility: what they may not see is in no answer, file or refusal.
"""

import io
import re
import zipfile
from collections import defaultdict
from typing import Any
from uuid import uuid4

import pytest

from maillage_common.audit import SystemReason
from maillage_directory.duplicates.service import compare_changed

V1 = "/directory/v1"
KINDS: dict[str, dict[str, str]] = {
    "public": {"visibility": "public"},
    "professional": {"visibility": "professional"},
    "network": {"visibility": "network", "network": "nord"},
    "program": {"visibility": "network", "network": "RAQ"},
    "own": {"visibility": "own"},
}
# Each record says in its name who may see it: `of-own`. Those of organizations that hide, and all
# they offer, say `by-own`: not even `host`, which owns the others, sees them. `in-own` stands in a
# field that hides alone.
SEEN: dict[str, dict[str, set[str]]] = {
    "anonymous": {"of": {"public"}, "by": {"public"}, "in": set()},
    "professional": {
        "of": {"public", "professional"},
        "by": {"public", "professional"},
        "in": {"professional"},
    },
    "networked": {
        "of": {"public", "professional", "network"},
        "by": {"public", "professional", "network"},
        "in": {"professional"},
    },
    "worker of the program": {
        "of": {"public", "professional", "program"},
        "by": {"public", "professional", "program"},
        "in": {"professional"},
    },
    "owner": {
        "of": set(KINDS),
        "by": {"public", "professional"},
        "in": {"professional", "own"},
    },
    "admin": {"of": set(KINDS), "by": set(KINDS), "in": {"professional", "own"}},
}
MARK = re.compile(r"\b(of|by|in)-(public|professional|network|program|own)\b")
# Facets tell codes, no names: each record has a language of its own.
SPOKEN = dict(zip(KINDS, ("ln", "tr", "ur", "so", "ti"), strict=True))
KBO = [{"scheme": "BE-KBO", "identifier": "0403.170.701"}]
FORMS = ("ndjson", "csv", "xlsx", "geojson", "hsds")
# What admins too are told no record by. A new route is listed here, or the world below gives it
# something to tell.
TELLS_NOTHING = {
    *(f"{V1}/{noun}" for noun in ("needs", "programs", "status", "territories")),
    *(f"{V1}/territories/{rest}" for rest in ("resolve", "{code}", "{code}/outline")),
    # Counts, over what the reader may see: test_reports.py, test_observations.py.
    *(f"{V1}/{rest}" for rest in ("reports/parity", "reports/territories/{code}")),
    f"{V1}/observations/counts",
    f"{V1}/events/{{event_id}}/attendance",
    f"{V1}/services/{{service_id}}/capacity-reports",
    # The caller's own, or about rights; what webhooks are sent: test_saved_searches.py.
    *(f"{V1}/{noun}" for noun in ("delegations", "saved-searches", "webhooks")),
    f"{V1}/imports/{{import_id}}",
    f"{V1}/imports/{{import_id}}/rows",
    # HSDS's description of itself.
    *(f"/hsds/v3{rest}" for rest in ("", "/openapi.json", "/profile", "/schema/{file}")),
    *(f"/hsds/v3/profile/{kind}/{{file}}" for kind in ("profile", "schema")),
    *(f"/hsds/v3/taxonom{rest}" for rest in ("ies", "ies/{taxonomy_id}")),
    *(f"/hsds/v3/taxonomy_terms{rest}" for rest in ("", "/{term_id}")),
}
# For whoever edits, asked or is asked: to others these say less than they may see.
FOR_FEW = {f"{V1}/{noun}" for noun in ("duplicates", "worklist", "suggestions", "enquiries")} | {
    f"{V1}/duplicates/{{duplicate_id}}",
    f"{V1}/enquiries/{{enquiry_id}}",
}
# Sheets show the public layer whoever prints them, unless professionals are meant.
SHEETS = ("/print", "/offline")


@pytest.fixture
def people(as_anonymous: Any, as_caller: Any, professional: Any, admin: Any, editor: Any) -> Any:
    def of(directory: Any) -> dict[str, dict[str, str]]:
        neighbour = str(directory.id("organization", "neighbour"))
        return {
            "anonymous": as_anonymous(),
            "professional": professional,
            "networked": as_caller(scope="directory:read", org=neighbour),
            "worker of the program": as_caller(scope="directory:read", function="raq"),
            "owner": editor(),
            "admin": admin,
        }

    return of


def _records(directory: Any) -> list[dict[str, Any]]:
    def coverage(name: str, program: str, territory: str) -> dict[str, Any]:
        organization = str(directory.id("organization", name))
        told = {"program": program, "territory": territory, "role": "team"}
        return {"type": "coverage", "organization": organization, **told}

    made = [directory.organization("neighbour"), coverage("neighbour", "CPPS", "21003")]
    for kind, fields in KINDS.items():
        place = {"name": {"fr": f"place of-{kind}"}, "address": {"postcode": "1082"}}
        made += [
            directory.service(
                f"service of-{kind}",
                locations=[place],
                needs=["food"],
                languages=[SPOKEN[kind]],
                description={"fr": "repas"},
                **fields,
            ),
            # The same number: candidates for duplicates.
            directory.organization(f"by-{kind}", identifiers=KBO, **fields),
            coverage(f"by-{kind}", "CHW", "21016"),
            directory.service(f"behind by-{kind}", of=f"by-{kind}"),
        ]
    made.append(
        directory.service(
            "of-public fields",
            email="in-professional@example.org",
            funding=[{"fr": "in-own"}],
            contacts=[{"name": "in-professional"}],
            phones=[
                {
                    "number": "+3225550009",
                    "visibility": "own",
                    "description": {"fr": "in-own"},
                }
            ],
            field_visibility={"email": "professional", "funding": "own"},
        )
    )
    made += [
        {
            "type": "observation",
            "id": str(directory.id("observation", kind)),
            "source": "test",
            "kind": "gap",
            "need": "dental",
            "territory": "21003",
            "note": {"fr": f"of-{kind}"},
            "visibility": kind,
        }
        for kind in ("public", "professional")
    ]
    return made


class World:
    """A record of each visibility of every sort; `ids` by the name of a path's parameter."""

    def __init__(self, directory: Any, client: Any, owner: Any, admin: Any) -> None:
        self.directory, self.client, self.owner, self.admin = directory, client, owner, admin
        self.ids: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
        self.services = [str(directory.id("service", f"service of-{kind}")) for kind in KINDS]
        for kind, service in zip(KINDS, self.services, strict=True):
            behind = str(directory.id("service", f"behind by-{kind}"))
            self.ids["service_id"] += [(service, f"of-{kind}"), (behind, f"by-{kind}")]
            owner_id = str(directory.id("organization", f"by-{kind}"))
            self.ids["organization_id"].append((owner_id, f"by-{kind}"))
        self.ids["observation_id"] = [
            (str(directory.id("observation", kind)), f"of-{kind}")
            for kind in ("public", "professional")
        ]
        self.ids["file"] = [("service.json", None)]

    async def send(self, method: str, path: str, body: Any, headers: Any = None) -> Any:
        answer = await self.client.request(
            method, f"{V1}/{path}", json=body, headers=headers or self.owner
        )
        assert answer.is_success, answer.text
        return answer.json()

    async def lives(self) -> None:
        """What the API alone makes."""
        event = {
            "kind": "workshop",
            "territory": "21003",
            "starts_at": "2026-10-01T10:00:00+02:00",
            "ends_at": "2026-10-01T12:00:00+02:00",
        }
        library = {
            "territory": "21003",
            "published_on": "2025-06-01",
            "author": "Observatoire",
            "url": "https://example.org/d",
        }
        items = [{"service": service} for service in self.services]
        for kind, fields in KINDS.items():
            for noun, parameter, body in (
                ("events", "event_id", {**event, "name": {"fr": f"of-{kind}"}}),
                ("diagnostics", "diagnostic_id", {**library, "title": {"fr": f"of-{kind}"}}),
                ("collections", "collection_id", {"title": {"fr": f"of-{kind}"}, "items": items}),
            ):
                made = await self.send("POST", noun, {**body, **fields})
                self.ids[parameter].append((made["id"], f"of-{kind}"))
        turn = {"on": "2026-12-25", "opens_at": "09:00", "closes_at": "10:00"}
        turns = [{"service": service, **turn} for service in self.services]
        rota = await self.send("POST", "rotas", {"name": {"fr": "rota"}, "turns": turns})
        self.ids["rota_id"] = [(rota["id"], None)]
        asked = await self.send("POST", "enquiries", {"need": "food", "territory": "21003"})
        await self.send(
            "POST", f"enquiries/{asked['id']}/answer", {"services": self.services}, self.admin
        )
        self.ids["enquiry_id"] = [(asked["id"], None)]
        for service, mark in self.ids["service_id"]:
            change = {"type": "service", "record": service, "patch": {"name": {"fr": f"x {mark}"}}}
            await self.send("POST", "suggestions", change, self.admin)
            note = {"type": "service", "record": service, "code": "wrong_phone"}
            await self.send("POST", "suggestions/notes", note, self.admin)
        await self.directory.settles()
        async with self.directory.database.write(system=SystemReason.CLOCK) as session:
            await compare_changed(session)
        await self._found_by_lists()

    async def _found_by_lists(self) -> None:
        found = [
            ("duplicate_id", "/directory/v1/duplicates?limit=100", "items"),
            ("location_id", "/directory/v1/locations?limit=100", "items"),
            ("at_location_id", "/directory/v1/service-at-locations?limit=100", "items"),
            ("place_id", "/hsds/v3/service_at_locations?full=true&per_page=100", "contents"),
            ("taxonomy_id", "/hsds/v3/taxonomies", "contents"),
            ("term_id", "/hsds/v3/taxonomy_terms?per_page=1", "contents"),
        ]
        for parameter, path, member in found:
            listed = (await self.client.get(path, headers=self.admin)).json()[member]
            assert listed, path
            for item in listed[:12]:
                marks = {mark for mark in marks_in(str(item)) if mark[:2] == "of"}
                mark = marks.pop() if len(marks) == 1 else None
                self.ids[parameter].append((item["id"], mark))
        line = b'{"type":"service"}\n'
        headers = {**self.admin, "Content-Type": "application/octet-stream"}
        sent = await self.client.post(
            f"{V1}/imports?format=ndjson&dry_run=true", content=line, headers=headers
        )
        assert sent.status_code == 202, sent.text
        self.ids["import_id"] = [(sent.json()["id"], None)]

    def urls(self, path: str, operation: dict[str, Any]) -> list[tuple[str, str | None]]:
        """The addresses that ask a route all there is to ask, and whose record each is."""
        names = re.findall(r"{(\w+)}", path)
        if "code" in names:
            named = [("CHW" if "/programs/" in path else "21003", None)]
        elif "form" in names:
            named = [(form, None) for form in FORMS]
        else:
            named = self.ids[names[0]] if names else [("", None)]
        assert named, f"the walk has no value for {path}"
        return [
            (re.sub(r"{\w+}", value, path) + query, mark)
            for value, mark in named
            for query in _queries(path, operation)
        ]


def _queries(path: str, operation: dict[str, Any]) -> list[str]:
    takes = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    asked = [f"{name}=true" for name in ("full", "full_service") if name in takes]
    asked += ["limit=100"] if "limit" in takes else []
    asked += ["per_page=1000"] if "per_page" in takes else []
    asked += ["from=2026-10-01&to=2026-10-02"] if "from" in takes else []
    asked += ["postcode=1082"] if path.endswith("/resolve") else []
    asked += ["audience=professional"] if path.endswith(SHEETS) else []
    asked += ["type=service"] if path.endswith("/worklist") else []
    queries = ["?" + "&".join(asked)]
    if "format" in takes:
        queries.append(f"{queries[0]}&format=ndjson")
    if path == f"{V1}/services":
        queries += [f"{queries[0]}&{more}" for more in ("q=repas", "sort=name&territory=bru")]
        queries.append(f"{queries[0]}&near=50.85,4.35&radius_m=90000&need=food")
    return queries


def marks_in(text: str) -> set[str]:
    return {f"{way}-{kind}" for way, kind in MARK.findall(text)}


def contents(answer: Any) -> str:
    if not answer.content.startswith(b"PK"):
        return str(answer.text)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


async def told(
    world: World, headers: Any, path: str, method: str, operation: dict[str, Any], may_see: set[str]
) -> tuple[set[str], bool]:
    """Every mark in what a route answers, and whether it answers this caller at all."""
    marks: set[str] = set()
    statuses, refused = set(), None
    for url, mark in world.urls(path, operation):
        answer = await world.client.request(method, url, headers=headers)
        statuses.add(answer.status_code)
        if answer.status_code == 200:
            marks |= marks_in(contents(answer))
            assert mark is None or mark in may_see, f"{url} should not be there"
            continue
        assert answer.status_code in (403, 404), (url, answer.text)
        if answer.status_code == 404:
            assert mark is None or mark not in may_see, f"{url} should be there"
            refused = (url, answer)
    if refused is not None and "_id}" in path:
        url, answer = refused
        identifier = re.search(r"[0-9a-f-]{36}", url)
        assert identifier is not None
        absent = url.replace(identifier[0], str(uuid4()))
        none = (await world.client.request(method, absent, headers=headers)).json()
        assert {**answer.json(), "trace_id": ""} == {**none, "trace_id": ""}, url
    return marks, statuses != {403}


async def test_every_way_out_honours_visibility(
    directory: Any,
    app: Any,
    client: Any,
    search: Any,
    people: Any,
    admin: Any,
    editor: Any,
) -> None:
    records = _records(directory)
    await directory.has(*records)
    # Told again with more words: their histories tell which.
    await directory.loads(
        *(
            {**one, "description": {"fr": "repas " + one["name"]["fr"]}}
            for one in records
            if "name" in one
        )
    )
    world = World(directory, client, editor(), admin)
    await world.lives()
    reads = [
        (path, method, operation)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        # HSDS's lists have twins that read.
        if method == "get" or (method == "post" and path.startswith("/hsds/"))
        if path.startswith(("/directory/", "/hsds/"))
    ]
    everyone = people(directory)
    whole = {f"{way}-{kind}" for way, kinds in SEEN["admin"].items() for kind in kinds}
    telling = {}
    for path, method, operation in reads:
        marks, _ = await told(world, everyone["admin"], path, method, operation, whole)
        telling[path, method] = marks
    assert {path for (path, _), marks in telling.items() if not marks} == TELLS_NOTHING
    assert set().union(*telling.values()) == whole
    for person, headers in everyone.items():
        seen = {f"{way}-{kind}" for way, kinds in SEEN[person].items() for kind in kinds}
        for path, method, operation in reads if person != "admin" else ():
            marks, is_open = await told(world, headers, path, method, operation, seen)
            assert marks <= seen, (person, path, marks - seen)
            if is_open and path not in FOR_FEW:
                assert marks == telling[path, method] & seen, (person, path)
        counted = await search(headers, facets="spoken", limit=1)
        spoken = {SPOKEN[kind] for kind in SEEN[person]["of"]}
        assert set(counted["facets"]["spoken"]) - {"unknown"} == spoken, person
