"""Sends hostile tokens to a running gateway over bare sockets.

They are made by the forge of the common library's tests, which knows nothing of our own code.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from forged_tokens import Forge, access_claims, ec_key, rsa_key

CALLS = "/campaigns/v1/callbacks"
ISSUER = "https://login.example"
RS = Forge(rsa_key(), "RS256", "rsa")
ES = Forge(ec_key(), "ES256", "ec")
INVALID = (401, "invalid_token")


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    fresh = {"iat": now - 10, "exp": now + 600, "scope": "campaigns:call", "jti": str(uuid4())}
    return access_claims(**{**fresh, **changes})


def token(**changes: Any) -> str:
    return ES.token(claims(**changes))


def headed(**changes: Any) -> str:
    return ES.token(claims(), ES.header(**changes))


@dataclass
class Target:
    """A gateway under attack, its issuer's server and the service behind it."""

    gateway: Any
    source: Any
    echo: Any

    async def send(self, *fields: bytes, target: str = CALLS) -> tuple[int, str | None]:
        """Status and code of the answer to a GET with these header lines."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        lines = [f"GET {target} HTTP/1.1".encode(), b"Host: g", b"Connection: close", *fields]
        writer.write(b"\r\n".join([*lines, b"", b""]))
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        writer.close()
        is_problem = b"application/problem+json" in head
        return int(head.split()[1]), json.loads(body)["code"] if is_problem else None

    async def bear(self, token: str | bytes) -> tuple[int, str | None]:
        text = token if isinstance(token, bytes) else token.encode()
        return await self.send(b"Authorization: Bearer " + text)

    async def refuse(self, *tokens: str | bytes, as_: tuple[int, str] = INVALID) -> None:
        for one in tokens:
            assert await self.bear(one) == as_, one[:200]
        assert not self.echo.seen
