"""Patience, keys and refusals, against a real HTTP server."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_client import (
    Conflict,
    Forbidden,
    Invalid,
    Maillage,
    NotFound,
    Problem,
    Stale,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from maillage_client.problems import problem_from, retry_after
from maillage_client.testing import Answer, RecordingServer, problem

SERVICE = "01890a5d-ac96-774b-bcce-b302099a8057"
FOUND = Answer({"id": SERVICE, "name": {"fr": "Accueil"}})
IMPORT = "01890a5d-ac96-774b-bcce-b302099a8058"


class TestHeaders:
    def test_sends_the_token_and_the_language(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(FOUND)
        maillage.directory.get_service(SERVICE)
        assert server.requests[0].headers["authorization"] == "Bearer a-token"
        assert server.requests[0].headers["accept-language"] == "nl"

    def test_asks_a_function_for_a_token_each_time(self, server: RecordingServer) -> None:
        tokens = iter(["first", "second"])
        server.answer(FOUND)
        with Maillage(server.url, lambda: next(tokens)) as maillage:
            maillage.directory.get_service(SERVICE)
            maillage.directory.get_service(SERVICE)
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Bearer first", "Bearer second"]

    def test_sends_no_authorization_without_a_token(self, server: RecordingServer) -> None:
        server.answer(FOUND)
        with Maillage(server.url) as maillage:
            maillage.directory.get_service(SERVICE)
        assert "authorization" not in server.requests[0].headers

    def test_does_not_carry_the_token_to_another_place(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer({}, 302, {"Location": f"{server.url}/elsewhere"}))
        with pytest.raises(Problem) as raised:
            maillage.directory.get_service(SERVICE)
        assert raised.value.status == 302
        assert len(server.requests) == 1


class TestRetries:
    @pytest.mark.parametrize("status", [429, 503])
    def test_waits_as_long_as_it_is_told_then_asks_again(
        self, status: int, maillage: Maillage, server: RecordingServer, waits: list[float]
    ) -> None:
        server.answer(problem(status, "busy", headers={"Retry-After": "7"}), FOUND)
        assert maillage.directory.get_service(SERVICE).name == {"fr": "Accueil"}
        assert waits == [7]

    def test_waits_longer_each_time_when_not_told(
        self, maillage: Maillage, server: RecordingServer, waits: list[float]
    ) -> None:
        server.answer(problem(503, "busy"), problem(503, "busy"), FOUND)
        maillage.directory.get_service(SERVICE)
        assert waits == [0.5, 1.0]

    def test_gives_up_and_raises_the_problem(
        self, maillage: Maillage, server: RecordingServer, waits: list[float]
    ) -> None:
        server.answer(problem(503, "dependency_unavailable", headers={"Retry-After": "0"}))
        with pytest.raises(Unavailable) as raised:
            maillage.directory.get_service(SERVICE)
        assert raised.value.code == "dependency_unavailable"
        assert len(server.requests) == 3

    def test_does_not_wait_for_an_hour(
        self, maillage: Maillage, server: RecordingServer, waits: list[float]
    ) -> None:
        server.answer(problem(429, "too_many_requests", headers={"Retry-After": "3600"}))
        with pytest.raises(TooManyRequests) as raised:
            maillage.directory.get_service(SERVICE)
        assert raised.value.retry_after == 3600
        assert waits == []

    def test_sends_again_after_a_broken_connection(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer(drop=True), FOUND)
        assert maillage.directory.get_service(SERVICE).name["fr"] == "Accueil"

    def test_says_when_nobody_answers(self, waits: list[float]) -> None:
        nobody = Maillage("http://127.0.0.1:9", retries=1, sleep=waits.append)
        with nobody as maillage, pytest.raises(Unreachable):
            maillage.directory.get_service(SERVICE)
        assert waits == [0.5]

    def test_does_not_repeat_what_was_refused(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(problem(409, "conflict"))
        with pytest.raises(Conflict):
            maillage.lists.decide(IMPORT, "approve")
        assert len(server.requests) == 1


class TestIdempotencyKeys:
    def test_a_repeated_creation_carries_the_same_key(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(problem(503, "busy"), Answer({"id": IMPORT, "stage": "merging"}))
        maillage.lists.decide(IMPORT, "approve")
        first, second = (request.headers["idempotency-key"] for request in server.requests)
        assert first == second

    def test_two_creations_carry_two_keys(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer({"id": IMPORT, "stage": "merging"}))
        maillage.lists.decide(IMPORT, "approve")
        maillage.lists.decide(IMPORT, "approve")
        first, second = (request.headers["idempotency-key"] for request in server.requests)
        assert first != second

    def test_reads_and_searches_carry_none(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(FOUND, Answer({"items": []}))
        maillage.directory.get_service(SERVICE)
        maillage.directory.search(q="dentiste")
        assert all("idempotency-key" not in request.headers for request in server.requests)


class TestProblems:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, Invalid),
            (401, Unauthenticated),
            (403, Forbidden),
            (404, NotFound),
            (409, Conflict),
            (412, Stale),
            (422, Invalid),
            (428, Stale),
            (500, Problem),
        ],
    )
    def test_each_status_is_a_type(
        self, status: int, kind: type[Problem], maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(problem(status, "some_code", detail="Some words."))
        with pytest.raises(kind) as raised:
            maillage.directory.get_service(SERVICE)
        assert type(raised.value) is kind
        assert raised.value.code == "some_code"
        assert raised.value.detail == "Some words."

    def test_carries_fields_trace_and_further_members(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        faults = [{"pointer": "/need/0", "code": "unknown_need", "detail": "Did you mean food?"}]
        server.answer(
            problem(422, "validation_failed", errors=faults, trace_id="abc", near=["food"])
        )
        with pytest.raises(Invalid) as raised:
            maillage.directory.search(need="foood")
        (fault,) = raised.value.errors
        assert (fault.pointer, fault.code) == ("/need/0", "unknown_need")
        assert raised.value.trace_id == "abc"
        assert raised.value.members == {"near": ["food"]}

    def test_an_answer_of_something_in_between_is_a_problem_too(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer("<html>Bad gateway</html>", 502, media_type="text/html"))
        with pytest.raises(Problem) as raised:
            maillage.directory.get_service(SERVICE)
        assert (raised.value.status, raised.value.code) == (502, "unexpected_answer")

    @given(st.binary(max_size=60))
    def test_no_body_whatever_breaks_the_reading_of_a_problem(self, body: bytes) -> None:
        headers = {"Content-Type": "application/problem+json"}
        answer = httpx.Response(500, content=body, headers=headers)
        assert problem_from(answer).status == 500


class TestRetryAfter:
    def test_reads_a_date(self) -> None:
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        soon = format_datetime(now + timedelta(seconds=90), usegmt=True)
        assert retry_after(httpx.Response(503, headers={"Retry-After": soon}), now=now) == 90

    def test_a_date_gone_by_is_now(self) -> None:
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        past = format_datetime(now - timedelta(seconds=90), usegmt=True)
        assert retry_after(httpx.Response(503, headers={"Retry-After": past}), now=now) == 0

    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
    def test_nonsense_is_no_answer_or_a_number(self, value: str) -> None:
        found = retry_after(httpx.Response(503, headers={"Retry-After": value}))
        assert found is None or found >= 0
