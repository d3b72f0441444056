"""The keys of the issuers we trust, fetched ahead of need and outside the requests that use them.

One background task an issuer fetches its key set, again and again. A token with an unknown key
may bring the next fetch forward, at most once per cooldown however many ask. When an issuer stays
silent its last keys serve on for a stated time and then no longer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from maillage_common.canonical import NotCanonical, load_object
from maillage_common.events import log
from maillage_common.keys import MAX_KEY_SET_BYTES
from maillage_common.tokens import (
    ANONYMOUS,
    Claims,
    InvalidKeySet,
    InvalidToken,
    KeySet,
    Refusal,
    TokenPolicy,
    TrustedIssuer,
    load_jwks,
)
from maillage_gateway.events import Event
from maillage_gateway.policy import SCOPES, SERVICES
from maillage_gateway.settings import IssuerSettings, Settings

Fetch = Callable[[str], Awaitable[bytes]]
MAX_NAME_LENGTH = 255
# An issuer that is back after an outage is noticed within this time.
RETRY_SECONDS = 10.0
# Nobody from outside bears one of our own names.
RESERVED_NAMES = frozenset({*SERVICES, "gateway", ANONYMOUS})
# The client of a card session, and its scope: referrals takes them for the person with the card.
CARD_CLIENT = "card"
CARD_SCOPES = frozenset({"referrals:subject"})


class FetchFailed(Exception):
    """A document could not be had; the text is a stable reason without addresses."""


class DocumentSource:
    """Fetches small documents: bounded in bytes and time, and no redirect is followed.

    A redirect would let an issuer's web server point us at addresses inside our network.
    """

    def __init__(self, session: aiohttp.ClientSession, *, seconds: float) -> None:
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def fetch(self, url: str, *, max_bytes: int = MAX_KEY_SET_BYTES) -> bytes:
        """The body of a 200 answer. Raises FetchFailed."""
        try:
            async with self._session.get(
                url, timeout=self._timeout, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise FetchFailed(f"status_{answer.status}")
                body = bytearray()
                async for part in answer.content.iter_any():
                    body += part
                    if len(body) > max_bytes:
                        raise FetchFailed("too_large")
                return bytes(body)
        except TimeoutError:
            raise FetchFailed("timeout") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise FetchFailed("unreachable") from None


def discovered_jwks_uri(document: bytes, issuer: str) -> str:
    """`jwks_uri` of an OIDC discovery document whose `issuer` is ours byte for byte.

    It must lie on the issuer's own origin; elsewhere, the settings name it. Raises FetchFailed.
    """
    try:
        members = load_object(document)
    except NotCanonical:
        raise FetchFailed("discovery_malformed") from None
    uri = members.get("jwks_uri")
    if members.get("issuer") != issuer:
        raise FetchFailed("discovery_of_another_issuer")
    if not isinstance(uri, str):
        raise FetchFailed("discovery_without_keys")
    here, there = urlsplit(issuer), urlsplit(uri)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise FetchFailed("keys_on_another_origin")
    return uri


def is_card_issuer(config: IssuerSettings, settings: Settings) -> bool:
    """Whether these are our own card sessions: referrals, under the gateway's public address."""
    return config.issuer == settings.public_url.rstrip("/") + "/referrals"


def outer_policy(config: IssuerSettings, settings: Settings) -> TokenPolicy:
    """What an issuer may say in an access token.

    Only our own card sessions may come as the client `card`, and only they have `referrals:subject`
    without being granted it by name.
    """
    is_card = is_card_issuer(config, settings)
    ceiling = CARD_SCOPES if is_card else SCOPES - CARD_SCOPES
    return TokenPolicy(
        issuer=config.issuer,
        audience=settings.audience,
        algorithms=config.algorithms,
        max_lifetime=timedelta(seconds=config.max_lifetime_seconds),
        leeway=timedelta(seconds=settings.token_leeway_seconds),
        scope_ceiling=ceiling if config.scopes is None else config.scopes,
        reserved_names=RESERVED_NAMES if is_card else RESERVED_NAMES | {CARD_CLIENT},
    )


class Names:
    """What the people and applications of each issuer are called behind the gateway.

    Equal names at two issuers are two persons. So a name is told with its issuer's prefix, which
    all issuers have but the primary one and our own card sessions, whose names nobody else gives.
    """

    def __init__(self, settings: Settings) -> None:
        """ValueError when two issuers could give the same name."""
        self._prefixes = {c.issuer: f"{c.prefix}:" if c.prefix else "" for c in settings.issuers}
        told = [prefix for prefix in self._prefixes.values() if prefix]
        if len(self._prefixes) != len(settings.issuers) or len(set(told)) != len(told):
            raise ValueError("two issuers have the same name or the same prefix")
        cards = [c for c in settings.issuers if is_card_issuer(c, settings)]
        if any(card.prefix for card in cards):
            raise ValueError("the issuer of card sessions has no prefix")
        if len(settings.issuers) - len(told) - len(cards) > 1:
            raise ValueError("every issuer has a prefix but one, the primary")
        self._taken = tuple(told)

    def tell(self, claims: Claims) -> Claims:
        """The claims as services are told them. InvalidToken when a name borrows a prefix."""
        prefix = self._prefixes[claims.issuer]
        names = (claims.subject, claims.client_id, *claims.acting)
        if not prefix:
            if self._taken and any(name.startswith(self._taken) for name in names):
                raise InvalidToken(Refusal.RESERVED_NAME)
            return claims
        if any(len(prefix) + len(name) > MAX_NAME_LENGTH for name in names):
            raise InvalidToken(Refusal.CLAIM, "sub")
        subject, client_id, *acting = (prefix + name for name in names)
        return replace(claims, subject=subject, client_id=client_id, acting=tuple(acting))


