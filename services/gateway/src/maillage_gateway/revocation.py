"""Tokens taken back before their time: a signed list that operations publish and gateways poll.

The list is a JWS of its own type. It has a sequence number, so that an old one cannot be put back,
and an end, so that one that nobody renews does not serve for ever. Subjects and token ids stand in
it as digests: who was shut out is nobody's business who can read the list.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maillage_common.canonical import (
    NotCanonical,
    decode_base64url,
    encode_base64url,
    load_object,
)
from maillage_common.events import log
from maillage_common.keys import KeySet, TokenSigner, load_jwks
from maillage_common.tokens import Claims, InvalidToken
from maillage_gateway.errors import RevocationsUnavailable
from maillage_gateway.events import Event
from maillage_gateway.issuers import DocumentSource, FetchFailed
from maillage_gateway.settings import Settings

LIST_TYPE = "maillage-revocations+jwt"
LIST_ISSUER = "maillage-revocations"
MAX_LIST_BYTES = 4 * 1024 * 1024
REVOKED = "revoked"
_ALWAYS = 2**63

Read = Callable[[], Awaitable[bytes]]


class InvalidList(ValueError):
    """The list cannot be used; the text is a stable reason."""


class Kind(StrEnum):
    """What of a token an entry names."""

    TOKEN = "jti"  # noqa: S105 (a claim's name)
    CLIENT = "client_id"
    ORGANIZATION = "org"
    SUBJECT = "sub"


class Revocation(BaseModel):
    """One entry: tokens that bear `value`, of `issuer` or (None) of any.

    `issued_before`: only those issued at that second or earlier; None = all, the future ones too.
    `revoked_at`: since when, in seconds since 1970 as well.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    issuer: str | None
    value: Annotated[str, Field(min_length=1, max_length=255)]
    issued_before: int | None
    revoked_at: int


