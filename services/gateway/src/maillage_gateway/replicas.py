"""A service and its replicas: which of them is asked, and when another is asked instead.

The least busy one that answers its readiness probe is asked. Asking again is safe in two cases:
nothing was sent (no connection), or the request may be repeated: GET, HEAD, or any request with an
`Idempotency-Key`, which the services honour. Never when a body was a stream, nor after a timeout.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from maillage_common.errors import MaillageError
from maillage_common.events import log
from maillage_gateway.breaker import Breaker, RetryBudget
from maillage_gateway.errors import ServiceBroke, ServiceTooSlow, ServiceUnavailable
from maillage_gateway.events import Event
from maillage_gateway.upstream import Answer, Pool, UpstreamRequest

_REPEATABLE = frozenset({"GET", "HEAD"})


class Replica:
    """One process: its connections, its breaker, and what its readiness probe said last."""

    __slots__ = ("breaker", "is_reachable", "is_ready", "upstream")

    def __init__(self, upstream: Pool) -> None:
        self.upstream = upstream
        self.breaker = Breaker()
        self.is_reachable = True
        self.is_ready = True

    @property
    def origin(self) -> str:
        return self.upstream.origin

    @property
    def state(self) -> str:
        if self.breaker.is_open:
            return "set_aside"
        return "ready" if self.is_ready else "not_ready"


class Service:
    """All replicas of one service. `retries` counts the requests that were sent again."""

    def __init__(
        self, name: str, origins: Sequence[str], *, connections: int, connect_seconds: float
    ) -> None:
        self.name = name
        self.replicas = [
            Replica(Pool(origin, connections=connections, connect_seconds=connect_seconds))
            for origin in origins
        ]
        self.retries = 0
        self._budget = RetryBudget()
        self._turn = 0

    async def close(self) -> None:
        for replica in self.replicas:
            await replica.upstream.close()

    async def send(self, request: UpstreamRequest) -> Answer:
        """Raises ServiceUnavailable at once when every breaker is open; ServiceBroke, …TooSlow."""
        self._budget.earn()
        tried: list[Replica] = []
        while True:
            replica = self._choose(tried)
            try:
                answer = await replica.upstream.send(request)
            except MaillageError as failure:
                self._failed(replica, failure)
                tried.append(replica)
                if not self._may_repeat(request, failure, tried):
                    raise
                if isinstance(failure, ServiceBroke) and not self._budget.spend():
                    # Nothing was changed by it: the caller may ask again, later.
                    raise ServiceUnavailable() from failure
                request.resends += 1
                self.retries += 1
                continue
            replica.breaker.answered(answer.status)
            if replica.breaker.errors:
                self._judge(replica)
            return answer

    @property
    def origin(self) -> str:
        """The address of a replica that is ready, if there is one."""
        return next((r.origin for r in self.replicas if r.is_ready), self.replicas[0].origin)

    def _choose(self, tried: Sequence[Replica]) -> Replica:
        """The least busy of the best: ready and not yet tried, else not tried, else any."""
        if len(self.replicas) == 1 and not self.replicas[0].breaker.is_open:
            return self.replicas[0]
        now = time.monotonic()
        allowed = [r for r in self.replicas if r.breaker.allows(now, reachable=r.is_reachable)]
        if not allowed:
            raise ServiceUnavailable("It failed repeatedly and is being watched: try again soon.")
        fresh = [r for r in allowed if r not in tried] or allowed
        best = [r for r in fresh if r.is_ready] or fresh
        self._turn += 1
        first = self._turn % len(best)
        return min(best[first:] + best[:first], key=lambda replica: replica.upstream.load.requests)

    def _failed(self, replica: Replica, failure: MaillageError) -> None:
        if isinstance(failure, ServiceUnavailable) and replica.upstream.is_full:
            return  # busy, not broken: all connections were in use
        counts = isinstance(failure, (ServiceUnavailable, ServiceBroke, ServiceTooSlow))
        if counts and replica.breaker.failed(time.monotonic()):
            self._tell(replica, failure.code)

    def _judge(self, replica: Replica) -> None:
        """Set aside a replica that errs while others do not; never more than half of them."""
        if not replica.breaker.is_erring:
            return
        aside = sum(r.breaker.is_open for r in self.replicas) + 1
        if aside * 2 <= len(self.replicas):
            replica.breaker.trip(time.monotonic())
            self._tell(replica, "answers_with_errors")

    def _tell(self, replica: Replica, reason: str) -> None:
        log(Event.REPLICA_SET_ASIDE, peer=self.name, origin=replica.origin, reason=reason)

    def _may_repeat(
        self, request: UpstreamRequest, failure: MaillageError, tried: Sequence[Replica]
    ) -> bool:
        if isinstance(failure, ServiceUnavailable):
            return len(tried) < len(self.replicas)
        if not isinstance(failure, ServiceBroke) or request.resends:
            return False
        return _is_repeatable(request)


class Origins(Mapping[str, str]):
    """For each service the address of a replica that is ready at the moment."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def __getitem__(self, name: str) -> str:
        return self._services[name].origin

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)


def _is_repeatable(request: UpstreamRequest) -> bool:
    if request.body is not None and not isinstance(request.body, bytes):
        return False
    return request.method in _REPEATABLE or any(
        name == b"idempotency-key" for name, _ in request.headers
    )
