"""Buckets in Redis or Valkey, so that all gateways count together.

One script a request, atomic, by the store's own clock. When the store does not answer in time, each
gateway counts for itself and asks again a second later: a lost store neither shuts the door nor
opens it wide.
"""

import asyncio
import time

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from maillage_common.events import log
from maillage_gateway.events import Event
from maillage_gateway.meter import Bucket, Reading

ANSWER_SECONDS = 0.1
PAUSE_SECONDS = 1.0
CONNECTIONS = 32

# Keeps the instant at which the bucket is full again, for as long as it is not; in seconds.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local interval, depth = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
local full_in = full_at - now
if full_in - depth <= 1e-6 then
  redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', math.ceil(full_in * 1000))
end
return string.format('%.6f', full_in)
"""


class SharedBuckets:
    """Implements `meter.Store` for one event loop."""

    def __init__(self, url: str) -> None:
        """`url` as redis:// or rediss:// or unix://."""
        # The ordinary pool raises an error when all connections are in use; this one waits.
        pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS, timeout=ANSWER_SECONDS
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_TAKE)
        self._asked_again_at = 0.0
        self.is_lost = False

    async def close(self) -> None:
        await self._redis.aclose()

    async def take(self, bucket: Bucket, key: str) -> Reading | None:
        """Count one request; None when the store did not answer."""
        if time.monotonic() < self._asked_again_at:
            return None
        name, _, _ = bucket.policy.partition(";")
        keys = [f"maillage:meter:{name[1:-1]}:{key}"]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._script(keys=keys, args=[bucket.interval, bucket.depth])
        except (RedisError, OSError, TimeoutError) as error:
            self._asked_again_at = time.monotonic() + PAUSE_SECONDS
            if not self.is_lost:
                self.is_lost = True
                log(Event.METERS_APART, error_type=type(error).__name__)
            return None
        if self.is_lost:
            self.is_lost = False
            log(Event.METERS_SHARED)
        full_in = float(answer)
        # A microsecond of rounding must not refuse what the script let pass.
        if 0 < full_in - bucket.depth <= 1e-6:
            full_in = bucket.depth
        return bucket.reading(full_in)
