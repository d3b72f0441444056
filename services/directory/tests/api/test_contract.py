"""What the service promises as a whole: its document, open routes and settings."""

from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from maillage_common.auth import route_authorizations
from maillage_directory.main import ROUTERS
from maillage_directory.settings import Settings
from maillage_local.drift import document_drift
from maillage_local.examples import example_faults

HERE = Path(__file__).parent
SNAPSHOT = HERE / "openapi.json"
CLOSED_READS = {
    "GET /directory/v1/webhooks",
    "GET /directory/v1/saved-searches",
    "GET /directory/v1/worklist",
    "GET /directory/v1/reports/parity",
    "GET /directory/v1/reports/territories/{code}",
    "GET /directory/v1/imports/{import_id}",
    "GET /directory/v1/imports/{import_id}/rows",
    "GET /directory/v1/enquiries",
    "GET /directory/v1/enquiries/{enquiry_id}",
    "GET /directory/v1/duplicates",
    "GET /directory/v1/duplicates/{duplicate_id}",
    "GET /directory/v1/suggestions",
    "GET /directory/v1/delegations",
    "GET /directory/v1/events/{event_id}/attendance",
    "GET /directory/v1/services/{service_id}/capacity-reports",
    "GET /directory/v1/services/{service_id}/history",
    "GET /directory/v1/organizations/{organization_id}/history",
}

# Anyone may say that something is wrong, by a code.
OPEN_WRITES = {"POST /directory/v1/suggestions/notes"}


def test_the_openapi_document_is_the_one_that_was_agreed(app: Any) -> None:
    assert document_drift(app.openapi(), SNAPSHOT) == ""


def test_every_json_body_and_answer_has_an_example_that_holds(app: Any) -> None:
    assert example_faults(app) == []


def test_every_read_says_that_it_may_answer_304(app: Any) -> None:
    reads = {path: item["get"] for path, item in app.openapi()["paths"].items() if "get" in item}
    own = {path for path in reads if path.startswith(("/directory/v1/", "/hsds/v3"))}
    assert own
    assert [path for path in own if "304" not in reads[path]["responses"]] == []


def test_reads_and_the_search_are_open_and_writes_are_not() -> None:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            method = next(iter(route.methods or ()))
            name = f"{method} {route.path}"
            is_open = not any(found.scopes for found in route_authorizations(route))
            twin = route.path.startswith("/hsds/")
            reads = method == "GET" or route.path.endswith(("/search", "/resolve")) or twin
            expected = (reads and name not in CLOSED_READS) or name in OPEN_WRITES
            assert is_open is expected, name


def test_every_setting_is_in_the_readme() -> None:
    readme = (HERE.parents[1] / "README.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`DIRECTORY_{name.upper()}`" in readme


async def test_answers_with_words_say_in_which_language(
    app: Any, client: Any, directory: Any, admin: Any
) -> None:
    """Every list and other read without a parameter in its path that takes `Accept-Language`."""
    await directory.has()
    headers = {**admin, "Accept-Language": "nl"}
    read = 0
    for path, item in app.openapi()["paths"].items():
        told = {one["name"].lower() for one in item.get("get", {}).get("parameters", ())}
        if "accept-language" not in told or "{" in path:
            continue
        answer = await client.get(path, headers=headers)
        if answer.status_code == 200:
            read += 1
            said = (answer.headers.get("Content-Language"), answer.headers.get("Vary"))
            assert said == ("nl", "Accept-Language"), path
    assert read > 12
    plain = await client.get("/directory/v1/delegations", headers=headers)
    assert "Content-Language" not in plain.headers
