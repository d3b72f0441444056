"""SIGHUP reaches every worker of a gateway process."""

import asyncio
import signal
from importlib import resources
from pathlib import Path

import httpx
from tests.peers.peers import doubles, gateway, gateway_environment

PACKAGED = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
OLD, NEW = "/directory/v1/needs", "/directory/v1/desires"


async def answers(url: str) -> set[tuple[int, int]]:
    """What a dozen connections are told of the old route and of the new one."""
    told = set()
    for _ in range(12):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            old, new = await client.get(OLD), await client.get(NEW)
        told.add((old.status_code, new.status_code))
    return told


async def test_every_worker_follows_and_none_takes_a_broken_policy(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(PACKAGED, "utf-8")
    async with doubles.listening(doubles.Service()) as echo:
        trusted = {"issuer": echo.url, "algorithms": ["ES256"]}
        environment = gateway_environment(tmp_path, echo.url, trusted)
        environment["GATEWAY_POLICY_FILE"] = str(policy)
        async with gateway(environment, workers=2) as (port, process):
            url = f"http://127.0.0.1:{port}"
            async with asyncio.timeout(20):
                while await answers(url) != {(200, 404)}:
                    await asyncio.sleep(0.1)
            policy.write_text(PACKAGED.replace("/v1/needs/", "/v1/desires/"), "utf-8")
            process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(10):
                while await answers(url) != {(404, 200)}:
                    await asyncio.sleep(0.1)
            policy.write_text("broken", "utf-8")
            process.send_signal(signal.SIGHUP)
            await asyncio.sleep(2)
            assert await answers(url) == {(404, 200)}
