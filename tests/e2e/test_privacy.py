"""What the story's people are and said stays where it belongs: looked for everywhere, in the clear.

The terms looked for are those of the story itself, from the lists pushed and from what the API
asked and answered. Each search is shown something planted, so that it cannot pass by being blind.
"""

import csv
import json
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import kill
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.e2e.running import HeardStory, RunningStack

from maillage_local.demo.lists import (
    BORN_ON,
    ENCODING,
    GIVEN_NAME,
    MEMBER_NUMBER,
    MOBILE,
    NATIONAL_NUMBER,
    PHONE,
    SURNAME,
    story_list,
)

PRINTED_CODE = re.compile(r"\d{3}/\d{4}/\d{5}")
# What an answer or a request calls it, and what it is.
KINDS = {
    "first_name": "name",
    "last_name": "name",
    "full_name": "name",
    "number": "phone",
    "phone": "phone",
    "card_secret": "secret",
    "qr_payload": "secret",
    "secret": "secret",
    "handle": "handle",
    "access_token": "token",
}
PERSON = ("name", "phone", "national_number", "member_number", "birth_date")
OPENERS = ("secret", "token")
DATABASES = ("directory", "referrals", "campaigns")
WORKERS = ("directory-worker", "referrals-worker", "campaigns-worker")
# Tables that serve the machinery: nothing in them may say whom it is about.
MACHINERY = re.compile(r"procrastinate_.*|webhook_delivery|audit_entry|idempotency_key")
CONTACT = {
    "kind": "contact",
    "first_name": "Euphrosyne",
    "phone": "+32470919293",
    "language": "fr",
    "hours": ["MO 09:00-12:00"],
}
SHORTEST = 4
SEARCHED = "Kalmthoutse Zwerfhoek"


@dataclass
class Terms:
    """Words to look for, by kind."""

    by_kind: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, *words: str) -> None:
        spelled = {spelling for word in words for spelling in _spellings(kind, word)}
        # What is shorter stands in any text by chance.
        long = {spelling for spelling in spelled if len(spelling) >= SHORTEST}
        self.by_kind.setdefault(kind, set()).update(long)

    def only(self, *kinds: str) -> "Terms":
        return Terms({kind: self.by_kind[kind] for kind in kinds})

    def found_in(self, text: str) -> set[tuple[str, str]]:
        """(kind, word) of every term that stands in `text`, also as octets in hexadecimal."""
        encoded = (bytes.fromhex(octets) for octets in re.findall(r"\\x((?:[0-9a-f]{2})+)", text))
        clear = "\n".join([text, *(octets.decode("utf-8", "replace") for octets in encoded)])
        return {
            (kind, word)
            for kind, words in self.by_kind.items()
            for word in words
            if word in clear and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", clear)
        }


def _spellings(kind: str, word: str) -> Iterator[str]:
    yield word
    digits = re.sub(r"\D", "", word)
    match kind:
        case "phone":
            national = digits.removeprefix("32").removeprefix("0")
            yield from (f"+32{national}", f"32{national}", f"0{national}")
        case "national_number" | "code":
            yield digits
        case "birth_date":
            day, month, year = word.split("/")
            yield f"{year}-{month}-{day}"
        case "secret":
            yield word.rpartition(":")[2]
        case "token":
            # Payload and signature, by which a token is known without its head.
            yield from word.split(".")[1:]


