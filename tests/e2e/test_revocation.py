"""A token of the demo is taken back, and let in again, by the command that operations use."""

import time
from collections.abc import Callable

import httpx
from tests.e2e.running import RunningStack
from typer.testing import CliRunner

from maillage_local.cli import app

READ = "/directory/v1/needs"
# What the gateway promises, on a machine that does other things too.
SECONDS = 15.0


def test_a_client_is_shut_out_within_seconds_and_let_in_again(
    stack: RunningStack, gateway: httpx.Client, as_persona: Callable[[str], dict[str, str]]
) -> None:
    held = as_persona("partner-app")
    other = as_persona("directory-editor")

    def revoke(*arguments: str) -> None:
        options = ["--data-dir", str(stack.folder.path)]
        assert CliRunner().invoke(app, ["revoke", *options, *arguments]).exit_code == 0

    def wait_for(status: int) -> None:
        deadline = time.monotonic() + SECONDS
        while gateway.get(READ, headers=held).status_code != status:
            assert time.monotonic() < deadline
            assert gateway.get(READ, headers=other).status_code == 200

    wait_for(200)
    revoke("client", "partner-app")
    try:
        wait_for(401)
    finally:
        revoke("lift", "client", "partner-app")
    wait_for(200)
