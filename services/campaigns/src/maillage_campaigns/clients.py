"""What campaigns asks of referrals and the directory. Fakes stand beside the tests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from maillage_campaigns.models import PersonAnswer
from maillage_campaigns.settings import Settings
from maillage_common.code_copies import Codes, ask_for_codes
from maillage_common.peers import Peer, PeerUnavailable
from maillage_common.tokens import TokenSigner, service_issuer


@dataclass(frozen=True)
class ReferralWanted:
    """An anonymous referral with the consent given on the phone.

    `organization` is named only when no person's token goes along.
    """

    reference: UUID
    service_id: UUID
    needs: Sequence[str]
    consent: dict[str, Any]
    organization: UUID | None


@dataclass(frozen=True)
class ReferralPlaced:
    referral_id: UUID
    state: str
    card_code: str | None
    person_answer: PersonAnswer | None


class ReferralsClient(Protocol):
    """Raises PeerUnavailable (try again) or PeerRefused (it is no use)."""

    async def place(
        self, wanted: ReferralWanted, *, caller_token: str | None
    ) -> ReferralPlaced: ...


class DirectoryClient(Protocol):
    """Raises PeerUnavailable or PeerRefused."""

    async def list_needs(self, tag: str | None) -> Codes | None:
        """None when they are still those of `tag`. Raises PeerUnavailable alone."""

    async def note_obstacle(
        self,
        *,
        reference: UUID,
        obstacle: str,
        need: str | None,
        territory: str | None,
        observed_on: date,
    ) -> None: ...


class _Card(BaseModel):
    code: str | None = None


class _Placed(BaseModel):
    id: UUID
    status: str
    card: _Card | None = None
    person_answer: PersonAnswer | None = None


class HttpReferrals:
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def place(self, wanted: ReferralWanted, *, caller_token: str | None) -> ReferralPlaced:
        body: dict[str, Any] = {
            "subject": {"anonymous": True},
            "service_id": str(wanted.service_id),
            "needs": list(wanted.needs),
            "purpose": "social_support",
            "consent": {"method": "oral", **wanted.consent},
            "hand_over": {"kind": "card_code"},
            "local_reference": str(wanted.reference),
        }
        if caller_token is None:
            body["sender"] = {
                "organization": str(wanted.organization),
                "function": "health_counsellor",
            }
        answer = await self._peer.request(
            "POST",
            "/referrals/v1/referrals",
            caller_token=caller_token,
            json=body,
            headers={"Idempotency-Key": str(wanted.reference)},
        )
        try:
            placed = _Placed.model_validate_json(answer.content)
        except ValidationError as error:
            # An answer that we cannot read is no better than none.
            raise PeerUnavailable from error
        return ReferralPlaced(
            referral_id=placed.id,
            state=placed.status,
            card_code=placed.card.code if placed.card else None,
            person_answer=placed.person_answer,
        )


class HttpDirectory:
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def list_needs(self, tag: str | None) -> Codes | None:
        return await ask_for_codes(self._peer, "/directory/v1/needs", tag=tag)

    async def note_obstacle(
        self,
        *,
        reference: UUID,
        obstacle: str,
        need: str | None,
        territory: str | None,
        observed_on: date,
    ) -> None:
        body = {
            "kind": "obstacle",
            "obstacle": obstacle,
            "need": need,
            "territory": territory,
            "program": "CeS",
            "count": 1,
            "external_id": str(reference),
            "observed_on": observed_on.isoformat(),
        }
        await self._peer.request(
            "POST",
            "/directory/v1/observations",
            caller_token=None,
            json={name: value for name, value in body.items() if value is not None},
            headers={"Idempotency-Key": str(reference)},
        )


@asynccontextmanager
async def referrals_client(settings: Settings) -> AsyncIterator[ReferralsClient]:
    peer = _peer(settings, "referrals", settings.referrals_url, ("referrals:write",))
    try:
        yield HttpReferrals(peer)
    finally:
        await peer.close()


@asynccontextmanager
async def directory_client(settings: Settings) -> AsyncIterator[DirectoryClient]:
    peer = _peer(settings, "directory", settings.directory_url, ("directory:write",))
    try:
        yield HttpDirectory(peer)
    finally:
        await peer.close()


def _peer(settings: Settings, name: str, url: str, scopes: tuple[str, ...]) -> Peer:
    signer = TokenSigner.from_file(settings.signing_key_file, issuer=service_issuer("campaigns"))
    return Peer(name, url, signer, service="campaigns", scopes=scopes)
