"""Searching and reading services."""

from datetime import UTC, datetime

import pytest

from maillage_client import Maillage
from maillage_client.testing import Answer, RecordingServer

SERVICE = {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": {"fr": "Accueil"}}
MATCH = {"score": 0.8, "reasons": ["parle arabe"], "uncertain": ["papiers : inconnu"]}


def found(*names: str, cursor: str | None = None) -> Answer:
    items = [{**SERVICE, "name": {"fr": name}, "match": MATCH} for name in names]
    return Answer({"items": items, "next_cursor": cursor})


class TestSearch:
    def test_sends_terms_in_the_body_alone(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(found("Accueil"))
        page = maillage.directory.search(
            need="administration",
            spoken=["ar", "fr"],
            near=(50.8562, 4.3331),
            radius_m=2_000,
            open_at="now",
            for_status="undocumented",
            certain_only=False,
        )
        (request,) = server.requests
        assert (request.method, request.path) == ("POST", "/directory/v1/services/search")
        assert request.json == {
            "need": "administration",
            "spoken": ["ar", "fr"],
            "near": "50.8562,4.3331",
            "radius_m": 2_000,
            "open_at": "now",
            "for_status": "undocumented",
            "certain_only": False,
        }
        (service,) = page.items
        assert service.match.reasons == ["parle arabe"]

    def test_an_instant_keeps_its_offset(self, maillage: Maillage, server: RecordingServer) -> None:
        server.answer(found())
        maillage.directory.search(open_at=datetime(2026, 11, 22, 9, tzinfo=UTC))
        assert server.requests[0].json == {"open_at": "2026-11-22T09:00:00+00:00"}

    def test_an_instant_without_offset_is_refused_before_sending(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        with pytest.raises(ValueError, match="offset"):
            maillage.directory.search(open_at=datetime(2026, 11, 22, 9))  # noqa: DTZ001
        assert server.requests == []

    def test_walks_all_pages(self, maillage: Maillage, server: RecordingServer) -> None:
        server.answer(found("un", "deux", cursor="next"), found("trois"))
        names = [service.name["fr"] for service in maillage.directory.search_all(q="accueil")]
        assert names == ["un", "deux", "trois"]
        assert server.requests[1].json == {"q": "accueil", "cursor": "next"}


class TestGetService:
    def test_keeps_fields_it_does_not_know(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer({**SERVICE, "cost": "free", "mascot": "fox"}))
        service = maillage.directory.get_service(str(SERVICE["id"]))
        assert service.cost == "free"
        assert service.model_extra == {"mascot": "fox"}
        assert server.requests[0].path == f"/directory/v1/services/{SERVICE['id']}"

    def test_an_id_that_is_none_is_refused_before_sending(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        with pytest.raises(ValueError, match="UUID"):
            maillage.directory.get_service("../organizations")
        assert server.requests == []
