"""The directory with thousands, a hundred thousand and a million services.

    .venv/bin/python bench/directory.py [--million] [--seconds 5] [--rounds 3] [--folder FOLDER]

Prints figures and their bars; exit code 0 when every bar is met. See README.md, section
"directory".
"""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from directory_exchange import exchange
from directory_stage import Service, Stage, load, request, service, stage
from sqlalchemy.engine import make_url

from maillage_common.database import Database
from maillage_common.reading import in_native_form
from maillage_directory.search.conditions import Frozen, Way, fragments
from maillage_directory.search.estimates import Look
from maillage_directory.search.queries import Reading, search_statement
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Terms, load_terms
from maillage_local.databases import ServiceDatabase
from maillage_local.postgres import binaries, driver_url

REGION, COUNTRY, CONTINENT = 4_000, 100_000, 1_000_000
SLOWER_IN_A_COUNTRY, SLOWER_IN_A_CONTINENT = 2.0, 3.0
SEARCHES_A_SECOND = 400
OF_POSTGRESQL_ALONE = 0.4
UNCHANGED_A_SECOND = 2_500
CONNECTIONS = 8
QUERIES = 200
PUBLIC = Layer(is_professional=False, is_admin=False, organization=None, function=None)


def searches(database: ServiceDatabase) -> list[dict[str, Any]]:
    """Main searches: words + need + territory + language + hour + point, the same at every run.

    Words and need go together, as for people who know what they look for; the point lies in the
    territory, which is a commune, or (three in ten) the basin or region around it.
    """
    chance = random.Random(2026)
    with psycopg.connect(driver_url(make_url(database.owner_url))) as connection:
        places = connection.execute(
            "SELECT t.code, t.latitude, t.longitude, array_agg(a.above ORDER BY a.above)"
            " FROM territory t JOIN territory_above a USING (code)"
            " WHERE t.kind = 'commune' AND t.latitude IS NOT NULL"
            " GROUP BY t.code ORDER BY t.code"
        ).fetchall()
        needs = connection.execute(
            "SELECT code, parent_code, string_to_array(keywords->>'fr', '; ') FROM need"
            " WHERE parent_code IS NOT NULL AND keywords->>'fr' <> '' ORDER BY code"
        ).fetchall()
    found = []
    for _ in range(QUERIES):
        code, latitude, longitude, above = chance.choice(places)
        need, parent, words = chance.choice(needs)
        first = chance.choice(["", "accueil ", "consultation ", "permanence "])
        found.append(
            {
                "q": first + chance.choice(words),
                "need": [chance.choice([need, parent])],
                "territory": [code if chance.random() < 0.7 else chance.choice(above)],
                "spoken": chance.choice([["fr"], ["nl"], ["ar"], ["en", "ar"]]),
                "open_at": [
                    f"2026-11-2{chance.randint(4, 6)}T{chance.randint(10, 16)}:30:00+01:00"
                ],
                "near": f"{latitude + chance.uniform(-0.02, 0.02):.4f},"
                f"{longitude + chance.uniform(-0.02, 0.02):.4f}",
                "limit": 20,
            }
        )
    return found


def asked(stage: Stage, found: list[dict[str, Any]]) -> Iterator[bytes]:
    headers = stage.headers()
    path = "/directory/v1/services/search"
    return itertools.cycle([request("POST", path, headers, body) for body in found])


async def latencies(served: Service, requests: Iterator[bytes], seconds: float) -> list[float]:
    """Milliseconds, sorted, of searches one after the other."""
    times = await load(served.port, requests, connections=1, seconds=seconds)
    return sorted(time * 1000 for time in times)


def p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95)]


async def scale(stage: Stage, sizes: list[int], seconds: float, rounds: int) -> list[bool]:
    """How much slower the main search gets as services grow, rounds alternating between sizes."""
    slowest: dict[int, list[float]] = {size: [] for size in sizes}
    middle: dict[int, list[float]] = {size: [] for size in sizes}
    for number in range(rounds + 1):
        for size in sizes:
            database = stage.made[size]
            requests = asked(stage, searches(database))
            with service(stage, database) as served:
                # So that each way of asking is planned, and the pages asked for are in memory.
                await load(served.port, requests, connections=1, seconds=seconds)
                times = await latencies(served, requests, seconds)
            if number or not rounds:
                slowest[size].append(p95(times))
                middle[size].append(statistics.median(times))
    bars = {COUNTRY: SLOWER_IN_A_COUNTRY, CONTINENT: SLOWER_IN_A_CONTINENT}
    met = []
    for size in sizes:
        ninety_five, half = map(statistics.median, (slowest[size], middle[size]))
        ratio = ninety_five / statistics.median(slowest[sizes[0]])
        bar = f" (wanted: {bars[size]:.0f})" if size in bars else ""
        print(f"{size:9,} services: p50 {half:6.1f} ms, p95 {ninety_five:6.1f} ms", end="")
        print(f", ratio {ratio:.2f}{bar}")
        met.append(ratio <= bars.get(size, 1.0))
    return met


