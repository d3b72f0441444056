"""Cards: made, read, replaced, revoked; sessions and one-time codes that come from them."""

import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from pydantic import JsonValue
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditEntry, AuditTrail, Decision, audit_entry
from maillage_common.auth import Caller
from maillage_common.tokens import TokenSigner
from maillage_referrals.access.party import CARD_CLIENT, SUBJECT_SCOPE, Party
from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.access.service import denial, get_own_subject, get_subject
from maillage_referrals.cards import codes
from maillage_referrals.cards.queries import (
    count_refused_proofs,
    find_card,
    find_card_by_code,
    find_card_by_hash,
    find_live_code,
    list_cards,
)
from maillage_referrals.cards.schemas import (
    CardPublic,
    CardSessionPublic,
    NewCardPublic,
    OneTimeCodePublic,
)
from maillage_referrals.errors import CardRefused, ProofRefused
from maillage_referrals.events import Trail
from maillage_referrals.keys import Keys
from maillage_referrals.models import Card, OneTimeCode
from maillage_referrals.vocabulary import RevocationReason

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 (a media type, RFC 9068)
AUDIENCE = "maillage"
CODE_DIGITS = 8
# Eight digits and five tries in ten minutes: a guess succeeds once in twenty million.
MAX_REFUSED_PROOFS = 5


async def open_card_session(
    session: AsyncSession,
    caller: Caller,
    *,
    secret: str,
    keys: Keys,
    signer: TokenSigner,
    lifetime: timedelta,
) -> CardSessionPublic:
    """A short token for whoever holds the card. A revoked card and an unknown one are alike."""
    card = await _read_card(session, keys, secret)
    if card is None or card.revoked_at is not None:
        raise CardRefused(audit=[_refused_session(caller, keys, card)] if card else [])
    name = keys.audit_name(card.subject_id)
    AuditTrail(session, caller).record(
        Trail.CARD_SESSION_OPENED, entity="card", entity_id=card.id, subject=name
    )
    issued = int(clock.now().timestamp())
    seconds = int(lifetime.total_seconds())
    claims: dict[str, JsonValue] = {
        "aud": AUDIENCE,
        "sub": keys.session_subject(card.subject_id, card.id),
        "client_id": CARD_CLIENT,
        "scope": SUBJECT_SCOPE,
        "iat": issued,
        "exp": issued + seconds,
        "jti": str(uuid4()),
    }
    return CardSessionPublic(
        access_token=signer.sign(claims, typ=ACCESS_TOKEN_TYPE),
        token_type="Bearer",  # noqa: S106 (RFC 6750's name)
        expires_in=seconds,
        scope=SUBJECT_SCOPE,
        handle=keys.own_handle(card.subject_id),
    )


async def make_card(
    session: AsyncSession, trail: AuditTrail, keys: Keys, *, subject_id: UUID, issuer: UUID | None
) -> tuple[Card, NewCardPublic]:
    """A new card. Its secret is in the answer and nowhere else."""
    secret = codes.new_secret()
    card = Card.model_validate(
        {
            "subject_id": subject_id,
            "code": codes.new_code(),
            "secret_hash": keys.card_hash(secret),
            "issued_by_organization": issuer,
        }
    )
    session.add(card)
    await session.flush()
    trail.record(
        Trail.CARD_MADE, entity="card", entity_id=card.id, subject=keys.audit_name(subject_id)
    )
    shown = NewCardPublic(
        id=card.id, code=codes.print_code(card.code), qr_payload=codes.qr_payload(secret)
    )
    return card, shown


async def add_card(
    session: AsyncSession, party: Party, trail: AuditTrail, *, handle: str, card_secret: str | None
) -> NewCardPublic:
    """Another card: for the person, or for a worker to whom the person shows one they have.

    A handle alone makes no card, or whoever knows it could open the record.
    """
    subject_id = await get_subject(session, party, handle=handle)
    if party.is_person:
        get_own_subject(party, handle=handle)
    else:
        await check_card(session, party, subject_id=subject_id, secret=card_secret)
    _, shown = await make_card(
        session, trail, party.keys, subject_id=subject_id, issuer=party.organization
    )
    return shown


