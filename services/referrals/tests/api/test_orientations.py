"""POST /referrals: subject, consent, hand-over and referral in one call."""

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from services.referrals.tests.world import API, World, referral_body

Headers = dict[str, str]


class TestOrient:
    async def test_makes_an_anonymous_person_with_a_card_in_one_call(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        made = await world.refer(sender, world.directory.add(receiver.organization))
        assert made["status"] == "requested"
        assert made["receiver_organization"] == str(receiver.organization)
        assert made["warnings"] == []
        assert made["closed_at"] is None
        assert made["hand_over"]["card_code"] == made["card"]["code"]
        person = await world.open_card(made["card"])
        seen = (await world.get(f"/referrals/{made['id']}", person)).json()
        assert (seen["role"], seen["status"]) == ("person", "requested")

    async def test_keeps_nothing_when_a_part_fails(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        service = world.directory.add(receiver.organization)
        hand_over = {"kind": "card_code", "card_code": "000/0000/00197"}
        refused = await world.post(
            "/referrals", sender, referral_body(service, hand_over=hand_over)
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "proof_refused")
        assert (await world.get("/outbox", sender)).json()["items"] == []
        assert (await world.get("/inbox", receiver)).json()["items"] == []

    async def test_does_it_once_for_the_same_key(self, world: World) -> None:
        sender = world.worker()
        body = referral_body(world.directory.add(uuid4()))
        key = {"Idempotency-Key": "orientation-1"}
        first = await world.post("/referrals", sender, body, **key)
        second = await world.post("/referrals", sender, body, **key)
        assert first.json() == second.json()
        assert len((await world.get("/outbox", sender)).json()["items"]) == 1
        other = await world.post("/referrals", sender, {**body, "needs": ["food"]}, **key)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    async def test_warns_of_a_saturated_target_and_does_not_block(self, world: World) -> None:
        service = world.directory.add(uuid4(), is_saturated=True)
        made = await world.refer(world.worker(), service)
        assert made["warnings"] == [{"code": "target_saturated"}]

    async def test_refuses_a_service_that_is_not_there(self, world: World) -> None:
        refused = await world.post("/referrals", world.worker(), referral_body(uuid4()))
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_service")
        assert refused.json()["errors"][0]["pointer"] == "/service_id"

    async def test_answers_503_while_the_directory_is_down(self, world: World) -> None:
        world.directory.is_down = True
        refused = await world.post("/referrals", world.worker(), referral_body(uuid4()))
        assert refused.status_code == 503
        assert "retry-after" in refused.headers

    async def test_needs_a_consent_that_names_what_the_target_reveals(self, world: World) -> None:
        sender = world.worker("social_worker")
        service = world.directory.add(uuid4(), needs=("housing", "mental-health-young"))
        refused = await world.post("/referrals", sender, referral_body(service))
        assert (refused.status_code, refused.json()["code"]) == (422, "consent_does_not_name")
        assert [error["detail"] for error in refused.json()["errors"]] == ["mental_health"]
        body = referral_body(service)
        body["consent"]["categories"] = ["mental_health"]
        assert (await world.post("/referrals", sender, body)).status_code == 201

    async def test_orients_a_known_person_with_a_standing_consent(self, world: World) -> None:
        sender, receiver, person = world.worker(), uuid4(), await world.person()
        consent = await world.consent(person, receiver)
        body = referral_body(
            world.directory.add(receiver),
            subject={"handle": await world.handle(sender, person)},
            hand_over={"kind": "card_code", "card_code": person.code},
            consent={"id": consent["id"]},
        )
        refused = await world.post("/referrals", sender, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "consent_not_usable")
        oral = await world.oral_consent(sender, person)
        body["consent"] = {"id": oral["id"]}
        refused = await world.post("/referrals", sender, body)
        assert refused.json()["code"] == "consent_not_usable"

    async def test_needs_to_say_how_a_known_person_is_recognised(self, world: World) -> None:
        sender, person = world.worker(), await world.person()
        subject = {"handle": await world.handle(sender, person)}
        body = referral_body(world.directory.add(uuid4()), subject=subject)
        refused = await world.post("/referrals", sender, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "hand_over_required")

    async def test_follows_only_one_that_did_not_work_out(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        service = world.directory.add(receiver.organization)
        first = await world.refer(sender, service)
        subject = {"handle": first["handle"]}
        more = {
            "subject": subject,
            "hand_over": {"kind": "card_code", "card_code": first["card"]["code"]},
            "follows": first["id"],
        }
        early = await world.post("/referrals", sender, referral_body(service, **more))
        assert (early.status_code, early.json()["code"]) == (409, "not_followable")
        await world.move(receiver, first["id"], "rejected", reason="no_capacity")
        second = await world.refer(sender, service, **more)
        assert second["follows"] == first["id"]

    async def test_keeps_a_draft_from_the_receiver(self, world: World) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        made = await world.refer(sender, world.directory.add(receiver.organization), draft=True)
        assert (await world.get(f"/referrals/{made['id']}", receiver)).status_code == 404
        assert (await world.move(sender, made["id"], "requested")).status_code == 200
        assert (await world.get(f"/referrals/{made['id']}", receiver)).status_code == 200

    @pytest.mark.parametrize(
        "change",
        [
            {"needs": []},
            {"needs": ["Not A Code"]},
            {"purpose": "quota"},
            {"note": "please hurry"},
            {"local_reference": "she is ill"},
            {"hand_over": {"kind": "contact", "first_name": "Amina 0470", "language": "ar"}},
            {"hand_over": {"kind": "contact", "first_name": "A", "language": "ar", "phone": "02"}},
            {"hand_over": {"kind": "appointment", "starts_at": "2026-12-01T09:00:00+01:00"}},
            {"subject": {"anonymous": False}},
            {"subject": {"name": "x"}},
            {"due_at": "2026-12-01T09:00:00"},
        ],
    )
    async def test_refuses_what_is_not_in_the_vocabulary(
        self, world: World, change: dict[str, object]
    ) -> None:
        body = referral_body(world.directory.add(uuid4()), **change)
        refused = await world.post("/referrals", world.worker(), body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")

    async def test_takes_the_number_of_a_file_for_a_local_reference(self, world: World) -> None:
        sender, named = world.worker(), "jean-dupont-1974"
        body = referral_body(world.directory.add(sender.organization))
        made = await world.post("/referrals", sender, body | {"local_reference": "R-2026-7"})
        refused = [
            await world.post("/referrals", sender, body | {"local_reference": named}),
            await world.move(sender, made.json()["id"], "cancelled", local_reference=named),
        ]
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (422, "reference_refused")
            assert answer.json()["errors"][0]["pointer"] == "/local_reference"
            assert "dupont" not in answer.text


class TestOrientThroughCampaigns:
    async def test_for_a_counsellor_makes_an_anonymous_person(
        self, world: World, as_service: Callable[..., Headers]
    ) -> None:
        organization = uuid4()
        headers = as_service(
            "campaigns",
            scope="referrals:write",
            on_behalf={
                "sub": "counsellor",
                "scope": "campaigns:call referrals:write",
                "org": str(organization),
                "function": "health_counsellor",
                "tenant": "mc",
            },
        )
        made = await self._post(world, headers, referral_body(world.directory.add(uuid4())))
        assert made.status_code == 201, made.text
        assert made.json()["sender_organization"] == str(organization)
        assert made.json()["card"]["qr_payload"]
        known = referral_body(world.directory.add(uuid4()), subject={"handle": "x"})
        refused = await self._post(world, headers, known)
        assert (refused.status_code, refused.json()["code"]) == (403, "service_refused")

    async def test_by_itself_names_the_sender_and_makes_an_anonymous_person(
        self, world: World, as_service: Callable[..., Headers]
    ) -> None:
        headers = as_service("campaigns", scope="referrals:write")
        organization = uuid4()
        body = referral_body(world.directory.add(uuid4()))
        refused = await self._post(world, headers, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "sender_required")
        body["sender"] = {"organization": str(organization), "function": "health_counsellor"}
        made = await self._post(world, headers, body)
        assert made.status_code == 201, made.text
        sender = world.worker(
            "health_counsellor", organization=organization, scope="referrals:write"
        )
        outbox = (await world.get("/outbox", sender)).json()["items"]
        assert [item["id"] for item in outbox] == [made.json()["id"]]
        body["consent"] = {**body["consent"], "method": "card", "card_secret": "A" * 32}
        assert (await self._post(world, headers, body)).json()["code"] == "proof_refused"

    async def test_answers_with_the_same_referral_for_the_same_reference(
        self, world: World, as_service: Callable[..., Headers]
    ) -> None:
        organization = uuid4()
        body = referral_body(world.directory.add(uuid4()), local_reference=str(uuid4()))
        person = {"sub": "c", "scope": "referrals:write", "org": str(organization)}
        headers = as_service("campaigns", scope="referrals:write", on_behalf=person)
        first = await self._post(world, headers, body)
        body["sender"] = {"organization": str(organization)}
        alone = as_service("campaigns", scope="referrals:write")
        again = await self._post(world, alone, body)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["card"] is None
        assert again.json()["hand_over"]["card_code"] == first.json()["card"]["code"]
        body["sender"] = {"organization": str(uuid4())}
        assert (await self._post(world, alone, body)).json()["id"] != first.json()["id"]

    async def test_refuses_every_other_machine_and_a_sender_from_a_person(
        self, world: World
    ) -> None:
        body = referral_body(world.directory.add(uuid4()))
        machine = world.as_caller(sub="partner", client_id="partner", scope="referrals:write")
        refused = await self._post(world, machine, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "individual_required")
        body["sender"] = {"organization": str(uuid4())}
        refused = await world.post("/referrals", world.worker(), body)
        assert (refused.status_code, refused.json()["code"]) == (422, "sender_not_expected")

    async def _post(self, world: World, headers: Headers, body: object) -> httpx.Response:
        return await world.client.post(f"{API}/referrals", json=body, headers=headers)
