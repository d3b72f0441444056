"""The gateway beside Envoy, HAProxy and a plain FastAPI + httpx proxy: ratios of one run.

    .venv/bin/python bench/gateway.py [--short] [--seconds 4] [--rounds 3] [--quick]

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
LOOKS = 5


@dataclass(frozen=True)
class Line:
    """One figure and its bar; `met` is None where there is nothing to compare with."""

    text: str
    met: bool | None

    def __str__(self) -> str:
        mark = {True: "  met", False: "  MISSED", None: ""}[self.met]
        return f"{self.text}{mark}"


def at_least(name: str, value: float, bar: float, note: str = "") -> Line:
    return Line(f"{name:44} {value:9.2f}  (at least {bar:g}){note}", value >= bar)


def at_most(name: str, value: float, bar: float) -> Line:
    return Line(f"{name:44} {value:9.2f}  (at most {bar:g})", value <= bar)


def ratio(one: Proxy, other: Proxy) -> float:
    """By CPU time, which holds on a busy machine too."""
    return statistics.median(one.per_cpu_second) / statistics.median(other.per_cpu_second)


def beside(name: str, one: Proxy, other: Proxy, bar: float | None = None) -> Line:
    """The ratio of two proxies, judged by the clock and told by CPU time as well."""
    by_clock = statistics.median(one.rates) / statistics.median(other.rates)
    note = f"  by CPU time {ratio(one, other):.2f}"
    if bar is None:
        return Line(f"{name:44} {by_clock:9.2f}{note}", None)
    return at_least(name, by_clock, bar, note)


async def throughput(rig: Rig, token: str, chosen: argparse.Namespace) -> list[Line]:
    """All proxies in turn; the gateway with a tenth of the requests traced, and with none."""
    check = rig.gateway("check", trace_ratio=0.1, command="check")
    trivial = rig.trivial_check()
    found = {
        "plain": rig.plain(),
        "envoy": rig.envoy("Envoy jwt_authn", rig.jwt_authn()),
        "haproxy": rig.haproxy(),
        "gateway": rig.gateway("gateway, 10 % traced", trace_ratio=0.1),
        "untraced": rig.gateway("gateway, none traced", trace_ratio=0.0),
        "asking": rig.envoy("Envoy asking the check", ext_authz(), check.port),
        # The most that any check could reach.
        "ceiling": trivial and rig.envoy("Envoy asking nginx", ext_authz(), trivial.port),
    }
    proxies = {name: proxy for name, proxy in found.items() if proxy is not None}
    for name, helper in (("asking", check), ("ceiling", trivial)):
        if name in proxies:
            proxies[name].helper = helper
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
        for stopped in [check, trivial, *proxies.values()]:
            if stopped is not None:
                stopped.stop()
    for proxy in [*proxies.values(), direct]:
        rate, per_cpu = map(statistics.median, (proxy.rates, proxy.per_cpu_second))
        print(f"{proxy.name:24} {rate:8,.0f} req/s {per_cpu:8,.0f} req per CPU second")
    return judged(proxies, direct)


def judged(proxies: dict[str, Proxy], direct: Proxy) -> list[Line]:
    ours, envoy = proxies["gateway"], proxies.get("envoy")
    lines = [beside("gateway / (FastAPI + httpx)", ours, proxies["plain"], 12)]
    if envoy is not None:
        lines.append(beside("gateway / Envoy jwt_authn", ours, envoy, 0.4))
        name = "Envoy asking the check / Envoy jwt_authn"
        lines.append(beside(name, proxies["asking"], envoy, 0.6))
        if "ceiling" in proxies:
            name = "Envoy asking nginx / Envoy jwt_authn"
            lines.append(beside(name, proxies["ceiling"], envoy))
        lines.append(beside("check / Envoy jwt_authn", direct, envoy))
    if "haproxy" in proxies:
        lines.append(beside("gateway / HAProxy jwt_verify", ours, proxies["haproxy"]))
    lines.append(at_least("check itself, requests/s", statistics.median(direct.rates), 15_000))
    cost = (1 - ratio(ours, proxies["untraced"])) * 100
    return [*lines, at_most("cost of tracing a tenth, %", cost, 15)]


async def latency(gateway: Proxy, rig: Rig, token: str, seconds: float) -> list[Line]:
    sent = request(gateway.port, token)
    plain = request(rig.service, None)
    alone = await load(rig.service, plain, connections=1, seconds=seconds)
    through = await load(gateway.port, sent, connections=1, seconds=seconds)
    half, p99 = await at_half_load(gateway.port, sent, seconds)
    pause = CONNECTIONS / half
    floor = await load(
        rig.service, plain, connections=CONNECTIONS, seconds=seconds * 2, pause=pause
    )
    added = milliseconds(through, 50) - milliseconds(alone, 50)
    lines = [
        at_most("added at one connection, p50 ms", added, 0.6),
        at_most(f"added at half load ({half:,.0f}/s), p99 ms", p99 - milliseconds(floor, 99), 3.0),
        Line(f"{'at half load in all, p99 ms':44} {p99:9.2f}", None),
    ]
    envoy = rig.envoy("Envoy jwt_authn", rig.jwt_authn())
    if envoy is not None:
        await envoy.ready(token)
        half, p99 = await at_half_load(envoy.port, request(envoy.port, token), seconds)
        envoy.stop()
        lines.append(
            Line(f"{f'Envoy at its half load ({half:,.0f}/s), p99 ms':44} {p99:9.2f}", None)
        )
    return lines


async def at_half_load(port: int, sent: bytes, seconds: float) -> tuple[float, float]:
    """Half of what comes through in a second, and the p99 in ms when that much is asked, spread: of
    five looks the middle one, as a pause of the machine is a large part of a p99."""
    looks = []
    for _ in range(LOOKS):
        most = len(await load(port, sent, connections=CONNECTIONS, seconds=seconds)) / seconds
        pause = CONNECTIONS / (most / 2)
        times = await load(port, sent, connections=CONNECTIONS, seconds=seconds * 2, pause=pause)
        looks.append((milliseconds(times, 99), most / 2))
    p99, half = sorted(looks)[LOOKS // 2]
    return half, p99


async def bounds(gateway: Proxy, rig: Rig, token: str) -> list[Line]:
    most = await limits.large_body(gateway, token)
    floods = [await limits.flood(gateway, rig, pause=0.005) for _ in range(LOOKS)]
    fetches = max(fetched for fetched, _, _ in floods)
    slower = statistics.median(beside_flood / good for _, good, beside_flood in floods)
    return [
        at_most("2 GB body, MB", most, 100),
        # After the first, one a cooldown, which is a second.
        at_most("key fetches a second, flood of unknown keys", fetches, 1),
        at_most("p99 beside the flood / beside good requests", slower, 1.5),
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
    parser.add_argument("--short", action="store_true", help="all figures, in three minutes")
    parser.add_argument("--quick", action="store_true", help="leave out memory and the flood")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.seconds, chosen.rounds = 1.5, 3
    with tempfile.TemporaryDirectory() as folder:
        good = uvloop.run(bench(Path(folder), chosen))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
