"""Every answer is safe to show, whoever gives it: a service, the door, the pages or the parser."""

import pytest

OPEN, CLOSED = "/directory/v1/needs", "/referrals/v1/inbox"
PAGES = ("/", "/docs", "/docs/start.js", "/openapi.json", "/health/live", "/health/ready")
HSTS = "strict-transport-security"


def said(answer):
    headers = answer.headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert len(headers["x-request-id"]) == 32
    (policy,) = headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    shared = headers.get("access-control-allow-origin") == "*"
    if not shared:
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] in ("no-store", "max-age=3600")
    if answer.is_error:
        assert headers["cache-control"] == "no-store"
        assert headers["content-type"] == "application/problem+json"
    return shared


@pytest.fixture
async def secure(start_gateway, settings):
    over_tls = settings.model_copy(update={"public_url": "https://g.example"})
    async with start_gateway(over_tls) as gateway:
        yield gateway


async def test_on_pages_answers_and_refusals(secure, issuer):
    client = secure.client
    unknown = {"Authorization": "Bearer x"}
    asked = [
        *((method, page, {}) for page in PAGES for method in ("GET", "HEAD", "POST", "OPTIONS")),
        *(("GET", path, {}) for path in ("/docs/nothing", "/nothing", OPEN, CLOSED)),
        *((method, OPEN, {}) for method in ("HEAD", "OPTIONS", "DELETE")),
        ("GET", OPEN, unknown),
        ("GET", CLOSED, issuer.bearer(scope="ops:read")),
        ("GET", OPEN + "?access_token=x", {}),
    ]
    shared = set()
    for method, path, headers in asked:
        answer = await client.request(method, path, headers=headers)
        if said(answer):
            shared.add(path)
        assert answer.headers[HSTS] == "max-age=31536000"
    # A page that asks without a token, or with one that is refused, may read why.
    assert shared == {OPEN, "/openapi.json"}


async def test_own_pages_have_a_head_as_every_page(gateway):
    for page in PAGES:
        whole = await gateway.client.get(page)
        head = await gateway.client.head(page)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert HSTS not in head.headers


async def test_on_what_cannot_be_parsed(gateway):
    raw = await gateway.talk(b"GARBAGE\r\n\r\n")
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert {b"x-content-type-options: nosniff", b"cache-control: no-store"} <= set(head)
