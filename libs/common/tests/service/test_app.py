import asyncio
import sys

import pytest
from fastapi import APIRouter
from maillage_sample.settings import Settings

from maillage_common.app import RouteWithoutAuthorization, create_app, maillage_router


def test_a_route_that_does_not_say_who_may_use_it_stops_the_start(environment):
    router = maillage_router("/sample/v1", ["notes"])

    @router.get("/open-by-mistake")
    async def read_all() -> None: ...

    with pytest.raises(RouteWithoutAuthorization, match="open-by-mistake"):
        create_app("sample", Settings(), [router], title="Sample")


def test_a_router_hidden_in_another_is_not_overlooked(environment):
    inner, outer = maillage_router("/sample/v1", ["notes"]), APIRouter()

    @inner.get("/hidden")
    async def read_all() -> None: ...

    outer.include_router(inner)
    with pytest.raises(RouteWithoutAuthorization):
        create_app("sample", Settings(), [outer], title="Sample")


async def test_the_document_is_made_once_however_many_ask_for_it_at_once(client):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns, as they would on a busy machine
    try:
        answers = await asyncio.gather(*(client.get("/openapi.json") for _ in range(8)))
    finally:
        sys.setswitchinterval(before)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


async def test_a_slash_too_many_leads_nowhere(client, as_caller):
    headers = as_caller(sub="a", scope="sample:write", tenant="mc") | {"Host": "evil.example"}
    answer = await client.get("/sample/v1/notes/", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_openapi_says_which_scopes_a_route_takes(client):
    document = (await client.get("/openapi.json")).json()
    assert document["paths"]["/sample/v1/notes"]["post"]["security"] == [
        {"bearer": ["sample:write"]}
    ]
    assert document["paths"]["/sample/v1/boom"]["get"]["security"] == []


async def test_openapi_shows_an_example_of_what_comes_in_and_goes_out(client):
    made = (await client.get("/openapi.json")).json()["paths"]["/sample/v1/notes"]["post"]
    sent = made["requestBody"]["content"]["application/json"]
    assert sent["example"] == {"words": "Rappeler lundi"}
    answered = made["responses"]["201"]["content"]["application/json"]
    assert answered["example"]["words"] == "Rappeler lundi"


async def test_openapi_tells_of_a_read_once(client):
    document = (await client.get("/openapi.json")).json()
    assert sorted(document["paths"]["/sample/v1/notes"]) == ["get", "post"]


async def test_openapi_names_the_headers_that_every_route_honours(client):
    document = (await client.get("/openapi.json")).json()
    named = {
        (path.removeprefix("/sample/v1"), method): {
            one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert named["/notes", "post"] == {"Idempotency-Key"}
    assert named["/notes/search", "post"] == set()
    assert named["/notes", "get"] == {"If-None-Match"}
    assert named["/notes/{note_id}", "patch"] == {"if-match"}
