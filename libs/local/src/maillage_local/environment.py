"""The settings a service gets as environment variables, and the key files they name.

One place for the local stack and for the tests, so that what is tested is what runs.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maillage_local.databases import ServiceDatabase
from maillage_local.keys import ensure_ec_key, public_jwk
from maillage_local.postgres import write_private

SERVICES = ("directory", "referrals", "campaigns", "gateway")
# What each issuer of internal tokens may grant at most; None = whatever the token says.
SCOPE_CEILINGS: Mapping[str, tuple[str, ...] | None] = {
    "gateway": None,
    "campaigns": ("directory:read", "directory:write", "referrals:write"),
    "referrals": ("directory:read",),
}
WEBHOOK_EVENTS = ("referral.updated",)
# Where the demo's people and the tests' keep their files.
LOCATOR_SYSTEMS = {
    "own": {},
    "demo-dossiers": {"reference": "[A-Z]-[0-9]{1,19}"},
    "topaz": {
        "reference": "D-([0-9]{4}-)?[0-9a-f]{1,8}",
        "pages": ["https://topaz.example/records/{reference}"],
    },
}


@dataclass(frozen=True)
class KeyRing:
    """One signing key a service, and the file that tells the services whom to trust."""

    folder: Path

    @classmethod
    def ensure(cls, folder: Path) -> "KeyRing":
        """The keys in `folder`, made when missing (0600)."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring = cls(folder)
        for service in SERVICES:
            ensure_ec_key(ring.signing_key_file(service))
        ensure_ec_key(ring.revocation_key_file)
        listed = public_jwk(ring.revocation_key_file.read_text(encoding="ascii"))
        write_private(ring.revocation_keys_file, json.dumps({"keys": [listed]}, indent=2))
        write_private(ring.trusted_issuers_file, json.dumps(ring.trusted_issuers(), indent=2))
        return ring

    @property
    def trusted_issuers_file(self) -> Path:
        return self.folder / "trusted-issuers.json"

    @property
    def revocation_list(self) -> Path:
        """Tokens that were taken back; the stack makes it, `maillage revoke` writes it."""
        return self.folder / "revocations.jws"

    @property
    def revocation_key_file(self) -> Path:
        return self.folder / "revocations.pem"

    @property
    def revocation_keys_file(self) -> Path:
        return self.folder / "revocation-keys.json"

    @property
    def revocation_options(self) -> list[str]:
        """For `python -m maillage_gateway revoke`. Nobody renews this list every week."""
        files = ["--list", str(self.revocation_list), "--key-file", str(self.revocation_key_file)]
        return [*files, "--days", "3650"]

    def signing_key_file(self, service: str) -> Path:
        return self.folder / f"{service}.pem"

    def private_pem(self, service: str) -> str:
        return self.signing_key_file(service).read_text(encoding="ascii")

    def trusted_issuers(self) -> dict[str, object]:
        return {
            "issuers": [
                {
                    "issuer": f"maillage-{service}",
                    "scopes": list(ceiling) if ceiling is not None else None,
                    "jwks": {"keys": [public_jwk(self.private_pem(service))]},
                }
                for service, ceiling in SCOPE_CEILINGS.items()
            ]
        }


@dataclass(frozen=True)
class Addresses:
    """Base URLs of the four services and of the identity provider."""

    gateway: str
    directory: str
    referrals: str
    campaigns: str
    identity_provider: str

    def of(self, service: str) -> str:
        return str(getattr(self, service))


@dataclass(frozen=True)
class Deployment:
    """What all services of one stack share."""

    keys: KeyRing
    addresses: Addresses
    webhook_secret: str
    environment_name: str


def new_secret() -> str:
    """A service's root secret: 43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def new_webhook_secret() -> str:
    """A Standard Webhooks secret: `whsec_` and 32 bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def service_environment(
    service: str,
    deployment: Deployment,
    *,
    secret: str,
    database: ServiceDatabase | None = None,
    telemetry_file: Path | None = None,
) -> dict[str, str]:
    """The environment of one service. `database` is given for every service but the gateway."""
    settings = {
        "public_url": deployment.addresses.gateway,
        "signing_key_file": str(deployment.keys.signing_key_file(service)),
        "environment": deployment.environment_name,
        # One machine, few requests: every trace is worth keeping.
        "trace_ratio": "1",
    }
    if telemetry_file is not None:
        settings["telemetry_file"] = str(telemetry_file)
    if database is not None:
        settings |= {
            "database_url": database.app_url,
            "migration_database_url": database.owner_url,
            "trusted_issuers_file": str(deployment.keys.trusted_issuers_file),
            "secret": secret,
        }
    settings |= _peers(service, deployment)
    return {f"{service}_{name}".upper(): value for name, value in settings.items()}


def _peers(service: str, deployment: Deployment) -> dict[str, str]:
    addresses = deployment.addresses
    match service:
        case "referrals":
            webhook = {
                "url": f"{addresses.campaigns}/campaigns/v1/referral-events",
                "secret": deployment.webhook_secret,
                "events": list(WEBHOOK_EVENTS),
                "audience": "campaigns",
            }
            return {
                "directory_url": addresses.directory,
                "webhooks": json.dumps([webhook]),
                "locator_systems": json.dumps(LOCATOR_SYSTEMS),
            }
        case "campaigns":
            return {
                "directory_url": addresses.directory,
                "referrals_url": addresses.referrals,
                "webhook_secret": deployment.webhook_secret,
            }
        case "gateway":
            return {
                **{f"{name}_url": addresses.of(name) for name in SERVICES if name != "gateway"},
                "issuers": json.dumps(_outer_issuers(addresses)),
                **_revocations(deployment.keys),
            }
        case _:
            return {}


def _revocations(keys: KeyRing) -> dict[str, str]:
    if not keys.revocation_list.exists():
        return {}
    return {
        "revocation_list": str(keys.revocation_list),
        "revocation_keys_file": str(keys.revocation_keys_file),
    }


def _outer_issuers(addresses: Addresses) -> list[dict[str, object]]:
    return [
        {
            "issuer": addresses.identity_provider,
            "algorithms": ["RS256"],
            "max_lifetime_seconds": 3600,
        },
        {
            "issuer": f"{addresses.gateway}/referrals",
            "jwks_uri": f"{addresses.referrals}/referrals/v1/jwks.json",
            "algorithms": ["ES256"],
            "scopes": ["referrals:subject"],
            "max_lifetime_seconds": 900,
        },
    ]
