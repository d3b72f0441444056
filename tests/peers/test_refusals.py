"""What a proxy in front refuses by itself is told as the gateway tells it."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.peers.fronts import FRONTS, Site
from tests.peers.peers import free_port

NEEDS = b"/directory/v1/needs"
SEARCH = b"POST /directory/v1/services/search HTTP/1.1\r\nHost: g\r\n"
INBOX = b"GET /referrals/v1/inbox HTTP/1.1\r\nHost: g\r\n"
MUCH = b"x" * 2_000_000
REFUSED = {
    "no request": (b"GARBAGE\r\n\r\n", 400, "unreadable_request"),
    "no host": (b"GET %s HTTP/1.1\r\n\r\n" % NEEDS, 400, "unreadable_request"),
    "version": (b"GET %s HTTP/3.0\r\nHost: g\r\n\r\n" % NEEDS, 400, "unreadable_request"),
    "coding": (SEARCH + b"Transfer-Encoding: gzip\r\n\r\n", 400, "unreadable_request"),
    "two ends": (
        SEARCH + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "unreadable_request",
    ),
    "inner": (b"GET /_check HTTP/1.1\r\nHost: g\r\n\r\n", 404, "unknown_route"),
    "inner too": (b"GET /_refused HTTP/1.1\r\nHost: g\r\n\r\n", 404, "unknown_route"),
    "trace": (b"TRACE %s HTTP/1.1\r\nHost: g\r\n\r\n" % NEEDS, 405, "method_not_allowed"),
    "body": (SEARCH + b"Content-Length: %d\r\n\r\n" % len(MUCH) + MUCH, 413, "body_too_large"),
    "chunks": (
        SEARCH + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(MUCH) + MUCH,
        413,
        "body_too_large",
    ),
    "address": (
        b"GET %s?%s HTTP/1.1\r\nHost: g\r\n\r\n" % (NEEDS, b"a" * 20_000),
        414,
        "address_too_long",
    ),
    "head": (INBOX + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
}


async def told(port: int, sent: bytes) -> tuple[int, str]:
    """Status and code of the problem document; its members and headers agree."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    line, *fields = head.decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
    assert headers["content-type"] == "application/problem+json"
    document = json.loads(await reader.readexactly(int(headers["content-length"])))
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    status = int(line.split()[1])
    assert document["status"] == status
    assert document["type"].endswith(f"/problems/{document['code']}")
    assert document["title"]
    assert document["trace_id"]
    assert headers.get("x-request-id", document["trace_id"]) == document["trace_id"]
    assert ("retry-after" in headers) is (status == 503)
    assert headers.get("www-authenticate", "").count("Bearer") == (status == 401)
    return status, str(document["code"])


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_proxy_refuses_is_a_problem_of_the_gateways(site: Site, front: str) -> None:
    # One service is not there.
    lame = replace(site, ports=site.ports | {"referrals": free_port(), front: free_port()})
    claims = {"scope": "referrals:read", "function": "raq"}
    token = site.issuer.bearer(sub="person", **claims)["Authorization"].encode()
    absent = (INBOX + b"Authorization: " + token + b"\r\n\r\n", 503, "service_unavailable")
    unsaid = (INBOX + b"\r\n", 401, "token_missing")
    bad = (INBOX + b"Authorization: Bearer x\r\n\r\n", 401, "invalid_token")
    refused = REFUSED | {"service": absent, "no token": unsaid, "bad token": bad}
    async with FRONTS[front](lame):
        seen = {name: await told(lame.ports[front], sent) for name, (sent, *_) in refused.items()}
    assert seen == {name: (status, code) for name, (_, status, code) in refused.items()}


@pytest.mark.asyncio(loop_scope="module")
async def test_envoy_without_its_check_is_a_problem_of_the_gateways(site: Site) -> None:
    lame = replace(site, ports=site.ports | {"check": free_port(), "envoy": free_port()})
    async with FRONTS["envoy"](lame):
        seen = await told(lame.ports["envoy"], INBOX + b"\r\n")
    assert seen == (503, "service_unavailable")
