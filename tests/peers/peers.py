"""The gateway as real processes, between real peers and an echo service on loopback."""

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".local" / "peers" / "venv" / "bin"

# The issuer and the echo service that the gateway's own tests use.
_spec = importlib.util.spec_from_file_location(
    "gateway_fixtures", ROOT / "services" / "gateway" / "tests" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
doubles = sys.modules["gateway_fixtures"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(doubles)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(name: str) -> str:
    """The peer's program, or a failure that says how to get it."""
    program = shutil.which(name, path=f"{PEERS}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.fail(f"{name} is missing: run tests/peers/prepare", pytrace=False)
    return program


@asynccontextmanager
async def process(
    *command: object, port: int, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that listens on `port` of loopback, ended with the block."""
    started = await asyncio.create_subprocess_exec(
        *map(str, command),
        env=os.environ | (environment or {}),
        cwd=cwd,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=None,
    )
    try:
        async with asyncio.timeout(60):
            while not await _answers(port):
                assert started.returncode is None, f"{command[0]} ended"
                await asyncio.sleep(0.05)
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await started.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def gateway_environment(folder: Path, echo: str, *issuers: Mapping[str, object]) -> dict[str, str]:
    """Settings of a gateway before one echo service, by environment variable."""
    key = folder / "gateway.pem"
    if not key.exists():
        key.write_bytes(doubles.make_pem())
    services = {f"GATEWAY_{name}_URL": echo for name in ("DIRECTORY", "REFERRALS", "CAMPAIGNS")}
    return services | {
        "GATEWAY_SIGNING_KEY_FILE": str(key),
        "GATEWAY_ISSUERS": json.dumps(issuers),
        "GATEWAY_TRUSTED_PROXIES": '["127.0.0.0/8"]',
        "GATEWAY_DRAIN_SECONDS": "0",
    }


@asynccontextmanager
async def gateway(
    environment: Mapping[str, str], *, command: str = "serve", workers: int = 1
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """`python -m maillage_gateway serve` or `check`: its port and process."""
    port = free_port()
    arguments = ("-m", "maillage_gateway", command, "--port", port, "--workers", workers)
    async with process(sys.executable, *arguments, port=port, environment=environment) as started:
        yield port, started
