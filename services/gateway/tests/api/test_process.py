"""`python -m maillage_gateway serve` as it runs in production: uvloop, its own process."""

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from importlib import resources

import pytest


@pytest.fixture
def environment(settings, issuer, echo, tmp_path):
    trusted = {
        "issuer": issuer.name,
        "jwks_uri": f"{issuer.source.url}/jwks.json",
        "algorithms": ["ES256"],
    }
    return os.environ | {
        "GATEWAY_SIGNING_KEY_FILE": str(settings.signing_key_file),
        "GATEWAY_DIRECTORY_URL": echo.url,
        "GATEWAY_REFERRALS_URL": echo.url,
        "GATEWAY_CAMPAIGNS_URL": echo.url,
        "GATEWAY_ISSUERS": json.dumps([trusted]),
        "GATEWAY_TRACE_RATIO": "1",
        "GATEWAY_DRAIN_SECONDS": "0",
        "GATEWAY_TELEMETRY_FILE": str(tmp_path / "spans.jsonl"),
    }


@pytest.fixture
async def process(environment):
    async with running(environment, "serve") as started:
        yield started


@asynccontextmanager
async def running(environment, *command):
    """The process and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "maillage_gateway", *command, "--port", str(port)]
    started = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            while b"COM003" not in await started.stdout.readline():
                pass
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        writer.close()
        yield started, port
    finally:
        if started.returncode is None:
            started.terminate()
        await started.communicate()


async def ask(port, *fields, target="/directory/v1/needs", method="GET", body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {target} HTTP/1.1", "Host: g", "Connection: close", *fields, "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


class TestServe:
    async def test_answers_and_stops(self, process, issuer, echo, tmp_path):
        started, port = process
        token = issuer.token()
        answer = await ask(port, f"Authorization: Bearer {token}")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"server:" not in answer.lower()
        for target in ("/health/ready", "/docs", "/"):
            assert (await ask(port, target=target)).startswith(b"HTTP/1.1 200")
        started.terminate()
        await asyncio.wait_for(started.wait(), 10)
        spans = (tmp_path / "spans.jsonl").read_text().splitlines()
        assert "GET /directory/v1/needs/**" in {json.loads(line)["name"] for line in spans}
        assert token not in "".join(spans)

    async def test_trailers_do_not_become_headers(self, process):
        _, port = process
        trailers = b"2\r\n{}\r\n0\r\nAuthorization: Bearer forged\r\n\r\n"
        answer = await ask(
            port,
            "Transfer-Encoding: chunked",
            target="/directory/v1/services/search",
            method="POST",
            body=trailers,
        )
        assert answer.startswith(b"HTTP/1.1 200")


class TestSeveralProcesses:
    async def test_serve_until_they_are_told_to_stop(self, environment):
        async with running(environment, "serve", "--workers", "2") as (started, port):
            answer = await ask(port, target="/health/live")
            started.terminate()
            await started.communicate()
        assert answer.startswith(b"HTTP/1.1 200")
        assert started.returncode == 0


class TestMetrics:
    @pytest.mark.parametrize("command", ["serve", "check"])
    async def test_the_age_of_keys_is_told_by_whoever_checks_tokens(
        self, environment, echo, command
    ):
        collected = {"GATEWAY_OTLP_ENDPOINT": echo.url}
        async with running(environment | collected, command) as (started, port):
            async with asyncio.timeout(10):
                while b" 200 " not in await ask(port, target="/health/ready"):
                    pass
            # The last of them are sent at the end.
            started.terminate()
            await started.communicate()
        told = b"".join(seen.body for seen in echo.seen if seen.target == "/v1/metrics")
        assert b"maillage.keys.age" in told
        assert b"maillage.token_cache.lookups" in told


class TestStart:
    async def why_not(self, environment, port=0, options=()):
        """What the log says of a process that does not start."""
        command = [sys.executable, "-m", "maillage_gateway", "serve", "--port", str(port), *options]
        started = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            told, _ = await started.communicate()
        assert started.returncode != 0
        return [json.loads(line) for line in told.splitlines()]

    async def test_settings_that_contradict_each_other_are_named(self, environment):
        issuers = json.loads(environment["GATEWAY_ISSUERS"])
        cards = {"issuer": "http://old.example/referrals", "algorithms": ["ES256"]}
        environment["GATEWAY_ISSUERS"] = json.dumps([*issuers, cards])
        lines = await self.why_not(environment)
        (line,) = (line for line in lines if line["event"] == "COM011")
        assert line["error_type"] == "ValueError"
        assert "prefix" in line["reason"]
        assert not any(line["event"] == "COM003" for line in lines)

    @pytest.mark.parametrize(
        ("variable", "value", "reason"),
        [
            ("SIGNING_KEY_FILE", "/missing.pem", "/missing.pem"),
            ("LOG_LEVEL", "LOUD", "GATEWAY_LOG_LEVEL"),
            ("DIRECTORY_URL", "directory:8000", "GATEWAY_DIRECTORY_URL"),
            ("ISSUERS", '[{"issuer": "x"}]', "GATEWAY_ISSUERS.0.algorithms: Field required"),
            ("ISSUERS", "[{]", "GATEWAY_ISSUERS: not valid JSON"),
            ("TRUSTED_PROXIES", "10.0.0.0/8", "GATEWAY_TRUSTED_PROXIES: not valid JSON"),
            ("PUBLIC_URL", "maillage.example", "GATEWAY_PUBLIC_URL: an address is written http://"),
            ("OTLP_ENDPOINT", "collector:4318", "GATEWAY_OTLP_ENDPOINT: an address is written"),
            ("POLICY_FILE", "/missing.toml", "/missing.toml"),
        ],
    )
    async def test_one_line_tells_what_is_wrong(self, environment, variable, value, reason):
        (line,) = await self.why_not(environment | {f"GATEWAY_{variable}": value})
        assert line["event"] == "COM011"
        assert reason in line["reason"]

    @pytest.mark.parametrize("variable", ["SIGNING_KEY_FILE", "POLICY_FILE"])
    async def test_of_several_processes_each_says_what_is_wrong_and_all_end(
        self, environment, variable
    ):
        changed = environment | {f"GATEWAY_{variable}": "/missing"}
        lines = await self.why_not(changed, options=("--workers", "2"))
        assert {line["event"] for line in lines} == {"COM011"}
        assert all("/missing" in line["reason"] for line in lines)

    async def test_a_port_in_use_is_named(self, environment):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            lines = await self.why_not(environment, port)
        (line,) = (line for line in lines if line["level"] == "ERROR")
        assert str(port) in line["message"]
        assert "in use" in line["message"]


class TestPolicy:
    async def judged(self, file):
        command = [sys.executable, "-m", "maillage_gateway", "policy", str(file)]
        asked = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        told, why_not = await asked.communicate()
        return asked.returncode, told.decode(), why_not.decode()

    async def test_is_judged_without_a_gateway(self, tmp_path):
        packaged = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
        file = tmp_path / "policy.toml"
        file.write_text(packaged, "utf-8")
        status, told, _ = await self.judged(file)
        assert (status, told[:6]) == (0, "Valid:")
        file.write_text(packaged.replace("anonymous = true", "anonymus = true", 1), "utf-8")
        status, told, why_not = await self.judged(file)
        assert (status, told) == (1, "")
        assert "anonymus" in why_not
