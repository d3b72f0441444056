"""Every wrong request is answered with a problem document that says what to do, and writes nothing.

Problems: `application/problem+json`, a stable `code`, the `trace_id` that operators search by, and
never the value that was sent. What was there before is there after, row for row.
"""

import gzip
import io
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from jose import jwt
from psycopg import sql
from tests.e2e.bodies import CAMPAIGN, REFERRAL
from tests.e2e.running import RunningStack

from maillage_common import clock
from maillage_local.signing_keys import SigningKeys

NOBODY = "01890000-0000-7000-8000-000000000000"
JSON = {"Content-Type": "application/json"}
SUBJECTS = "/referrals/v1/subjects"
REFERRALS = "/referrals/v1/referrals"
SERVICES = "/directory/v1/services"
SEARCH = "/directory/v1/services/search"
CAMPAIGNS = "/campaigns/v1/campaigns"
PATIENCE_SECONDS = 60.0


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked against what every problem has."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"].endswith(f"/problems/{code}")
    assert problem["title"]
    assert len(problem["trace_id"]) == 32
    if not answer.request.url.path.startswith("/health/"):
        assert problem["trace_id"] == answer.headers["x-request-id"]
    return problem


# What grows by itself: jobs of clocks and what they find in the demo's records, and the record of
# denials, which outlives the rollback.
_GROWS = (
    *("procrastinate_%", "audit_entry%", "access_%", "alembic_version"),
    *("duplicate", "feed_reader", "code_copy"),
)


