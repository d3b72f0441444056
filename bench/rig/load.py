"""A service that costs next to nothing, and clients that measure."""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from typing import ClassVar, cast

PATH = "/directory/v1/services/0194a1b2-0000-7000-8000-000000000001"
UPLOADS = "/campaigns/v1/uploads"
ANSWER = json.dumps({"id": PATH[-36:], "name": {"fr": "Accueil social"}, "open": True}).encode()


class Service(asyncio.Protocol):
    """Answers every request (none has a body) with the same small JSON document."""

    documents: ClassVar[dict[bytes, bytes]] = {}
    asked: ClassVar[Counter[bytes]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        *heads, self.pending = (self.pending + data).split(b"\r\n\r\n")
        for head in heads:
            target = head.split(b" ", 2)[1]
            if target in self.documents:
                self.asked[target] += 1
            body = self.documents.get(target, ANSWER)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"date: Sun, 22 Nov 2026 07:00:00 GMT\r\ncontent-length: %d\r\n\r\n%s"
                % (len(body), body)
            )


class Sink(asyncio.Protocol):
    """Takes one body of the length it was told, answers when it is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.head, self.left = b"", 0

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = b""
            lower = head.lower()
            if b"content-length:" in lower:
                self.left = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        self.left -= len(data)
        if self.left <= 0:
            self.left = 0
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


class Client(asyncio.Protocol):
    """Sends requests on one connection: each after the answer before it, or every `pause` s.

    `requests` are sent in turn, the first after `late` seconds. Latencies count from when a request
    was due.
    """

    def __init__(
        self,
        requests: list[bytes],
        *,
        pause: float = 0.0,
        late: float = 0.0,
        wanted: bytes = b"200",
    ) -> None:
        self.requests, self.pause, self.late, self.wanted = requests, pause, late, wanted
        self.latencies: list[float] = []
        self.failures = 0
        self.stopping = False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.due_at = time.perf_counter() + self.late
        asyncio.get_running_loop().call_later(self.late, self._ask)

    def _ask(self) -> None:
        self.received, self.expected = b"", 0
        self.transport.write(self.requests[len(self.latencies) % len(self.requests)])

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.expected:
            head, separator, _ = self.received.partition(b"\r\n\r\n")
            if not separator:
                return
            if self.wanted not in head[:16]:
                self.failures += 1
            lower = head.lower()
            if b"content-length:" in lower:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                self.expected = len(head) + 4 + length
        complete = (
            len(self.received) >= self.expected
            if self.expected
            else self.received.endswith(b"0\r\n\r\n")
        )
        if complete:
            self._answered()

    def _answered(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self.due_at)
        if self.stopping:
            self.transport.close()
            return
        self.due_at = max(now, self.due_at + self.pause) if self.pause else now
        if self.due_at > now:
            asyncio.get_running_loop().call_later(self.due_at - now, self._ask)
        else:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def request(port: int, token: str | None, *, path: str = PATH, method: str = "GET") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"Accept-Language: fr\r\nUser-Agent: bench\r\n{authorization}\r\n"
    ).encode()


async def connect(
    port: int,
    count: int,
    requests: list[bytes],
    *,
    pause: float = 0.0,
    spread: float = 0.0,
    wanted: bytes = b"200",
) -> list[Client]:
    """Clients that begin one after the other over `spread` seconds."""
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(count):
        turned = requests[number:] + requests[:number] if len(requests) > 1 else requests
        made = Client(turned, pause=pause, late=spread * number / count, wanted=wanted)
        _, client = await loop.create_connection(lambda made=made: made, "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
    return clients


async def load(
    port: int, sent: bytes, *, connections: int, seconds: float, pause: float = 0.0
) -> list[float]:
    """Latencies in seconds of every answer within the time; all of them must be 200.

    With a pause the clients are spread over it: all at once they would come in bursts.
    """
    clients = await connect(port, connections, [sent], pause=pause, spread=pause)
    await asyncio.sleep(seconds)
    return await collect(clients)


async def collect(clients: list[Client]) -> list[float]:
    latencies = [latency for client in clients for latency in client.latencies]
    for client in clients:
        client.stopping = True
    await asyncio.wait([client.done for client in clients], timeout=5)
    failures = sum(client.failures for client in clients)
    if failures:
        sys.exit(f"{failures} answers were not as wanted")
    return latencies


def milliseconds(latencies: list[float], percent: int) -> float:
    return statistics.quantiles(latencies, n=100)[percent - 1] * 1000
