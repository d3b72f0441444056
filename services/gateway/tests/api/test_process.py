"""`python -m maillage_gateway serve` as it runs in production: uvloop, its own process."""

import asyncio
import json
import os
import socket
import sys

import pytest


@pytest.fixture
async def process(settings, issuer, echo, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    trusted = {
        "issuer": issuer.name,
        "jwks_uri": f"{issuer.source.url}/jwks.json",
        "algorithms": ["ES256"],
    }
    environment = {
        "GATEWAY_SIGNING_KEY_FILE": str(settings.signing_key_file),
        "GATEWAY_DIRECTORY_URL": echo.url,
        "GATEWAY_REFERRALS_URL": echo.url,
        "GATEWAY_CAMPAIGNS_URL": echo.url,
        "GATEWAY_ISSUERS": json.dumps([trusted]),
        "GATEWAY_TRACE_RATIO": "1",
        "GATEWAY_DRAIN_SECONDS": "0",
        "GATEWAY_TELEMETRY_FILE": str(tmp_path / "spans.jsonl"),
    }
    command = [sys.executable, "-m", "maillage_gateway", "serve", "--port", str(port)]
    started = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
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