class Rows:
    """How many rows each table of the three services holds."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack

    def count(self) -> dict[str, int]:
        found = {}
        for service in ("directory", "referrals", "campaigns"):
            with self._stack.administration(service) as admin:
                tables = admin.execute(
                    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                    " AND relnamespace = 'public'::regnamespace"
                    " AND NOT relispartition AND NOT relname LIKE ANY(%s)",
                    (list(_GROWS),),
                ).fetchall()
                for (table,) in tables:
                    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                    row = admin.execute(query).fetchone()
                    assert row is not None
                    found[f"{service}.{table}"] = int(row[0])
        assert len(found) > 30
        return found

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        before = self.count()
        yield
        after = self.count()
        assert {name: after[name] for name in after if after[name] != before[name]} == {}


@pytest.fixture(scope="session")
def rows(stack: RunningStack) -> Rows:
    return Rows(stack)


@pytest.fixture(scope="session")
def campaign(stack: RunningStack, gateway: httpx.Client) -> str:
    made = gateway.post(CAMPAIGNS, json=CAMPAIGN, headers=stack.headers("coordinator"))
    return str(made.raise_for_status().json()["id"])


@dataclass(frozen=True)
class Wrong:
    """One request that is refused: by whom, how, and with what."""

    name: str
    status: int
    code: str
    method: str
    path: str
    who: str | None = "social-worker"
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pointer: str | None = None


def _json(value: Any) -> dict[str, Any]:
    return {"json": value}


def _raw(content: bytes) -> dict[str, Any]:
    return {"content": content}


DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
WRONG = (
    Wrong("no token", 401, "token_missing", "GET", "/referrals/v1/outbox", None),
    Wrong("another scope", 403, "insufficient_scope", "GET", "/referrals/v1/outbox", "ops"),
    Wrong("a narrower scope", 403, "insufficient_scope", "POST", SERVICES, "reception"),
    Wrong(
        *("a scope short of the route's", 403, "insufficient_scope"),
        *("POST", "/directory/v1/organizations"),
        body=_json({"name": {"fr": "x"}, "kind": "association"}),
    ),
    Wrong("a machine", 403, "machines_refused", "GET", "/referrals/v1/outbox", "partner-app"),
    Wrong("a token in the address", 400, "token_in_query", "GET", f"{SERVICES}?access_token=x"),
    Wrong("an unknown address", 404, "unknown_route", "GET", "/directory/v1/nothing"),
    Wrong("an address outside", 404, "unknown_route", "GET", "/nothing", None),
    Wrong("a second slash", 400, "bad_path", "GET", "/directory/v1//services"),
    Wrong("a method that is not there", 405, "method_not_allowed", "DELETE", REFERRALS),
    Wrong(
        *("an unknown field", 422, "validation_failed", "POST", SUBJECTS),
        body=_json({"name": "Amina"}),
        pointer="/name",
    ),
    Wrong(
        *("an unknown field deep inside", 422, "validation_failed", "POST", REFERRALS),
        body=_json({**REFERRAL, "hand_over": {"kind": "card_code", "name": "Amina"}}),
        pointer="/hand_over/name",
    ),
    Wrong(
        *("a wrong type", 422, "validation_failed", "POST", REFERRALS),
        body=_json({**REFERRAL, "needs": "administration"}),
        pointer="/needs",
    ),
    Wrong(
        *("a missing field", 422, "validation_failed", "POST", REFERRALS),
        body=_json({name: REFERRAL[name] for name in REFERRAL if name != "purpose"}),
        pointer="/purpose",
    ),
    Wrong("a list for an object", 422, "validation_failed", "POST", SUBJECTS, body=_json([1])),
    Wrong(
        *("half a document", 400, "malformed_json", "POST", SUBJECTS),
        body=_raw(b'{"a":'),
        headers=JSON,
    ),
    Wrong(
        *("no Unicode", 400, "malformed_json", "POST", SUBJECTS),
        body=_raw(b'{"a": "\xe9"}'),
        headers=JSON,
    ),
    Wrong(
        *("a bottomless document", 400, "bad_request", "POST", SUBJECTS),
        body=_raw(DEEP),
        headers=JSON,
    ),
    Wrong(
        *("half a character", 422, "validation_failed", "POST", SEARCH),
        body=_raw(b'{"q": "\\ud800"}'),
        headers=JSON,
    ),
    Wrong(
        *("what no text can hold", 422, "unrepresentable_value", "GET"),
        "/directory/v1/organizations?q=%00",
    ),
    Wrong(
        *("another content type", 415, "unsupported_media_type", "POST", SUBJECTS),
        body=_raw(b"{}"),
        headers={"Content-Type": "text/plain"},
    ),
    Wrong(
        *("a packed body", 415, "unsupported_content_encoding", "POST", SUBJECTS),
        body=_raw(gzip.compress(b"{}")),
        headers={**JSON, "Content-Encoding": "gzip"},
    ),
    Wrong(
        *("too much", 413, "body_too_large", "POST", SUBJECTS),
        body=_raw(b'{"a": "' + b"x" * 70_000 + b'"}'),
        headers=JSON,
    ),
    Wrong("an unknown parameter", 422, "validation_failed", "GET", f"{SERVICES}?spooken=ar"),
    Wrong(
        *("an unknown parameter of referrals", 422, "validation_failed", "GET"),
        "/referrals/v1/outbox?state=requested",
    ),
    Wrong(
        *("an unknown parameter of campaigns", 422, "validation_failed", "GET"),
        *(f"{CAMPAIGNS}?status=open", "coordinator"),
    ),
    Wrong("a number out of range", 422, "validation_failed", "GET", f"{SERVICES}?limit=1000"),
    Wrong("a made-up cursor", 400, "invalid_cursor", "GET", f"{SERVICES}?cursor=abc"),
    Wrong("an id that is none", 422, "validation_failed", "GET", f"{REFERRALS}/first"),
    Wrong("an unknown service", 404, "service_not_found", "GET", f"{SERVICES}/{NOBODY}"),
    Wrong("an unknown referral", 404, "not_found", "GET", f"{REFERRALS}/{NOBODY}"),
    Wrong("an unknown campaign", 404, "not_found", "GET", f"{CAMPAIGNS}/{NOBODY}", "office-mc"),
    Wrong(
        *("a referral to no service", 422, "unknown_service", "POST", REFERRALS),
        body=_json({**REFERRAL, "service_id": NOBODY}),
    ),
    Wrong(
        *("a list for no campaign", 404, "not_found", "POST", f"{CAMPAIGNS}/{NOBODY}/imports"),
        "office-mc",
        body=_raw(b"a;b\r\n"),
        headers={"Content-Type": "text/csv"},
    ),
    Wrong(
        *("a key too long", 400, "invalid_idempotency_key", "POST", SUBJECTS),
        body=_json({}),
        headers={"Idempotency-Key": "k" * 256},
    ),
)


class TestWrongRequests:
    @pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
    def test_is_refused_and_writes_nothing(
        self, stack: RunningStack, gateway: httpx.Client, rows: Rows, wrong: Wrong
    ) -> None:
        headers = {**wrong.headers, **(stack.headers(wrong.who) if wrong.who else {})}
        with rows.unchanged():
            answer = gateway.request(wrong.method, wrong.path, headers=headers, **wrong.body)
            problem = is_problem(answer, wrong.status, wrong.code)
        if wrong.pointer is not None:
            assert wrong.pointer in {one["pointer"] for one in problem["errors"]}
        assert "Amina" not in answer.text
        if wrong.status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")


class TestTokens:
    def test_garbled_tokens(self, gateway: httpx.Client, stack: RunningStack) -> None:
        token = stack.token("social-worker")
        head, payload, signature = token.split(".")
        garbled = [
            *("x", "a.b.c", f"{head}.{payload}.", f"{head}.{payload}"),
            f"{head}.{payload[:-4]}AAAA.{signature}",
            f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
            f"{token} ",
        ]
        for one in garbled[:-1]:
            answer = gateway.get("/referrals/v1/outbox", headers={"Authorization": f"Bearer {one}"})
            is_problem(answer, 401, "invalid_token")
        answer = gateway.get("/referrals/v1/outbox", headers={"Authorization": f"Basic {head}"})
        is_problem(answer, 401, "invalid_token")

    def test_a_bad_token_is_refused_where_none_is_needed(self, gateway: httpx.Client) -> None:
        answer = gateway.get(f"{SERVICES}?limit=1", headers={"Authorization": "Bearer a.b.c"})
        is_problem(answer, 401, "invalid_token")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({}, None),
            ({"iat": -7200, "exp": -3600}, "invalid_token"),
            ({"iat": -10, "exp": 0}, "invalid_token"),
            ({"iat": 600, "exp": 900}, "invalid_token"),
            ({"exp": 86_400}, "invalid_token"),
            ({"aud": "another"}, "invalid_token"),
            ({"iss": "https://elsewhere.example"}, "invalid_token"),
        ],
        ids=["as it is", "expired", "expiring", "of tomorrow", "lasting", "audience", "issuer"],
    )
    def test_what_the_token_says_has_to_hold(
        self,
        stack: RunningStack,
        gateway: httpx.Client,
        change: dict[str, Any],
        code: str | None,
    ) -> None:
        """Signed with the issuer's own key, so that only the claims are wrong."""
        genuine = stack.token("social-worker")
        now = int(clock.now().timestamp())
        key = SigningKeys(stack.folder.identity_provider_keys).signing()
        claims = {
            **jwt.get_unverified_claims(genuine),
            **{
                name: now + value if isinstance(value, int) else value
                for name, value in change.items()
            },
        }
        token = jwt.encode(
            claims, key.pem, algorithm="RS256", headers=jwt.get_unverified_header(genuine)
        )
        answer = gateway.get("/referrals/v1/outbox", headers={"Authorization": f"Bearer {token}"})
        if code is None:
            assert answer.status_code == 200
        else:
            is_problem(answer, 401, code)


