"""Whatever is killed, what was acknowledged is there, once.

Counsellors, a social worker and a back office work on while processes are killed under them. They
do what the documentation asks of a client: an Idempotency-Key on each request, and the same request
again after 502, 503, 504 or a lost connection, and after 429 as late as it says. Afterwards the
databases are counted against what they were told.
"""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, islice
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.e2e.running import RunningStack

from maillage_common import clock
from maillage_local.data_folder import DataFolder
from maillage_local.demo.identities import demo_service
from maillage_local.demo.lists import call_list
from maillage_local.loopback import NO_AUTHORITIES
from maillage_local.scratch import scratch_folder
from maillage_local.temporary_stack import (
    start_stack,
    stop_stack,
    wait_until_ready,
)

TARGET = str(demo_service("target"))
SERVERS = ("directory", "referrals", "campaigns", "gateway")
WORKERS = ("directory-worker", "referrals-worker", "campaigns-worker")
COUNSELLORS = 4
# Between two calls: enough always go on for each kill to meet some, and all can be settled soon.
PAUSE_SECONDS = 0.25
LANGUAGES = ["fr", "nl", "en", "ar", "es", "tr", "pt", "ru", "uk", "ro", "pl", "bg", "de", "it"]
SETTLE_SECONDS = 90.0
TRY_AGAIN = frozenset({502, 503, 504})
# People are numbered: the campaign begins with some, small lists bring more, a big one others.
FIRST_PEOPLE, SMALL_LIST, BIG_FROM, BIG_LIST = 600, 20, 5_000, 4_000
# Rows in one transaction: a kill has sixteen of them in which to fall.
BATCH_ROWS = 250
THROUGH_CAMPAIGNS = "SELECT id::text FROM referral WHERE sender_service = 'campaigns'"


class GaveUp(AssertionError):
    """What was waited for did not come."""


