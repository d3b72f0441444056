"""Consents: who gives them, what they open, how they end."""

from datetime import timedelta
from uuid import uuid4

import pytest
from services.referrals.tests.world import TEXT, World

from maillage_common import clock
from maillage_common.clock import frozen_time


class TestRecordConsent:
    async def test_gives_a_receipt_of_twelve_months_at_most(self, world: World) -> None:
        person, organization = await world.person(), uuid4()
        consent = await world.consent(person, organization, purposes=("care",))
        assert consent["status"] == "active"
        assert consent["proof"] == "card"
        assert consent["grantee_organization"] == str(organization)
        assert consent["text_language"] == "ar"
        limit = clock.now() + timedelta(days=366)
        assert consent["valid_until"] <= limit.isoformat()

    async def test_refuses_a_longer_period_and_one_that_is_over(self, world: World) -> None:
        person = await world.person()
        for days in (-1, 400):
            body = self._body(person.handle) | {
                "valid_until": (clock.now() + timedelta(days=days)).isoformat()
            }
            refused = await world.post("/consents", person, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "consent_too_long")

    @pytest.mark.parametrize(
        "proof",
        [
            None,
            {"method": "card"},
            {"method": "card", "card_secret": "A" * 32},
            {"method": "one_time_code", "code": "00000000"},
            {"method": "login"},
        ],
    )
    async def test_refuses_a_worker_without_a_proof(self, world: World, proof: object) -> None:
        worker, person = world.worker(), await world.person()
        body = self._body(await world.handle(worker, person)) | {"proof": proof}
        refused = await world.post("/consents", worker, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "proof_refused")

    async def test_refuses_another_persons_card(self, world: World) -> None:
        worker, person, other = world.worker(), await world.person(), await world.person()
        proof = {"method": "card", "card_secret": other.qr}
        body = self._body(await world.handle(worker, person)) | {"proof": proof}
        assert (await world.post("/consents", worker, body)).json()["code"] == "proof_refused"

    async def test_knows_no_purpose_against_the_person(self, world: World) -> None:
        person = await world.person()
        for purpose in ("eligibility", "quota", "sanction", "scoring"):
            body = self._body(person.handle) | {"purposes": [purpose]}
            assert (await world.post("/consents", person, body)).status_code == 422

    async def test_names_a_function_that_the_access_matrix_has(self, world: World) -> None:
        person = await world.person()
        body = self._body(person.handle)
        refused = await world.post(
            "/consents", person, body | {"grantee": {"kind": "function", "function": "jean_dupont"}}
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_function")
        [fault] = refused.json()["errors"]
        assert fault["pointer"] == "/grantee/function"
        assert "raq" in fault["detail"]
        assert "dupont" not in refused.text

    @pytest.mark.parametrize("version", ["jean-dupont", "v1-jean", "0470-12-34-56", "1\n", "é"])
    async def test_takes_numbers_for_the_version_of_a_text(
        self, world: World, version: str
    ) -> None:
        person = await world.person()
        body = self._body(person.handle) | {"text": {"language": "ar", "version": version}}
        refused = await world.post("/consents", person, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/text/version"]
        assert version not in refused.text
        for taken in ("2", "1.4", "2026-1", "2026-11-30"):
            fine = self._body(person.handle) | {"text": {"language": "ar", "version": taken}}
            assert (await world.post("/consents", person, fine)).status_code == 201

    async def test_replaces_an_older_one(self, world: World) -> None:
        person, organization = await world.person(), uuid4()
        old = await world.consent(person, organization)
        new = await world.consent(person, organization, replaces=old["id"])
        ended = (await world.get(f"/consents/{old['id']}", person)).json()
        assert (ended["status"], ended["replaced_by_id"]) == ("replaced", new["id"])
        again = self._body(person.handle) | {"replaces": old["id"]}
        assert (await world.post("/consents", person, again)).json()["code"] == "consent_final"

    def _body(self, handle: str) -> dict[str, object]:
        return {
            "handle": handle,
            "grantee": {"kind": "function", "function": "raq"},
            "categories": ["ordinary"],
            "purposes": ["care"],
            "text": TEXT,
        }


class TestActivateConsent:
    async def test_waits_for_the_person(self, world: World) -> None:
        worker, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.care_link(worker, person)
        handle = await world.handle(worker, person)
        proposed = await world.post("/consents", worker, self._proposal(handle, worker))
        assert proposed.json()["status"] == "proposed"
        assert await world.found(worker, handle) == set()
        path = f"/consents/{proposed.json()['id']}/activation"
        activated = await world.post(path, person, {})
        assert (activated.json()["status"], activated.json()["proof"]) == ("active", "card")
        assert await world.found(worker, handle) == {pointer["id"]}

    async def test_by_the_workers_word_opens_nothing_of_others(self, world: World) -> None:
        worker, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        await world.pointer(writer, person)
        await world.care_link(worker, person)
        handle = await world.handle(worker, person)
        proposed = await world.post("/consents", worker, self._proposal(handle, worker))
        path = f"/consents/{proposed.json()['id']}/activation"
        assert (await world.post(path, worker, {"proof": {"method": "oral"}})).status_code == 200
        assert await world.found(worker, handle) == set()

    async def test_never_brings_back_what_ended(self, world: World) -> None:
        person = await world.person()
        consent = await world.consent(person, uuid4())
        await world.post(f"/consents/{consent['id']}/withdrawal", person)
        again = await world.post(f"/consents/{consent['id']}/activation", person, {})
        assert (again.status_code, again.json()["code"]) == (409, "consent_final")

    def _proposal(self, handle: str, worker: object) -> dict[str, object]:
        return {
            "handle": handle,
            "grantee": {"kind": "organization", "organization": str(worker.organization)},  # type: ignore[attr-defined]
            "categories": ["ordinary"],
            "purposes": ["social_support"],
            "text": TEXT,
            "propose": True,
        }


class TestWithdrawConsent:
    async def test_ends_access_at_once_and_may_be_repeated(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        consent = await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        first = await world.post(f"/consents/{consent['id']}/withdrawal", person)
        assert await world.found(reader, handle) == set()
        second = await world.post(f"/consents/{consent['id']}/withdrawal", person)
        assert first.json() == second.json()
        assert first.json()["status"] == "withdrawn"

    async def test_ends_the_referrals_that_rest_on_it(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        service = world.directory.add(receiver.organization)
        made = await world.refer(sender, service)
        person = await world.open_card(made["card"])
        path = f"/consents/{made['consent_id']}/withdrawal"
        assert (await world.post(path, person)).status_code == 200
        seen = (await world.get(f"/referrals/{made['id']}", receiver)).json()
        assert seen == {"id": made["id"], "status": "closed", "version": 2}
        assert (await world.get("/inbox", receiver)).json()["items"] == []
        known = (await world.get(f"/referrals/{made['id']}", sender)).json()
        assert known["status"] == "withdrawn"
        assert known["hand_over"]["destroyed_at"] is not None

    async def test_is_for_the_recorder_on_the_persons_word_and_for_no_stranger(
        self, world: World
    ) -> None:
        recorder, stranger = world.worker(), world.worker()
        person = await world.person()
        consent = await world.oral_consent(recorder, person)
        path = f"/consents/{consent['id']}/withdrawal"
        assert (await world.post(path, stranger)).status_code == 404
        assert (await world.post(path, recorder)).json()["status"] == "withdrawn"

    async def test_happens_by_itself_at_the_end_of_the_period(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        until = (clock.now() + timedelta(days=30)).isoformat()
        await world.consent(person, reader.organization, valid_until=until)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        with frozen_time(clock.now() + timedelta(days=31)):
            assert await world.found(reader, handle) == set()


class TestListConsents:
    async def test_shows_the_person_all_and_a_worker_their_own(self, world: World) -> None:
        recorder, stranger = world.worker(), world.worker()
        person = await world.person()
        oral = await world.oral_consent(recorder, person)
        own = await world.consent(person, uuid4())
        seen = {}
        for who, handle in (
            (person, person.handle),
            (recorder, await world.handle(recorder, person)),
            (stranger, await world.handle(stranger, person)),
        ):
            answer = await world.get(f"/subjects/{handle}/consents", who)
            seen[id(who)] = [item["id"] for item in answer.json()["items"]]
        assert seen[id(person)] == [oral["id"], own["id"]]
        assert seen[id(recorder)] == [oral["id"]]
        assert seen[id(stranger)] == []