@pytest.fixture(scope="module")
def terms(stack: RunningStack, told: HeardStory, mishaps: dict[str, str]) -> Terms:
    """All that the story's people are, hold and typed."""
    terms = Terms()
    for row in _rows():
        terms.add("name", row[SURNAME], row[GIVEN_NAME])
        terms.add("national_number", row[NATIONAL_NUMBER])
        terms.add("member_number", row[MEMBER_NUMBER])
        terms.add("birth_date", row[BORN_ON])
        terms.add("phone", *(cell for cell in (row[PHONE], row[MOBILE]) if len(cell) > 11))
    for answer in told.answers:
        terms.add("token", answer.request.headers.get("authorization", "").removeprefix("Bearer "))
        if answer.request.url.path.startswith("/directory/"):
            continue  # its phones are the services' own
        for document in (answer.request.content, answer.content):
            for name, value in _members(document):
                if name in KINDS:
                    terms.add(KINDS[name], value)
                if PRINTED_CODE.fullmatch(value):
                    terms.add("code", value)
    terms.add("typed", "50.8551", "4.3410", "undocumented", SEARCHED)
    terms.add("mishap", *mishaps.values())
    assert {*PERSON, *OPENERS, "handle", "code", "typed"} <= terms.by_kind.keys()
    assert min(len(words) for words in terms.by_kind.values()) >= 2
    return terms


def _rows() -> Iterator[list[str]]:
    for corrected in (False, True):
        text = story_list("mc", corrected=corrected).decode(ENCODING)
        yield from list(csv.reader(text.splitlines(), delimiter=";"))[1:]


def _members(document: bytes) -> Iterator[tuple[str, str]]:
    """Every (name, text) in a JSON document; nothing in what is not one."""
    with suppress(ValueError):
        pending: list[tuple[str, Any]] = [("", json.loads(document))]
        while pending:
            name, value = pending.pop()
            if isinstance(value, dict):
                pending.extend(value.items())
            elif isinstance(value, list):
                pending.extend((name, item) for item in value)
            elif isinstance(value, str):
                yield name, value


@pytest.fixture(scope="module")
def mishaps(stack: RunningStack, told: HeardStory) -> dict[str, str]:
    """Personal data where it does not belong: each request says a word of its own, kept by name."""
    word = {name: f"Introuvable{number:03}" for number, name in enumerate(_MISHAPS)}
    for name, (who, method, path, options) in _MISHAPS.items():
        told.call(
            who,
            method,
            path.format(word=word[name]),
            expect=tuple(range(200, 500)),
            **_filled(options, word[name]),
        )
    refer = {
        "subject": {"anonymous": True},
        "service_id": _json_of(told, "/attempts")["orientation"]["service_id"],
        "needs": ["administration"],
        "purpose": "social_support",
        "consent": {"method": "oral", "text": {"language": "fr", "version": "2026-1"}},
        "hand_over": CONTACT,
    }
    told.call("social-worker", "POST", "/referrals/v1/referrals", json=refer, expect=201)
    told.call("partner-app", "POST", "/directory/v1/services/search", json={"q": SEARCHED})
    told.call(None, "GET", "/directory/v1/services", params={"q": SEARCHED, "need": "food"})
    return word


_MISHAPS: Mapping[str, tuple[str | None, str, str, dict[str, Any]]] = {
    "no such path": ("raq-worker", "GET", "/referrals/v1/subjects/{word}/neighbours", {}),
    "no such id": ("counsellor-mc", "GET", "/campaigns/v1/leases/{word}", {}),
    "no such handle": ("raq-worker", "GET", "/referrals/v1/subjects/{word}/consents", {}),
    "path outside": (None, "GET", "/{word}/v1/services", {}),
    "unknown parameter": (None, "GET", "/directory/v1/services?surname={word}", {}),
    "unknown need": (None, "GET", "/directory/v1/services?need={word}", {}),
    "token in the query": (None, "GET", "/referrals/v1/inbox?access_token={word}", {}),
    "token of nobody": (None, "GET", "/referrals/v1/inbox", {"token": "eyJ9.{word}.x"}),
    "prose in a locator": (
        "social-worker",
        "POST",
        "/referrals/v1/pointers",
        {"json": {"handle": "x", "locator": {"system": "s", "reference": "{word} a téléphoné"}}},
    ),
    "broken JSON": (
        "counsellor-mc",
        "POST",
        "/campaigns/v1/leases",
        {"content": '{"name": "{word}"', "headers": {"Content-Type": "application/json"}},
    ),
    "unknown member": (
        "counsellor-mc",
        "POST",
        "/campaigns/v1/leases",
        {"json": {"name": "{word}"}},
    ),
    "a character no column takes": (
        "directory-editor",
        "POST",
        "/directory/v1/organizations",
        {"json": {"name": {"fr": "{word}\u0000"}, "kind": "association", "source": "{word}\u0000"}},
    ),
    "key of a person": (
        "social-worker",
        "POST",
        "/referrals/v1/subjects",
        {"json": {}, "headers": {"Idempotency-Key": "{word}"}},
    ),
    "headers": (
        "partner-app",
        "GET",
        "/directory/v1/needs",
        {"headers": {"User-Agent": "{word}", "Baggage": "name={word}", "Tracestate": "a={word}"}},
    ),
    "name of a file": (
        "office-mc",
        "POST",
        "/campaigns/v1/campaigns/01890000-0000-7000-8000-000000000000/imports",
        {
            "content": "Nom;{word}\r\n",
            "headers": {
                "Content-Type": "text/csv",
                "Content-Disposition": 'attachment; filename="{word}.csv"',
            },
        },
    ),
}