class RevocationList(BaseModel):
    """Everything that is revoked, from `iat` to `exp`. `seq` grows with each list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iss: str = LIST_ISSUER
    seq: Annotated[int, Field(ge=1)]
    iat: int
    exp: int
    revoked: tuple[Revocation, ...]

    def sign(self, signer: TokenSigner) -> bytes:
        return signer.sign(self.model_dump(mode="json"), typ=LIST_TYPE).encode("ascii")


def named(kind: Kind, value: str) -> str:
    """How an entry names `value`."""
    if kind in (Kind.TOKEN, Kind.SUBJECT):
        return encode_base64url(hashlib.sha256(value.encode()).digest())
    return value


def load_list(text: bytes, keys: KeySet, *, now: float, ended: bool = False) -> RevocationList:
    """The list in `text`, signed by one of `keys`; its end has come only if `ended` allows it.

    Raises InvalidList.
    """
    if len(text) > MAX_LIST_BYTES:
        raise InvalidList("too_large")
    try:
        head, payload, signature = text.strip().decode("ascii").split(".")
        header = load_object(decode_base64url(head))
        key = keys.get(str(header.get("kid")))
        if header.keys() != {"alg", "typ", "kid"} or header["typ"] != LIST_TYPE or key is None:
            raise InvalidList("not_signed_by_a_key_of_ours")
        signed = f"{head}.{payload}".encode("ascii")
        if not key.verify(str(header["alg"]), signed, decode_base64url(signature)):
            raise InvalidList("not_signed_by_a_key_of_ours")
        listing = RevocationList.model_validate(load_object(decode_base64url(payload)))
    except (NotCanonical, ValidationError, UnicodeDecodeError):
        raise InvalidList("malformed") from None
    except InvalidList:
        raise
    except ValueError:
        raise InvalidList("malformed") from None
    if listing.iss != LIST_ISSUER or listing.iat > now + 60:
        raise InvalidList("malformed")
    if listing.exp <= now and not ended:
        raise InvalidList("ended")
    return listing


class Revocations:
    """The entries of one list, ready to be asked."""

    def __init__(self, entries: Iterable[Revocation]) -> None:
        self._until: dict[tuple[Kind, str | None, str], int] = {}
        for entry in entries:
            key = (entry.kind, entry.issuer, entry.value)
            until = _ALWAYS if entry.issued_before is None else entry.issued_before
            self._until[key] = max(until, self._until.get(key, 0))

    def cover(self, claims: Claims) -> bool:
        """Whether a token with these claims has been taken back."""
        issued = int(claims.issued_at.timestamp())
        return bool(self._until) and any(
            issued <= self._until.get((kind, issuer, value), -1)
            for kind, value in _names(claims)
            for issuer in (claims.issuer, None)
        )


def _names(claims: Claims) -> Iterator[tuple[Kind, str]]:
    yield Kind.TOKEN, named(Kind.TOKEN, claims.jti)
    yield Kind.CLIENT, claims.client_id
    if claims.organization is not None:
        yield Kind.ORGANIZATION, claims.organization
    # Whoever acts for a person who was shut out is shut out of that; so is an actor shut out.
    for subject in (claims.subject, *claims.acting):
        yield Kind.SUBJECT, named(Kind.SUBJECT, subject)


class RevocationWatch:
    """The list in force. `on_change` is called when other tokens are revoked than before.

    A list that cannot be had, read or believed confirms nothing: the last good one serves on for
    `revocation_stale_seconds`, and then there is none, and no token is let in.
    """

    def __init__(self, settings: Settings, read: Read, on_change: Callable[[], None]) -> None:
        assert settings.revocation_keys_file is not None
        document = settings.revocation_keys_file.read_bytes()
        self._keys = load_jwks(document, issuer=LIST_ISSUER, algorithms={"ES256"})
        self._poll_seconds = settings.revocation_poll_seconds
        self._stale_after = settings.revocation_stale_seconds
        self._read = read
        self._on_change = on_change
        self._list: RevocationList | None = None
        self._text = b""
        self._confirmed_at = time.monotonic()
        self._trouble: str | None = None
        self.current: Revocations | None = None
        metrics.get_meter("maillage").create_observable_gauge(
            "maillage.revocations.age", callbacks=[self._age], unit="s"
        )

    @property
    def has_begun(self) -> bool:
        """Whether a list was ever had."""
        return self._list is not None

    def check(self, claims: Claims) -> None:
        """Raises InvalidToken for a revoked token, RevocationsUnavailable when nobody can tell."""
        if self.current is None:
            raise RevocationsUnavailable()
        if self.current.cover(claims):
            raise InvalidToken(REVOKED)

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(self._poll_seconds)

    async def look(self) -> None:
        """Read the list once. Never raises for the list's sake."""
        try:
            self._take(await self._read())
        except (FetchFailed, InvalidList, OSError) as failure:
            reason = "unreadable" if isinstance(failure, OSError) else str(failure)
            if reason != self._trouble:
                log(Event.REVOCATIONS_UNCONFIRMED, reason=reason)
            self._trouble = reason
            silent = time.monotonic() - self._confirmed_at
            if self.current is not None and silent > self._stale_after:
                log(Event.REVOCATIONS_LOST, seconds=round(silent))
                self.current = None
                self._on_change()
        else:
            self._trouble = None
            self._confirmed_at = time.monotonic()

    def _take(self, text: bytes) -> None:
        now, known = time.time(), self._list
        if known is not None and text == self._text:
            if known.exp <= now:
                raise InvalidList("ended")
        else:
            listing = load_list(text, self._keys, now=now)
            if known is not None and listing.seq <= known.seq:
                raise InvalidList("older_than_the_last")
            self._list, self._text = listing, text
            log(Event.REVOCATIONS_CHANGED, sequence=listing.seq, entries=len(listing.revoked))
            if self.current is not None and known is not None and listing.revoked == known.revoked:
                return
            self.current = None
        if self.current is None:
            assert self._list is not None
            self.current = Revocations(self._list.revoked)
            self._on_change()

    def _age(self, _: CallbackOptions) -> Sequence[Observation]:
        return [Observation(time.monotonic() - self._confirmed_at)]


def reader(location: str, source: DocumentSource) -> Read:
    """Reads the list at a URL or in a file."""
    if location.startswith(("https://", "http://")):
        return lambda: source.fetch(location, max_bytes=MAX_LIST_BYTES)
    # Off the event loop, since the file may lie on a network volume.
    return lambda: asyncio.to_thread(_read_bounded, Path(location))


def _read_bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_LIST_BYTES + 1)


def following(
    known: RevocationList | None, entries: Iterable[Revocation], *, now: int, seconds: int
) -> RevocationList:
    """The list after `known`, from `now` on for so many `seconds`.

    Numbered by the clock where that is higher, so that a list begun anew still follows a lost one.
    """
    number = max(known.seq + 1 if known else 1, now)
    return RevocationList(seq=number, iat=now, exp=now + seconds, revoked=tuple(entries))
