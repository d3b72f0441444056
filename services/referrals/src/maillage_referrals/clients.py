"""What is asked of the directory: its needs; does a service exist, whose is it, what it answers."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from maillage_common.code_copies import Codes, ask_for_codes
from maillage_common.peers import Peer, PeerRefused, PeerUnavailable
from maillage_common.tokens import TokenSigner, service_issuer
from maillage_referrals.errors import UnknownService
from maillage_referrals.vocabulary import Category, sensitive_categories

SERVICE = "referrals"
DIRECTORY_SCOPES = ("directory:read",)
SATURATED = frozenset({"no_capacity", "waitlist"})


@dataclass(frozen=True)
class TargetService:
    """A directory service as far as a referral needs it."""

    id: UUID
    organization: UUID
    sensitive_categories: frozenset[Category]
    is_saturated: bool


class Directory(Protocol):
    """The directory as this service sees it; the tests bring their own."""

    async def find_service(self, service_id: UUID) -> TargetService:
        """Raises `PeerUnavailable`, and `UnknownService` for one that is not there, or no more."""

    async def list_needs(self, tag: str | None) -> Codes | None:
        """None when they are still those of `tag`; raises `PeerUnavailable`."""


class _Need(BaseModel):
    code: str


class _Reference(BaseModel):
    id: UUID


class _Capacity(BaseModel):
    status: str | None = None


class _Service(BaseModel):
    id: UUID
    organization: UUID | _Reference | None = None
    organization_id: UUID | None = None
    needs: list[str | _Need]
    capacity: _Capacity | None = None


class _Merged(BaseModel):
    """Of a problem `record_merged` (308)."""

    into: UUID


class HttpDirectory:
    """Asks in this service's own name: the directory learns nothing about who orients whom."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    @classmethod
    def connect(cls, url: str, signing_key: bytes) -> "HttpDirectory":
        signer = TokenSigner(signing_key, service_issuer(SERVICE))
        return cls(Peer("directory", url, signer, service=SERVICE, scopes=DIRECTORY_SCOPES))

    async def close(self) -> None:
        await self._peer.close()

    async def find_service(self, service_id: UUID) -> TargetService:
        try:
            response = await self._peer.request(
                "GET", f"/directory/v1/services/{service_id}", caller_token=None
            )
        except PeerRefused as refusal:
            if refusal.status == 308:
                raise UnknownService(merged_into=_merged_into(refusal)) from None
            if refusal.status in (404, 410):
                raise UnknownService from None
            raise PeerUnavailable from refusal
        try:
            return _target(_Service.model_validate_json(response.content))
        except ValidationError as error:
            # An answer that we cannot read is no better than none.
            raise PeerUnavailable from error

    async def list_needs(self, tag: str | None) -> Codes | None:
        return await ask_for_codes(self._peer, "/directory/v1/needs", tag=tag)


def _merged_into(refusal: PeerRefused) -> UUID:
    try:
        return _Merged.model_validate(refusal.problem).into
    except ValidationError as error:
        raise PeerUnavailable from error


def _target(service: _Service) -> TargetService:
    owner = service.organization_id or service.organization
    if owner is None:
        raise PeerUnavailable
    codes = [need if isinstance(need, str) else need.code for need in service.needs]
    status = service.capacity.status if service.capacity else None
    return TargetService(
        id=service.id,
        organization=owner.id if isinstance(owner, _Reference) else owner,
        sensitive_categories=sensitive_categories(codes),
        is_saturated=status in SATURATED,
    )
