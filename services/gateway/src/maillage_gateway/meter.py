"""Token buckets in memory: so many requests for each client, or for each stranger's address.

The arithmetic is the generic cell rate algorithm: one number a bucket, the instant at which it
would be full again. An address is kept as a keyed hash whose key lives and dies with the process.
"""

import math
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from maillage_gateway.policy import Meter, Rate

MAX_BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter says of one request: `retry_after` is None when it may pass; seconds."""

    policy: str
    remaining: int
    full_in: float
    retry_after: float | None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit fields of draft-ietf-httpapi-ratelimit-headers, and Retry-After."""
        name, _, _ = self.policy.partition(";")
        state = f"{name};r={self.remaining};t={math.ceil(self.full_in)}"
        fields = [(b"ratelimit-policy", self.policy.encode()), (b"ratelimit", state.encode())]
        if self.retry_after is not None:
            fields.append((b"retry-after", str(max(1, math.ceil(self.retry_after))).encode()))
        return fields


class Bucket:
    """All buckets of one rate, keyed by whom they count."""

    def __init__(self, name: str, rate: Rate) -> None:
        self._interval = 1 / rate.per_second
        self._depth = rate.burst * self._interval
        self._full_at: dict[str, float] = {}
        self.policy = f'"{name}";q={rate.burst};w={math.ceil(self._depth)}'

    def take(self, key: str, now: float) -> Reading:
        """Count one request at `now` (seconds of a monotonic clock)."""
        full_at = max(self._full_at.get(key, now), now) + self._interval
        wait = full_at - now - self._depth
        if wait > 1e-9:
            return Reading(self.policy, 0, full_at - self._interval - now, wait)
        if len(self._full_at) >= MAX_BUCKETS and key not in self._full_at:
            self._make_room(now)
        self._full_at[key] = full_at
        remaining = int((self._depth - (full_at - now)) / self._interval + 1e-9)
        return Reading(self.policy, remaining, full_at - now, None)

    def _make_room(self, now: float) -> None:
        """Forget the full buckets, which count nothing; failing that, the oldest tenth."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        for key in list(self._full_at)[: len(self._full_at) - MAX_BUCKETS * 9 // 10]:
            del self._full_at[key]


class Meters:
    """The buckets of every meter of the policy, for clients and for strangers."""

    def __init__(self, meters: dict[str, Meter]) -> None:
        self._salt = secrets.token_bytes(32)
        self._clients = {name: Bucket(name, meter.client) for name, meter in meters.items()}
        self._strangers = {name: Bucket(name, meter.stranger) for name, meter in meters.items()}

    def count_client(self, meter: str, client_id: str, now: float) -> Reading:
        return self._clients[meter].take(client_id, now)

    def count_stranger(self, meter: str, address: str, now: float) -> Reading:
        return self._strangers[meter].take(self._pseudonym(address), now)

    def _pseudonym(self, address: str) -> str:
        return blake2b(_network(address).encode(), key=self._salt, digest_size=16).hexdigest()


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