class IssuerKeys:
    """One issuer: its policy, its keys of the moment and the one task that fetches them."""

    def __init__(self, config: IssuerSettings, settings: Settings, fetch: Fetch) -> None:
        self.name = config.issuer
        self.trusted: TrustedIssuer | None = None
        self._config = config
        self._fetch = fetch
        self._refresh_seconds = settings.keys_refresh_seconds
        self._cooldown = settings.keys_cooldown_seconds
        self._stale_after = settings.keys_stale_seconds
        self._fetched_at = self._attempted_at = -float("inf")
        self._failures = 0
        self._running: asyncio.Task[None] | None = None
        self._policy = outer_policy(config, settings)

    async def refresh(self) -> None:
        """Fetch the keys, or join the fetch under way. Never raises for the issuer's sake."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh())
        await asyncio.shield(self._running)

    @property
    def may_learn(self) -> bool:
        """Whether asking for a key could help: a fetch is under way, or the last is long past."""
        under_way = self._running is not None and not self._running.done()
        return under_way or time.monotonic() - self._attempted_at >= self._cooldown

    async def learn(self) -> bool:
        """Refresh for an unknown key, unless we just tried. True when keys were fetched anew."""
        if not self.may_learn:
            return False
        before = self._fetched_at
        await self.refresh()
        return self._fetched_at != before

    @property
    def age(self) -> float:
        """Seconds since the issuer confirmed its keys."""
        return time.monotonic() - self._fetched_at

    def next_attempt_seconds(self) -> float:
        """Until the background task fetches again: sooner after failures."""
        if not self._failures:
            return self._refresh_seconds
        return float(min(self._refresh_seconds, RETRY_SECONDS, 2 ** (self._failures - 1)))

    def expire(self) -> bool:
        """Drop keys that nobody has confirmed for too long; True when that happened now."""
        if self.trusted is None or time.monotonic() - self._fetched_at <= self._stale_after:
            return False
        self.trusted = None
        log(Event.KEYS_EXPIRED, issuer=self.name)
        return True

    async def _refresh(self) -> None:
        self._attempted_at = time.monotonic()
        try:
            keys = await self._fetch_keys()
        except (FetchFailed, InvalidKeySet) as failure:
            self._failures += 1
            log(Event.KEYS_FETCH_FAILED, issuer=self.name, reason=str(failure))
            return
        self._failures = 0
        self._fetched_at = time.monotonic()
        if self.trusted is None or self.trusted.keys.fingerprint != keys.fingerprint:
            self.trusted = TrustedIssuer(self._policy, keys)
            log(
                Event.KEYS_CHANGED,
                issuer=self.name,
                keys=len(keys.keys),
                left_out=len(keys.refused),
            )

    async def _fetch_keys(self) -> KeySet:
        uri = self._config.jwks_uri
        if uri is None:
            address = self.name.rstrip("/") + "/.well-known/openid-configuration"
            uri = discovered_jwks_uri(await self._fetch(address), self.name)
        document = await self._fetch(uri)
        return load_jwks(document, issuer=self.name, algorithms=self._config.algorithms)


class KeyRing:
    """The trusted issuers with their keys, as `verify` wants them.

    `on_change` is called whenever a key set changed or was dropped: what was verified before may no
    longer hold.
    """

    def __init__(self, settings: Settings, fetch: Fetch, on_change: Callable[[], None]) -> None:
        self.names = Names(settings)
        self._issuers = {c.issuer: IssuerKeys(c, settings, fetch) for c in settings.issuers}
        self._on_change = on_change
        self._trusted: dict[str, TrustedIssuer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trusted(self) -> Mapping[str, TrustedIssuer]:
        return self._trusted

    @property
    def is_ready(self) -> bool:
        """Whether one issuer's keys are there; the outage of another must not stop us."""
        return bool(self._trusted)

    def ages(self) -> dict[str, float]:
        """Seconds since each issuer's keys were confirmed; without an issuer that has none."""
        return {name: keys.age for name, keys in self._issuers.items() if keys.trusted}

    def is_configured(self, issuer: str) -> bool:
        return issuer in self._issuers

    def may_learn(self, issuer: str) -> bool:
        """See `IssuerKeys.may_learn`."""
        return self._issuers[issuer].may_learn

    async def learn(self, issuer: str) -> None:
        """Look for a key we do not know; see `IssuerKeys.learn`."""
        await self._issuers[issuer].learn()
        self._publish()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(keys)) for keys in self._issuers.values()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _keep(self, keys: IssuerKeys) -> None:
        while True:
            await keys.refresh()
            keys.expire()
            self._publish()
            await asyncio.sleep(keys.next_attempt_seconds())

    def _publish(self) -> None:
        current = {name: keys.trusted for name, keys in self._issuers.items() if keys.trusted}
        if current != self._trusted:
            self._trusted = current
            self._on_change()