def wait_for(
    what: str, look: Callable[[], Any], *, seconds: float = SETTLE_SECONDS, every: float = 0.1
) -> Any:
    give_up = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > give_up:
            raise GaveUp(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(every)
    return seen


@dataclass
class Client:
    """Someone who repeats a request until it is answered for good."""

    stack: RunningStack
    persona: str
    refused: list[str] = field(default_factory=list)
    retries: Counter[int] = field(default_factory=Counter)
    _token: str = ""

    def send(
        self, method: str, path: str, *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        """The first answer that is not about something being down. Raises GaveUp after a minute."""
        self._token = self._token or self.stack.token(self.persona)
        headers = {"Authorization": f"Bearer {self._token}", **body.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                answer = httpx.request(
                    method,
                    self.stack.gateway_url + path,
                    headers=headers,
                    timeout=30,
                    trust_env=False,
                    verify=NO_AUTHORITIES,
                    **body,
                )
            except httpx.TransportError:
                self.retries[0] += 1
            else:
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    time.sleep(int(answer.headers["Retry-After"]))
                    continue
                if answer.status_code not in TRY_AGAIN:
                    if answer.status_code >= 400:
                        self.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
                    return answer
                self.retries[answer.status_code] += 1
            time.sleep(0.1)
        raise GaveUp(f"{method} {path} was never answered")


@dataclass
class Ledger:
    """What the clients were told is done."""

    campaign: str
    attempts: dict[str, dict[str, Any]] = field(default_factory=dict)
    referrals: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)


class Work:
    """Clients at work in threads, until told to stop."""

    def __init__(self, stack: RunningStack, campaign: str) -> None:
        self.stack = stack
        self.ledger = Ledger(campaign)
        self.clients: list[Client] = []
        self._enough = threading.Event()

    def client(self, persona: str) -> Client:
        client = Client(self.stack, persona)
        self.clients.append(client)
        return client

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Everybody works during the block, and has an answer to everything after it."""
        jobs = [*[self._counsel] * COUNSELLORS, self._refer, self._push_lists]
        with ThreadPoolExecutor(len(jobs)) as pool:
            working = [pool.submit(job) for job in jobs]
            try:
                wait_for("the first calls", lambda: len(self.ledger.attempts) >= COUNSELLORS)
                yield
            finally:
                self._enough.set()
            for job in working:
                job.result()

    def _counsel(self) -> None:
        client = self.client("counsellor-mc")
        while not self._enough.is_set():
            wanted = {"campaign_id": self.ledger.campaign, "languages": LANGUAGES}
            leased = client.send(
                "POST",
                "/campaigns/v1/leases",
                key=str(uuid4()),
                json={**wanted, "with_interpreter": True},
            )
            assert leased.status_code == 201, leased.text
            lease = leased.json()
            path = f"/campaigns/v1/leases/{lease['id']}/attempts"
            answer = client.send("POST", path, key=lease["id"], json=attempt_on(lease))
            if answer.status_code == 201:
                self.ledger.attempts[answer.json()["attempt"]["id"]] = answer.json()
            self._enough.wait(PAUSE_SECONDS)

    def _refer(self) -> None:
        client = self.client("social-worker")
        while not self._enough.is_set():
            body = {
                "subject": {"anonymous": True},
                "service_id": TARGET,
                "needs": ["administration"],
                "purpose": "social_support",
                "consent": {"method": "oral", "text": {"language": "fr", "version": "2026-1"}},
            }
            made = client.send("POST", "/referrals/v1/referrals", key=str(uuid4()), json=body)
            if made.status_code == 201:
                assert made.json()["id"] not in self.ledger.referrals
                self.ledger.referrals.add(made.json()["id"])
            self._enough.wait(PAUSE_SECONDS)

    def _push_lists(self) -> None:
        client = self.client("office-mc")
        starts = count(FIRST_PEOPLE, SMALL_LIST)
        while not self._enough.is_set():
            pushed = push_list(client, self.ledger.campaign, next(starts), rows=SMALL_LIST)
            import_id = pushed.json()["id"]
            approve(client, import_id)
            self.ledger.imports.add(import_id)
            self._enough.wait(1)


def attempt_on(lease: Mapping[str, Any]) -> dict[str, Any]:
    """A completed call with an obstacle and an orientation."""
    ended = clock.now()
    return {
        "fencing_token": lease["fencing_token"],
        "result": "complete",
        "phone_position": lease["person"]["phones"][0]["position"],
        "started_at": (ended - timedelta(minutes=3)).isoformat(),
        "ended_at": ended.isoformat(),
        "needs": ["administration"],
        "obstacles": [{"code": "digital_only", "need": "administration"}],
        "orientation": {
            "service_id": TARGET,
            "needs": ["administration"],
            "consent": {"given": True, "language": "fr", "text_version": "2026-1"},
        },
    }


def push_list(client: Client, campaign: str, start: int = 0, *, rows: int) -> httpx.Response:
    """Pushes the demo's members from number `start` on.

    The same octets again are the same import, so a push can be repeated without a key.
    """
    header, *lines = islice(call_list(start + rows, bad_percent=2), start + rows + 1)
    pushed = client.send(
        "POST",
        f"/campaigns/v1/campaigns/{campaign}/imports",
        content=header + b"".join(lines[start:]),
        headers={"Content-Type": "text/csv"},
    )
    assert pushed.status_code in (200, 201), pushed.text
    return pushed


def stage_of(client: Client, import_id: str) -> str:
    seen = client.send("GET", f"/campaigns/v1/imports/{import_id}").json()
    assert seen["stage"] != "failed", seen
    return str(seen["stage"])


def wait_until_read(client: Client, import_id: str) -> None:
    ready = ("awaiting_approval", "merging", "done")
    wait_for("the list is read", lambda: stage_of(client, import_id) in ready)


def approve(client: Client, import_id: str) -> None:
    wait_until_read(client, import_id)
    decision = {"decision": "approve", "confirm_bad_rows": True}
    client.send("POST", f"/campaigns/v1/imports/{import_id}/decision", json=decision)


@dataclass(frozen=True)
class FirstStart:
    """The stack of this module as it was first started, and how many seconds that took."""

    folder: DataFolder
    log: Path
    process: Popen[bytes]
    seconds: float


@pytest.fixture(scope="module")
def first_start() -> Iterator[FirstStart]:
    with scratch_folder() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMPAIGNS_IMPORT_BATCH_ROWS", str(BATCH_ROWS))
        folder, log = DataFolder(scratch / "stack"), scratch / "up.log"
        with _started(folder, log) as (process, seconds):
            yield FirstStart(folder, log, process, seconds)


@pytest.fixture(scope="module")
def stack(first_start: FirstStart) -> RunningStack:
    """Its processes are killed; each test but the last leaves it running again."""
    return RunningStack(first_start.folder)


@pytest.fixture
def campaign(stack: RunningStack) -> str:
    """A campaign of one's own, with some hundred people to call."""
    return make_campaign(stack, rows=FIRST_PEOPLE)


def make_campaign(stack: RunningStack, *, rows: int) -> str:
    today = clock.now().date()
    days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    wanted = {
        "title": {"fr": "Campagne interrompue"},
        "theme": f"prevention-{uuid4().hex[:8]}",
        "opening": {"fr": "Bonjour."},
        "starts_on": (today - timedelta(days=1)).isoformat(),
        "ends_on": (today + timedelta(days=30)).isoformat(),
        "rules": {
            "windows": [{"days": days, "opens_at": "00:00", "closes_at": "24:00"}],
            "on_public_holidays": True,
        },
    }
    made = Client(stack, "coordinator").send("POST", "/campaigns/v1/campaigns", json=wanted)
    assert made.status_code == 201, made.text
    campaign = str(made.json()["id"])
    office = Client(stack, "office-mc")
    import_id = push_list(office, campaign, rows=rows).json()["id"]
    approve(office, import_id)
    wait_for("the list is merged", lambda: stage_of(office, import_id) == "done")
    return campaign


def pid_of(stack: RunningStack, name: str) -> int | None:
    return stack.state.processes[name]["pid"]


def kill(stack: RunningStack, *names: str) -> None:
    """SIGKILL, and wait until others run in their place."""
    before = {name: pid_of(stack, name) for name in names}
    services = [name.removesuffix("-worker") for name in names if name in WORKERS]
    known = "SELECT id FROM procrastinate_workers"
    workers = {service: column(stack, service, known) for service in services}
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    # As if they had been silent for the half minute after which their jobs are put back.
    silent = (
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        " WHERE id = ANY(%s) RETURNING id"
    )
    for service, ids in workers.items():
        assert column(stack, service, silent, ids)
    for name, pid in before.items():
        wait_for(f"another {name}", lambda n=name, p=pid: pid_of(stack, n) not in (None, p))  # type: ignore[misc]
    wait_for("the gateway says ready", lambda: is_ready(stack))


def is_ready(stack: RunningStack) -> bool:
    try:
        url = f"{stack.gateway_url}/health/ready"
        ready = httpx.get(url, timeout=5, trust_env=False, verify=NO_AUTHORITIES)
        return ready.status_code == 200
    except httpx.TransportError:
        return False


def column(stack: RunningStack, database: str, statement: str, *values: Any) -> list[Any]:
    with stack.administration(database) as admin:
        return [row[0] for row in admin.execute(statement.encode(), values).fetchall()]


def settle(stack: RunningStack) -> None:
    """Until no job waits or runs, and no orientation is pending."""

    def settled() -> bool:
        live = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        pending = "SELECT 1 FROM orientation WHERE state = 'pending'"
        databases = ("directory", "referrals", "campaigns")
        jobs = any(column(stack, database, live) for database in databases)
        return not jobs and not column(stack, "campaigns", pending)

    wait_for("all queued work is done", settled)


def check_once(stack: RunningStack, work: Work) -> None:
    """Every acknowledged write is there exactly once, and nothing besides."""
    ledger = work.ledger
    assert [refusal for client in work.clients for refusal in client.refused] == []
    settle(stack)
    mine = (UUID(ledger.campaign),)
    attempts = column(
        stack, "campaigns", "SELECT id::text FROM attempt WHERE campaign_id = %s", *mine
    )
    assert sorted(attempts) == sorted(ledger.attempts)
    _check_orientations(stack, ledger)
    made = column(
        stack,
        "referrals",
        "SELECT id::text FROM referral WHERE id = ANY(%s)",
        [UUID(one) for one in ledger.referrals],
    )
    assert sorted(made) == sorted(ledger.referrals)
    _check_observations(stack)
    dead = "SELECT task_name FROM procrastinate_jobs WHERE status = 'failed'"
    for database in ("directory", "referrals", "campaigns"):
        assert column(stack, database, dead) == []


def _check_orientations(stack: RunningStack, ledger: Ledger) -> None:
    """One orientation an attempt, one referral an orientation, one person and card a referral."""
    placed = column(
        stack,
        "campaigns",
        "SELECT attempt_id::text || ' ' || state || ' ' || coalesce(refused_code, '')"
        " FROM orientation WHERE campaign_id = %s",
        UUID(ledger.campaign),
    )
    assert sorted(placed) == sorted(f"{attempt} placed " for attempt in ledger.attempts)
    known = column(stack, "campaigns", "SELECT concat(id, ' ', referral_id) FROM orientation")
    through = column(
        stack,
        "referrals",
        "SELECT concat(sender_reference, ' ', id) FROM referral WHERE sender_service = 'campaigns'",
    )
    assert sorted(through) == sorted(known), "each referral is one orientation's"
    lonely = (
        "SELECT id FROM subject s WHERE NOT EXISTS (SELECT FROM {} t WHERE t.subject_id = s.id)"
    )
    assert column(stack, "referrals", lonely.format("card")) == []
    cards = "SELECT subject_id FROM card GROUP BY subject_id HAVING count(*) > 1"
    assert column(stack, "referrals", cards) == []


def _check_observations(stack: RunningStack) -> None:
    """Each obstacle that a call met is in the directory, once."""
    noted = column(stack, "campaigns", "SELECT id::text FROM observation")
    told = column(
        stack, "directory", "SELECT external_id FROM observation WHERE source = 'campaigns'"
    )
    assert sorted(told) == sorted(noted)
    met = column(stack, "campaigns", "SELECT id FROM attempt WHERE cardinality(obstacles) > 0")
    assert len(noted) == len(met)


def check_lists(stack: RunningStack, work: Work) -> None:
    """Every approved list is merged: each good row is one case, each person is there once."""
    office = work.client("office-mc")
    for import_id in work.ledger.imports:
        wait_for("the list is merged", lambda i=import_id: stage_of(office, i) == "done")  # type: ignore[misc]
        check_list(stack, office, import_id)


def check_list(stack: RunningStack, office: Client, import_id: str) -> None:
    counts = office.send("GET", f"/campaigns/v1/imports/{import_id}").json()["counts"]
    rows = column(
        stack, "campaigns", "SELECT row_number FROM call_case WHERE import_id = %s", UUID(import_id)
    )
    assert len(rows) == len(set(rows)) == counts["new"] + counts["changed"]
    twice = "SELECT person_key FROM person GROUP BY tenant, person_key HAVING count(*) > 1"
    assert column(stack, "campaigns", twice) == []
    assert (
        column(stack, "campaigns", "SELECT 1 FROM import_row WHERE import_id = %s", import_id) == []
    )


def push_big_list(office: Client, work: Work) -> str:
    """Push a list that takes a while; return in the middle of reading it."""

    def begin() -> str:
        pushed = push_list(office, work.ledger.campaign, BIG_FROM, rows=BIG_LIST)
        return str(pushed.json()["id"])

    import_id = wait_until_midway(work.stack, "stage = 'parsing' AND rows_read > 0", begin)
    work.ledger.imports.add(import_id)
    return import_id


def wait_until_midway(stack: RunningStack, condition: str, begin: Callable[[], str]) -> str:
    """Until `condition` holds for the import that `begin` sets going; its id."""
    query = f"SELECT 1 FROM list_import WHERE id = %s AND {condition}".encode()
    worker = pid_of(stack, "campaigns-worker")
    assert worker is not None
    with stack.administration("campaigns") as admin:
        # The worker stands still until we look: on a busy machine it would be done by then.
        os.kill(worker, signal.SIGSTOP)
        try:
            import_id = begin()
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_for(condition, lambda: admin.execute(query, [import_id]).fetchall(), every=0.01)
    return import_id


class TestKilledWhilePeopleWork:
    def test_each_service_in_turn_then_all_workers(
        self, stack: RunningStack, campaign: str
    ) -> None:
        work = Work(stack, campaign)
        office = work.client("office-mc")
        with work.going_on():
            for name in SERVERS:
                calls = len(work.ledger.attempts)
                kill(stack, name)
                wait_for("calls go on", lambda c=calls: len(work.ledger.attempts) > c + COUNSELLORS)  # type: ignore[misc]
            big = push_big_list(office, work)
            kill(stack, *WORKERS)
        # Or the clients noticed nothing, and neither would the test.
        assert sum(sum(client.retries.values()) for client in work.clients) > 0
        check_once(stack, work)
        approve(office, big)
        check_lists(stack, work)

    def test_postgresql(self, stack: RunningStack, campaign: str) -> None:
        """Mid-way in a list too, whose staged rows a crash of the server empties."""
        work = Work(stack, campaign)
        office = work.client("office-mc")
        with work.going_on():
            big = push_big_list(office, work)
            kill(stack, "postgres")
            calls = len(work.ledger.attempts)
            wait_for("calls go on", lambda: len(work.ledger.attempts) > calls + COUNSELLORS)
        check_once(stack, work)
        approve(office, big)
        check_lists(stack, work)

    def test_the_worker_in_the_middle_of_merging_a_list(
        self, stack: RunningStack, campaign: str
    ) -> None:
        office = Client(stack, "office-mc")
        pushed = push_list(office, campaign, rows=BIG_LIST)
        import_id = str(pushed.json()["id"])
        wait_until_read(office, import_id)

        def begin() -> str:
            approve(office, import_id)
            return import_id

        wait_until_midway(stack, "stage = 'merging' AND rows_merged > 0", begin)
        kill(stack, "campaigns-worker")
        wait_for("the list is merged", lambda: stage_of(office, import_id) == "done")
        check_list(stack, office, import_id)
        again = push_list(office, campaign, rows=BIG_LIST)
        assert (again.status_code, again.json()["id"]) == (200, import_id)


@pytest.fixture(scope="module")
def small_campaign(stack: RunningStack) -> str:
    """A few people to call, one for each test."""
    return make_campaign(stack, rows=20)


class TestReferralsGone:
    """An attempt with an orientation while referrals does not answer."""

    @pytest.mark.parametrize("how", ["killed", "frozen", "frozen until the second try"])
    def test_keeps_the_attempt_and_orients_once_later(
        self, how: str, stack: RunningStack, small_campaign: str
    ) -> None:
        counsellor = Client(stack, "counsellor-mc")
        wanted = {"campaign_id": small_campaign, "languages": LANGUAGES, "with_interpreter": True}
        lease = counsellor.send("POST", "/campaigns/v1/leases", json=wanted).json()
        with _gone(stack, frozen=how != "killed"):
            path = f"/campaigns/v1/leases/{lease['id']}/attempts"
            answer = counsellor.send("POST", path, key=lease["id"], json=attempt_on(lease))
            assert answer.status_code == 201
            assert answer.json()["orientation"]["state"] == "pending"
            orientation = answer.json()["orientation"]["id"]
            if how == "frozen until the second try":
                _wait_for_second_try(stack)
        settle(stack)
        seen = counsellor.send("GET", f"/campaigns/v1/leases/{lease['id']}").json()
        [placed] = seen["orientations"]
        assert (placed["state"], placed["refused_code"]) == ("placed", None)
        made = column(
            stack,
            "referrals",
            "SELECT id::text FROM referral WHERE sender_reference = %s",
            orientation,
        )
        assert made == [placed["referral_id"]]

    def test_orients_once_when_campaigns_dies_before_it_can_note_it(
        self, stack: RunningStack, small_campaign: str
    ) -> None:
        """Referrals has committed, campaigns has not: the same request again must find it."""
        counsellor = Client(stack, "counsellor-mc")
        wanted = {"campaign_id": small_campaign, "languages": LANGUAGES, "with_interpreter": True}
        lease = counsellor.send("POST", "/campaigns/v1/leases", json=wanted).json()
        path, body = f"/campaigns/v1/leases/{lease['id']}/attempts", attempt_on(lease)
        before = column(stack, "referrals", THROUGH_CAMPAIGNS)
        with ThreadPoolExecutor(1) as pool:
            with stack.administration("campaigns") as admin, admin.transaction():
                # Where campaigns notes the referral, it waits for this lock.
                admin.execute("LOCK TABLE orientation_route IN SHARE MODE")
                attempt = pool.submit(counsellor.send, "POST", path, key=lease["id"], json=body)
                wait_for(
                    "the referral is made",
                    lambda: column(stack, "referrals", THROUGH_CAMPAIGNS) != before,
                )
                kill(stack, "campaigns")
            answer = attempt.result()
        assert answer.status_code == 201, answer.text
        orientation = answer.json()["orientation"]
        assert (orientation["state"], bool(orientation["card_code"])) == ("placed", True)
        made = set(column(stack, "referrals", THROUGH_CAMPAIGNS)) - set(before)
        assert made == {orientation["referral_id"]}


@contextmanager
def _gone(stack: RunningStack, *, frozen: bool) -> Iterator[None]:
    """Referrals stopped with its connections open, or killed the moment before."""
    pid = pid_of(stack, "referrals")
    assert pid is not None
    if not frozen:
        os.kill(pid, signal.SIGKILL)
        yield
        wait_for("referrals is back", lambda: pid_of(stack, "referrals") not in (None, pid))
        wait_for("the gateway says ready", lambda: is_ready(stack))
        return
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _wait_for_second_try(stack: RunningStack) -> None:
    """Until the job, too, waits for the frozen service: both requests then wake up together."""
    trying = (
        "SELECT 1 FROM procrastinate_jobs"
        " WHERE task_name = 'place_orientation' AND status = 'doing'"
    )
    wait_for("the job tries", lambda: column(stack, "campaigns", trying))
    # Its request leaves within milliseconds, and it waits five seconds for the answer.
    time.sleep(1)


@dataclass(frozen=True)
class Process:
    """One process; a pid used again is another one."""

    pid: int
    started: str

    @property
    def runs(self) -> bool:
        found = _stat(self.pid)
        return found is not None and found[1] == self.started and found[2] != "Z"


def _stat(pid: int) -> tuple[int, str, str] | None:
    """(parent, start time, state) of a process; None when it is gone."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2]
    except OSError:
        return None
    fields = after_name.split()
    return int(fields[1]), fields[19], fields[0]


def processes_of(root: int) -> set[Process]:
    """`root` and all below it."""
    found = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    family = {root}
    while more := {p for p, s in found.items() if s and s[0] in family} - family:
        family |= more
    return {Process(pid, seen[1]) for pid in family if (seen := found.get(pid))}


def mentioning(folder: Path) -> list[bytes]:
    """Command lines of processes that work on the folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line:
            lines.append(line)
    return lines


class TestStopAndStart:
    """The last of this module: nothing runs afterwards."""

    def test_leaves_no_process_and_keeps_the_data(
        self, first_start: FirstStart, stack: RunningStack, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder, log, first = first_start.folder, first_start.log, first_start.seconds
        campaign = make_campaign(stack, rows=10)
        _end(first_start.process, folder, signal.SIGKILL)
        with _started(folder, log) as (process, again):
            assert _cases(stack, campaign) > 0
            _end(process, folder, signal.SIGTERM)
        with _started(folder, log) as (process, third):
            assert _cases(stack, campaign) > 0
            _end(process, folder, signal.SIGINT)
        with capsys.disabled():
            sys.stdout.write(
                f"\nready in {first:.1f} s, after SIGKILL {again:.1f} s, SIGTERM {third:.1f} s\n"
            )
        assert third < first


@contextmanager
def _started(folder: DataFolder, log: Path) -> Iterator[tuple[Popen[bytes], float]]:
    """`maillage up`, ready, and how many seconds that took."""
    began = time.monotonic()
    process = start_stack(folder, log)
    try:
        wait_until_ready(folder, process, log)
        # A busy machine may let a probe of the gateway's be late a moment later.
        wait_for("the gateway says ready", lambda: is_ready(RunningStack(folder)))
        yield process, time.monotonic() - began
    finally:
        stop_stack(process)


def _end(process: Popen[bytes], folder: DataFolder, number: signal.Signals) -> None:
    """Send the signal, and see every process of the stack go."""
    family = processes_of(process.pid)
    kept = {one["pid"] for one in RunningStack(folder).state.processes.values()}
    assert kept - {None} <= {one.pid for one in family}
    assert len(family) > len(kept), "PostgreSQL has children of its own"
    process.send_signal(number)
    status = process.wait(timeout=60)
    if number is not signal.SIGKILL:
        # In order: nothing is left to wait for.
        assert status == 0
        assert [one for one in family if one.runs] == []
    wait_for("all processes end", lambda: not any(one.runs for one in family), seconds=30)
    assert mentioning(folder.path) == []
    assert folder.read_state() is None


def _cases(stack: RunningStack, campaign: str) -> int:
    return len(
        column(stack, "campaigns", "SELECT 1 FROM call_case WHERE campaign_id = %s", campaign)
    )