async def rate(stage: Stage, seconds: float, rounds: int) -> list[bool]:
    """Searches a second through one worker, and what PostgreSQL alone gives for the same SQL."""
    database = stage.made[REGION]
    found = searches(database)
    scripts = await write_scripts(stage.folder, database, found)
    ours, alone, cpu = [], [], []
    with service(stage, database) as served:
        requests = asked(stage, found)
        await load(served.port, requests, connections=CONNECTIONS, seconds=seconds)
        for _ in range(rounds):
            before = served.cpu_seconds()
            times = await load(served.port, requests, connections=CONNECTIONS, seconds=seconds)
            ours.append(len(times) / seconds)
            cpu.append(len(times) / (served.cpu_seconds() - before))
            alone.append(pgbench(database, scripts, seconds))
    searched, given, per_cpu = map(statistics.median, (ours, alone, cpu))
    share = searched / given
    print(
        f"one worker: {searched:,.0f} searches/s, {per_cpu:,.0f} per CPU second of it"
        f" (wanted: {SEARCHES_A_SECOND})"
    )
    print(f"PostgreSQL alone: {given:,.0f}/s; share {share:.2f} (wanted: {OF_POSTGRESQL_ALONE})")
    return [searched >= SEARCHES_A_SECOND, share >= OF_POSTGRESQL_ALONE]


async def write_scripts(
    folder: Path, database: ServiceDatabase, found: list[dict[str, Any]]
) -> list[Path]:
    """The statements of the searches, a file each, their values written out for pgbench."""
    reads = Database(database.app_url, pool_size=1)
    async with reads.read() as session:
        terms = await load_terms(session)
    await reads.close()
    scripts = []
    with psycopg.connect(driver_url(make_url(database.app_url))) as connection:
        for number, body in enumerate(found[:50]):
            path = folder / f"search{number}.sql"
            path.write_text(_written_out(connection, body, terms), encoding="utf-8")
            scripts.append(path)
    return scripts


def _written_out(connection: psycopg.Connection, body: dict[str, Any], terms: Terms) -> str:
    reading = Reading(PUBLIC, terms, Frozen(datetime.now(UTC)))
    params = SearchParams.model_validate(body)
    parts = fragments(params, PUBLIC, terms, reading.frozen)
    statement, parameters = search_statement(
        params, reading, parts, Way.HOLDING, parts.tiers[-1], Look()
    )
    native, names = in_native_form(statement)
    cursor = psycopg.ClientCursor(connection)
    values = [cursor.mogrify("%s", [parameters[name]]) for name in names]
    # From the last one on, since `$1` is a part of `$10`.
    for number in range(len(values), 0, -1):
        native = native.replace(f"${number}", f"({values[number - 1]})")
    # pgbench would take the colon of `"is_holiday":false` for a variable's.
    return native.replace("\n", " ").replace('":', '": ') + ";\n"


def pgbench(database: ServiceDatabase, scripts: list[Path], seconds: float) -> float:
    url = make_url(database.app_url)
    command = [
        *(str(binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared"),
        *("--client", str(CONNECTIONS), "--time", str(max(1, round(seconds)))),
        *(argument for script in scripts for argument in ("--file", str(script))),
        str(url.database),
    ]
    environment = {
        "PGHOST": str(url.query["host"]),
        "PGPORT": str(url.query["port"]),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password),
    }
    told = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    lines = [line for line in told.stdout.splitlines() if line.startswith("tps")]
    if not lines:
        sys.exit(told.stderr)
    return float(lines[-1].split()[2])


async def unchanged(stage: Stage, seconds: float, rounds: int) -> list[bool]:
    """Reads of one service by callers who hold it already."""
    database = stage.made[REGION]
    with service(stage, database) as served:
        gets = []
        for number in range(1, 40):
            path = f"/directory/v1/services/00000002-0000-7000-8000-{number:012x}"
            tag = await _tag(served.port, path, stage.headers())
            if tag:
                headers = {**stage.headers(), "If-None-Match": tag}
                gets.append(request("GET", path, headers))
        rates, cpu = [], []
        for _ in range(rounds):
            before = served.cpu_seconds()
            times = await load(
                served.port,
                itertools.cycle(gets),
                connections=CONNECTIONS * 2,
                seconds=seconds,
                expected=b" 304 ",
            )
            rates.append(len(times) / seconds)
            cpu.append(len(times) / (served.cpu_seconds() - before))
    got, per_cpu = statistics.median(rates), statistics.median(cpu)
    print(
        f"unchanged services: {got:,.0f}/s, {per_cpu:,.0f} per CPU second"
        f" (wanted: {UNCHANGED_A_SECOND:,})"
    )
    return [got >= UNCHANGED_A_SECOND]


async def _tag(port: int, path: str, headers: dict[str, str]) -> str | None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", path, {**headers, "Connection": "close"}))
    head = (await reader.read()).partition(b"\r\n\r\n")[0].decode()
    writer.close()
    tags = [line[6:] for line in head.split("\r\n") if line.lower().startswith("etag: ")]
    return tags[0] if tags else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--million", action="store_true", help="also a million services (8 GB)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the seeded databases here")
    chosen = parser.parse_args()
    sizes = [REGION, COUNTRY, *([CONTINENT] if chosen.million else [])]
    with tempfile.TemporaryDirectory() as scratch, stage(chosen.folder or Path(scratch)) as set_up:
        for size in sizes:
            set_up.database(size)
        met = uvloop.run(_measure(set_up, sizes, chosen.seconds, chosen.rounds))
    sys.exit(0 if all(met) else 1)


async def _measure(stage: Stage, sizes: list[int], seconds: float, rounds: int) -> list[bool]:
    return [
        *await scale(stage, sizes, seconds, rounds),
        *await rate(stage, seconds, rounds),
        *await unchanged(stage, seconds, rounds),
        *await exchange(stage, sizes),
    ]


if __name__ == "__main__":
    main()
