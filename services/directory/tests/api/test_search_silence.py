"""A search is asked for a person: nothing of it stays, but that a search was answered."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from sqlalchemy import text

from maillage_common import telemetry

SERVICES = "/directory/v1/services"
ASKED: dict[str, Any] = {
    "q": "kwetsbaarwoord",
    "near": "50.812345,4.312345",
    "radius_m": 4321,
    "for_age": 87,
    "for_status": "undocumented",
    "for_gender": "women",
    "spoken": "ln",
    "need": "violence",
    "territory": "21012",
    "open_at": "2031-12-24T18:17:00+01:00",
}
TRACES = (
    *("kwetsbaarwoord", "50.812345", "4.312345", "4321", "undocumented", "women", "violence"),
    *("21012", "18:17", "17:17", '"ln"', "=ln", "=87", "203.0.113.77", "OddBrowser"),
)
# Instants at which something happened, ids (of the process too) and times, in which any digits may
# come by chance.
CHANCE = re.compile(
    r"20(?!31)\d\d-\d\d-\d\dT[\d:.+]+Z?|[0-9a-f]{16,}|\d{12,}|\d+\.\d{7,}|\bdirectory-\d+\b"
)


@pytest.fixture(scope="module")
def meters() -> Iterator[InMemoryMetricReader]:
    """What would go to a collector. Set once a process: instruments made before follow it."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    yield reader
    reader.collect()


async def rows(directory: Any) -> dict[str, str]:
    """A digest of every row of every table, those of jobs, keys and the audit among them."""
    async with directory.database.read() as session:
        connection = await session.connection()
        tables = await connection.execute(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        )
        digests = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"
            for name in tables.scalars()
        )
        return {row[0]: row[1] for row in await connection.execute(text(digests))}


async def test_a_search_leaves_nothing_about_the_asker_or_the_person_but_counts(
    directory: Any,
    client: Any,
    as_anonymous: Any,
    professional: Any,
    spans_file: Path,
    meters: InMemoryMetricReader,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await directory.has(directory.service("kwetsbaarwoord", needs=["violence"], languages=["ln"]))
    telemetry.flush()
    capfd.readouterr()
    seen = len(spans_file.read_text(encoding="utf-8")) if spans_file.exists() else 0
    before = await rows(directory)
    assert len(before) > 50
    asker = {"X-Forwarded-For": "203.0.113.77", "User-Agent": "OddBrowser", "Idempotency-Key": "k"}
    for headers in ({**as_anonymous(), **asker}, {**professional, **asker}):
        found = await client.post(f"{SERVICES}/search", json=ASKED, headers=headers)
        assert found.status_code == 200, found.text
        # Refusals tell the caller what was wrong, and nobody else.
        for wrong in ({**ASKED, "limit": 0}, {**ASKED, "need": "violencee"}):
            refused = await client.post(f"{SERVICES}/search", json=wrong, headers=headers)
            assert refused.status_code == 422
        assert (await client.get(SERVICES, params=ASKED, headers=headers)).status_code == 200
    assert await rows(directory) == before
    telemetry.flush()
    logged = capfd.readouterr()
    spans = spans_file.read_text(encoding="utf-8")[seen:]
    collected = meters.get_metrics_data()
    assert collected is not None
    counted = collected.to_json()
    assert SERVICES in spans
    assert "http.server.request.duration" in counted
    for place in (logged.out, logged.err, spans, counted):
        told = CHANCE.sub("", place.replace("\\", ""))
        for trace in TRACES:
            assert trace not in told, trace
