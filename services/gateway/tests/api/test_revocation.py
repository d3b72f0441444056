"""Revoked means 401 on every replica within five seconds."""

import asyncio
import json
import time

import pytest

from maillage_common.keys import TokenSigner
from maillage_gateway import revoke
from maillage_gateway.check import Check
from maillage_gateway.main import Gateway

NEEDS = "/directory/v1/needs"


@pytest.fixture
def operations(tmp_path, new_pem):
    """The ops command, on a list in `tmp_path`."""
    key, listing = tmp_path / "revocations.pem", tmp_path / "revocations.jws"
    pem = new_pem()
    key.write_bytes(pem)
    (tmp_path / "keys.json").write_text(json.dumps(TokenSigner(pem, "x").jwks()))

    def operate(*arguments):
        assert revoke.main(["--list", str(listing), "--key-file", str(key), *arguments]) == 0

    operate("renew")
    return operate


@pytest.fixture
def revocable(settings, tmp_path):
    return settings.model_copy(
        update={
            "revocation_list": str(tmp_path / "revocations.jws"),
            "revocation_keys_file": tmp_path / "keys.json",
            "revocation_poll_seconds": 0.05,
        }
    )


async def until(gateway, headers, status, path=NEEDS):
    started = time.monotonic()
    async with asyncio.timeout(5):
        while (await gateway.client.get(path, headers=headers)).status_code != status:
            await asyncio.sleep(0.01)
    return time.monotonic() - started


class TestReplicas:
    async def test_every_replica_refuses_what_was_revoked_and_takes_what_was_lifted(
        self, start_gateway, revocable, operations, issuer
    ):
        async with (
            start_gateway(revocable, Gateway) as first,
            start_gateway(revocable, Gateway) as second,
            start_gateway(revocable, Check) as check,
        ):
            good, bad = issuer.bearer(client_id="good"), issuer.bearer(client_id="bad")
            replicas = [(first, NEEDS), (second, NEEDS), (check, f"/authz/check{NEEDS}")]
            for gateway, path in replicas:
                await until(gateway, bad, 200, path)
                await until(gateway, good, 200, path)
            operations("client", "bad")
            for gateway, path in replicas:
                await until(gateway, bad, 401, path)
                assert (await gateway.client.get(path, headers=good)).status_code == 200
                assert (await gateway.client.get(path)).status_code == 200
            operations("lift", "client", "bad")
            for gateway, path in replicas:
                await until(gateway, bad, 200, path)

    async def test_a_person_can_sign_in_again_after_their_tokens_were_revoked(
        self, start_gateway, revocable, operations, issuer
    ):
        async with start_gateway(revocable) as gateway:
            now = int(time.time())
            old = issuer.bearer(sub="p", iat=now - 60, exp=now + 60)
            new = issuer.bearer(sub="p", iat=now + 2, exp=now + 60)
            await until(gateway, old, 200)
            operations("subject", "p", "--issuer", issuer.name, "--issued-before", "now")
            await until(gateway, old, 401)
            assert (await gateway.client.get(NEEDS, headers=new)).status_code == 200


class TestLost:
    async def test_without_a_list_tokens_wait_and_strangers_do_not(
        self, start_gateway, revocable, operations, issuer, tmp_path
    ):
        short = revocable.model_copy(update={"revocation_stale_seconds": 0.1})
        async with start_gateway(short) as gateway:
            headers = issuer.bearer()
            await until(gateway, headers, 200)
            published = tmp_path / "revocations.jws"
            last = published.read_bytes()
            published.write_bytes(b"<html>")
            await until(gateway, headers, 503)
            answer = await gateway.client.get(NEEDS, headers=headers)
            assert answer.json()["code"] == "revocations_unavailable"
            assert (await gateway.client.get(NEEDS)).status_code == 200
            assert (await gateway.client.get("/health/ready")).status_code == 200
            published.write_bytes(last)
            await until(gateway, headers, 200)

    async def test_a_replica_that_never_had_a_list_is_not_ready(
        self, start_gateway, revocable, operations, issuer, tmp_path
    ):
        (tmp_path / "revocations.jws").unlink()
        async with start_gateway(revocable) as gateway:
            answer = await gateway.client.get(NEEDS, headers=issuer.bearer())
            assert (answer.status_code, answer.json()["code"]) == (503, "revocations_unavailable")
            assert (await gateway.client.get("/health/ready")).status_code == 503

    def test_a_list_without_keys_to_believe_it_is_refused_at_start(self, settings, tmp_path):
        with pytest.raises(ValueError, match="GATEWAY_REVOCATION_KEYS_FILE"):
            type(settings)(**settings.model_dump() | {"revocation_list": "x"})

    def test_keys_without_a_list_are_refused_at_start(self, settings, tmp_path):
        with pytest.raises(ValueError, match="GATEWAY_REVOCATION_LIST"):
            type(settings)(**settings.model_dump() | {"revocation_keys_file": tmp_path})