def _filled(options: Any, word: str) -> Any:
    """The options with the word in every text."""
    if isinstance(options, dict):
        return {name: _filled(value, word) for name, value in options.items()}
    return options.replace("{word}", word) if isinstance(options, str) else options


def _json_of(told: HeardStory, path: str) -> Any:
    return next(a for a in told.answers if a.request.url.path.endswith(path)).json()


class TestFiles:
    """Span files, logs of every process, the console, PostgreSQL's own log."""

    def test_hold_no_personal_data(
        self, stack: RunningStack, told: HeardStory, terms: Terms
    ) -> None:
        files = _written(stack, told)
        leaks = {
            f"{file.name}:{number}": found
            for file in files
            for number, line in enumerate(_lines(file), start=1)
            if (found := terms.found_in(line))
        }
        assert leaks == {}

    @pytest.mark.parametrize("kind", [*PERSON, *OPENERS, "handle", "code", "typed", "mishap"])
    def test_would_show_it(self, kind: str, terms: Terms) -> None:
        for word in terms.by_kind[kind]:
            for line in (f'{{"facts": {{"x": "{word}"}}}}', f"/v1/x/{word}?y=1", f"Key ({word})"):
                assert (kind, word) in terms.found_in(line)

    def test_do_not_sit_open_to_other_users(self, stack: RunningStack) -> None:
        for folder in (stack.folder.logs, stack.folder.telemetry, stack.folder.postgres):
            closed_above = (stack.folder.path.stat().st_mode & 0o077) == 0
            assert closed_above or (folder.stat().st_mode & 0o077) == 0


def _written(stack: RunningStack, told: HeardStory) -> list[Path]:
    """Every file a process of the stack writes to, once the last request's lines are in."""
    told.call(None, "GET", "/directory/v1/needs")
    last = told.answers[-1].headers["x-request-id"]
    spans = stack.folder.telemetry / "gateway.jsonl"
    told.until("the last span is on file", lambda: last in spans.read_text("utf-8"))
    files = [
        *stack.folder.telemetry.glob("*"),
        *stack.folder.logs.glob("*"),
        *stack.folder.path.parent.glob("*.log"),
    ]
    names = {file.name for file in files}
    assert names >= {
        *(f"{name}.jsonl" for name in ("gateway", "directory", "referrals", "campaigns")),
        *(f"{name}.log" for name in ("gateway", "directory", "referrals", "campaigns", "postgres")),
        *("referrals-worker.log", "campaigns-worker.log"),
    }
    return files


def _lines(file: Path) -> Iterable[str]:
    return file.read_text("utf-8", errors="replace").splitlines()


