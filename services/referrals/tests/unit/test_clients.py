"""What the directory's answers mean here."""

from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from maillage_common.code_copies import Codes
from maillage_common.peers import Peer, PeerUnavailable
from maillage_common.tokens import TokenSigner, service_issuer
from maillage_referrals.clients import DIRECTORY_SCOPES, SERVICE, HttpDirectory
from maillage_referrals.errors import UnknownService

SERVICE_ID, ORGANIZATION = uuid4(), uuid4()


def _directory(
    answer: httpx.Response | Exception, path: str = f"/directory/v1/services/{SERVICE_ID}"
) -> HttpDirectory:
    def reply(request: httpx.Request) -> httpx.Response:
        assert request.url.path == path
        assert "maillage-subject-token" not in request.headers
        if isinstance(answer, Exception):
            raise answer
        return answer

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    peer = Peer(
        "directory",
        "http://directory",
        TokenSigner(pem, service_issuer(SERVICE)),
        service=SERVICE,
        scopes=DIRECTORY_SCOPES,
        transport=httpx.MockTransport(reply),
    )
    return HttpDirectory(peer)


def _answer(**more: object) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "id": str(SERVICE_ID),
            "organization": {"id": str(ORGANIZATION), "name": {"fr": "x"}},
            "needs": ["housing", "sexual-health"],
            "capacity": {"status": "capacity"},
            "name": {"fr": "x"},
            **more,
        },
    )


class TestFindService:
    async def test_reads_owner_needs_and_saturation(self) -> None:
        directory = _directory(_answer(capacity={"status": "waitlist"}))
        service = await directory.find_service(SERVICE_ID)
        await directory.close()
        assert service is not None
        assert (service.id, service.organization) == (SERVICE_ID, ORGANIZATION)
        assert service.sensitive_categories == {"sexual_health"}
        assert service.is_saturated

    async def test_knows_unknown_from_down(self) -> None:
        for status in (404, 410):
            with pytest.raises(UnknownService):
                await _directory(httpx.Response(status, json={})).find_service(SERVICE_ID)
        for answer in (
            httpx.Response(500),
            httpx.Response(308, json={"into": "nowhere"}),
            httpx.Response(403, json={"code": "forbidden"}),
            httpx.Response(200, json={"id": "not one"}),
            httpx.ConnectError("down"),
        ):
            with pytest.raises(PeerUnavailable):
                await _directory(answer).find_service(SERVICE_ID)

    async def test_does_not_go_after_a_merged_service_and_tells_which_was_kept(self) -> None:
        """It may be another organization's, of which the person was not told."""
        kept = uuid4()
        merged = httpx.Response(
            308,
            json={"code": "record_merged", "into": str(kept)},
            headers={"Location": f"/directory/v1/services/{kept}"},
        )
        with pytest.raises(UnknownService) as refused:
            await _directory(merged).find_service(SERVICE_ID)
        (fault,) = refused.value.errors
        assert (fault.pointer, list(fault.suggestions)) == ("/service_id", [str(kept)])


class TestListNeeds:
    path = "/directory/v1/needs"

    async def test_reads_codes_names_and_the_tag(self) -> None:
        need = {"code": "housing", "name": {"fr": "Logement"}, "label": "Logement", "parent": None}
        answer = httpx.Response(200, json={"items": [need]}, headers={"ETag": '"7"'})
        assert await _directory(answer, self.path).list_needs(None) == Codes(
            {"housing": {"fr": "Logement"}}, '"7"'
        )

    async def test_knows_that_nothing_changed(self) -> None:
        assert await _directory(httpx.Response(304), self.path).list_needs('"7"') is None

    async def test_takes_no_empty_or_other_answer_for_the_needs(self) -> None:
        for answer in (
            httpx.Response(200, json={"items": []}),
            httpx.Response(200, json={"items": ["housing"]}),
            httpx.Response(404, json={}),
            httpx.Response(502),
            httpx.ConnectError("down"),
        ):
            with pytest.raises(PeerUnavailable):
                await _directory(answer, self.path).list_needs(None)
