"""A small world for the tests: workers of organizations, people with cards, a directory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from maillage_common.code_copies import Codes
from maillage_common.peers import PeerUnavailable
from maillage_referrals.clients import TargetService
from maillage_referrals.errors import UnknownService
from maillage_referrals.vocabulary import sensitive_categories

API = "/referrals/v1"
WORKER_SCOPES = "referrals:read referrals:write consents:write"
TEXT = {"language": "ar", "version": "2026-1"}
NEEDS = {
    "administration": {"fr": "Démarches administratives", "nl": "Administratie"},
    "food": {"fr": "Aide alimentaire", "nl": "Voedselhulp"},
    "housing": {"fr": "Logement", "nl": "Huisvesting"},
    "mental-health": {"fr": "Santé mentale", "nl": "Geestelijke gezondheid"},
}
Headers = dict[str, str]
Json = dict[str, Any]


class FakeDirectory:
    """The directory as the service knows it, without HTTP. `is_down` makes it unreachable."""

    def __init__(self) -> None:
        self.services: dict[UUID, TargetService] = {}
        self.is_down = False
        self.needs = dict(NEEDS)
        self.asked: list[str | None] = []

    def add(
        self, organization: UUID, *, needs: tuple[str, ...] = (), is_saturated: bool = False
    ) -> UUID:
        service = TargetService(
            id=uuid4(),
            organization=organization,
            sensitive_categories=sensitive_categories(needs),
            is_saturated=is_saturated,
        )
        self.services[service.id] = service
        return service.id

    async def find_service(self, service_id: UUID) -> TargetService:
        if self.is_down:
            raise PeerUnavailable
        if service_id not in self.services:
            raise UnknownService
        return self.services[service_id]

    async def list_needs(self, tag: str | None) -> Codes | None:
        """`asked` keeps the tags; the tag of a list is its codes."""
        self.asked.append(tag)
        if self.is_down:
            raise PeerUnavailable
        now = " ".join(self.needs)
        return None if tag == now else Codes(dict(self.needs), now)


@dataclass
class Worker:
    """Somebody signed in at an organization."""

    organization: UUID
    headers: Callable[[], Headers]
    sub: str


@dataclass
class Person:
    """An anonymous person: their card and, with it, their own session."""

    qr: str
    code: str
    card_id: str
    headers: Callable[[], Headers]
    handle: str


@dataclass
class World:
    client: httpx.AsyncClient
    as_caller: Callable[..., Headers]
    as_anonymous: Callable[[], Headers]
    directory: FakeDirectory
    _count: int = field(default=0)

    def worker(
        self,
        function: str | None = "raq",
        *,
        organization: UUID | None = None,
        scope: str = WORKER_SCOPES,
    ) -> Worker:
        self._count += 1
        home, sub = organization or uuid4(), f"worker-{self._count}"

        def headers() -> Headers:
            return self.as_caller(sub=sub, scope=scope, org=str(home), function=function)

        return Worker(organization=home, headers=headers, sub=sub)

    async def person(self, founder: Worker | None = None) -> Person:
        """A new anonymous person, whose card was made by `founder`."""
        founder = founder or self.worker()
        made = await self.post("/subjects", founder, {})
        assert made.status_code == 201, made.text
        card = made.json()["card"]
        return await self.open_card(card)

    async def open_card(self, card: Json) -> Person:
        opened = await self.client.post(
            f"{API}/card-sessions", json={"secret": card["qr_payload"]}, headers=self.as_anonymous()
        )
        assert opened.status_code == 201, opened.text
        sub = _claims(opened.json()["access_token"])["sub"]

        def headers() -> Headers:
            return self.as_caller(sub=sub, scope="referrals:subject", client_id="card")

        return Person(
            qr=card["qr_payload"],
            code=card["code"],
            card_id=card["id"],
            headers=headers,
            handle=opened.json()["handle"],
        )

    async def post(
        self, path: str, who: Worker | Person, body: Any = None, **headers: str
    ) -> httpx.Response:
        return await self.client.post(API + path, json=body, headers={**who.headers(), **headers})

    async def get(self, path: str, who: Worker | Person, **params: Any) -> httpx.Response:
        return await self.client.get(API + path, params=params, headers=who.headers())

    async def handle(self, worker: Worker, person: Person) -> str:
        """What the worker's organization calls the person."""
        answer = await self.post("/subjects/resolve", worker, {"card_code": person.code})
        assert answer.status_code == 200, answer.text
        handle: str = answer.json()["handle"]
        return handle

    async def consent(
        self,
        person: Person,
        organization: UUID,
        *,
        categories: tuple[str, ...] = ("ordinary",),
        purposes: tuple[str, ...] = ("social_support",),
        **more: Any,
    ) -> Json:
        """The person, in their own session, lets an organization see their record."""
        body = {
            "handle": person.handle,
            "grantee": {"kind": "organization", "organization": str(organization)},
            "categories": list(categories),
            "purposes": list(purposes),
            "text": TEXT,
            **more,
        }
        answer = await self.post("/consents", person, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def oral_consent(
        self, worker: Worker, person: Person, *, categories: tuple[str, ...] = ("ordinary",)
    ) -> Json:
        """A worker writes down what the person said, for the worker's own organization."""
        body = {
            "handle": await self.handle(worker, person),
            "grantee": {"kind": "organization", "organization": str(worker.organization)},
            "categories": list(categories),
            "purposes": ["social_support", "care", "coordination"],
            "text": TEXT,
            "proof": {"method": "oral"},
        }
        answer = await self.post("/consents", worker, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def care_link(self, worker: Worker, person: Person, **evidence: Any) -> Json:
        body = {
            "handle": await self.handle(worker, person),
            "evidence": evidence or {"kind": "card_read", "card_secret": person.qr},
        }
        answer = await self.post("/care-links", worker, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def pointer(
        self, writer: Worker, person: Person, *, category: str = "housing", **more: Any
    ) -> Json:
        """An entry of the writer's, with the consent that it needs."""
        named = ("ordinary", category)
        await self.oral_consent(writer, person, categories=named)
        body = pointer_body(await self.handle(writer, person), category=category, **more)
        answer = await self.post("/pointers", writer, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def search(
        self, who: Worker | Person, handle: str, *, purpose: str | None = "social_support"
    ) -> httpx.Response:
        return await self.post("/pointers/search", who, {"handle": handle, "purpose": purpose})

    async def found(self, who: Worker | Person, handle: str, **more: Any) -> set[str]:
        answer = await self.search(who, handle, **more)
        assert answer.status_code == 200, answer.text
        return {item["id"] for item in answer.json()["items"]}

    async def refer(self, sender: Worker, service_id: UUID, **more: Any) -> Json:
        answer = await self.post("/referrals", sender, referral_body(service_id, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def move(
        self, who: Worker | Person, referral_id: str, to: str, **more: Any
    ) -> httpx.Response:
        """With the version that stands now."""
        now = await self.get(f"/referrals/{referral_id}", who)
        headers = {"If-Match": now.headers.get("etag", '"1"')}
        return await self.post(
            f"/referrals/{referral_id}/transitions", who, {"to": to, **more}, **headers
        )


def pointer_body(handle: str, *, category: str = "housing", **more: Any) -> Json:
    return {
        "handle": handle,
        "category": category,
        "kind": "demarche",
        "status": "under_way",
        "from_on": "2026-11-01",
        "locator": {"system": "topaz", "reference": f"D-2026-{uuid4().hex[:8]}"},
        **more,
    }


def referral_body(service_id: UUID, **more: Any) -> Json:
    return {
        "subject": {"anonymous": True},
        "service_id": str(service_id),
        "needs": ["administration"],
        "purpose": "social_support",
        "consent": {"method": "oral", "categories": [], "text": TEXT},
        **more,
    }


def without_trace(answer: httpx.Response) -> bytes:
    """The bytes of an answer, but for the id of its trace."""
    trace = answer.json().get("trace_id", "")
    return answer.content.replace(trace.encode() or b"\0", b"")


def _claims(token: str) -> Json:
    import base64
    import json

    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
