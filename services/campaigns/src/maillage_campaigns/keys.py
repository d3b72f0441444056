"""One mutuality's keys: what seals its people's names and phones, and what makes its pseudonyms.

All are derived from CAMPAIGNS_SECRET and the tenant's code, so no two mutualities share a key and
one's pseudonym of a national number says nothing about another's.
"""

import hmac
import json
import re
from typing import Any

from maillage_common.secrets import derive, seal, unseal

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class TenantKeys:
    """Seals and pseudonyms of one tenant."""

    def __init__(self, secret: str, tenant: str) -> None:
        if not _TENANT.fullmatch(tenant):
            raise ValueError("not a tenant code")
        self.tenant = tenant
        self._seal = derive(secret, f"tenant-seal:{tenant}")
        self._pseudonym = derive(secret, f"tenant-pseudonym:{tenant}")

    def pseudonym(self, kind: str, value: str) -> bytes:
        """HMAC-SHA-256 of a normalised number or id; `kind` keeps two kinds' equals apart."""
        return hmac.digest(self._pseudonym, f"{kind}\0{value}".encode(), "sha256")

    def seal(self, clear: bytes, *, context: bytes) -> bytes:
        """AES-256-GCM; `context` ties the seal to its row, so that it cannot be moved."""
        return seal(self._seal, clear, context=context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        return unseal(self._seal, sealed, context=context)

    def seal_json(self, value: Any, *, context: bytes) -> bytes:
        clear = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return self.seal(clear, context=context)

    def unseal_json(self, sealed: bytes, *, context: bytes) -> Any:
        return json.loads(self.unseal(sealed, context=context))
