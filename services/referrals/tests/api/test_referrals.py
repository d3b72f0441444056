"""Referrals on their way: who sees what, who moves what, what closes the loop."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from services.referrals.tests.world import Worker, World

from maillage_common import clock
from maillage_common.clock import frozen_time

CONTACT = {
    "kind": "contact",
    "first_name": "Amina",
    "phone": "+32470123456",
    "language": "ar",
    "hours": ["MO 09:00-12:00"],
}
DONE = {"outcome": {"answered": "yes", "code": "demarche_done"}}


async def _sent(world: World, **more: Any) -> tuple[Worker, Worker, dict[str, Any]]:
    sender, receiver = world.worker(), world.worker("social_worker")
    made = await world.refer(sender, world.directory.add(receiver.organization), **more)
    return sender, receiver, made


class TestReadReferral:
    async def test_shows_each_side_its_own_view(self, world: World) -> None:
        sender, receiver, made = await _sent(world, local_reference="C-7")
        one = (await world.get(f"/referrals/{made['id']}", sender)).json()
        other = (await world.get(f"/referrals/{made['id']}", receiver)).json()
        assert (one["role"], other["role"]) == ("sender", "receiver")
        assert (one["local_reference"], other["local_reference"]) == ("C-7", None)
        assert one["handle"] != other["handle"]
        assert one["next"] == ["cancelled", "entered_in_error", "withdrawn"]
        assert other["next"] == ["accepted", "received", "rejected", "rerouted"]

    async def test_is_not_there_for_a_stranger_and_a_campaigns_back_office(
        self, world: World
    ) -> None:
        _, receiver, made = await _sent(world)
        outsiders = [
            world.worker(),
            world.worker(None, organization=receiver.organization, scope="referrals:write"),
        ]
        for who in outsiders:
            assert (await world.get(f"/referrals/{made['id']}", who)).status_code == 404
            assert (await world.get(f"/referrals/{made['id']}/history", who)).status_code == 404

    async def test_is_not_there_for_a_function_that_the_matrix_does_not_name(
        self, world: World
    ) -> None:
        _, receiver, made = await _sent(world)
        for function in ("reception", None):
            desk = world.worker(function, organization=receiver.organization)
            assert (await world.get(f"/referrals/{made['id']}", desk)).status_code == 404
            assert (await world.get("/inbox", desk)).json()["items"] == []
        assert (await world.get(f"/referrals/{made['id']}", receiver)).status_code == 200

    async def test_of_a_sensitive_service_is_shown_to_functions_that_may_see_it(
        self, world: World
    ) -> None:
        sender, receiver, _ = await _sent(world)
        colleague = world.worker("raq", organization=receiver.organization)
        service = world.directory.add(receiver.organization, needs=("violence",))
        consent = {"method": "oral", "categories": ["violence"], "text": _text()}
        secret = await world.refer(sender, service, consent=consent)
        assert (await world.get(f"/referrals/{secret['id']}", colleague)).status_code == 404
        assert (await world.get(f"/referrals/{secret['id']}", receiver)).status_code == 200

    async def test_opens_the_contact_envelope_to_the_receiver_while_it_is_open(
        self, world: World, database: Any
    ) -> None:
        sender, receiver, made = await _sent(world, hand_over=CONTACT)
        path = f"/referrals/{made['id']}"
        assert made["hand_over"]["contact"] is None
        seen = (await world.get(path, receiver)).json()["hand_over"]["contact"]
        assert seen == {
            name: CONTACT[name] for name in ("first_name", "phone", "language", "hours")
        }
        await world.move(receiver, made["id"], "rejected", reason="outside_area")
        after = (await world.get(path, receiver)).json()["hand_over"]
        assert after["contact"] is None
        assert after["destroyed_at"] is not None
        assert (await world.get(path, sender)).json()["hand_over"]["contact"] is None


class TestMoveReferral:
    async def test_goes_to_its_end_and_closes_with_the_persons_answer(self, world: World) -> None:
        sender, receiver, made = await _sent(world)
        for to, more in (
            ("received", {}),
            ("accepted", {}),
            ("in_progress", {}),
            ("completed", DONE),
        ):
            moved = await world.move(receiver, made["id"], to, **more)
            assert moved.status_code == 200, moved.text
        assert moved.json()["closed_at"] is None
        outbox = (await world.get("/outbox", sender)).json()["items"]
        assert [item["id"] for item in outbox] == [made["id"]]
        path = f"/referrals/{made['id']}/answer"
        refused = await world.post(path, receiver, {"person_answer": "yes"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_move")
        person = await world.open_card(made["card"])
        answered = await world.post(path, person, {"person_answer": "partly"})
        assert answered.json()["person_answer_by"] == "person"
        assert answered.json()["closed_at"] is not None
        assert (await world.get("/outbox", sender)).json()["items"] == []
        every = (await world.get("/outbox", sender, closed=True)).json()["items"]
        assert [item["person_answer"] for item in every] == ["partly"]

    async def test_accepting_makes_the_care_link(self, world: World) -> None:
        _, receiver, made = await _sent(world)
        handle = (await world.get(f"/referrals/{made['id']}", receiver)).json()["handle"]
        assert (await world.get(f"/subjects/{handle}/care-links", receiver)).json()["items"] == []
        await world.move(receiver, made["id"], "accepted")
        links = (await world.get(f"/subjects/{handle}/care-links", receiver)).json()["items"]
        assert [link["evidence"] for link in links] == ["accepted_referral"]

    @pytest.mark.parametrize(
        ("to", "more", "code"),
        [
            ("completed", DONE, "illegal_transition"),
            ("cancelled", {}, "not_your_move"),
            ("expired", {}, "not_your_move"),
            ("draft", {}, "illegal_transition"),
        ],
    )
    async def test_refuses_what_the_table_does_not_hold(
        self, world: World, to: str, more: dict[str, Any], code: str
    ) -> None:
        _, receiver, made = await _sent(world)
        assert (await world.move(receiver, made["id"], to, **more)).json()["code"] == code

    @pytest.mark.parametrize(
        "body",
        [
            {"to": "rejected"},
            {"to": "failed"},
            {"to": "completed"},
            {"to": "on_hold"},
            {"to": "rerouted"},
            {"to": "accepted", "reason": "no_capacity"},
            {"to": "accepted", "comment": "text"},
            {"to": "closed"},
        ],
    )
    async def test_asks_for_the_facts_of_the_state_and_no_others(
        self, world: World, body: dict[str, Any]
    ) -> None:
        path = f"/referrals/{uuid4()}/transitions"
        refused = await world.post(path, world.worker(), body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")

    async def test_asks_for_the_version_that_was_read(self, world: World) -> None:
        _, receiver, made = await _sent(world)
        path = f"/referrals/{made['id']}/transitions"
        assert (await world.post(path, receiver, {"to": "accepted"})).status_code == 428
        stale = {"If-Match": '"9"'}
        assert (await world.post(path, receiver, {"to": "accepted"}, **stale)).status_code == 412

    async def test_withdrawing_is_unconditional_and_tells_the_receiver_only_closed(
        self, world: World
    ) -> None:
        sender, receiver, made = await _sent(world, hand_over=CONTACT)
        person = await world.open_card(made["card"])
        path = f"/referrals/{made['id']}"
        for _ in range(2):
            ended = await world.post(f"{path}/transitions", person, {"to": "withdrawn"})
            assert ended.json()["status"] == "withdrawn"
        assert ended.json()["closed_at"] is not None
        for taken_back in (made["id"], await self._cancelled(world, sender, receiver)):
            seen = await world.get(f"/referrals/{taken_back}", receiver)
            assert set(seen.json()) == {"id", "status", "version"}
            assert seen.json()["status"] == "closed"
            history = await world.get(f"/referrals/{taken_back}/history", receiver)
            assert history.json()["items"] == []

    async def test_keeps_each_sides_reference_to_itself(self, world: World) -> None:
        sender, receiver, made = await _sent(world)
        await world.move(receiver, made["id"], "accepted", local_reference="O-1")
        seen = [
            (await world.get(f"/referrals/{made['id']}", who)).json()["local_reference"]
            for who in (receiver, sender)
        ]
        assert seen == ["O-1", None]

    async def _cancelled(self, world: World, sender: Worker, receiver: Worker) -> str:
        made = await world.refer(sender, world.directory.add(receiver.organization))
        await world.move(sender, made["id"], "cancelled")
        return str(made["id"])


class TestAnswerReferral:
    async def test_is_noted_once_unless_the_person_was_not_reached(self, world: World) -> None:
        sender, receiver, made = await _sent(world)
        path = f"/referrals/{made['id']}/answer"
        await world.move(receiver, made["id"], "rejected", reason="no_capacity")
        first = await world.post(path, sender, {"person_answer": "unreachable"})
        assert first.json()["person_answer_by"] == "sender"
        second = await world.post(path, sender, {"person_answer": "no"})
        assert second.json()["person_answer"] == "no"
        third = await world.post(path, sender, {"person_answer": "yes"})
        assert (third.status_code, third.json()["code"]) == (409, "answer_given")

    async def test_does_not_close_what_is_still_on_its_way(self, world: World) -> None:
        sender, receiver, made = await _sent(world)
        path = f"/referrals/{made['id']}/answer"
        early = await world.post(path, sender, {"person_answer": "yes"})
        assert early.json()["closed_at"] is None
        await world.move(receiver, made["id"], "accepted")
        ended = await world.move(receiver, made["id"], "completed", **DONE)
        assert ended.json()["closed_at"] is not None

    async def test_is_not_due_for_a_cancelled_one(self, world: World) -> None:
        sender, _, made = await _sent(world)
        await world.move(sender, made["id"], "cancelled")
        refused = await world.post(
            f"/referrals/{made['id']}/answer", sender, {"person_answer": "yes"}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "answer_not_due")


class TestListHistory:
    async def test_tells_every_step_with_who_made_it(self, world: World) -> None:
        sender, receiver, made = await _sent(world)
        await world.move(receiver, made["id"], "accepted")
        await world.post(f"/referrals/{made['id']}/answer", sender, {"person_answer": "yes"})
        steps = (await world.get(f"/referrals/{made['id']}/history", sender)).json()["items"]
        told = [(s["from_status"], s["to_status"], s["by"], s["person_answer"]) for s in steps]
        assert told == [
            (None, "requested", "sender", None),
            ("requested", "accepted", "receiver", None),
            ("accepted", "accepted", "sender", "yes"),
        ]


class TestListInbox:
    async def test_pages_newest_first(self, world: World) -> None:
        sender, receiver, first = await _sent(world)
        service = UUID(first["service_id"])
        ids = [first["id"]] + [(await world.refer(sender, service))["id"] for _ in range(2)]
        page = (await world.get("/inbox", receiver, limit=2)).json()
        rest = (await world.get("/inbox", receiver, limit=2, cursor=page["next_cursor"])).json()
        assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
        assert rest["next_cursor"] is None
        some = (await world.get("/inbox", receiver, status="accepted")).json()
        assert some["items"] == []

    async def test_needs_the_scope_to_read(self, world: World) -> None:
        refused = await world.get("/inbox", world.worker(scope="referrals:write"))
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


class TestListOutbox:
    async def test_tells_what_is_overdue(self, world: World) -> None:
        sender, _, _ = await _sent(world)
        now = (await world.get("/outbox", sender)).json()["items"]
        with frozen_time(clock.now() + timedelta(days=15)):
            later = (await world.get("/outbox", sender)).json()["items"]
        assert [now[0]["is_overdue"], later[0]["is_overdue"]] == [False, True]

    async def test_refuses_a_malformed_cursor(self, world: World) -> None:
        refused = await world.get("/outbox", world.worker(), cursor="nonsense")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")


def _text() -> dict[str, str]:
    return {"language": "fr", "version": "1"}
