"""The gateway beside Envoy, HAProxy and a plain FastAPI + httpx proxy: ratios of one run.

    .venv/bin/python bench/gateway.py [--seconds 4] [--rounds 3] [--quick]

The proxy under test runs alone on one core; the service behind it and the clients share another.
Rounds alternate, so that a noisy neighbour hits all. See README.md, section "gateway".
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rig import limits
from rig.load import PATH, Service, Sink, load, milliseconds, request
from rig.proxies import Proxy, Rig, ext_authz, prepare

CONNECTIONS = 32


@dataclass(frozen=True)
class Line:
    """One figure and its bar; `met` is None where there is nothing to compare with."""

    text: str
    met: bool | None

    def __str__(self) -> str:
        mark = {True: "  ok", False: "  MISSED", None: ""}[self.met]
        return f"{self.text}{mark}"


def at_least(name: str, value: float, bar: float) -> Line:
    return Line(f"{name:44} {value:9.2f}  (at least {bar:g})", value >= bar)


def at_most(name: str, value: float, bar: float) -> Line:
    return Line(f"{name:44} {value:9.2f}  (at most {bar:g})", value <= bar)


def ratio(one: Proxy, other: Proxy) -> float:
    """By CPU time, which holds on a busy machine too."""
    return statistics.median(one.per_cpu_second) / statistics.median(other.per_cpu_second)


async def throughput(rig: Rig, token: str, chosen: argparse.Namespace) -> list[Line]:
    """All proxies in turn; the gateway with a tenth of the requests traced, and with none."""
    check = rig.gateway("check", trace_ratio=0.1, command="check")
    found = {
        "plain": rig.plain(),
        "envoy": rig.envoy("Envoy jwt_authn", rig.jwt_authn()),
        "haproxy": rig.haproxy(),
        "gateway": rig.gateway("gateway, 10 % traced", trace_ratio=0.1),
        "untraced": rig.gateway("gateway, none traced", trace_ratio=0.0),
        "asking": rig.envoy("Envoy asking the check", ext_authz(), check.port),
    }
    proxies = {name: proxy for name, proxy in found.items() if proxy is not None}
    if "asking" in proxies:
        proxies["asking"].helper = check
    direct = Proxy("check, asked directly", check.port, check.process)
    asked = f"/authz/check{PATH}"
    try:
        for proxy in proxies.values():
            await proxy.ready(token)
            await load(proxy.port, request(proxy.port, token), connections=8, seconds=1)
        for _ in range(chosen.rounds):
            for proxy in proxies.values():
                await proxy.measure(token, connections=CONNECTIONS, seconds=chosen.seconds)
            await direct.measure(token, connections=CONNECTIONS, seconds=chosen.seconds, path=asked)
    finally:
        for proxy in [check, *proxies.values()]:
            proxy.stop()
    for proxy in [*proxies.values(), direct]:
        rate, per_cpu = map(statistics.median, (proxy.rates, proxy.per_cpu_second))
        print(f"{proxy.name:24} {rate:8,.0f} req/s {per_cpu:8,.0f} req per CPU second")
    return judged(proxies, direct)


def judged(proxies: dict[str, Proxy], direct: Proxy) -> list[Line]:
    ours = proxies["gateway"]
    lines = [at_least("gateway / (FastAPI + httpx)", ratio(ours, proxies["plain"]), 12)]
    if "envoy" in proxies:
        envoy = proxies["envoy"]
        lines.append(at_least("gateway / Envoy jwt_authn", ratio(ours, envoy), 0.4))
        name = "Envoy asking the check / Envoy jwt_authn"
        lines.append(at_least(name, ratio(proxies["asking"], envoy), 0.6))
        lines.append(Line(f"check / Envoy jwt_authn {ratio(direct, envoy):30.2f}", None))
    if "haproxy" in proxies:
        value = ratio(ours, proxies["haproxy"])
        lines.append(Line(f"gateway / HAProxy jwt_verify {value:25.2f}", None))
    cost = (1 - ratio(ours, proxies["untraced"])) * 100
    return [*lines, at_most("cost of tracing a tenth, %", cost, 15)]


async def latency(gateway: Proxy, rig: Rig, token: str, seconds: float) -> list[Line]:
    sent = request(gateway.port, token)
    most = len(await load(gateway.port, sent, connections=CONNECTIONS, seconds=seconds)) / seconds
    pause = CONNECTIONS / (most / 2)
    plain = request(rig.service, None)
    alone = await load(rig.service, plain, connections=1, seconds=seconds)
    through = await load(gateway.port, sent, connections=1, seconds=seconds)
    half = await load(gateway.port, sent, connections=CONNECTIONS, seconds=seconds * 2, pause=pause)
    added = milliseconds(through, 50) - milliseconds(alone, 50)
    return [
        at_most("added at one connection, p50 ms", added, 0.6),
        at_most(f"at half load ({most / 2:,.0f}/s), p99 ms", milliseconds(half, 99), 3.0),
    ]


async def bounds(gateway: Proxy, rig: Rig, token: str) -> list[Line]:
    most = await limits.large_body(gateway, token)
    fetches, beside_good, beside_flood = await limits.flood(gateway, rig, pause=0.005)
    return [
        at_most("2 GB body, MB", most, 100),
        # After the first, one a cooldown, which is a second.
        at_most("key fetches a second, flood of unknown keys", fetches, 1),
        at_most("p99 beside the flood / beside good requests", beside_flood / beside_good, 1.5),
        at_most("10,000 idle connections, MB", await limits.idle_connections(gateway, token), 250),
    ]


async def bench(folder: Path, chosen: argparse.Namespace) -> bool:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in (Service, Sink)]
    service, sink = (server.sockets[0].getsockname()[1] for server in servers)
    rig = prepare(folder, core=cores[0], service=service, sink=sink)
    token = rig.access_token()
    lines = await throughput(rig, token, chosen)
    gateway = rig.gateway("gateway", trace_ratio=0.1)
    try:
        await gateway.ready(token)
        lines += await latency(gateway, rig, token, chosen.seconds)
        if not chosen.quick:
            lines += await bounds(gateway, rig, token)
    finally:
        gateway.stop()
        for server in servers:
            server.close()
    print(*lines, sep="\n")
    return not any(line.met is False for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave out memory and the flood")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = uvloop.run(bench(Path(folder), chosen))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
