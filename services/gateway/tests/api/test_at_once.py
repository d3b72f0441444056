"""What is refused without waiting is answered by the connection: a flood is made of refusals."""

import pytest

from maillage_common.tokens import TokenSigner
from maillage_gateway.door import Door
from maillage_gateway.proxy import Proxy

OPEN = "/directory/v1/needs"
CLOSED = "/campaigns/v1/callbacks"


@pytest.fixture
def asked(issuer, new_pem):
    """Requests that are refused each in its own way: path, headers and status."""
    stranger = TokenSigner(new_pem(), issuer.name)
    return [
        (CLOSED, {}, 401),
        (CLOSED, issuer.bearer(exp=1), 401),
        (CLOSED, issuer.bearer(signer=stranger), 401),
        (CLOSED, issuer.bearer(scope="directory:read"), 403),
        ("/nowhere", {}, 404),
        (f"{OPEN}//", {}, 400),
        (f"{OPEN}?access_token=x", {}, 400),
        (OPEN, {"Connection": "host"}, 400),
    ]


async def test_a_refusal_calls_no_application(gateway, asked, monkeypatch):
    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("maillage_gateway.proxy.Proxy.__call__", broken)
    # As just after its keys were fetched, however slow the machine is.
    monkeypatch.setattr("maillage_gateway.issuers.IssuerKeys.may_learn", False)
    for path, headers, status in asked:
        assert (await gateway.client.get(path, headers=headers)).status_code == status


async def test_a_refusal_is_the_one_that_a_call_gives(gateway, asked, monkeypatch):
    async def answers():
        return [await gateway.client.get(path, headers=headers) for path, headers, _ in asked]

    at_once = await answers()
    monkeypatch.setattr("maillage_gateway.proxy.Proxy.answer_at_once", lambda *_: None)
    for one, called in zip(at_once, await answers(), strict=True):
        assert one.status_code == called.status_code
        assert list(one.headers) == list(called.headers)
        for name in set(one.headers) - {"x-request-id", "date", "ratelimit"}:
            assert one.headers[name] == called.headers[name]
        assert one.json()["trace_id"] == one.headers["X-Request-Id"]
        assert one.json() | {"trace_id": ""} == called.json() | {"trace_id": ""}


async def test_what_passes_is_decided_once(gateway, monkeypatch):
    decided = []
    admit = Door.admit_at_once
    monkeypatch.setattr(Door, "admit_at_once", lambda *a: decided.append(1) or admit(*a))
    monkeypatch.delattr(Door, "admit")
    assert (await gateway.client.get(OPEN)).status_code == 200
    assert decided == [1]


async def test_a_guess_too_many_is_429_at_once(gateway, issuer):
    # More than the sixty of the policy, as they come back while we ask.
    for _ in range(600):
        last = await gateway.client.get(CLOSED, headers=issuer.bearer(exp=1))
        if last.status_code != 401:
            break
    assert (last.status_code, last.json()["code"]) == (429, "quota_exceeded")
    assert last.headers["RateLimit-Policy"].startswith('"refused"')


async def test_requests_in_one_packet_are_answered_in_turn(start_gateway, settings, asked, issuer):
    def asking(path, **fields):
        lines = [f"GET {path} HTTP/1.1", "Host: g", *(f"{n}: {v}" for n, v in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    _, unknown_key, _ = asked[2]
    impatient = settings.model_copy(update={"keys_cooldown_seconds": 0.0})
    async with start_gateway(impatient) as gateway:
        raw = await gateway.talk(
            asking("/nowhere")
            + asking(OPEN)
            + asking(CLOSED, **unknown_key)  # its issuer is asked first, which is waited for
            + asking(CLOSED)
            + asking(OPEN, Connection="close")
        )
    statuses = [part[:3] for part in raw.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"404", b"200", b"401", b"401", b"200"]


async def test_of_many_requests_in_one_packet_only_the_first(gateway, monkeypatch):
    # Or a packet of thousands would keep every other connection waiting to its end.
    at_once = []
    answer = Proxy.answer_at_once
    monkeypatch.setattr(Proxy, "answer_at_once", lambda *a: at_once.append(1) or answer(*a))
    raw = await gateway.talk(b"GET /nowhere HTTP/1.1\r\nHost: g\r\n\r\n" * 20)
    assert raw.count(b"HTTP/1.1 404") == 20
    assert at_once == [1]