class TestNearMatches:
    @pytest.mark.parametrize(
        ("query", "code", "meant"),
        [
            ("need=hosing", "unknown_need", "housing"),
            ("territory=nrod", "unknown_territory", "nord"),
            ("program=RQA", "unknown_program", "RAQ"),
        ],
    )
    def test_an_unknown_code_is_answered_with_the_nearest(
        self, gateway: httpx.Client, query: str, code: str, meant: str
    ) -> None:
        problem = is_problem(gateway.get(f"{SERVICES}?{query}"), 422, code)
        assert meant in problem["suggestions"]
        assert meant in problem["detail"]
        assert problem["errors"][0]["parameter"] == query.partition("=")[0]

    def test_in_a_body_too(self, gateway: httpx.Client) -> None:
        problem = is_problem(gateway.post(SEARCH, json={"need": ["housng"]}), 422, "unknown_need")
        assert "housing" in problem["suggestions"]


class TestChangesOfWhatIsThere:
    def test_a_change_says_what_it_is_based_on(
        self, gateway: httpx.Client, as_persona: Any, rows: Rows, campaign: str
    ) -> None:
        headers, path = as_persona("coordinator"), f"{CAMPAIGNS}/{campaign}"
        before = gateway.get(path, headers=headers)
        change = {"title": {"fr": "Autre", "nl": "Ander"}}
        with rows.unchanged():
            answer = gateway.patch(path, json=change, headers=headers)
            is_problem(answer, 428, "precondition_required")
            stale = {**headers, "If-Match": '"0"'}
            is_problem(gateway.patch(path, json=change, headers=stale), 412, "stale")
        after = gateway.get(path, headers=headers)
        assert after.json() == before.json()
        assert after.headers["etag"] == before.headers["etag"]

    def test_of_two_changes_of_one_version_one_is_stale(
        self, gateway: httpx.Client, as_persona: Any, campaign: str
    ) -> None:
        headers, path = as_persona("coordinator"), f"{CAMPAIGNS}/{campaign}"
        tag = gateway.get(path, headers=headers).headers["etag"]
        headers["If-Match"] = tag
        first = gateway.patch(path, json={"title": {"fr": "1", "nl": "1"}}, headers=headers)
        assert first.status_code == 200
        assert first.headers["etag"] != tag
        second = gateway.patch(path, json={"title": {"fr": "2", "nl": "2"}}, headers=headers)
        is_problem(second, 412, "stale")
        assert gateway.get(path, headers=headers).json()["title"]["fr"] == "1"

    def test_a_transition_says_what_it_is_based_on(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        made = gateway.post(REFERRALS, json=REFERRAL, headers=as_persona("social-worker")).json()
        path, receiver = f"{REFERRALS}/{made['id']}", as_persona("target-service")
        accept = {"to": "accepted"}
        answer = gateway.post(f"{path}/transitions", json=accept, headers=receiver)
        is_problem(answer, 428, "precondition_required")
        stale = {**receiver, "If-Match": '"7"'}
        answer = gateway.post(f"{path}/transitions", json=accept, headers=stale)
        is_problem(answer, 412, "stale")
        assert gateway.get(path, headers=receiver).json()["status"] == "requested"
        impossible = {**receiver, "If-Match": f'"{made["version"]}"'}
        answer = gateway.post(f"{path}/transitions", json={"to": "expired"}, headers=impossible)
        assert answer.status_code in (403, 409, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert gateway.get(path, headers=receiver).json()["version"] == made["version"]


class TestRepeatedRequests:
    def test_the_same_key_gives_the_first_answer_and_no_second_effect(
        self, gateway: httpx.Client, as_persona: Any, rows: Rows
    ) -> None:
        headers = {**as_persona("social-worker"), "Idempotency-Key": f"same-{time.time_ns()}"}
        first = gateway.post(REFERRALS, json=REFERRAL, headers=headers)
        assert first.status_code == 201
        with rows.unchanged():
            again = gateway.post(REFERRALS, json=REFERRAL, headers=headers)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"

    def test_another_body_under_the_same_key_is_refused(
        self, gateway: httpx.Client, as_persona: Any, rows: Rows
    ) -> None:
        headers = {**as_persona("social-worker"), "Idempotency-Key": f"other-{time.time_ns()}"}
        assert gateway.post(REFERRALS, json=REFERRAL, headers=headers).status_code == 201
        with rows.unchanged():
            other = {**REFERRAL, "accompaniment": "phone"}
            for body in (other, {**REFERRAL, "needs": ["administration", "debts"]}):
                answer = gateway.post(REFERRALS, json=body, headers=headers)
                is_problem(answer, 409, "idempotency_key_reused")
            elsewhere = gateway.post(SUBJECTS, json=REFERRAL, headers=headers)
            is_problem(elsewhere, 409, "idempotency_key_reused")

    def test_the_key_of_another_caller_is_another_key(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        key = {"Idempotency-Key": f"shared-{time.time_ns()}"}
        mine = gateway.post(SUBJECTS, json={}, headers={**as_persona("social-worker"), **key})
        theirs = gateway.post(SUBJECTS, json={}, headers={**as_persona("raq-worker"), **key})
        assert mine.status_code == theirs.status_code == 201
        assert mine.json()["handle"] != theirs.json()["handle"]
        assert "idempotency-replayed" not in theirs.headers

    def test_a_refused_request_may_be_corrected_under_its_key(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        headers = {**as_persona("social-worker"), "Idempotency-Key": f"wrong-{time.time_ns()}"}
        wrong = {**REFERRAL, "service_id": NOBODY}
        answer = gateway.post(REFERRALS, json=wrong, headers=headers)
        is_problem(answer, 422, "unknown_service")
        assert gateway.post(REFERRALS, json=REFERRAL, headers=headers).status_code == 201


def workbook() -> bytes:
    """What a spreadsheet program saves, as far as anybody can tell from its first bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>" * 200)
    return packed.getvalue()


HEADER = "N° national;Nom;Prénom;Langue;Téléphone\r\n"
# Nothing here is a person: bytes from a fixed rule, no header among them.
JUNK = bytes((number * 197 + number // 7) % 256 for number in range(6000))
NEEDED = {"national_number|external_id", "last_name|full_name", "phone"}


class TestBrokenLists:
    @pytest.mark.parametrize(
        ("kind", "content", "status", "code"),
        [
            ("text/csv", b"", 422, "empty_file"),
            ("application/json", b"{}", 415, "not_a_list"),
            ("text/csv", workbook(), 415, "not_a_list"),
            ("multipart/form-data", b"x", 400, "malformed_multipart"),
            ("multipart/form-data; boundary=x", b"zzz", 400, "malformed_multipart"),
            ("multipart/form-data; boundary=x", b"--x--\r\n", 400, "file_missing"),
        ],
    )
    def test_what_is_no_file_is_refused_at_once(
        self,
        gateway: httpx.Client,
        as_persona: Any,
        rows: Rows,
        campaign: str,
        kind: str,
        content: bytes,
        status: int,
        code: str,
    ) -> None:
        headers = {**as_persona("office-mc"), "Content-Type": kind}
        with rows.unchanged():
            path = f"{CAMPAIGNS}/{campaign}/imports"
            is_problem(gateway.post(path, content=content, headers=headers), status, code)

    @pytest.mark.parametrize(
        "content",
        [JUNK, b"a;b;c\r\n1;2;3\r\n", b"\0" * 1000, b"x" * 100_000],
        ids=["junk", "other columns", "zeros", "one long line"],
    )
    def test_what_is_no_list_fails_and_nobody_is_added(
        self,
        gateway: httpx.Client,
        as_persona: Any,
        campaign: str,
        stack: RunningStack,
        content: bytes,
    ) -> None:
        before = people(stack)
        seen = push(gateway, as_persona("office-mc"), campaign, content, ends="failed")
        assert seen["failure_code"]
        assert set(seen["missing_columns"]) <= NEEDED
        assert set(seen["counts"].values()) == {0}
        headers = as_persona("office-mc")
        decision = {"decision": "approve", "confirm_bad_rows": True}
        path = f"/campaigns/v1/imports/{seen['id']}"
        answer = gateway.post(f"{path}/decision", json=decision, headers=headers)
        is_problem(answer, 409, "import_not_awaiting_approval")
        assert gateway.get(f"{path}/rows", headers=headers).json()["items"] == []
        assert people(stack) == before

    def test_a_list_of_nobody_adds_nobody(
        self, gateway: httpx.Client, as_persona: Any, campaign: str, stack: RunningStack
    ) -> None:
        before, headers = people(stack), as_persona("office-mc")
        content = HEADER.encode("windows-1252")
        seen = push(gateway, headers, campaign, content, ends="awaiting_approval")
        assert set(seen["counts"].values()) == {0}
        path = f"/campaigns/v1/imports/{seen['id']}/decision"
        cancelled = gateway.post(path, json={"decision": "cancel"}, headers=headers)
        assert cancelled.json()["stage"] == "cancelled"
        again = gateway.post(path, json={"decision": "approve"}, headers=headers)
        is_problem(again, 409, "import_not_awaiting_approval")
        assert people(stack) == before


def people(stack: RunningStack) -> tuple[int, ...]:
    """How many people and cases the campaigns hold."""
    counts = []
    with stack.administration("campaigns") as admin:
        for table in ("person", "call_case"):
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            row = admin.execute(query).fetchone()
            assert row is not None
            counts.append(int(row[0]))
    return tuple(counts)


def push(
    gateway: httpx.Client, headers: dict[str, str], campaign: str, content: bytes, *, ends: str
) -> dict[str, Any]:
    """The import of `content` once it has come to its end."""
    sent = {
        **headers,
        "Content-Type": "text/csv",
        "Content-Disposition": 'attachment; filename="liste.csv"',
    }
    pushed = gateway.post(f"{CAMPAIGNS}/{campaign}/imports", content=content, headers=sent)
    assert pushed.status_code == 201, pushed.text
    path = f"/campaigns/v1/imports/{pushed.json()['id']}"

    def look() -> dict[str, Any] | None:
        seen: dict[str, Any] = gateway.get(path, headers=headers).json()
        return seen if seen["stage"] == ends else None

    return until(look)


def has_ended(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    return stat.rpartition(")")[2].split()[0] == "Z"


def until(look: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.1)
    return seen


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process neither answers nor ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pid_of(stack: RunningStack, name: str) -> int:
    pid = stack.state.processes[name]["pid"]
    assert pid
    return pid


class TestServiceDown:
    def test_refuses_what_needs_it_keeps_the_rest_and_loses_nothing(
        self, stack: RunningStack
    ) -> None:
        rows = Rows(stack)
        headers = stack.headers("social-worker")
        once = {**headers, "Idempotency-Key": "while-the-directory-is-down"}
        directory, supervisor = pid_of(stack, "directory"), stack.state.pid
        gateway_url = stack.gateway_url
        with httpx.Client(base_url=gateway_url, timeout=60, trust_env=False) as gateway:
            # The supervisor sleeps, so that nobody starts the directory again.
            with stopped(supervisor), rows.unchanged():
                os.kill(directory, signal.SIGKILL)
                # Its connections are closed by then; it stays a zombie while its parent sleeps.
                until(lambda: has_ended(directory))
                answer = gateway.get(f"{SERVICES}?limit=1")
                is_problem(answer, 503, "service_unavailable")
                assert int(answer.headers["retry-after"]) > 0
                answer = gateway.post(REFERRALS, json=REFERRAL, headers=once)
                problem = is_problem(answer, 503, "peer_unavailable")
                assert "written" in problem["detail"]
                # The gateway asks its services once a second.
                until(lambda: gateway.get("/health/ready").status_code == 503)
                ready = is_problem(gateway.get("/health/ready"), 503, "not_ready")
                assert ready["services"] == {
                    "directory": False,
                    "referrals": True,
                    "campaigns": True,
                }
                assert gateway.get("/health/live").status_code == 200
                assert gateway.get("/referrals/v1/outbox", headers=headers).status_code == 200
                assert gateway.get("/openapi.json").status_code == 200

            def ready_again() -> dict[str, Any] | None:
                seen = gateway.get("/health/ready")
                return seen.json() if seen.status_code == 200 else None

            until(ready_again)
            made = gateway.post(REFERRALS, json=REFERRAL, headers=once)
            assert made.status_code == 201, made.text

            # One that holds the line and says nothing.
            with stopped(pid_of(stack, "referrals")):
                answer = gateway.get("/referrals/v1/outbox", headers=headers)
                is_problem(answer, 504, "service_too_slow")
            assert gateway.get("/referrals/v1/outbox", headers=headers).status_code == 200
