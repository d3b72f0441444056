"""Envoy, nginx and Traefik's questions decide as the gateway does, for a corpus of requests."""

import asyncio
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
import yaml
from tests.peers.fronts import DEPLOY, FRONTS, Site, envoy, nginx

from maillage_common.tokens import parse
from maillage_gateway.policy import Policy

NEEDS = "/directory/v1/needs"
SEARCH = "/directory/v1/services/search"
CALLS = "/campaigns/v1/callbacks"
SERVICES = ("/directory/", "/referrals/", "/campaigns/")
INBOX = "/referrals/v1/inbox"
# What takes more than other routes, and the scope that may send it.
UPLOADS = {
    ("POST", "/directory/v1/imports"): "directory:write",
    ("POST", "/directory/v1/territories/outlines"): "directory:admin",
    ("PUT", "/directory/v1/territories/1/outline"): "directory:admin",
    ("POST", "/campaigns/v1/campaigns/1/imports"): "campaigns:lists",
}
FORGED = {
    "X-User": "eve",
    "X-User-Id": "eve",
    "Forwarded": "for=192.0.2.9",
    "X-Forwarded-For": "192.0.2.9",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Uri": NEEDS,
    "X-Original-URL": NEEDS,
    "X-Original-URI": NEEDS,
    "X-Envoy-Original-Path": NEEDS,
    "X-Auth-Request-User": "eve",
    "X-HTTP-Method-Override": "DELETE",
    "Maillage-Subject-Token": "forged",
    "Cookie": "a=b",
    "Baggage": "a=b",
    "Tracestate": "a=b",
}


@dataclass
class Ask:
    """One request of the corpus. `claims` None = no token; a string = that Authorization."""

    method: str
    target: str
    claims: dict[str, Any] | str | None = None
    headers: dict[str, str] | None = None
    body: bytes = b""


CALLER = {"scope": "campaigns:call"}
CORPUS = [
    Ask("GET", NEEDS),
    Ask("HEAD", NEEDS),
    Ask("GET", f"{NEEDS}?q=a%20b&q=%C3%A9"),
    Ask("GET", f"{NEEDS}/caf%C3%A9"),
    Ask("GET", NEEDS, headers=FORGED),
    Ask(
        "GET", CALLS, CALLER, {"X_User_Id": "eve", "X_Forwarded_For": "192.0.2.9", "Accept": "*/*"}
    ),
    Ask("POST", SEARCH, body=b'{"q": "x"}', headers={"Content-Type": "application/json"}),
    Ask("GET", CALLS, CALLER),
    Ask("GET", CALLS, CALLER, FORGED),
    Ask("GET", CALLS, CALLER, {"Accept-Language": "nl", "If-None-Match": '"1"', "Prefer": "x=1"}),
    Ask("POST", "/campaigns/v1/leases", CALLER, {"Idempotency-Key": "k"}, b"{}"),
    Ask("GET", INBOX, {"scope": "referrals:read", "function": "raq"}),
    Ask("GET", NEEDS, {"scope": ""}),
    Ask("GET", NEEDS, {"sub": "m", "client_id": "m"}),
    # Refused.
    Ask("GET", CALLS),
    Ask("GET", CALLS, headers=FORGED),
    Ask("GET", CALLS, {"scope": "directory:read"}),
    Ask("GET", CALLS, {"scope": "campaigns:call", "sub": "m", "client_id": "m"}),
    Ask("GET", CALLS, {"scope": "campaigns:call", "exp": 1}),
    Ask("GET", CALLS, {"scope": "campaigns:call", "aud": "other"}),
    Ask("GET", CALLS, {"scope": "campaigns:call", "cnf": {"jkt": "x"}}),
    Ask("GET", CALLS, "Bearer a.b.c"),
    Ask("GET", CALLS, "Basic YTpi"),
    Ask("GET", NEEDS, "Bearer a.b.c"),
    Ask("DELETE", NEEDS),
    Ask("POST", INBOX, {"scope": "referrals:read"}, body=b"{}"),
    Ask("PATCH", "/directory/v1/services/1", {"scope": "directory:read"}, body=b"{}"),
    Ask("GET", "/nowhere"),
    Ask("GET", "/directory/v1/secret", CALLER),
    Ask("GET", "/authz/check", headers=FORGED),
    Ask("GET", f"/authz/check{NEEDS}"),
    Ask("GET", "/_check", headers=FORGED),
    Ask("GET", "/directory/v1//needs"),
    Ask("GET", "/directory/v1/./needs"),
    Ask("GET", "/directory/v1/../v1/needs"),
    Ask("GET", "/directory/..%2fcampaigns/v1/callbacks"),
    Ask("GET", "/directory/%2e%2e/campaigns/v1/callbacks"),
    Ask("GET", "/directory/v1/needs%2f"),
    Ask("GET", "/directory/v1/needs;a=b"),
    Ask("GET", "/directory/v1/%6eeeds"),
    Ask("GET", "/directory/v1/needs\\"),
    Ask("GET", "/directory/v1/needs/"),
    Ask("GET", "/DIRECTORY/v1/needs"),
    Ask("GET", f"{NEEDS}?access_token=x"),
    Ask("OPTIONS", NEEDS, headers={"Origin": "https://page.example"}),
    Ask("OPTIONS", CALLS),
]


