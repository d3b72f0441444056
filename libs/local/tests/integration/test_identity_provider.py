"""The issuer as its own process, with a key rotation while it runs."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from maillage_local.data_folder import DataFolder, State
from maillage_local.demo.identities import PERSONAS
from maillage_local.sign_in import token_for
from maillage_local.signing_keys import SigningKeys


def wait_for_answer(process: subprocess.Popen[bytes], url: str) -> None:
    while process.poll() is None:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.ConnectError:
            # A busy loop would slow the very start it waits for.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    raise AssertionError(f"ended with {process.returncode}")


@contextmanager
def serving(folder: DataFolder, port: int) -> Iterator[str]:
    issuer = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "maillage_local.identity_provider"]
    options = ["--data-dir", str(folder.path), "--port", str(port)]
    with subprocess.Popen([*command, *options]) as process:
        wait_for_answer(process, f"{issuer}/.well-known/openid-configuration")
        try:
            yield issuer
        finally:
            process.terminate()
    assert process.returncode in (0, -15)


def test_signs_with_the_new_key_after_a_rotation(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.ensure()
    port = folder.ports(8000)["identity-provider"]
    state = State(0, True, {"gateway": 8000, "identity-provider": port}, {})
    with serving(folder, port) as issuer:
        before = token_for("coordinator", folder, state)
        fresh = SigningKeys(folder.identity_provider_keys).rotate(timedelta(0))
        after = token_for("partner-app", folder, state)
        published = KeySet.import_key_set(httpx.get(f"{issuer}/jwks.json").json())
    old = jwt.decode(before, published, algorithms=["RS256"])
    new = jwt.decode(after, published, algorithms=["RS256"])
    assert old.claims["sub"] == PERSONAS["coordinator"].subject
    assert old.header["kid"] != new.header["kid"] == fresh.kid
    assert old.claims["iss"] == new.claims["iss"] == issuer
