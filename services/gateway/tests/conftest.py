"""The gateway as a real uvicorn server on a free port, between an issuer and one echo service."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from maillage_common.protocol import GuardedProtocol
from maillage_common.tokens import TokenSigner
from maillage_gateway.check import Check
from maillage_gateway.main import Gateway
from maillage_gateway.settings import IssuerSettings, Settings
from maillage_local.loopback import NO_AUTHORITIES

ISSUER = "http://127.0.0.1/issuer"


@pytest.fixture
def service() -> str:
    return "gateway"


def make_pem() -> bytes:
    """A new P-256 private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def new_pem() -> Callable[[], bytes]:
    return make_pem


@dataclass
class Request:
    """A request as a service read it, byte for byte."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode()

    def all(self, name: str) -> list[str]:
        return [v.decode() for n, v in self.headers if n.lower() == name.lower().encode()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def words(self) -> str:
        """All of it but the token, in whose letters any word may come by chance."""
        kept = [pair for pair in self.headers if pair[0].lower() != b"authorization"]
        return str(replace(self, headers=kept))


Behaviour = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Service:
    """A service of few manners: behaviours by path, and otherwise an echo of what it read.

    A behaviour gets the request without its body and reads that itself if it wants it.
    """

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.behaviours: dict[str, Behaviour] = {}
        self.documents: dict[str, object] = {
            "/health/ready": {"status": "ok"},
            "/openapi.json": {"openapi": "3.1.0", "paths": {}},
        }
        self.closed = asyncio.Event()
        self.url = ""
        self.server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def last(self) -> Request:
        return self.seen[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self.closed.set()
            writer.close()

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def leave(self) -> None:
        """As a process that dies: nobody listens, and every connection is closed."""
        assert self.server is not None
        self.server.close()
        self.stop()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await read_head(reader)
        if request is None:
            return False
        path = request.target.partition("?")[0]
        if path in self.documents:
            await answer_json(writer, self.documents[path])
            return True
        self.seen.append(request)
        if path in self.behaviours:
            await self.behaviours[path](request, reader, writer)
            return False
        request.body = await read_body(request, reader)
        document = {"target": request.target, "length": len(request.body)}
        await answer_json(writer, document, body=not request.line.startswith(b"HEAD "))
        return True


async def read_head(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *fields = head[:-4].split(b"\r\n")
    pairs = [field.split(b": ", 1) for field in fields]
    return Request(line, [(name, value) for name, value in pairs])


async def read_body(request: Request, reader: asyncio.StreamReader) -> bytes:
    if request.all("transfer-encoding") == ["chunked"]:
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    length = request.all("content-length")
    return await reader.readexactly(int(length[0])) if length else b""


async def answer_json(writer: asyncio.StreamWriter, document: object, *, body: bool = True) -> None:
    text = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    writer.write(head.encode() + b"Server: secretive/1.0\r\n\r\n" + (text if body else b""))
    await writer.drain()


@asynccontextmanager
async def listening(service: Service, port: int = 0) -> AsyncIterator[Service]:
    server = service.server = await asyncio.start_server(service.serve, "127.0.0.1", port)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        service.leave()


@dataclass
class Issuer:
    """An issuer of access tokens; its key set is at `/jwks.json` of `source`."""

    source: Service
    name: str = ISSUER
    signer: TokenSigner = field(default_factory=lambda: TokenSigner(make_pem(), ISSUER))

    def publish(self, *signers: TokenSigner) -> None:
        keys = [key for signer in signers for key in signer.jwks()["keys"]]
        self.source.documents["/jwks.json"] = {"keys": keys}

    def token(self, *, signer: TokenSigner | None = None, **claims: Any) -> str:
        now = int(time.time())
        standard: dict[str, Any] = {
            "aud": "maillage",
            "sub": str(uuid4()),
            "client_id": "partner-app",
            "scope": "directory:read",
            "iat": now,
            "exp": now + 600,
            "jti": str(uuid4()),
        }
        claims = {k: v for k, v in (standard | claims).items() if v is not None}
        return (signer or self.signer).sign(claims, typ="at+jwt")

    def bearer(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(**claims)}"}


@pytest.fixture
async def echo() -> AsyncIterator[Service]:
    """The service behind every route of the gateway."""
    async with listening(Service()) as service:
        yield service


@pytest.fixture
def start_service() -> Callable[..., Any]:
    """`async with start_service() as service:`, or on the `port` of one that has stopped."""
    return lambda port=0: listening(Service(), port)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with listening(Service()) as source:
        issuer = Issuer(source)
        issuer.publish(issuer.signer)
        yield issuer


@pytest.fixture
def signing_key(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.pem"
    path.write_bytes(make_pem())
    return path


@pytest.fixture
def settings(echo: Service, issuer: Issuer, signing_key: Path) -> Settings:
    return Settings(
        trace_ratio=1,
        signing_key_file=signing_key,
        environment="test",
        directory_url=echo.url,
        referrals_url=echo.url,
        campaigns_url=echo.url,
        issuers=(
            IssuerSettings(
                issuer=issuer.name,
                jwks_uri=f"{issuer.source.url}/jwks.json",
                algorithms=frozenset({"ES256", "RS256"}),
            ),
        ),
    )


@dataclass
class Running:
    """A gateway that listens on `port`."""

    port: int
    client: httpx.AsyncClient
    signer: TokenSigner

    async def talk(self, *parts: bytes) -> bytes:
        """Send bytes over a bare socket and read until the gateway closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            answer = b""
            with suppress(TimeoutError, ConnectionError):
                while part := await asyncio.wait_for(reader.read(65536), 0.3):
                    answer += part
            return answer
        finally:
            writer.close()


@contextmanager
def free_socket() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound


@asynccontextmanager
async def running(
    settings: Settings, application: Callable[[Settings], Any] = Gateway
) -> AsyncIterator[Running]:
    config = uvicorn.Config(
        application(settings),
        http=GuardedProtocol,
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    async with AsyncExitStack() as stack:
        bound = stack.enter_context(free_socket())
        # Started by hand: `serve` polls ten times a second and would catch the test's signals.
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[bound])
        port = bound.getsockname()[1]
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=NO_AUTHORITIES
            )
        )
        signer = TokenSigner(settings.signing_key_file.read_bytes(), "maillage-gateway")
        try:
            yield Running(port, client, signer)
        finally:
            await client.aclose()
            await server.shutdown(sockets=[bound])


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Running]:
    async with running(settings) as gateway:
        yield gateway


@pytest.fixture
def start_gateway() -> Callable[[Settings], Any]:
    """`async with start_gateway(settings) as gateway:` for settings of a test's own.

    A second argument starts another application, such as `Check`.
    """
    return running


@pytest.fixture
async def check(settings: Settings) -> AsyncIterator[Running]:
    """The check endpoint, on a listener of its own."""
    async with running(settings, Check) as check:
        yield check


@pytest.fixture
def impatient(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose policy lets services stay silent for 0.2 seconds."""
    text = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
    path = tmp_path / "policy.toml"
    path.write_text(text.replace("silence = 15.0", "silence = 0.2"), encoding="utf-8")
    return settings.model_copy(update={"policy_file": path})
