"""Token buckets: so many requests for each client, organization, or stranger's address.

The arithmetic is the generic cell rate algorithm: one number a bucket, the instant at which it
would be full again. The numbers are in memory, or in a store that all gateways share. An address is
kept as a keyed hash.
"""

import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from maillage_gateway.policy import Meter, Rate

MAX_BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter says of one request: `retry_after` is None when it may pass; seconds.

    `other` is what a second bucket said of the same request.
    """

    policy: str
    remaining: int
    full_in: float
    retry_after: float | None
    other: "Reading | None" = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit fields of draft-ietf-httpapi-ratelimit-headers, and Retry-After."""
        policy, state = self.policy, self._state()
        if self.other is not None:
            policy, state = f"{policy}, {self.other.policy}", f"{state}, {self.other._state()}"
        fields = [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]
        if self.retry_after is not None:
            fields.append((b"retry-after", str(max(1, _whole(self.retry_after))).encode()))
        return fields

    def _state(self) -> str:
        name, _, _ = self.policy.partition(";")
        return f"{name};r={self.remaining};t={_whole(self.full_in)}"


class Bucket:
    """All buckets of one rate, keyed by whom they count."""

    def __init__(self, name: str, rate: Rate) -> None:
        self.interval = 1 / rate.per_second
        self.depth = rate.burst * self.interval
        self._full_at: dict[str, float] = {}
        self.policy = f'"{name}";q={rate.burst};w={math.ceil(self.depth)}'

    def take(self, key: str, now: float) -> Reading:
        """Count one request at `now` (seconds of a monotonic clock)."""
        full_at = max(self._full_at.get(key, now), now) + self.interval
        if full_at - now - self.depth <= 1e-9:
            if len(self._full_at) >= MAX_BUCKETS and key not in self._full_at:
                self._make_room(now)
            self._full_at[key] = full_at
        return self.reading(full_at - now)

    def reading(self, full_in: float) -> Reading:
        """What to tell when the bucket would be full in `full_in` seconds with this request."""
        wait = full_in - self.depth
        if wait > 1e-9:
            return Reading(self.policy, 0, full_in - self.interval, wait)
        remaining = int((self.depth - full_in) / self.interval + 1e-9)
        return Reading(self.policy, remaining, full_in, None)

    def _make_room(self, now: float) -> None:
        """Forget the full buckets, which count nothing; failing that, the oldest tenth."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        for key in list(self._full_at)[: len(self._full_at) - MAX_BUCKETS * 9 // 10]:
            del self._full_at[key]


class Store(Protocol):
    """Buckets that several gateways share."""

    async def take(self, bucket: Bucket, key: str) -> Reading | None:
        """Count one request; None when the store cannot be asked at the moment."""


class Meters:
    """The buckets of every meter of the policy: for clients, organizations and strangers."""

    def __init__(
        self,
        meters: Mapping[str, Meter],
        organizations: Mapping[str, Mapping[str, Rate]] | None = None,
        *,
        store: Store | None = None,
        salt: bytes | None = None,
    ) -> None:
        """`organizations` holds rates by organization and meter that replace the meters' own.

        `salt` (32 bytes) keys the hashes of addresses; gateways that share a store share it.
        """
        self._salt = salt or secrets.token_bytes(32)
        self._store = store
        self._clients = {name: Bucket(name, meter.client) for name, meter in meters.items()}
        self._strangers = {name: Bucket(name, meter.stranger) for name, meter in meters.items()}
        self._organizations = {
            (None, name): Bucket(f"{name}-organization", meter.organization)
            for name, meter in meters.items()
            if meter.organization is not None
        } | {
            (organization, name): Bucket(f"{name}-organization", rate)
            for organization, rates in (organizations or {}).items()
            for name, rate in rates.items()
        }

    @property
    def is_shared(self) -> bool:
        """Whether counting waits for a store."""
        return self._store is not None

    def count_client_here(self, meter: str, client_id: str, organization: str | None) -> Reading:
        """As `count_client`, in memory."""
        now = time.monotonic()
        own = self._clients[meter].take(client_id, now)
        bucket = self._organization_bucket(meter, organization)
        if organization is None or bucket is None or own.retry_after is not None:
            return own
        return _both(own, bucket.take(organization, now))

    def count_stranger_here(self, meter: str, address: str) -> Reading:
        """As `count_stranger`, in memory."""
        return self._strangers[meter].take(self._pseudonym(address), time.monotonic())

    async def count_client(self, meter: str, client_id: str, organization: str | None) -> Reading:
        """The client's bucket, then its organization's, which counts what the first lets by."""
        own = await self._take(self._clients[meter], "client", client_id)
        bucket = self._organization_bucket(meter, organization)
        if organization is None or bucket is None or own.retry_after is not None:
            return own
        return _both(own, await self._take(bucket, "organization", organization))

    async def count_stranger(self, meter: str, address: str) -> Reading:
        return await self._take(self._strangers[meter], "stranger", self._pseudonym(address))

    def _organization_bucket(self, meter: str, organization: str | None) -> Bucket | None:
        if organization is None or not self._organizations:
            return None
        found = self._organizations
        return found.get((organization, meter)) or found.get((None, meter))

    async def _take(self, bucket: Bucket, kind: str, key: str) -> Reading:
        if self._store is not None:
            reading = await self._store.take(bucket, f"{kind}:{key}")
            if reading is not None:
                return reading
        return bucket.take(key, time.monotonic())

    def _pseudonym(self, address: str) -> str:
        return blake2b(_network(address).encode(), key=self._salt, digest_size=16).hexdigest()


def _whole(seconds: float) -> int:
    """Rounded up, but for what the sums of instants add: a thousand seconds stay a thousand."""
    return math.ceil(seconds - 1e-6)


def _both(own: Reading, common: Reading) -> Reading:
    return Reading(own.policy, own.remaining, own.full_in, common.retry_after, common)


def _network(address: str) -> str:
    """An IPv6 host commands the 64 bits of its network, so the network is counted."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.exploded[:19]
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
