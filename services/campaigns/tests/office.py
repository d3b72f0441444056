"""What tests do over and over: a campaign, a pushed and approved list, a lease, an attempt."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from services.campaigns.tests.lists import csv_bytes, person_row

from maillage_campaigns.clients import ReferralPlaced, ReferralWanted
from maillage_common.code_copies import Codes
from maillage_common.peers import PeerRefused, PeerUnavailable

API = "/campaigns/v1"
ALWAYS = {
    "windows": [
        {
            "days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"],
            "opens_at": "00:00",
            "closes_at": "24:00",
        }
    ],
    "on_public_holidays": True,
}
CAMPAIGN = {
    "title": {"fr": "Dépistage", "nl": "Screening"},
    "theme": "cancer-screening",
    "opening": {"fr": "Bonjour, je vous appelle de votre mutualité."},
    "starts_on": "2026-01-01",
    "ends_on": "2099-12-31",
    "rules": ALWAYS,
}
ORGANIZATION = "0b3d3f6e-0000-4000-8000-000000000001"
SERVICE = "0b3d3f6e-0000-4000-8000-000000000002"
ORIENTATION = {
    "service_id": SERVICE,
    "needs": ["administration"],
    "consent": {"given": True, "language": "fr"},
}
NEEDS = {
    "administration": {"fr": "Démarches administratives", "nl": "Administratie"},
    "dental": {"fr": "Soins dentaires", "nl": "Tandzorg"},
    "food": {"fr": "Aide alimentaire", "nl": "Voedselhulp"},
    "housing": {"fr": "Logement", "nl": "Huisvesting"},
}
Headers = dict[str, str]


class FakeDirectory:
    """Has `needs`; keeps what it is told and the tags it is asked with."""

    def __init__(self) -> None:
        self.noted: list[dict[str, Any]] = []
        self.asked: list[str | None] = []
        self.needs = dict(NEEDS)
        self.is_down = False

    async def list_needs(self, tag: str | None) -> Codes | None:
        """The tag of a list is its codes."""
        self.asked.append(tag)
        if self.is_down:
            raise PeerUnavailable
        now = " ".join(self.needs)
        return None if tag == now else Codes(dict(self.needs), now)

    async def note_obstacle(self, **facts: Any) -> None:
        self.noted.append(facts)


class FakeReferrals:
    """Keeps what it is asked; `is_down` and `refusal` say how it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[ReferralWanted, str | None]] = []
        self.is_down = False
        self.refusal: str | None = None

    async def place(self, wanted: ReferralWanted, *, caller_token: str | None) -> ReferralPlaced:
        self.asked.append((wanted, caller_token))
        if self.is_down:
            raise PeerUnavailable
        if self.refusal:
            raise PeerRefused("referrals", 422, self.refusal, {})
        return ReferralPlaced(
            referral_id=UUID(int=len(self.asked)),
            state="requested",
            card_code="123/4567/89012",
            person_answer=None,
        )


@dataclass
class Office:
    """One test's service with its callers."""

    client: httpx.AsyncClient
    as_caller: Callable[..., Headers]
    run_jobs: Callable[[], Awaitable[None]]
    referrals: FakeReferrals
    directory: FakeDirectory

    def coordinator(self) -> Headers:
        return self.as_caller(sub="coordinator", scope="campaigns:manage campaigns:report")

    def back_office(self, tenant: str = "mc") -> Headers:
        return self.as_caller(sub=f"office-{tenant}", scope="campaigns:lists", tenant=tenant)

    def counsellor(self, tenant: str = "mc", name: str = "counsellor") -> Headers:
        return self.as_caller(
            sub=f"{name}-{tenant}",
            scope="campaigns:call referrals:write",
            tenant=tenant,
            org=ORGANIZATION,
            function="health_counsellor",
        )

    async def campaign(self, **changes: Any) -> str:
        answer = await self.client.post(
            f"{API}/campaigns", headers=self.coordinator(), json={**CAMPAIGN, **changes}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def push(self, campaign: str, data: bytes, *, tenant: str = "mc") -> httpx.Response:
        headers = {**self.back_office(tenant), "Content-Type": "text/csv"}
        return await self.client.post(
            f"{API}/campaigns/{campaign}/imports", headers=headers, content=data
        )

    async def read_import(self, import_id: str, *, tenant: str = "mc") -> dict[str, Any]:
        answer = await self.client.get(
            f"{API}/imports/{import_id}", headers=self.back_office(tenant)
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def issues(self, import_id: str) -> list[dict[str, Any]]:
        answer = await self.client.get(
            f"{API}/imports/{import_id}/rows?limit=100", headers=self.back_office()
        )
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def compared(
        self, campaign: str, rows: Sequence[Sequence[str]], *, tenant: str = "mc", **options: Any
    ) -> dict[str, Any]:
        """A pushed list that awaits approval."""
        pushed = await self.push(campaign, csv_bytes(rows, **options), tenant=tenant)
        assert pushed.status_code == 201, pushed.text
        await self.run_jobs()
        return await self.read_import(pushed.json()["id"], tenant=tenant)

    async def decide(
        self, import_id: str, decision: str, *, tenant: str = "mc", **more: Any
    ) -> httpx.Response:
        return await self.client.post(
            f"{API}/imports/{import_id}/decision",
            headers=self.back_office(tenant),
            json={"decision": decision, **more},
        )

    async def approved(
        self, campaign: str, rows: Sequence[Sequence[str]], *, tenant: str = "mc", **options: Any
    ) -> dict[str, Any]:
        """A list that was merged."""
        held = await self.compared(campaign, rows, tenant=tenant, **options)
        decided = await self.decide(held["id"], "approve", tenant=tenant, confirm_bad_rows=True)
        assert decided.status_code == 200, decided.text
        await self.run_jobs()
        return await self.read_import(held["id"], tenant=tenant)

    async def calling(self, people: int = 1, *, tenant: str = "mc", **changes: Any) -> str:
        """A campaign with that many people to call."""
        campaign = await self.campaign(**changes)
        await self.approved(campaign, [person_row(n) for n in range(people)], tenant=tenant)
        return campaign

    async def ask_lease(
        self, campaign: str, caller: Headers | None = None, **more: Any
    ) -> httpx.Response:
        return await self.client.post(
            f"{API}/leases",
            headers=caller or self.counsellor(),
            json={"campaign_id": campaign, **more},
        )

    async def lease(
        self, campaign: str, caller: Headers | None = None, **more: Any
    ) -> dict[str, Any]:
        answer = await self.ask_lease(campaign, caller, **more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def attempt(
        self,
        lease: dict[str, Any],
        result: str = "complete",
        caller: Headers | None = None,
        **more: Any,
    ) -> httpx.Response:
        return await self.client.post(
            f"{API}/leases/{lease['id']}/attempts",
            headers=caller or self.counsellor(),
            json=attempt_body(lease, result, **more),
        )


def attempt_body(lease: dict[str, Any], result: str = "complete", **more: Any) -> dict[str, Any]:
    ended = datetime.now(UTC)
    return {
        "fencing_token": lease["fencing_token"],
        "result": result,
        "started_at": (ended - timedelta(minutes=5)).isoformat(),
        "ended_at": ended.isoformat(),
        **more,
    }
