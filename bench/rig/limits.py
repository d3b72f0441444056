"""Bounds of one gateway process: memory of idle connections and a large body; a flood of keys."""

import asyncio
import base64
import json
import resource
import time

from rig.load import UPLOADS, Client, Service, collect, connect, milliseconds, request
from rig.proxies import Proxy, Rig

IDLE_CONNECTIONS = 10_000
BODY_BYTES = 2 * 1024**3
UNKNOWN_KEYS = 10_000
FLOOD_CONNECTIONS, GOOD_CONNECTIONS = 4, 4
PART = b"x" * (256 * 1024)


async def idle_connections(gateway: Proxy, token: str) -> float:
    """MB while so many connections wait, each after an answer."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CONNECTIONS + 1000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return float("nan")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    sent, kept = [request(gateway.port, token)], []
    for _ in range(IDLE_CONNECTIONS // 100):
        clients = await connect(gateway.port, 100, sent, pause=3600.0)
        while not all(client.latencies for client in clients):
            await asyncio.sleep(0.005)
        kept += clients
    memory = gateway.megabytes()
    for client in kept:
        client.transport.close()
    await asyncio.wait([client.done for client in kept], timeout=30)
    return memory


async def large_body(gateway: Proxy, token: str) -> float:
    """The most MB while so large a body passes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = request(gateway.port, token, path=UPLOADS, method="POST")
    writer.write(head[:-2] + b"Content-Length: %d\r\n\r\n" % BODY_BYTES)
    most = 0.0
    for number in range(BODY_BYTES // len(PART)):
        writer.write(PART)
        await writer.drain()
        if number % 128 == 0:
            most = max(most, gateway.megabytes())
    line = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    assert b" 200 " in line, line
    return most


async def flood(gateway: Proxy, rig: Rig, *, pause: float) -> tuple[float, float, float]:
    """Key fetches a second; p99 in ms of good requests beside good ones, and beside the flood.

    The flood comes `FLOOD_CONNECTIONS` requests every `pause` seconds, as the good ones before it.
    """
    good = request(gateway.port, rig.access_token())
    beside_good = await _beside(gateway, good, [good] * UNKNOWN_KEYS, pause=pause, wanted=b"200")
    header, _, rest = rig.access_token().partition(".")
    unknown = [request(gateway.port, f"{_renamed(header, n)}.{rest}") for n in range(UNKNOWN_KEYS)]
    before, began_at = Service.asked[b"/jwks.json"], time.perf_counter()
    beside_bad = await _beside(gateway, good, unknown, pause=pause, wanted=b"401")
    seconds = time.perf_counter() - began_at
    fetches = max(0, Service.asked[b"/jwks.json"] - before - 1) / seconds
    return fetches, milliseconds(beside_good, 99), milliseconds(beside_bad, 99)


async def _beside(
    gateway: Proxy, good: bytes, others: list[bytes], *, pause: float, wanted: bytes
) -> list[float]:
    share = len(others) // FLOOD_CONNECTIONS
    crowd: list[Client] = []
    for number in range(FLOOD_CONNECTIONS):
        part = others[number * share : (number + 1) * share]
        crowd += await connect(gateway.port, 1, part, pause=pause, wanted=wanted)
    watched = await connect(gateway.port, GOOD_CONNECTIONS, [good], pause=pause * 5)
    while any(len(client.latencies) < share for client in crowd):
        await asyncio.sleep(0.05)
    latencies = await collect(watched)
    await collect(crowd)
    return latencies


def _renamed(header: str, number: int) -> str:
    """The token's header with a key id that nobody has."""
    members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    members["kid"] = f"unknown-{number}"
    encoded = json.dumps(members, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()
