"""Care links: with evidence they count, without they do not."""

from datetime import timedelta
from uuid import uuid4

import pytest
from services.referrals.tests.world import World

from maillage_common import clock
from maillage_common.clock import frozen_time


class TestMakeCareLink:
    @pytest.mark.parametrize(
        ("function", "months"), [("general_practitioner", 15), ("raq", 3), ("reception", 1)]
    )
    async def test_lasts_as_long_as_the_function(
        self, world: World, function: str, months: int
    ) -> None:
        worker, person = world.worker(function), await world.person()
        link = await world.care_link(worker, person)
        start, end = link["started_at"], link["expires_at"]
        assert (int(end[:4]) * 12 + int(end[5:7])) - (
            int(start[:4]) * 12 + int(start[5:7])
        ) == months

    async def test_declared_shows_nothing_and_opens_nothing(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        link = await world.care_link(reader, person, kind="declared")
        assert link["evidence"] == "declared"
        assert await world.found(reader, await world.handle(reader, person)) == set()

    async def test_refuses_evidence_that_is_not_there(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        handle = await world.handle(worker, person)
        for evidence in (
            {"kind": "card_read"},
            {"kind": "card_read", "card_secret": "B" * 32},
            {"kind": "one_time_code", "code": "12345678"},
            {"kind": "accepted_referral", "referral_id": str(uuid4())},
        ):
            body = {"handle": handle, "evidence": evidence}
            refused = await world.post("/care-links", worker, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "proof_refused")

    async def test_only_for_one_worker_keeps_colleagues_out(self, world: World) -> None:
        one, writer = world.worker(), world.worker("social_worker")
        colleague = world.worker(organization=one.organization)
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, one.organization)
        handle = await world.handle(one, person)
        evidence = {"kind": "card_read", "card_secret": person.qr}
        body = {"handle": handle, "evidence": evidence, "only_me": True}
        assert (await world.post("/care-links", one, body)).status_code == 201
        assert await world.found(one, handle) == {pointer["id"]}
        assert await world.found(colleague, handle) == set()

    async def test_by_the_person_names_the_organization(self, world: World) -> None:
        reader, person = world.worker(), await world.person()
        evidence = {"kind": "card_read"}
        body = {"handle": person.handle, "evidence": evidence}
        assert (await world.post("/care-links", person, body)).status_code == 422
        body["organization"] = str(reader.organization)
        made = await world.post("/care-links", person, body)
        assert made.json()["organization"] == str(reader.organization)

    async def test_of_a_worker_is_for_their_own_organization(self, world: World) -> None:
        worker, person = world.worker(), await world.person()
        body = {
            "handle": await world.handle(worker, person),
            "evidence": {"kind": "declared"},
            "organization": str(uuid4()),
        }
        refused = await world.post("/care-links", worker, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")


class TestEndCareLink:
    async def test_closes_at_once_and_may_be_repeated(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        pointer = await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        link = await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == {pointer["id"]}
        first = await world.post(f"/care-links/{link['id']}/ending", person)
        second = await world.post(f"/care-links/{link['id']}/ending", person)
        assert first.json() == second.json()
        assert first.json()["ended_by"] == "person"
        assert await world.found(reader, handle) == set()

    async def test_of_another_organization_is_not_there(self, world: World) -> None:
        worker, stranger = world.worker(), world.worker()
        link = await world.care_link(worker, await world.person())
        assert (await world.post(f"/care-links/{link['id']}/ending", stranger)).status_code == 404

    async def test_happens_by_itself_after_its_months(self, world: World) -> None:
        reader, writer = world.worker(), world.worker("social_worker")
        person = await world.person()
        await world.pointer(writer, person)
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        with frozen_time(clock.now() + timedelta(days=100)):
            assert await world.found(reader, await world.handle(reader, person)) == set()


class TestListCareLinks:
    async def test_shows_the_person_all_and_a_worker_their_own(self, world: World) -> None:
        one, other = world.worker(), world.worker()
        person = await world.person()
        links = [await world.care_link(worker, person) for worker in (one, other)]
        all_links = await world.get(f"/subjects/{person.handle}/care-links", person)
        assert [item["id"] for item in all_links.json()["items"]] == [x["id"] for x in links]
        own = await world.get(f"/subjects/{await world.handle(one, person)}/care-links", one)
        assert [item["id"] for item in own.json()["items"]] == [links[0]["id"]]