async def revoke_card(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    *,
    handle: str,
    card_id: UUID,
    reason: RevocationReason,
) -> CardPublic:
    """Unconditional and idempotent: by the person, or by the organization that made the card."""
    subject_id = await get_subject(session, party, handle=handle)
    card = await find_card(session, subject_id, card_id)
    if card is None:
        raise denial(
            party, Trail.CARD_REVOKED, entity="card", entity_id=card_id, subject_id=subject_id
        )
    if card.revoked_at is None:
        card.revoked_at, card.revocation_reason = clock.now(), reason
        name = party.keys.audit_name(subject_id)
        trail.record(Trail.CARD_REVOKED, entity="card", entity_id=card.id, subject=name)
    return public_card(card)


async def list_own_cards(session: AsyncSession, party: Party, *, handle: str) -> list[CardPublic]:
    subject_id = get_own_subject(party, handle=handle)
    return [public_card(card) for card in await list_cards(session, subject_id)]


async def make_one_time_code(
    session: AsyncSession, party: Party, trail: AuditTrail, *, handle: str, lifetime: timedelta
) -> OneTimeCodePublic:
    """A code that the person reads out to a worker, so that the card stays in the pocket."""
    subject_id = get_own_subject(party, handle=handle)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    expires_at = clock.now() + lifetime
    session.add(
        OneTimeCode.model_validate(
            {
                "subject_id": subject_id,
                "code_hash": party.keys.code_hash(subject_id, code),
                "expires_at": expires_at,
            }
        )
    )
    name = party.keys.audit_name(subject_id)
    trail.record(Trail.CODE_MADE, entity="subject", entity_id=name, subject=name)
    return OneTimeCodePublic(code=code, expires_at=expires_at)


async def locate(
    session: AsyncSession, keys: Keys, *, secret: str | None, code: str | None
) -> UUID:
    """Whom a card's secret or printed code belongs to; somebody who does not exist when nobody.

    A revoked card still locates: the person is the same.
    """
    if secret is not None:
        card = await _read_card(session, keys, secret)
    else:
        digits = codes.read_code(code or "")
        async with looking_past(session, LookPast.CARD_LOOKUP):
            card = await find_card_by_code(session, digits or "")
    return card.subject_id if card else keys.nobody(secret or code or "")


async def check_card(
    session: AsyncSession, party: Party, *, subject_id: UUID, secret: str | None
) -> UUID:
    """The id of the person's own live card, of which the caller shows the secret."""
    card = await _read_card(session, party.keys, secret or "")
    if card is None or card.revoked_at is not None or card.subject_id != subject_id:
        raise _refused_proof(party, subject_id)
    return card.id


async def check_one_time_code(
    session: AsyncSession, party: Party, *, subject_id: UUID, code: str | None, lifetime: timedelta
) -> None:
    """Use up a code that the person read out; too many wrong ones close the way for a while."""
    at = clock.now()
    name = party.keys.audit_name(subject_id)
    refused = await count_refused_proofs(session, name, since=at - lifetime)
    async with looking_past(session, LookPast.CODE_CHECK):
        found = await find_live_code(
            session, subject_id, party.keys.code_hash(subject_id, code or ""), at=at
        )
        if found is None or refused >= MAX_REFUSED_PROOFS:
            raise _refused_proof(party, subject_id)
        found.used_at = at


def public_card(card: Card) -> CardPublic:
    return CardPublic(
        id=card.id,
        code=codes.print_code(card.code),
        created_at=card.created_at,
        revoked_at=card.revoked_at,
        revocation_reason=card.revocation_reason,
    )


async def _read_card(session: AsyncSession, keys: Keys, secret: str) -> Card | None:
    octets = codes.read_secret(secret)
    async with looking_past(session, LookPast.CARD_LOOKUP):
        return await find_card_by_hash(session, keys.card_hash(octets or b""))


def _refused_session(caller: Caller, keys: Keys, card: Card) -> AuditEntry:
    return audit_entry(
        caller,
        Trail.CARD_SESSION_OPENED,
        entity="card",
        entity_id=card.id,
        subject=keys.audit_name(card.subject_id),
        decision=Decision.DENIED,
    )


def _refused_proof(party: Party, subject_id: UUID) -> ProofRefused:
    name = party.keys.audit_name(subject_id)
    record = audit_entry(
        party.caller,
        Trail.PROOF_REFUSED,
        entity="subject",
        entity_id=name,
        subject=name,
        decision=Decision.DENIED,
    )
    return ProofRefused("Ask the person for their card or a new code.", audit=[record])
