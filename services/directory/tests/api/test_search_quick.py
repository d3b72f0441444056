"""The search's way past the framework."""

from typing import Annotated, Any

import pytest

from maillage_common.app import plain_router
from maillage_common.auth import Caller, requires
from maillage_directory.search.quick import QuickSearchRoute


def test_a_route_that_asks_for_a_scope_cannot_take_the_quick_way() -> None:
    router = plain_router("/directory/v1", ["search"], QuickSearchRoute)

    async def closed(caller: Annotated[Caller, requires("directory:read")]) -> Any:
        return None

    with pytest.raises(TypeError, match="open to anyone"):
        router.post("/closed")(closed)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "validation_failed"),
        (b"null", "validation_failed"),
        (b"[]", "validation_failed"),
        (b'{"near": "here"}', "validation_failed"),
        (b'{"q": 5}', "validation_failed"),
        (b'{"a": 1}', "validation_failed"),
        (b"{", "malformed_json"),
        (b"\xff", "malformed_json"),
        (b'{"q": "aide", "q": "bain"}', "duplicate_member"),
        (b"[" * 100_000, "bad_request"),
    ],
)
async def test_a_wrong_body_is_refused_as_everywhere(
    client: Any, as_anonymous: Any, body: bytes, code: str
) -> None:
    answer = await client.post(
        "/directory/v1/services/search",
        content=body,
        headers={**as_anonymous(), "Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