class TestDatabases:
    @pytest.mark.parametrize("database", DATABASES)
    def test_hold_nothing_that_opens(
        self, stack: RunningStack, terms: Terms, database: str
    ) -> None:
        with stack.administration(database) as admin:
            assert _leaks(admin, terms.only(*OPENERS)) == {}

    @pytest.mark.parametrize("database", DATABASES)
    def test_hold_no_person_of_a_list(
        self, stack: RunningStack, terms: Terms, database: str
    ) -> None:
        """In campaigns sealed, elsewhere not at all. The directory has names of its own."""
        kinds = [kind for kind in PERSON if (database, kind) != ("directory", "name")]
        with stack.administration(database) as admin:
            assert _leaks(admin, terms.only(*kinds)) == {}

    @pytest.mark.parametrize("database", DATABASES)
    def test_say_of_nobody_in_jobs_deliveries_and_audit(
        self, stack: RunningStack, terms: Terms, database: str
    ) -> None:
        told_of = terms.only(*PERSON, *OPENERS, "handle", "code", "mishap")
        with stack.administration(database) as admin:
            tables = [name for name in _tables(admin) if MACHINERY.fullmatch(name)]
            assert len(tables) >= 5
            assert _leaks(admin, told_of, tables) == {}

    def test_keep_waiting_jobs_free_of_persons(
        self, stack: RunningStack, told: HeardStory, terms: Terms
    ) -> None:
        """Finished jobs are deleted: the queue is read while nobody works."""
        with _nobody_works(stack):
            _, leased = _call_again(told)
            heard = terms.only(*PERSON, *OPENERS, "handle", "code")
            for name, value in _members(leased.content):
                if name in KINDS:
                    heard.add(KINDS[name], value)
            assert _waiting_jobs(stack) >= 2
            for database in DATABASES:
                with stack.administration(database) as admin:
                    assert _leaks(admin, heard, ["procrastinate_jobs", "webhook_delivery"]) == {}

    def test_keep_nothing_of_a_search(self, stack: RunningStack, told: HeardStory) -> None:
        """Not of what was searched, nor that somebody searched: not one row more or changed."""
        told.until("all jobs are done", lambda: _waiting_jobs(stack) == 0)
        with stack.administration("directory") as admin:
            tables = [name for name in _tables(admin) if not name.startswith("procrastinate")]
            before = {name: _dump(admin, name) for name in tables}
            for who in ("partner-app", "raq-worker", None):
                wanted = {"q": SEARCHED, "near": "50.8551,4.3410", "for_status": ["undocumented"]}
                told.call(who, "POST", "/directory/v1/services/search", json=wanted)
                told.call(who, "GET", "/directory/v1/services", params={"q": SEARCHED})
            assert {name: _dump(admin, name) for name in tables} == before
            typed = Terms({"typed": {SEARCHED, "50.8551,4.3410", *SEARCHED.split()}})
            assert _leaks(admin, typed) == {}

    @pytest.mark.parametrize(
        ("database", "statement"),
        [
            ("campaigns", "UPDATE list_import SET delimiter = %s"),
            ("campaigns", "UPDATE person SET sealed_names = convert_to(%s, 'UTF8')"),
            ("campaigns", "UPDATE orientation SET consent = jsonb_build_object('who', %s::text)"),
            ("referrals", "UPDATE audit_entry SET purpose = %s"),
            ("referrals", "UPDATE webhook_delivery SET payload = to_jsonb(%s::text)"),
            ("directory", "INSERT INTO audit_entry (id, at, event, decision, system_reason, entity,"
             " entity_id, trace_id) VALUES (uuidv7(), now(), 'x', 'permitted', 'import', 'x', %s,"
             " '')"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("kind", "word"),
        [("name", "Planté"), ("phone", "+32499000111"), ("handle", "-8D7qLwjZ5mc-JT_Lkbk4MOBShK_")],
    )
    @pytest.mark.usefixtures("terms")
    def test_would_show_it(
        self, stack: RunningStack, database: str, statement: str, kind: str, word: str
    ) -> None:
        with (
            stack.administration(database) as admin,
            admin.transaction(force_rollback=True),
        ):
            admin.execute("SET LOCAL session_replication_role = replica")
            assert admin.execute(statement.encode(), (word,)).rowcount > 0
            [leak] = _leaks(admin, Terms({kind: {word}})).values()
            assert leak == {(kind, word)}


class TestDisk:
    def test_holds_nobody_in_the_clear(
        self, stack: RunningStack, terms: Terms, tmp_path: Path
    ) -> None:
        """PostgreSQL's own files: rows that were deleted, and the write-ahead log."""
        with stack.administration("campaigns") as admin:
            admin.execute("CHECKPOINT")
        sought = terms.only("phone", "national_number", "secret", "token", "handle").by_kind
        long_words = {word for words in sought.values() for word in words if len(word) > 10}
        assert _files_with(long_words, stack.folder.postgres / "data", tmp_path) == []

    def test_would_show_it(self, stack: RunningStack, tmp_path: Path) -> None:
        """What the directory does hold is found in its files."""
        name = "Accueil social et santé Maillage"
        assert _files_with({name}, stack.folder.postgres / "data", tmp_path)


def _files_with(words: set[str], folder: Path, scratch: Path) -> list[str]:
    listed = scratch / "words"
    listed.write_text("\n".join(sorted(words)), "utf-8")
    found = subprocess.run(
        ["grep", "-rlaF", "-f", listed, folder],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    # 2 when a file went away meanwhile.
    assert found.returncode in (0, 1, 2)
    return found.stdout.splitlines()


def _tables(admin: psycopg.Connection) -> list[str]:
    rows = admin.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    return [str(name) for (name,) in rows.fetchall()]


def _dump(admin: psycopg.Connection, table: str) -> str:
    """All rows as PostgreSQL writes them, as they lie: one written anew moves."""
    copy = sql.SQL("COPY (SELECT * FROM {} ORDER BY ctid) TO STDOUT").format(sql.Identifier(table))
    with admin.cursor() as cursor, cursor.copy(copy) as rows:
        # COPY doubles the backslash before a bytea's x.
        return b"".join(map(bytes, rows)).decode().replace("\\\\x", "\\x")


def _leaks(
    admin: psycopg.Connection, terms: Terms, tables: Iterable[str] | None = None
) -> dict[str, set[tuple[str, str]]]:
    chosen = _tables(admin) if tables is None else tables
    return {table: found for table in chosen if (found := terms.found_in(_dump(admin, table)))}


def _waiting_jobs(stack: RunningStack) -> int:
    count = 0
    for database in DATABASES:
        with stack.administration(database) as admin:
            live = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
            count += len(admin.execute(live).fetchall())
    return count


@contextmanager
def _nobody_works(stack: RunningStack) -> Iterator[None]:
    pids = [stack.state.processes[name]["pid"] for name in WORKERS]
    workers = [pid for pid in pids if pid is not None]
    assert len(workers) == len(WORKERS)
    for pid in workers:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            kill(pid, signal.SIGCONT)


def _call_again(told: HeardStory) -> tuple[httpx.Response, httpx.Response]:
    """A call with an orientation and an obstacle, as the story's; (attempt, lease)."""
    wanted = {"campaign_id": told.held["campaign"], "languages": ["ar", "fr", "nl"]}
    leased = told.call("counsellor-mc", "POST", "/campaigns/v1/leases", json=wanted, expect=201)
    lease = leased.json()
    first = next(a for a in told.answers if a.request.url.path.endswith("/attempts"))
    body = json.loads(first.request.content) | {
        "fencing_token": lease["fencing_token"],
        "phone_position": lease["person"]["phones"][0]["position"],
    }
    path = f"/campaigns/v1/leases/{lease['id']}/attempts"
    return told.call("counsellor-mc", "POST", path, json=body), leased
