"""Whether the services behind the gateway are ready: every replica is asked once a second, and
five times a second until all of them are.

The answers steer the data path too: a replica that is stopping says so here before it stops.
"""

import asyncio
import time
from collections.abc import Iterable

import aiohttp

from maillage_common.events import log
from maillage_gateway.events import Event
from maillage_gateway.replicas import Replica, Service

PROBE_SECONDS = 1.0
_IMPATIENT_SECONDS = 0.2
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


class Readiness:
    """`/health/ready` of every replica."""

    def __init__(self, session: aiohttp.ClientSession, services: Iterable[Service]) -> None:
        self._session = session
        self._services = list(services)
        self._asked_at = -float("inf")
        # Set once every replica has been ready.
        self.complete = asyncio.Event()
        self._lock = asyncio.Lock()

    async def ask(self) -> dict[str, bool]:
        """For each service, whether a replica says that it is ready; at most a second ago."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= PROBE_SECONDS:
                await self._probe_all()
        return {
            service.name: any(replica.is_ready for replica in service.replicas)
            for service in self._services
        }

    async def keep(self) -> None:
        """Probe for ever."""
        while True:
            async with self._lock:
                await self._probe_all()
            are_ready = all(r.is_ready for service in self._services for r in service.replicas)
            if are_ready:
                self.complete.set()
            await asyncio.sleep(PROBE_SECONDS if are_ready else _IMPATIENT_SECONDS)

    async def _probe_all(self) -> None:
        replicas = [(s.name, replica) for s in self._services for replica in s.replicas]
        await asyncio.gather(*(self._probe(name, replica) for name, replica in replicas))
        self._asked_at = time.monotonic()

    async def _probe(self, service: str, replica: Replica) -> None:
        status = await self._status(replica.origin)
        was_ready = replica.is_ready
        replica.is_reachable, replica.is_ready = status != 0, status == 200
        if was_ready != replica.is_ready:
            event = Event.REPLICA_READY if replica.is_ready else Event.REPLICA_NOT_READY
            log(event, peer=service, origin=replica.origin, status=status)

    async def _status(self, origin: str) -> int:
        """What the probe answers, 0 when nothing does."""
        try:
            async with self._session.get(
                f"{origin}/health/ready", timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
