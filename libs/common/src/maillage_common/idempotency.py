"""Idempotency-Key: the same request again gives the first answer again, and one effect.

The key is claimed in the transaction that makes the change, and the answer is stored in it too: a
crash between the write and the answer loses neither, and a concurrent twin waits on the claim. What
is stored cannot be read without the caller's own key: the row is found by an HMAC of it and the
answer is sealed with a subkey derived from it (an answer may hold a card's secret).
Follows draft-ietf-httpapi-idempotency-key-header, except that a key reused for another request
answers 409.
"""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock, columns
from maillage_common.auth import Caller
from maillage_common.errors import BadRequest, Conflict
from maillage_common.secrets import derive, seal, unseal

KEPT_FOR = timedelta(hours=24)
MAX_KEY = 255
_KEPT_HEADERS = ("content-type", "etag", "location")


class InvalidIdempotencyKey(BadRequest):
    code, title = "invalid_idempotency_key", "Idempotency-Key is 1 to 255 visible ASCII characters"


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"


class IdempotencyKey(SQLModel, table=True):
    """A claimed key and, once the transaction commits, its sealed answer."""

    __tablename__ = "idempotency_key"

    lookup: bytes = columns.binary(primary_key=True)
    fingerprint: bytes = columns.binary()
    answer: bytes | None = columns.binary(nullable=True)
    expires_at: datetime = columns.instant(nullable=False, index=True)


class Replayed(Exception):
    """The request was done before; carries the first answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


class Claim:
    """One request's use of its key."""

    def __init__(self, key: str, *, secret: str, request: Request, body: bytes) -> None:
        if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise InvalidIdempotencyKey
        self._key = key
        self._secret = secret
        self._target = f"{request.method} {request.url.path}?{request.url.query}"
        self._fingerprint = hashlib.sha256(self._target.encode() + b"\0" + body).digest()
        self._session: AsyncSession | None = None
        self._lookup = b""

    async def begin(self, session: AsyncSession, caller: Caller) -> None:
        """Claim the key, waiting for a twin; raise `Replayed` or `IdempotencyKeyReused`."""
        owner = "\0".join(
            (caller.subject, caller.client_id, caller.organization or "", caller.tenant or "")
        )
        self._lookup = hmac.digest(
            derive(self._secret, "idempotency-lookup"), f"{owner}\0{self._key}".encode(), "sha256"
        )
        claimed = await session.exec(
            insert(IdempotencyKey)
            .values(
                lookup=self._lookup,
                fingerprint=self._fingerprint,
                expires_at=clock.now() + KEPT_FOR,
            )
            .on_conflict_do_nothing()
            .returning(col(IdempotencyKey.lookup))
        )
        if claimed.first() is not None:
            self._session = session
            return
        first = (
            await session.exec(select(IdempotencyKey).where(IdempotencyKey.lookup == self._lookup))
        ).one()
        if first.fingerprint != self._fingerprint:
            raise IdempotencyKeyReused("Use a new key for a new request.")
        assert first.answer is not None, "claim and answer commit together"
        raise Replayed(self._open(first.answer))

    async def record(self, response: Response) -> None:
        """Store the answer in the same transaction."""
        if self._session is None:
            return
        headers = {
            name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
        }
        head = json.dumps({"status": response.status_code, "headers": headers}).encode()
        answer = head + b"\n" + bytes(response.body)
        await self._session.exec(
            update(IdempotencyKey)
            .where(col(IdempotencyKey.lookup) == self._lookup)
            .values(answer=seal(self._seal_key(), answer, context=self._lookup))
        )

    def _open(self, sealed: bytes) -> Response:
        head, _, body = unseal(self._seal_key(), sealed, context=self._lookup).partition(b"\n")
        answer = json.loads(head)
        headers = {**answer["headers"], "Idempotency-Replayed": "true"}
        return Response(body, status_code=answer["status"], headers=headers)

    def _seal_key(self) -> bytes:
        return derive(self._secret, f"idempotency-answer:{self._key}")


async def purge_expired_keys(session: AsyncSession) -> None:
    await session.exec(delete(IdempotencyKey).where(col(IdempotencyKey.expires_at) < clock.now()))