@dataclass
class Seen:
    """What a caller was answered, and what the service saw, without what may differ."""

    status: int
    code: str | None
    answer: dict[str, str | None]
    line: bytes | None
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]


ANSWERED = (
    *("access-control-allow-origin", "access-control-allow-methods", "allow"),
    *("cross-origin-resource-policy", "ratelimit-policy", "referrer-policy", "www-authenticate"),
    *("x-content-type-options", "x-envoy-upstream-service-time", "x-powered-by"),
)
# Hop-by-hop or of the hop: a proxy's own.
_OWN = {
    "connection",
    "host",
    "user-agent",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
}


async def ask(port: int, site: Site, one: Ask) -> Seen:
    headers = {"Accept": "*/*", **(one.headers or {})}
    if isinstance(one.claims, str):
        headers["Authorization"] = one.claims
    elif one.claims is not None:
        headers |= site.issuer.bearer(**{"sub": "person", **one.claims})
    site.echo.seen.clear()
    status, answered, body = await asyncio.to_thread(_send, port, one, headers)
    problem = answered.get("content-type") == "application/problem+json" and body
    seen = site.echo.seen[-1] if site.echo.seen else None
    passed = {n.decode().lower(): v.decode() for n, v in seen.headers} if seen else {}
    internal = passed.pop("authorization", "").removeprefix("Bearer ")
    if seen:
        trace_id = answered["x-request-id"]
        assert passed.pop("x-request-id", None) == trace_id, one
        assert passed.pop("traceparent", "").split("-")[1:2] == [trace_id], one
    return Seen(
        status,
        json.loads(body)["code"] if problem else None,
        {name: answered.get(name) for name in ANSWERED},
        seen.line if seen else None,
        {name: value for name, value in passed.items() if name not in _OWN},
        seen.body if seen else b"",
        _lasting(parse(internal)._claims) if internal else {},
    )


def difference(expected: Seen, seen: Seen) -> list[str]:
    """What is not the same, one line each."""
    told = [repr(asdict(one)).split(", '") for one in (expected, seen)]
    return [line for line in difflib.ndiff(*told) if line[0] in "+-"]


