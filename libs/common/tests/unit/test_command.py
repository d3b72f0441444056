"""What a process says that is not given what it needs."""

import json
import os
import subprocess
import sys

import pytest

SECRET = "kept to itself"


# Of good form, and of nothing that is there.
FORMED = {
    "SAMPLE_SECRET": "s" * 32,
    "SAMPLE_DATABASE_URL": "postgresql+psycopg://app@nowhere/sample",
    "SAMPLE_SIGNING_KEY_FILE": "/missing.pem",
    "SAMPLE_TRUSTED_ISSUERS_FILE": "/missing.json",
}


def start(*arguments, **variables):
    """The sample's command with these variables, until it has ended."""
    return subprocess.run(
        [sys.executable, "-m", "maillage_sample", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | variables,
    )


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_settings_that_are_wrong_are_named_and_not_quoted(command, options):
    environment = {
        "SAMPLE_SECRET": SECRET,
        "SAMPLE_DATABASE_URL": f"postgresql+psycopg://app:{SECRET}@nowhere/sample",
        "SAMPLE_DATABASE_POOL_SIZE": SECRET,
    }
    started = start(command, *options, **environment)
    assert started.returncode == 1
    line = json.loads(started.stdout)
    assert line["event"] == "COM011"
    for name in ("SECRET", "DATABASE_POOL_SIZE", "SIGNING_KEY_FILE", "TRUSTED_ISSUERS_FILE"):
        assert f"SAMPLE_{name}: " in line["reason"]
    assert SECRET not in started.stdout + started.stderr


def test_of_several_processes_each_says_why_it_cannot_start_and_all_end(tmp_path):
    """Started anew, none would ever come up: whoever runs the service would see it run."""
    key = tmp_path / "key.pem"
    key.write_text("no key")
    environment = FORMED | {"SAMPLE_SIGNING_KEY_FILE": str(key)}
    started = start("serve", "--port", "0", "--workers", "2", **environment)
    assert started.returncode == 1
    lines = [json.loads(line) for line in started.stdout.splitlines()]
    assert {(line["event"], line["error_type"]) for line in lines} == {
        ("COM011", "FileNotFoundError")
    }
    assert all("/missing.json" in line["reason"] for line in lines)


def test_a_database_that_does_not_answer_is_told():
    away = f"postgresql+psycopg://app:{SECRET.replace(' ', '-')}@127.0.0.1:1/sample"
    addresses = {"SAMPLE_DATABASE_URL": away, "SAMPLE_MIGRATION_DATABASE_URL": away}
    started = start("migrate", **FORMED | addresses)
    assert (started.returncode, started.stderr) == (1, "")
    line = json.loads(started.stdout.splitlines()[-1])
    assert line["event"] == "COM011"
    assert line["reason"].startswith("The database does not answer: ")
    assert "Connection refused" in line["reason"]
    assert "kept" not in started.stdout


@pytest.mark.parametrize("port", ["99999", "-1", "one"])
def test_a_port_that_is_none_is_refused(port):
    started = start("serve", f"--port={port}", **FORMED)
    assert started.returncode == 2
    assert "--port: a port is a number, at most 65535" in started.stderr


def test_a_misspelt_variable_is_told_before_anything_else():
    started = start("migrate", SAMPLE_DATABASE_POLL_SIZE=SECRET)
    line = json.loads(started.stdout.splitlines()[0])
    assert (line["event"], line["level"]) == ("COM012", "WARNING")
    assert line["variable"] == "SAMPLE_DATABASE_POLL_SIZE"
    assert line["meant"] == "SAMPLE_DATABASE_POOL_SIZE"
    assert SECRET not in started.stdout + started.stderr
