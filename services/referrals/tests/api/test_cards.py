"""Cards: what opens, what only locates, what stops."""

from datetime import timedelta
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from services.referrals.tests.world import API, TEXT, World

from maillage_common import clock
from maillage_common.clock import frozen_time

LOST = {"reason": "lost"}


class TestOpenCardSession:
    async def test_gives_a_short_access_token_signed_by_this_service(
        self, world: World, client: httpx.AsyncClient
    ) -> None:
        person = await world.person()
        opened = await client.post(
            f"{API}/card-sessions", json={"secret": person.qr}, headers=world.as_anonymous()
        )
        jwks = await client.get(f"{API}/jwks.json", headers=world.as_anonymous())
        token = jwt.decode(opened.json()["access_token"], KeySet.import_key_set(jwks.json()))
        assert token.header["typ"] == "at+jwt"
        assert token.header["alg"] == "ES256"
        assert token.claims["iss"] == "http://127.0.0.1:8000/referrals"
        assert token.claims["aud"] == "maillage"
        assert token.claims["scope"] == "referrals:subject"
        assert token.claims["client_id"] == "card"
        assert 0 < token.claims["exp"] - token.claims["iat"] <= 900
        assert person.handle not in token.claims["sub"]

    async def test_takes_the_bare_secret_and_small_letters(self, world: World) -> None:
        person = await world.person()
        bare = person.qr.rpartition(":")[2].lower()
        opened = await world.client.post(
            f"{API}/card-sessions", json={"secret": bare}, headers=world.as_anonymous()
        )
        assert opened.status_code == 201

    async def test_refuses_an_unknown_secret_and_the_printed_code(self, world: World) -> None:
        person = await world.person()
        for secret in ("MAILLAGE:CARD:1:" + "A" * 32, "not a secret at all", person.code.ljust(16)):
            refused = await world.client.post(
                f"{API}/card-sessions", json={"secret": secret}, headers=world.as_anonymous()
            )
            assert refused.status_code == 403
            assert refused.json()["code"] == "card_refused"

    async def test_refuses_a_revoked_card_and_ends_its_open_sessions(self, world: World) -> None:
        person = await world.person()
        path = f"/subjects/{person.handle}/cards/{person.card_id}/revocation"
        assert (await world.post(path, person, LOST)).status_code == 200
        refused = await world.client.post(
            f"{API}/card-sessions", json={"secret": person.qr}, headers=world.as_anonymous()
        )
        assert refused.json()["code"] == "card_refused"
        ended = await world.get(f"/subjects/{person.handle}/access-log", person)
        assert (ended.status_code, ended.json()["code"]) == (401, "card_session_ended")

    async def test_keeps_no_secret_in_the_database(self, world: World, database: Any) -> None:
        person = await world.person()
        secret = person.qr.rpartition(":")[2]
        assert secret.encode() not in await _dump(database)


class TestAddCard:
    async def test_gives_the_person_another_card(self, world: World) -> None:
        person = await world.person()
        made = await world.post(f"/subjects/{person.handle}/cards", person, {})
        assert made.status_code == 201
        again = await world.open_card(made.json())
        assert again.handle == person.handle
        listed = await world.get(f"/subjects/{person.handle}/cards", person)
        assert [card["id"] for card in listed.json()["items"]] == [person.card_id, again.card_id]

    async def test_refuses_a_worker_who_knows_only_the_handle(self, world: World) -> None:
        worker = world.worker()
        person = await world.person(worker)
        handle = await world.handle(worker, person)
        refused = await world.post(f"/subjects/{handle}/cards", worker, {})
        assert (refused.status_code, refused.json()["code"]) == (422, "proof_refused")

    async def test_lets_a_worker_replace_a_card_that_the_person_shows(self, world: World) -> None:
        worker = world.worker()
        person = await world.person()
        handle = await world.handle(worker, person)
        made = await world.post(f"/subjects/{handle}/cards", worker, {"card_secret": person.qr})
        assert made.status_code == 201
        assert (await world.open_card(made.json())).handle == person.handle


class TestRevokeCard:
    async def test_may_be_repeated(self, world: World) -> None:
        person = await world.person()
        other = (await world.post(f"/subjects/{person.handle}/cards", person, {})).json()
        path = f"/subjects/{person.handle}/cards/{other['id']}/revocation"
        first = await world.post(path, person, LOST)
        second = await world.post(path, person, {"reason": "stolen"})
        assert first.json() == second.json()
        assert first.json()["revocation_reason"] == "lost"

    async def test_is_for_the_organization_that_made_it_but_no_other(self, world: World) -> None:
        maker, stranger = world.worker(), world.worker()
        person = await world.person(maker)
        for worker, status in ((stranger, 404), (maker, 200)):
            handle = await world.handle(worker, person)
            path = f"/subjects/{handle}/cards/{person.card_id}/revocation"
            assert (await world.post(path, worker, LOST)).status_code == status


class TestMakeOneTimeCode:
    async def test_proves_a_consent_once(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        code = await self._code(world, person)
        body = await self._consent(world, worker, person, code)
        given = await world.post("/consents", worker, body)
        assert given.status_code == 201
        assert given.json()["proof"] == "one_time_code"
        again = await world.post("/consents", worker, body)
        assert again.json()["code"] == "proof_refused"

    async def test_ends_after_its_minutes(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        body = await self._consent(world, worker, person, await self._code(world, person))
        with frozen_time(clock.now() + timedelta(minutes=11)):
            late = await world.post("/consents", worker, body)
        assert late.json()["code"] == "proof_refused"

    async def test_is_closed_after_five_wrong_guesses(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        code = await self._code(world, person)
        wrong = f"{(int(code) + 1) % 10**8:08d}"
        for _ in range(5):
            body = await self._consent(world, worker, person, wrong)
            assert (await world.post("/consents", worker, body)).status_code == 422
        body = await self._consent(world, worker, person, code)
        assert (await world.post("/consents", worker, body)).json()["code"] == "proof_refused"

    async def _code(self, world: World, person: Any) -> str:
        made = await world.post(f"/subjects/{person.handle}/one-time-codes", person)
        assert made.status_code == 201
        return str(made.json()["code"])

    async def _consent(self, world: World, worker: Any, person: Any, code: str) -> dict[str, Any]:
        return {
            "handle": await world.handle(worker, person),
            "grantee": {"kind": "organization", "organization": str(worker.organization)},
            "categories": ["ordinary"],
            "purposes": ["care"],
            "text": TEXT,
            "proof": {"method": "one_time_code", "code": code},
        }


async def _dump(database: Any) -> bytes:
    """Every cell of every table, as text."""
    import psycopg

    from maillage_referrals import models

    url = database.owner_url.replace("+psycopg", "")
    cells = b""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("SELECT set_config('maillage.system', 'test', false)")
        for name in (*models.__all__,):
            table = getattr(models, name).__tablename__
            rows = await (await connection.execute(f"SELECT t::text FROM {table} t")).fetchall()
            cells += "\n".join(row[0] for row in rows).encode()
    assert cells
    return cells
