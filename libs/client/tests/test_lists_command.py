"""`maillage lists`, run as a back office runs it."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maillage_client.lists import app
from maillage_client.testing import Answer, RecordingServer, problem

CAMPAIGN = "01890a5d-ac96-774b-bcce-b302099a8057"
IMPORT = "01890a5d-ac96-774b-bcce-b302099a8058"
NO_ISSUES = Answer({"items": [], "next_cursor": None})


def at(stage: str, **members: Any) -> Answer:
    return Answer({"id": IMPORT, "stage": stage, "file_name": "list.csv", **members})


def issues(count: int) -> Answer:
    one = {
        "row": 7,
        "column": "H",
        "label": "Téléphone",
        "code": "missing-phone",
        "severity": "error",
        "messages": {"fr": "Il faut un numéro.", "nl": "Een nummer is nodig."},
    }
    return Answer({"items": [one] * count, "next_cursor": None})


@pytest.fixture
def call_list(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(b"Nom;GSM\r\n")
    return path


def run(server: RecordingServer, *arguments: str) -> Result:
    environment = {"MAILLAGE_URL": server.url, "MAILLAGE_TOKEN": "a-token", "COLUMNS": "120"}
    return CliRunner().invoke(app, list(arguments), env=environment)


class TestPush:
    def test_shows_the_row_report_and_what_to_do_next(
        self, server: RecordingServer, call_list: Path
    ) -> None:
        counts = {"good": 25, "bad": 4, "new": 24, "changed": 1, "duplicate": 2, "objection": 1}
        server.answer(at("received"), at("awaiting_approval", counts=counts), issues(1))
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN)
        assert ended.exit_code == 3
        assert "H Téléphone" in ended.output
        assert "Il faut un numéro." in ended.output
        assert "25 good rows (24 new, 1 changed, 0 the same), 4 left out" in ended.output
        assert f"maillage lists decide {IMPORT} approve" in ended.output

    def test_ends_well_when_every_row_is_good(
        self, server: RecordingServer, call_list: Path
    ) -> None:
        server.answer(at("received"), at("awaiting_approval", counts={"good": 30}), NO_ISSUES)
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN)
        assert ended.exit_code == 0, ended.output

    def test_speaks_dutch(self, server: RecordingServer, call_list: Path) -> None:
        server.answer(at("done"), at("done"), issues(1))
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN, "--language", "nl")
        assert "Een nummer is nodig." in ended.output
        assert server.requests[0].headers["accept-language"] == "nl"

    def test_approves_when_told_to(self, server: RecordingServer, call_list: Path) -> None:
        counts = {"good": 30}
        server.answer(
            at("received"),
            at("awaiting_approval", counts=counts),
            NO_ISSUES,
            at("merging"),
            at("done", counts=counts),
        )
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN, "--approve")
        assert ended.exit_code == 0, ended.output
        assert "done" in ended.output
        decision = server.requests[3]
        assert decision.path.endswith("/decision")
        assert decision.json["confirm_bad_rows"] is False

    def test_tells_how_much_of_a_long_report_it_holds_back(
        self, server: RecordingServer, call_list: Path
    ) -> None:
        server.answer(at("done"), at("done", counts={"bad": 250}), issues(250))
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN)
        assert "and 50 more" in ended.output

    def test_goes_on_with_the_next_file_after_a_refusal(
        self, server: RecordingServer, call_list: Path
    ) -> None:
        refusal = problem(415, "not_a_list", detail="Send text/csv.", trace_id="t-1")
        server.answer(refusal, at("received"), at("awaiting_approval"), NO_ISSUES)
        ended = run(server, "push", str(call_list), str(call_list), "--campaign", CAMPAIGN)
        assert ended.exit_code == 1
        assert "not_a_list" in ended.stderr
        assert "trace t-1" in ended.stderr
        assert "awaiting_approval" in ended.stdout

    def test_says_why_a_file_could_not_be_read(
        self, server: RecordingServer, call_list: Path
    ) -> None:
        missing = ["national_number|external_id", "phone"]
        failed = at("failed", failure_code="missing-label", missing_columns=missing)
        server.answer(at("received"), failed)
        ended = run(server, "push", str(call_list), "--campaign", CAMPAIGN)
        assert ended.exit_code == 1
        assert "missing-label" in ended.stderr
        assert "no heading for: national_number or external_id; phone" in ended.stderr

    def test_shows_brackets_in_names_as_they_are(
        self, server: RecordingServer, tmp_path: Path
    ) -> None:
        path = tmp_path / "list[bold].csv"
        path.write_bytes(b"Nom;GSM\r\n")
        server.answer(at("received"), at("awaiting_approval"), NO_ISSUES)
        ended = run(server, "push", str(path), "--campaign", CAMPAIGN)
        assert "list[bold].csv: 0 good rows" in ended.output

    def test_needs_a_file_that_exists(self, server: RecordingServer) -> None:
        ended = run(server, "push", "no-such.csv", "--campaign", CAMPAIGN)
        assert ended.exit_code == 2
        assert server.requests == []


class TestDecide:
    def test_approves(self, server: RecordingServer) -> None:
        server.answer(at("merging"), at("done", counts={"good": 30}))
        ended = run(server, "decide", IMPORT, "approve", "--confirm")
        assert ended.exit_code == 0, ended.output
        assert "done, 30 rows" in ended.output
        assert server.requests[0].json == {"decision": "approve", "confirm_bad_rows": True}

    def test_says_why_not(self, server: RecordingServer) -> None:
        server.answer(problem(409, "confirmation_required"))
        ended = run(server, "decide", IMPORT, "approve")
        assert ended.exit_code == 1
        assert "confirmation_required" in ended.stderr
