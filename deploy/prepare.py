"""Make what docker-compose.yml mounts: passwords, keys, trusted issuers, settings, revocations.

    .venv/bin/python deploy/prepare.py --public-url https://maillage.example \
        --issuer https://login.example

What exists is kept, so it can be run again; the gateway's issuers are written anew each time, and
the list of revocations is renewed.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from maillage_common.settings import address
from maillage_gateway import revoke
from maillage_local.databases import DATABASE_SERVICES, app_role, owner_role
from maillage_local.environment import WEBHOOK_EVENTS, KeyRing, new_secret, new_webhook_secret

FOLDER = Path(".local/deploy")


def main() -> None:
    """Write the folder of secrets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--public-url", type=address, default="http://127.0.0.1:8000")
    parser.add_argument(
        "--issuer", type=issuer, required=True, help="where people and machines sign in"
    )
    parser.add_argument("--algorithm", default="RS256", help="what the issuer signs with")
    chosen = parser.parse_args()
    folder: Path = chosen.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = KeyRing.ensure(folder)
    _keep(folder / "postgres-password", _password)
    for service in DATABASE_SERVICES:
        _write_service_secrets(folder, service)
    webhook = _keep(folder / "CAMPAIGNS_WEBHOOK_SECRET", new_webhook_secret)
    _write(folder / "REFERRALS_WEBHOOKS", json.dumps([_campaigns_webhook(webhook)]))
    issuers = [_issuer(chosen.issuer, chosen.algorithm), _card_issuer(chosen.public_url)]
    _write(folder / "GATEWAY_ISSUERS", json.dumps(issuers))
    _renew_revocations(folder / "revocations", keys.revocation_key_file)
    for path in folder.iterdir():
        # The containers' users are not ours: they read the files, and the folder lets nobody in.
        if path.is_file() and path != keys.revocation_key_file:
            path.chmod(0o444)


def issuer(text: str) -> str:
    """An issuer, byte for byte as its tokens have it. Raises ValueError."""
    address(text)
    return text


def _renew_revocations(folder: Path, key_file: Path) -> None:
    """The list that the gateway polls, empty at first. Later lists take over its mode."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    listed = folder / "list.jws"
    if revoke.main(["--list", str(listed), "--key-file", str(key_file), "renew"]) != 0:
        sys.exit(1)
    listed.chmod(0o644)


def _write_service_secrets(folder: Path, service: str) -> None:
    _keep(folder / f"{service.upper()}_SECRET", new_secret)
    roles = {"DATABASE_URL": app_role(service), "MIGRATION_DATABASE_URL": owner_role(service)}
    for setting, role in roles.items():
        password = _keep(folder / f"{role.replace('_', '-')}-password", _password)
        url = f"postgresql+psycopg://{role}:{password}@postgres:5432/{service}"
        _write(folder / f"{service.upper()}_{setting}", url)


def _campaigns_webhook(secret: str) -> dict[str, object]:
    return {
        "url": "http://campaigns:8000/campaigns/v1/referral-events",
        "secret": secret,
        "events": list(WEBHOOK_EVENTS),
        "audience": "campaigns",
    }


def _issuer(address: str, algorithm: str) -> dict[str, object]:
    return {"issuer": address, "algorithms": [algorithm], "max_lifetime_seconds": 3600}


def _card_issuer(public_url: str) -> dict[str, object]:
    return {
        "issuer": f"{public_url}/referrals",
        "jwks_uri": "http://referrals:8000/referrals/v1/jwks.json",
        "algorithms": ["ES256"],
        "scopes": ["referrals:subject"],
        "max_lifetime_seconds": 900,
    }


def _password() -> str:
    return secrets.token_urlsafe(24)


def _keep(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _write(path, make())
    return path.read_text(encoding="ascii")


def _write(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


if __name__ == "__main__":
    main()
