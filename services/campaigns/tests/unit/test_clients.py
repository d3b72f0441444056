"""What the answers of referrals mean here."""

from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from maillage_campaigns.clients import HttpReferrals, ReferralPlaced, ReferralWanted
from maillage_campaigns.models import PersonAnswer
from maillage_common.peers import Peer, PeerRefused, PeerUnavailable
from maillage_common.tokens import TokenSigner, service_issuer

REFERRAL = uuid4()
WANTED = ReferralWanted(
    reference=uuid4(), service_id=uuid4(), needs=["housing"], consent={}, organization=uuid4()
)


async def _place(answer: httpx.Response) -> ReferralPlaced:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    peer = Peer(
        "referrals",
        "http://referrals",
        TokenSigner(pem, service_issuer("campaigns")),
        service="campaigns",
        scopes=("referrals:write",),
        transport=httpx.MockTransport(lambda _: answer),
    )
    try:
        return await HttpReferrals(peer).place(WANTED, caller_token=None)
    finally:
        await peer.close()


async def test_a_referral_is_read_with_its_card() -> None:
    more = {"card": {"code": "A-B"}, "person_answer": "yes", "unheard_of": 1}
    told = {"id": str(REFERRAL), "status": "sent", **more}
    placed = await _place(httpx.Response(201, json=told))
    assert placed == ReferralPlaced(REFERRAL, "sent", "A-B", PersonAnswer.YES)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"id": "%s"}' % str(REFERRAL).encode(),
        b'{"id": "7", "status": "sent"}',
        b'{"id": "%s", "status": "sent", "card": "A-B"}' % str(REFERRAL).encode(),
        b'{"id": "%s", "status": "sent", "person_answer": "?"}' % str(REFERRAL).encode(),
    ],
)
async def test_what_cannot_be_read_is_no_answer(body: bytes) -> None:
    with pytest.raises(PeerUnavailable):
        await _place(httpx.Response(201, content=body))


async def test_a_redirect_is_a_refusal() -> None:
    with pytest.raises(PeerRefused) as refused:
        await _place(httpx.Response(308, json={"code": "record_merged"}))
    assert (refused.value.status, refused.value.code) == (308, "record_merged")
