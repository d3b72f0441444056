"""The story is told, its counsellor's call can be followed, and done twice it is done once."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.running import HeardStory, RunningStack

from maillage_local.data_folder import DataFolder
from maillage_local.demo.story import STEPS

DATABASES = {"directory", "referrals", "campaigns"}
# Counted by people and not by rows: what a second attempt would leave.
ONE_EACH = (
    ("campaigns", "SELECT count(*) FROM attempt"),
    ("campaigns", "SELECT count(*) FROM orientation"),
    ("campaigns", "SELECT count(*) FROM observation"),
    ("referrals", "SELECT count(*) FROM referral"),
    ("referrals", "SELECT count(*) FROM subject"),
    ("referrals", "SELECT count(*) FROM card"),
)


@dataclass(frozen=True)
class Span:
    """A line of a span file, as far as the tests look."""

    span_id: str
    parent_id: str | None
    service: str
    kind: str
    name: str
    database: str | None


def spans_of(folder: DataFolder, trace_id: str) -> list[Span]:
    return list(_read(folder, trace_id))


def _read(folder: DataFolder, trace_id: str) -> Iterator[Span]:
    for file in folder.telemetry.glob("*.jsonl"):
        for line in file.read_text("utf-8").splitlines(keepends=True):
            if trace_id not in line or not line.endswith("\n"):
                continue
            raw = json.loads(line)
            yield Span(
                raw["context"]["span_id"],
                raw["parent_id"],
                raw["resource"]["attributes"]["service.name"],
                raw["kind"].removeprefix("SpanKind."),
                raw["name"],
                raw["attributes"].get("db.namespace"),
            )


@pytest.fixture(scope="module")
def trace(stack: RunningStack, told: HeardStory) -> list[Span]:
    """The spans of the counsellor's call, once its queued work has ended and all is on file."""
    awaited = {"process post_observation", "process deliver_webhook"}

    def complete() -> list[Span] | None:
        spans = spans_of(stack.folder, told.trace_id)
        known = {span.span_id for span in spans}
        loose = [span for span in spans if span.parent_id and span.parent_id not in known]
        return spans if awaited <= {span.name for span in spans} and not loose else None

    found: list[Span] = told.until("the call's trace is whole: every parent is known", complete)
    return found


def test_the_story_is_told_to_its_end(told: HeardStory) -> None:
    assert len(told.answers) > 4 * len(STEPS)
    assert told.held.keys() >= {"campaign", "import", "lease", "referral"}


class TestTraceOfTheCall:
    def test_starts_at_the_gateway_alone(self, trace: list[Span]) -> None:
        roots = [span for span in trace if span.parent_id is None]
        assert [(root.service, root.kind) for root in roots] == [("gateway", "SERVER")]
        assert roots[0].name == "POST /campaigns/v1/leases/{lease_id}/attempts"

    def test_names_each_span_once(self, trace: list[Span]) -> None:
        assert max(Counter(span.span_id for span in trace).values()) == 1

    def test_leads_through_all_services_to_the_directory(self, trace: list[Span]) -> None:
        """Each hop is a client span in one service and a server span below it in the next."""
        expected = [
            ("gateway", "SERVER"),
            ("gateway", "CLIENT"),
            ("campaigns", "SERVER"),
            ("campaigns", "CLIENT"),
            ("referrals", "SERVER"),
            ("referrals", "CLIENT"),
            ("directory", "SERVER"),
        ]
        assert expected in [_path_to(span, trace) for span in trace]

    @pytest.mark.parametrize("service", sorted(DATABASES))
    def test_shows_each_database_below_its_own_service(
        self, service: str, trace: list[Span]
    ) -> None:
        by_id = {span.span_id: span for span in trace}
        queries = [span for span in trace if span.database == service]
        parents = [by_id[span.parent_id] for span in queries if span.parent_id]
        assert len(parents) == len(queries)
        assert "SERVER" in {parent.kind for parent in parents}
        assert {parent.service for parent in parents} == {service}
        assert {parent.kind for parent in parents} <= {"SERVER", "CONSUMER"}

    @pytest.mark.parametrize(
        ("name", "service", "reaches"),
        [
            ("process post_observation", "campaigns", "POST /directory/v1/observations"),
            ("process deliver_webhook", "referrals", "POST /campaigns/v1/referral-events"),
        ],
    )
    def test_goes_on_in_the_queued_work(
        self, name: str, service: str, reaches: str, trace: list[Span]
    ) -> None:
        children = defaultdict(list)
        for span in trace:
            children[span.parent_id].append(span)
        [job] = [span for span in trace if span.name == name]
        assert (job.service, job.kind) == (service, "CONSUMER")
        calls = [span for span in children[job.span_id] if span.kind == "CLIENT"]
        assert reaches in {below.name for call in calls for below in children[call.span_id]}

    def test_joins_the_trace_of_a_partner(self, stack: RunningStack, told: HeardStory) -> None:
        trace_id, span_id = uuid4().hex, "00f067aa0ba902b7"
        sent = {"traceparent": f"00-{trace_id}-{span_id}-01"}
        answer = told.call(None, "GET", "/directory/v1/needs", headers=sent)
        assert answer.headers["x-request-id"] == trace_id

        def gateway_spans() -> list[Span]:
            found = spans_of(stack.folder, trace_id)
            return [span for span in found if (span.service, span.kind) == ("gateway", "SERVER")]

        [root] = told.until("the gateway's span is on file", gateway_spans)
        assert root.parent_id == f"0x{span_id}"


