import importlib
import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from maillage_local.databases import DATABASE_SERVICES, ServiceDatabase
from maillage_local.environment import (
    SERVICES,
    Addresses,
    Deployment,
    KeyRing,
    new_secret,
    new_webhook_secret,
    service_environment,
)

DATABASE = ServiceDatabase("x", "postgresql+psycopg://o@/x", "postgresql+psycopg://a@/x")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    addresses = Addresses(*(f"http://127.0.0.1:{port}" for port in range(8000, 8005)))
    return Deployment(KeyRing.ensure(tmp_path / "keys"), addresses, new_webhook_secret(), "test")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_accepts_its_settings(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    database = DATABASE if service in DATABASE_SERVICES else None
    made = service_environment(service, deployment, secret=new_secret(), database=database)
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    settings = importlib.import_module(f"maillage_{service}.settings").Settings()
    known = {f"{service}_{field}".upper() for field in type(settings).model_fields}
    assert set(made) <= known
    assert settings.public_url == "http://127.0.0.1:8000"


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    ring = KeyRing.ensure(tmp_path / "keys")
    before = {path.name: path.read_text() for path in ring.folder.iterdir()}
    KeyRing.ensure(tmp_path / "keys")
    assert before == {path.name: path.read_text() for path in ring.folder.iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in ring.folder.iterdir())


def test_trusted_issuers_hold_public_keys_named_by_their_thumbprint(tmp_path: Path) -> None:
    ring = KeyRing.ensure(tmp_path / "keys")
    issuers = json.loads(ring.trusted_issuers_file.read_text())["issuers"]
    names = {issuer["issuer"] for issuer in issuers}
    assert names == {"maillage-gateway", "maillage-campaigns", "maillage-referrals"}
    for issuer in issuers:
        (jwk,) = issuer["jwks"]["keys"]
        assert "d" not in jwk
        assert ECKey.import_key(jwk).thumbprint() == jwk["kid"]
