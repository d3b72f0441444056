"""Keeps a process's door current: keys, revocations, and the policy when SIGHUP asks for it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import blake2b

import aiohttp

from maillage_common.events import log
from maillage_common.tokens import GATEWAY_ISSUER, TokenSigner
from maillage_gateway.admission import Admissions
from maillage_gateway.door import Door
from maillage_gateway.events import Event
from maillage_gateway.issuers import DocumentSource, KeyRing
from maillage_gateway.meter import Store
from maillage_gateway.paths import PathTree
from maillage_gateway.policy import Policy
from maillage_gateway.revocation import RevocationWatch, reader
from maillage_gateway.settings import Settings

_REASON_LENGTH = 300


class Doorkeeper:
    """`door` is the one in force; `keys`, `source` and `door` are there while on duty.

    `templates` is filled by whoever reads the services' documents; `followers` are called after
    every change of the policy.
    """

    door: Door
    keys: KeyRing
    source: DocumentSource

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError when the policy or the signing key is not usable."""
        self.policy = Policy.load(settings.policy_file)
        self.templates: dict[str, PathTree[str]] = {}
        self.followers: list[Callable[[], None]] = []
        self._settings = settings
        pem = settings.signing_key_file.read_bytes()
        signer = TokenSigner(pem, GATEWAY_ISSUER)
        self._store: Store | None = None
        # Gateways that share meters share the signing key, and must hash an address alike.
        self._salt = blake2b(pem, digest_size=32, person=b"maillage-meters").digest()
        self.admissions = Admissions(signer, capacity=settings.token_cache_size)

    @property
    def is_ready(self) -> bool:
        """Whether tokens can be checked: an issuer's keys are there, and what is revoked is known.

        A list that was lost later does not count, or strangers would be shut out with the others.
        """
        watch = self.admissions.revocations
        return self.keys.is_ready and (watch is None or watch.has_begun)

    @asynccontextmanager
    async def on_duty(self, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        settings, admissions = self._settings, self.admissions
        async with AsyncExitStack() as stack:
            self.source = DocumentSource(session, seconds=settings.keys_fetch_seconds)
            self.keys = KeyRing(settings, self.source.fetch, admissions.forget)
            self.keys.start()
            stack.push_async_callback(self.keys.stop)
            if settings.revocation_list is not None:
                read = reader(settings.revocation_list, self.source)
                watch = RevocationWatch(settings, read, admissions.forget)
                admissions.revocations = watch
                stack.push_async_callback(cancelled, asyncio.create_task(watch.keep()))
            if settings.meters_url is not None:
                # Imported here: the client of the store takes 20 MB, which most sites do without.
                from maillage_gateway.shared_meters import SharedBuckets

                store = self._store = SharedBuckets(settings.meters_url)
                stack.push_async_callback(store.close)
            self.door = self._open(self.policy)
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self.reload)
            stack.callback(loop.remove_signal_handler, signal.SIGHUP)
            yield

    def reload(self) -> None:
        """Read the policy again. One that is not valid is logged and changes nothing.

        Requests under way end with the policy they began with; the meters begin anew.
        """
        try:
            self.policy = Policy.load(self._settings.policy_file)
        except (OSError, ValueError) as error:
            # The text quotes the policy, which is ours and about nobody.
            reason = " ".join(str(error).split())[:_REASON_LENGTH]
            log(Event.POLICY_REFUSED, error_type=type(error).__name__, reason=reason)
            return
        self.door = self._open(self.policy)
        for follow in self.followers:
            follow()
        log(Event.POLICY_CHANGED, routes=len(self.policy.routes))

    def _open(self, policy: Policy) -> Door:
        settings = self._settings
        return Door(
            policy,
            self.admissions,
            self.keys,
            templates=self.templates,
            trusted_proxies=settings.trusted_proxies,
            max_header_bytes=settings.max_header_bytes,
            store=self._store,
            salt=self._salt,
        )


async def cancelled(task: "asyncio.Task[None]") -> None:
    """Stop a background task and wait until it has stopped."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
