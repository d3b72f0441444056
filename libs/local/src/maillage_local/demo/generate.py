"""The demo directory: about 300 fictitious services over 150 organizations.

Pure and reproducible: the same seed and instant give the same bytes, and ids never depend on the
instant. Every record says `source: demo` and carries the mark of the demo in its name.

    write_demo(Path("demo.ndjson"))
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from maillage_local.demo.identifiers import demo_id
from maillage_local.demo.life import life
from maillage_local.demo.observations import coverage, observations
from maillage_local.demo.organizations import fixed_organizations, invented_organizations
from maillage_local.demo.records import Record
from maillage_local.demo.services import fixed_service, invented_services, target_service

SEED = 2026
AS_OF = datetime(2026, 11, 22, 8, tzinfo=UTC)


def demo_records(*, as_of: datetime = AS_OF, seed: int = SEED) -> Iterator[Record]:
    """All records, each after those it refers to.

    Ages of verifications and capacity reports count back from `as_of`; give the present instant
    for a demo that looks alive.
    """
    as_of = as_of.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    fixed = fixed_organizations(as_of.date())
    invented = invented_organizations(as_of.date(), seed)
    for organization in [*fixed, *invented]:
        yield organization.record
    target = demo_id("demo-org:target")
    number = 1_000
    for organization in fixed:
        if organization.record["id"] == target:
            yield target_service(organization, as_of=as_of)
        else:
            yield fixed_service(organization, as_of=as_of, number=number)
        number += 1
    for organization in invented:
        services = invented_services(organization, as_of=as_of, seed=seed, first=number)
        yield from services
        number += len(services)
    yield from coverage(as_of=as_of)
    yield from observations(as_of=as_of, seed=seed)
    yield from life(as_of=as_of)


def write_demo(path: Path, *, as_of: datetime = AS_OF, seed: int = SEED) -> Counter[str]:
    """Write the records as NDJSON to `path`; how many of each type were written."""
    written: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for record in demo_records(as_of=as_of, seed=seed):
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
            written[record["type"]] += 1
    return written
