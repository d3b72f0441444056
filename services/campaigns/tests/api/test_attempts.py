import json
from datetime import UTC, date, datetime, timedelta

import pytest
from services.campaigns.tests.lists import HEADER, nth_phone, person_row
from services.campaigns.tests.office import API, ORIENTATION, Office, attempt_body

from maillage_common.clock import frozen_time


class TestRecordAttempt:
    async def test_derives_the_case_and_ends_the_lease(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        answer = await office.attempt(lease, "complete", needs=["housing", "food"])
        assert answer.status_code == 201
        assert answer.json()["attempt"]["aapor_code"] == "1.1"
        assert answer.json()["attempt"]["needs"] == ["housing", "food"]
        assert answer.json()["case"]["closed_because"] == "completed"

    async def test_the_same_again_gives_the_same_attempt(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        body = attempt_body(lease, "no_answer")
        url = f"{API}/leases/{lease['id']}/attempts"
        first = await office.client.post(url, headers=office.counsellor(), json=body)
        again = await office.client.post(url, headers=office.counsellor(), json=body)
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        other = await office.attempt(lease, "complete")
        assert (other.status_code, other.json()["code"]) == (409, "lease_ended")

    async def test_honours_an_idempotency_key(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        body = attempt_body(lease, "no_answer")
        headers = {**office.counsellor(), "Idempotency-Key": "call-1"}
        url = f"{API}/leases/{lease['id']}/attempts"
        first = await office.client.post(url, headers=headers, json=body)
        again = await office.client.post(url, headers=headers, json=body)
        assert again.json() == first.json()

    async def test_a_late_result_is_evidence_and_changes_nothing(
        self, office: Office, app: object
    ) -> None:
        campaign = await office.calling(1)
        late = await office.lease(campaign)
        with frozen_time(datetime.now(UTC) + timedelta(minutes=21)):
            current = await office.lease(campaign, office.counsellor(name="other"))
            refused = await office.attempt(late, "refused")
            assert (refused.status_code, refused.json()["code"]) == (409, "stale_fencing_token")
            assert (await office.attempt(late, "refused")).status_code == 409
            kept = await office.attempt(current, "complete", office.counsellor(name="other"))
        assert kept.json()["case"]["attempts"] == 1
        assert kept.json()["case"]["result"] == "complete"
        database = app.state.database  # type: ignore[attr-defined]
        async with database.write(system="clock", tenant="mc") as session:
            from sqlmodel import select

            from maillage_campaigns.models import LateResult

            evidence = (await session.exec(select(LateResult))).all()
        assert len(evidence) >= 1
        assert all(b"refused" not in item.sealed for item in evidence)

    async def test_a_result_after_expiry_counts_when_nobody_called_since(
        self, office: Office
    ) -> None:
        lease = await office.lease(await office.calling(1))
        with frozen_time(datetime.now(UTC) + timedelta(minutes=40)):
            answer = await office.attempt(lease, "complete")
        assert answer.status_code == 201

    async def test_a_wrong_number_leads_to_the_next_one(self, office: Office) -> None:
        campaign = await office.campaign()
        row = (*person_row(1), nth_phone(77))
        await office.approved(campaign, [row], header=(*HEADER, "GSM"))
        lease = await office.lease(campaign)
        assert len(lease["person"]["phones"]) == 2
        await office.attempt(lease, "wrong_number", phone_position=1)
        again = await office.lease(campaign)
        assert [phone["has_failed"] for phone in again["person"]["phones"]] == [True, False]
        last = await office.attempt(again, "out_of_service", phone_position=2)
        assert last.json()["case"]["closed_because"] == "no_number"

    async def test_a_refusal_is_respected_for_good(self, office: Office) -> None:
        campaign = await office.calling(1)
        await office.attempt(await office.lease(campaign), "refused", objection="theme")
        same_theme = await office.compared(await office.campaign(), [person_row(0)])
        assert [i["code"] for i in await office.issues(same_theme["id"])] == ["objection"]
        other_theme = await office.compared(await office.campaign(theme="housing"), [person_row(0)])
        assert other_theme["counts"]["good"] == 1

    @pytest.mark.parametrize(
        ("said", "pointer"),
        [
            ({"categories": ["violence", "jean_dupont"]}, "/orientation/consent/categories/1"),
            ({"text_version": "jean-dupont"}, "/orientation/consent/text_version"),
            ({"text_version": "0470-12-34-56"}, "/orientation/consent/text_version"),
        ],
    )
    async def test_a_consent_says_nothing_of_its_own(
        self, office: Office, said: dict[str, object], pointer: str
    ) -> None:
        lease = await office.lease(await office.calling(1))
        consent = {"given": True, "language": "fr", "text_version": "2026-1", "categories": []}
        wanted = {**ORIENTATION, "consent": consent | said}
        refused = await office.attempt(lease, "complete", orientation=wanted)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
        assert "dupont" not in refused.text
        assert office.referrals.asked == []
        wanted = {**ORIENTATION, "consent": consent | {"categories": ["violence"]}}
        assert (await office.attempt(lease, "complete", orientation=wanted)).status_code == 201
        assert office.referrals.asked[0][0].consent["categories"] == ["violence"]

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"result": "satisfied"}, "/result"),
            ({"needs": ["Not a code"]}, "/needs/0"),
            ({"obstacles": [{"code": "bad_luck"}]}, "/obstacles/0/code"),
            ({"note": "free text"}, "/note"),
            ({"ended_at": "2020-01-01T00:00:00Z"}, ""),
            ({"started_at": "2026-01-01T00:00:00"}, "/started_at"),
            (
                {"orientation": {**ORIENTATION, "consent": {"given": False, "language": "fr"}}},
                "/orientation/consent/given",
            ),
        ],
    )
    async def test_refuses_what_is_no_result(
        self, office: Office, change: dict[str, object], pointer: str
    ) -> None:
        lease = await office.lease(await office.calling(1))
        answer = await office.client.post(
            f"{API}/leases/{lease['id']}/attempts",
            headers=office.counsellor(),
            json={**attempt_body(lease), **change},
        )
        assert answer.status_code == 422
        assert pointer in {error.get("pointer", "") for error in answer.json()["errors"]}

    async def test_refuses_a_number_the_person_has_not(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        answer = await office.attempt(lease, "no_answer", phone_position=9)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_number")


class TestOrientation:
    async def test_places_an_anonymous_referral_on_behalf_of_the_counsellor(
        self, office: Office
    ) -> None:
        lease = await office.lease(await office.calling(1))
        answer = await office.attempt(lease, "complete", orientation=ORIENTATION)
        orientation = answer.json()["orientation"]
        assert (orientation["state"], orientation["card_code"]) == ("placed", "123/4567/89012")
        [(wanted, token)] = office.referrals.asked
        assert token is not None
        assert str(wanted.reference) == orientation["id"]
        assert wanted.consent["text"]["language"] == "fr"

    async def test_never_loses_the_call_when_referrals_is_down(
        self, office: Office, app: object, as_service: object
    ) -> None:
        office.referrals.is_down = True
        lease = await office.lease(await office.calling(1))
        answer = await office.attempt(lease, "complete", orientation=ORIENTATION)
        assert answer.status_code == 201
        assert answer.json()["orientation"]["state"] == "pending"
        database = app.state.database  # type: ignore[attr-defined]
        async with database.read() as session:
            from sqlalchemy import text

            jobs = (
                await (await session.connection()).execute(
                    text("SELECT args FROM procrastinate_jobs WHERE task_name='place_orientation'")
                )
            ).all()
        [(arguments,)] = jobs
        assert set(arguments) == {"orientation_id", "tenant", "traceparent"}

    async def test_shows_that_referrals_refused(self, office: Office) -> None:
        office.referrals.refusal = "consent_does_not_name"
        lease = await office.lease(await office.calling(1))
        answer = await office.attempt(lease, "complete", orientation=ORIENTATION)
        assert answer.status_code == 201
        assert answer.json()["orientation"]["state"] == "refused"
        assert answer.json()["orientation"]["refused_code"] == "consent_does_not_name"


class TestObstacles:
    async def test_go_to_the_directory_without_person_or_mutuality(
        self, office: Office, app: object
    ) -> None:
        lease = await office.lease(await office.calling(1))
        met = [{"code": "waiting_list", "need": "housing"}]
        # Half an hour into the next day in Brussels, where the directory tells days.
        call = {"started_at": "2026-11-24T23:20:00Z", "ended_at": "2026-11-24T23:30:00Z"}
        answer = await office.attempt(lease, "complete", obstacles=met, **call)
        assert answer.json()["attempt"]["obstacles"] == ["waiting_list"]
        database = app.state.database  # type: ignore[attr-defined]
        async with database.read() as session:
            from sqlalchemy import text

            connection = await session.connection()
            rows = (await connection.execute(text("SELECT * FROM observation"))).mappings().all()
            jobs = (
                await connection.execute(
                    text("SELECT args FROM procrastinate_jobs WHERE task_name='post_observation'")
                )
            ).all()
        assert [row["territory"] for row in rows] == ["21012"]
        assert set(rows[0]) == {"id", "obstacle", "need", "territory", "observed_on", "posted_at"}
        assert rows[0]["observed_on"] == date(2026, 11, 25)
        assert json.dumps(jobs[0][0]).count("mc") == 0
