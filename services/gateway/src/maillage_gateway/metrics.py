"""What is read off the gateway rather than counted per request: ages, caches, breakers, retries."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from maillage_gateway.admission import Admissions
from maillage_gateway.issuers import KeyRing
from maillage_gateway.replicas import Service

Read = Callable[[], Iterator[tuple[float, dict[str, str]]]]


def observe(
    keys: KeyRing,
    admissions: Admissions,
    services: Sequence[Service],
    *,
    meter: Meter | None = None,
) -> None:
    """Register the instruments; they are read whenever metrics are sent."""
    meter = meter or metrics.get_meter("maillage")
    meter.create_observable_gauge(
        "maillage.keys.age", [_reading(lambda: _key_ages(keys))], unit="s"
    )
    meter.create_observable_counter(
        "maillage.token_cache.lookups", [_reading(lambda: _lookups(admissions))]
    )
    meter.create_observable_gauge("maillage.replica.state", [_reading(lambda: _states(services))])
    meter.create_observable_gauge(
        "maillage.replica.active_requests", [_reading(lambda: _loads(services))]
    )
    meter.create_observable_counter(
        "maillage.replica.set_aside", [_reading(lambda: _trips(services))]
    )
    meter.create_observable_counter(
        "maillage.service.retries",
        [_reading(lambda: ((s.retries, {"maillage.peer": s.name}) for s in services))],
    )


def _reading(read: Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(value, facts) for value, facts in read()]


def _key_ages(keys: KeyRing) -> Iterator[tuple[float, dict[str, str]]]:
    """Seconds since an issuer's keys were confirmed; an issuer without keys is not there."""
    for issuer, age in keys.ages().items():
        yield age, {"issuer": issuer}


def _lookups(admissions: Admissions) -> Iterator[tuple[float, dict[str, str]]]:
    yield admissions.hits, {"result": "hit"}
    yield admissions.misses, {"result": "miss"}


def _states(services: Sequence[Service]) -> Iterator[tuple[float, dict[str, str]]]:
    """1 for the state a replica is in, 0 for the others."""
    for service in services:
        for replica in service.replicas:
            for state in ("ready", "not_ready", "set_aside"):
                facts = {"maillage.peer": service.name, "origin": replica.origin, "state": state}
                yield float(replica.state == state), facts


def _loads(services: Sequence[Service]) -> Iterator[tuple[float, dict[str, str]]]:
    for service in services:
        for replica in service.replicas:
            facts = {"maillage.peer": service.name, "origin": replica.origin}
            yield replica.upstream.load.requests, facts


def _trips(services: Sequence[Service]) -> Iterator[tuple[float, dict[str, str]]]:
    for service in services:
        for replica in service.replicas:
            facts = {"maillage.peer": service.name, "origin": replica.origin}
            yield replica.breaker.trips, facts
