"""`maillage directory`, run as a source's editor runs it."""

from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from maillage_client import Maillage
from maillage_client.directory_command import app
from maillage_client.testing import Answer, RecordingServer, problem

IMPORT = "01890a5d-ac96-774b-bcce-b302099a8058"


def at(stage: str, **members: Any) -> Answer:
    return Answer({"id": IMPORT, "stage": stage, **members})


def findings(*rows: dict[str, Any]) -> Answer:
    return Answer({"items": list(rows), "next_cursor": None})


FAULT = {
    "line": 7,
    "field": "needs",
    "code": "unknown_need",
    "severity": "error",
    "detail": "Did you mean food?",
    "near": ["food"],
}


def run(server: RecordingServer, *arguments: str) -> Result:
    environment = {"MAILLAGE_URL": server.url, "MAILLAGE_TOKEN": "a-token", "COLUMNS": "120"}
    return CliRunner().invoke(app, list(arguments), env=environment)


def some_file(folder: Path, name: str = "offer.csv") -> str:
    (folder / name).write_bytes(b"type;name_fr\n")
    return str(folder / name)


class TestImport:
    def test_checks_first_and_tells_each_fault(
        self, server: RecordingServer, tmp_path: Path
    ) -> None:
        counts = {"created": 2, "bad": 1, "missing": 4}
        server.answer(at("received"), at("checked", counts=counts), findings(FAULT))
        ended = run(server, "import", some_file(tmp_path), "--source", "cdcs", "--part")
        assert ended.exit_code == 3, ended.output
        for words in ("unknown_need", "Did you mean food?", "2 created", "1 lines left out"):
            assert words in ended.output
        assert f"maillage directory decide {IMPORT} apply" in ended.output
        sent = server.requests[0]
        assert sent.path.endswith("?format=csv&dry_run=true&complete=false&source=cdcs")
        assert sent.body == b"type;name_fr\n"

    def test_lets_the_good_records_in_when_told_to(
        self, server: RecordingServer, tmp_path: Path
    ) -> None:
        done = at("done", counts={"created": 2})
        server.answer(at("received"), at("checked"), findings(), at("received"), done)
        ended = run(server, "import", some_file(tmp_path, "offer.json"), "--apply")
        assert ended.exit_code == 0, ended.output
        assert [r.json for r in server.requests if r.path.endswith("/decision")] == [
            {"decision": "apply"}
        ]
        assert "format=hsds" in server.requests[0].path

    def test_complains_of_files_nobody_can_read(
        self, server: RecordingServer, tmp_path: Path
    ) -> None:
        server.answer(at("received"), at("failed", failure_code="archive_too_large"))
        ended = run(server, "import", some_file(tmp_path, "offer.xlsx"))
        assert (ended.exit_code, "archive_too_large" in ended.output) == (1, True)
        assert "split it" in ended.output
        assert run(server, "import", some_file(tmp_path, "offer.doc")).exit_code == 2
        server.answer(problem(403, "insufficient_scope", detail="Ask for it."))
        assert run(server, "import", some_file(tmp_path)).exit_code == 1

    def test_decides_later(self, server: RecordingServer) -> None:
        server.answer(at("cancelled"))
        ended = run(server, "decide", IMPORT, "cancel")
        assert (ended.exit_code, "cancelled" in ended.output) == (0, True)


class TestExport:
    def test_writes_the_file_whole(self, server: RecordingServer, tmp_path: Path) -> None:
        server.answer(Answer("line\n" * 1000, media_type="application/x-ndjson"))
        file = tmp_path / "all.ndjson"
        ended = run(server, "export", str(file), "--need", "food", "--need", "debts")
        assert ended.exit_code == 0, ended.output
        assert file.read_text() == "line\n" * 1000
        assert server.requests[0].path == "/directory/v1/exports/ndjson?need=food&need=debts"
        assert [path.name for path in tmp_path.iterdir()] == ["all.ndjson"]

    def test_waits_when_asked_to_and_tells_refusals(
        self, server: RecordingServer, maillage: Maillage, waits: list[float], tmp_path: Path
    ) -> None:
        busy = problem(429, "too_many_requests", headers={"Retry-After": "3"})
        server.answer(busy, Answer("x", media_type="text/csv"))
        assert maillage.files.export(tmp_path / "all.csv", "csv") == 1
        assert waits == [3.0]
        server.answer(problem(422, "unknown_need", detail="Did you mean food?"))
        ended = run(server, "export", str(tmp_path / "all.zip"), "--need", "fod")
        assert (ended.exit_code, "Did you mean food?" in ended.output) == (1, True)
        assert run(server, "export", str(tmp_path / "all.doc")).exit_code == 2

    def test_a_refusal_leaves_no_file_behind(self, server: RecordingServer, tmp_path: Path) -> None:
        server.answer(problem(422, "unknown_need", detail="Did you mean food?"))
        ended = run(server, "export", str(tmp_path / "all.csv"), "--need", "fod")
        assert (ended.exit_code, list(tmp_path.iterdir())) == (1, [])

    def test_says_where_it_cannot_write(self, server: RecordingServer, tmp_path: Path) -> None:
        server.answer(Answer("x", media_type="text/csv"))
        file = tmp_path / "missing" / "all.csv"
        ended = run(server, "export", str(file))
        assert ended.exit_code == 1, ended.output
        said = " ".join(ended.output.split())
        assert "cannot be written: No such file or directory" in said
