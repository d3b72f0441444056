"""The identity provider's RS256 keys on disk, and their rotation.

A new key is published before it signs, so that whoever checks tokens has fetched it by then; the
key it replaces stays published until the last token it signed has expired.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from maillage_common import clock
from maillage_local.keys import Jwk, new_rsa_pem, public_jwk
from maillage_local.postgres import write_private

TOKEN_LIFETIME = timedelta(hours=1)
PUBLISHED_AHEAD = timedelta(seconds=10)
PUBLISHED_AFTER = TOKEN_LIFETIME + timedelta(minutes=5)


@dataclass(frozen=True)
class SigningKey:
    """A private key with the time from which it signs and the time it is published until."""

    pem: str
    signs_from: datetime
    published_until: datetime | None

    @property
    def jwk(self) -> Jwk:
        return public_jwk(self.pem)

    @property
    def kid(self) -> str:
        return self.jwk["kid"]

    def is_published(self, at: datetime) -> bool:
        return self.published_until is None or at < self.published_until


class SigningKeys:
    """The key file (0600). Read anew whenever it changed, so a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: int | None = None
        self._keys: tuple[SigningKey, ...] = ()

    def ensure(self) -> None:
        """Make the first key."""
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write((SigningKey(new_rsa_pem(), clock.now(), None),))

    def published(self) -> list[Jwk]:
        """What `/jwks.json` shows now."""
        at = clock.now()
        return [key.jwk for key in self._current() if key.is_published(at)]

    def signing(self) -> SigningKey:
        """The newest key whose time to sign has come."""
        at = clock.now()
        ready = [key for key in self._current() if key.signs_from <= at]
        return max(ready, key=lambda key: key.signs_from)

    def rotate(self, ahead: timedelta = PUBLISHED_AHEAD) -> SigningKey:
        """Publish a new key now; it signs `ahead` later, and the old ones retire after that."""
        at = clock.now()
        fresh = SigningKey(new_rsa_pem(), at + ahead, None)
        retiring = (
            SigningKey(
                key.pem, key.signs_from, key.published_until or fresh.signs_from + PUBLISHED_AFTER
            )
            for key in self._current()
            if key.is_published(at)
        )
        self._write((*retiring, fresh))
        return fresh

    def _current(self) -> tuple[SigningKey, ...]:
        changed = self.path.stat().st_mtime_ns
        if changed != self._read_at:
            rows = json.loads(self.path.read_text(encoding="ascii"))
            self._keys = tuple(_from_json(row) for row in rows)
            self._read_at = changed
        return self._keys

    def _write(self, keys: tuple[SigningKey, ...]) -> None:
        rows = [asdict(key) for key in keys]
        write_private(self.path, json.dumps(rows, default=datetime.isoformat, indent=2))


def _from_json(row: dict[str, str | None]) -> SigningKey:
    pem, signs_from, until = row["pem"], row["signs_from"], row["published_until"]
    assert pem is not None
    assert signs_from is not None
    return SigningKey(
        pem,
        datetime.fromisoformat(signs_from),
        datetime.fromisoformat(until) if until else None,
    )
