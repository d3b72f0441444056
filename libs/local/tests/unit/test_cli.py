"""The commands where no stack runs; with one, the end-to-end tests use them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maillage_client.testing import problem, recording_server
from maillage_local.cli import app
from maillage_local.data_folder import DataFolder, State
from maillage_local.signing_keys import SigningKeys


def run(*arguments: str, data: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(data)])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", [("status",), ("token", "ops"), ("revoke", "show")])
def test_says_how_to_start_a_stack(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, out, err = run(*command, data=tmp_path)
    assert (code, out) == (1, "")
    assert "make up" in err


def test_says_that_a_folder_cannot_be_used(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    code, out, err = run("up", data=taken)
    assert (code, out) == (1, "")
    assert f"{taken}: File exists; choose another folder with --data-dir" in err


def test_says_that_a_port_is_none(tmp_path: Path) -> None:
    code, _, err = run("up", "--port", "99999", data=tmp_path)
    assert (code, "65535" in err) == (2, True)


def test_status_says_what_the_gateway_waits_for(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.lock(), recording_server() as gateway:
        port = int(gateway.url.rpartition(":")[2])
        folder.write_state(State(pid=1, ready=False, ports={"gateway": port}, processes={}))
        services = {"directory": True, "referrals": False, "campaigns": False}
        gateway.answer(problem(503, "not_ready", services=services, keys=False))
        code, out, _ = run("status", data=tmp_path)
    assert code == 1
    assert "not ready: referrals, campaigns, keys\n" in out


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    code, out, _ = run("down", data=tmp_path)
    assert (code, out) == (0, "No stack runs here.\n")


def test_trace_without_spans_says_so(tmp_path: Path) -> None:
    code, _, err = run("trace", data=tmp_path)
    assert code == 1
    assert "no such trace" in err


def test_a_trace_in_a_pipe_has_a_line_for_each_span(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.ensure()
    name = "POST /campaigns/v1/campaigns/{campaign_id}/people/{person_id}/orientations/{id}"
    second = "2026-11-22T07:00:0{}Z"
    line = {
        "name": name,
        "context": {"trace_id": "0x" + "ab" * 16, "span_id": "0x" + "cd" * 8},
        "kind": "SpanKind.SERVER",
        "parent_id": None,
        "start_time": second.format(1),
        "end_time": second.format(2),
        "status": {"status_code": "UNSET"},
        "attributes": {},
        "resource": {"attributes": {"service.name": "gateway"}},
    }
    (folder.telemetry / "gateway.jsonl").write_text(json.dumps(line) + "\n")
    maillage = [str(Path(sys.executable).with_name("maillage")), "trace"]
    told = subprocess.run(
        [*maillage, "--data-dir", tmp_path], check=True, capture_output=True, text=True
    ).stdout
    assert told.splitlines()[1:] == [f"└── gateway    {name}  1000.0 ms  ok"]


def test_rotates_the_keys_of_a_stack_that_is_down(tmp_path: Path) -> None:
    keys = SigningKeys(DataFolder(tmp_path).identity_provider_keys)
    code, _, err = run("rotate-keys", data=tmp_path)
    assert code == 1
    assert "start the stack first" in err
    keys.ensure()
    code, out, _ = run("rotate-keys", data=tmp_path)
    assert code == 0
    assert len(keys.published()) == 2
    assert keys.published()[1]["kid"] in out


def test_up_refuses_a_folder_that_is_in_use(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.ensure()
    with folder.lock():
        code, _, err = run("up", data=tmp_path)
    assert code == 1
    assert "already runs" in err
    assert not (tmp_path / "secrets.json").exists()


def test_state_of_a_stack_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"pid": 1}))
    assert run("status", data=tmp_path)[0] == 1


def test_offers_the_commands_of_the_sdk_and_imports_them_only_then() -> None:
    look = "import maillage_local.cli, sys; sys.exit('maillage_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "Push call lists" in shown
    assert "take the directory out" in shown
    assert "Usage: root lists push" in CliRunner().invoke(app, ["lists", "push", "--help"]).stdout
