"""Pushing a list: streamed, followed, reported, decided."""

from pathlib import Path
from typing import Any

import pytest

from maillage_client import ImportStage, ImportStopped, ListImport, Maillage
from maillage_client.call_lists import CHUNK_BYTES
from maillage_client.testing import Answer, RecordingServer, problem

CAMPAIGN = "01890a5d-ac96-774b-bcce-b302099a8057"
IMPORT = "01890a5d-ac96-774b-bcce-b302099a8058"


def at(stage: str, **members: Any) -> Answer:
    return Answer({"id": IMPORT, "stage": stage, **members})


def issue(row: int) -> dict[str, Any]:
    return {
        "row": row,
        "column": "H",
        "label": "Téléphone",
        "code": "missing-phone",
        "severity": "error",
        "messages": {"fr": "Il faut un numéro.", "nl": "Een nummer is nodig."},
    }


@pytest.fixture
def call_list(tmp_path: Path) -> Path:
    path = tmp_path / 'dépistage "été".csv'
    path.write_bytes(b"N\xb0 national;Nom\r\n" * 40_000)
    return path


class TestPush:
    def test_sends_the_very_bytes_with_their_name(
        self, maillage: Maillage, server: RecordingServer, call_list: Path
    ) -> None:
        server.answer(at("received"), at("awaiting_approval"))
        pushed = maillage.lists.push(CAMPAIGN, call_list)
        assert pushed.stage is ImportStage.AWAITING_APPROVAL
        sent, polled = server.requests
        assert sent.path == f"/campaigns/v1/campaigns/{CAMPAIGN}/imports"
        assert sent.body == call_list.read_bytes()
        assert sent.headers["content-type"] == "text/csv"
        assert sent.headers["content-disposition"] == (
            'attachment; filename="d_pistage __t__.csv"; '
            "filename*=UTF-8''d%C3%A9pistage%20%22%C3%A9t%C3%A9%22.csv"
        )
        assert polled.path == f"/campaigns/v1/imports/{IMPORT}"

    def test_streams_and_tells_how_far_it_is(
        self, maillage: Maillage, server: RecordingServer, call_list: Path
    ) -> None:
        sent: list[int] = []
        server.answer(at("done"))
        maillage.lists.push(CAMPAIGN, call_list, on_sent=sent.append)
        assert sent[0] == CHUNK_BYTES
        assert sent[-1] == call_list.stat().st_size
        assert sent == sorted(sent)
        assert len(sent) > 2

    def test_follows_the_import_until_it_rests(
        self,
        maillage: Maillage,
        server: RecordingServer,
        call_list: Path,
        waits: list[float],
    ) -> None:
        seen: list[ListImport] = []
        server.answer(
            at("received"),
            at("parsing", progress={"rows_done": 10, "rows_total": None}),
            at("validated", progress={"rows_done": 40, "rows_total": 40}),
            at("awaiting_approval", counts={"good": 38, "bad": 2}),
        )
        pushed = maillage.lists.push(CAMPAIGN, call_list, on_progress=seen.append)
        assert [each.progress.rows_done for each in seen] == [10, 40, 0]
        assert (pushed.counts.good, pushed.counts.bad) == (38, 2)
        assert waits == [0.5, 0.5]

    def test_sends_the_whole_file_again_when_the_server_was_busy(
        self, maillage: Maillage, server: RecordingServer, call_list: Path
    ) -> None:
        server.answer(problem(503, "busy"), at("received"), at("done"))
        maillage.lists.push(CAMPAIGN, call_list)
        assert server.requests[0].body == server.requests[1].body == call_list.read_bytes()

    def test_says_why_a_file_could_not_be_read(
        self, maillage: Maillage, server: RecordingServer, call_list: Path
    ) -> None:
        server.answer(at("received"), at("failed", failure_code="missing_columns"))
        with pytest.raises(ImportStopped) as raised:
            maillage.lists.push(CAMPAIGN, call_list)
        assert raised.value.code == "missing_columns"


class TestRows:
    def test_walks_the_whole_report(self, maillage: Maillage, server: RecordingServer) -> None:
        server.answer(
            Answer({"items": [issue(2), issue(3)], "next_cursor": "c/2"}),
            Answer({"items": [issue(9)], "next_cursor": None}),
        )
        report = list(maillage.lists.rows(IMPORT, severity="error"))
        assert [row.row for row in report] == [2, 3, 9]
        assert server.requests[1].path.endswith("?limit=100&severity=error&cursor=c%2F2")

    def test_speaks_the_language_asked_for_or_french(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(Answer({"items": [issue(2)], "next_cursor": None}))
        (row,) = maillage.lists.rows(IMPORT)
        assert row.words("nl") == "Een nummer is nodig."
        assert row.words("en") == "Il faut un numéro."


class TestDecide:
    def test_approves_with_a_confirmation(
        self, maillage: Maillage, server: RecordingServer
    ) -> None:
        server.answer(at("merging"))
        decided = maillage.lists.decide(IMPORT, "approve", confirm_bad_rows=True)
        assert decided.stage is ImportStage.MERGING
        assert server.requests[0].path == f"/campaigns/v1/imports/{IMPORT}/decision"
        assert server.requests[0].json == {"decision": "approve", "confirm_bad_rows": True}