def _send(port: int, one: Ask, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """The request as written: most clients would put its path in order."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(one.method, one.target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if one.body:
            connection.putheader("Content-Length", str(len(one.body)))
        connection.endheaders(one.body or None)
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _lasting(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in ("iat", "exp", "jti")}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_proxy_in_front_decides_as_the_gateway_does(site: Site) -> None:
    async with envoy(site), nginx(site):
        differing = []
        for one in CORPUS:
            expected = await ask(site.ports["gateway"], site, one)
            for front in ("envoy", "nginx"):
                seen = await ask(site.ports[front], site, one)
                # What a proxy refuses unasked it tells in words of its own, and it goes no further.
                unasked = seen.code in ("unreadable_request", "unknown_route") and seen.line is None
                if unasked and seen.status == expected.status in (400, 404):
                    continue
                if seen != expected:
                    told = difference(expected, seen)
                    differing.append(f"{front}: {one.method} {one.target} {told}")
        assert not differing, "\n".join(differing)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_traefik_would_ask_is_decided_as_the_gateway_does(site: Site) -> None:
    """Traefik itself is in no package here: its configuration is read, and its questions asked."""
    dynamic = yaml.safe_load((DEPLOY / "traefik" / "dynamic.yaml").read_text("utf-8"))["http"]
    routers, middlewares = dynamic["routers"], dynamic["middlewares"]
    for router in routers.values():
        assert router["service"] in dynamic["services"]
        assert set(router.get("middlewares", ())) <= set(middlewares)
        # Whatever does not go to the gateway asks the check.
        assert router["service"] == "gateway" or "check" in router["middlewares"]
    forward = middlewares["check"]["forwardAuth"]
    assert forward["trustForwardHeader"] is False
    cleaned = re.compile(forward["authResponseHeadersRegex"])
    assert all(cleaned.match(name) for name in FORGED if not name.startswith("Maillage"))
    for one in CORPUS:
        if one.method == "OPTIONS" or not one.target.startswith(SERVICES):
            continue
        expected = await ask(site.ports["gateway"], site, one)
        told = {"X-Forwarded-Method": one.method, "X-Forwarded-Uri": one.target}
        asked = Ask("GET", "/authz/check", one.claims, (one.headers or {}) | told)
        seen = await ask(site.ports["check"], site, asked)
        assert (seen.status, seen.code) == (expected.status, expected.code), one


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.asyncio(loop_scope="module")
async def test_uploads_pass(site: Site, front: str) -> None:
    sent = b"x" * 2_000_000
    async with FRONTS[front](site):
        for (method, path), scope in UPLOADS.items():
            one = Ask(method, path, {"scope": scope}, body=sent)
            seen = await ask(site.ports[front], site, one)
            assert (seen.status, len(seen.body)) == (200, len(sent)), path


@pytest.mark.parametrize(
    ("front", "uploads", "bound", "unit"),
    [
        ("envoy/envoy.yaml", r'safe_regex: {regex: "(/\(.*)"}', r"max_request_bytes: (\d+)", 1),
        (
            "nginx/nginx.conf",
            r"location ~ \^(.*)\$ {\n +client_max_body_size 256m",
            r"\n    client_max_body_size (\d+)m;",
            2**20,
        ),
        ("traefik/dynamic.yaml", r"PathRegexp\(`\^(.*)\$`\)", r"maxRequestBodyBytes: (\d+)", 1),
    ],
    ids=["envoy", "nginx", "traefik"],
)
def test_bodies_are_bounded_as_in_the_policy(
    front: str, uploads: str, bound: str, unit: int
) -> None:
    text = (DEPLOY / front).read_text("utf-8")
    (pattern,), (most,) = re.findall(uploads, text), re.findall(bound, text)
    routes = Policy.load().routes
    # The gateway holds these to their own limits, and the proxy all others to one.
    large = {
        (method, re.sub(r"\{\w+\}", "1", route.path)): route.body
        for route in routes
        for method in route.methods
        if route.body > int(most) * unit
    }
    assert large.keys() == UPLOADS.keys()
    assert max(large.values()) <= 256 * 2**20
    assert all(re.fullmatch(pattern, path) for _, path in large)
    assert max(r.body for r in routes if r.body not in large.values()) == int(most) * unit


def test_nginx_passes_the_headers_that_the_policy_lets_through() -> None:
    text = (DEPLOY / "nginx" / "service.conf").read_text("utf-8")
    passed = {name.lower() for name in re.findall(r"proxy_set_header (\S+)", text)}
    ours = {"authorization", "connection", "host", "traceparent", "tracestate"}
    ours |= {"x-request-id", "x-forwarded-proto", "x-forwarded-host"}
    assert passed - ours == Policy.load().forwarded_headers