def _path_to(span: Span, trace: list[Span]) -> list[tuple[str, str]]:
    by_id = {known.span_id: known for known in trace}
    path = [(span.service, span.kind)]
    while span.parent_id is not None:
        span = by_id[span.parent_id]
        path.insert(0, (span.service, span.kind))
    return path


class TestTheAttemptAgain:
    def test_gives_the_first_answer_and_no_second_referral(
        self, stack: RunningStack, told: HeardStory
    ) -> None:
        first = _attempt(told)
        before = _counts(stack)
        again = _send_again(first, told, "counsellor-mc")
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["x-request-id"] != told.trace_id
        assert _counts(stack) == before

    def test_answers_the_same_to_all_who_ask_at_once(
        self, stack: RunningStack, told: HeardStory
    ) -> None:
        """Twins on different connections: one does it, the others wait and get its answer."""
        before = _counts(stack)
        lease, body = _next_call(told)
        key = {"Idempotency-Key": f"twins-{lease}"}

        def attempt(_: int) -> httpx.Response:
            path = f"/campaigns/v1/leases/{lease}/attempts"
            return told.call("counsellor-mc", "POST", path, json=body, headers=key)

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(attempt, range(6)))
        assert len({answer.content for answer in answers}) == 1
        replayed = ["idempotency-replayed" in answer.headers for answer in answers]
        assert sorted(replayed) == [False, *[True] * 5]
        assert _counts(stack) == [count + 1 for count in before]

    def test_is_refused_with_another_body(self, told: HeardStory) -> None:
        first = _attempt(told)
        changed = json.loads(first.request.content) | {"result": "refused"}
        answer = _send_again(first, told, "counsellor-mc", content=json.dumps(changed))
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")

    def test_is_nothing_to_the_other_mutuality(self, told: HeardStory) -> None:
        """The key is its owner's: with another token it is a new request, for nobody's lease."""
        answer = _send_again(_attempt(told), told, "counsellor-solidaris")
        assert answer.status_code == 404
        assert "idempotency-replayed" not in answer.headers


def _attempt(told: HeardStory) -> httpx.Response:
    [attempt] = [
        answer
        for answer in told.answers
        if answer.request.headers.get("idempotency-key") == f"story-{told.held['lease']}"
        and "idempotency-replayed" not in answer.headers
        and answer.status_code == 201
    ]
    return attempt


def _send_again(
    first: httpx.Response, told: HeardStory, who: str, *, content: str | None = None
) -> httpx.Response:
    request = first.request
    return told.call(
        who,
        "POST",
        request.url.path,
        content=content or request.content,
        headers={name: request.headers[name] for name in ("content-type", "idempotency-key")},
        expect=(201, 404, 409),
    )


def _next_call(told: HeardStory) -> tuple[str, dict[str, Any]]:
    """Another person's lease, and the story's attempt made out for it."""
    wanted = {"campaign_id": told.held["campaign"], "languages": ["ar", "fr", "nl"]}
    lease = told.call("counsellor-mc", "POST", "/campaigns/v1/leases", json=wanted, expect=201)
    body = json.loads(_attempt(told).request.content)
    return lease.json()["id"], body | {
        "fencing_token": lease.json()["fencing_token"],
        "phone_position": lease.json()["person"]["phones"][0]["position"],
    }


def _counts(stack: RunningStack) -> list[int]:
    counts = []
    for database, statement in ONE_EACH:
        with stack.administration(database) as admin:
            row = admin.execute(statement).fetchone()
            assert row is not None
            counts.append(int(row[0]))
    return counts
