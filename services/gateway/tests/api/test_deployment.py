"""What `deploy/` makes and `docker-compose.yml` mounts, without Docker.

The same files, settings and entry point, in a process of this machine.
"""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from maillage_common.keys import TokenSigner

ROOT = Path(__file__).parents[4]
DEPLOY = ROOT / "deploy"
NEEDS = "/directory/v1/needs"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def interpolated(text, variables):
    """`${NAME:-default}` as Compose reads it."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: variables.get(m[1]) or m[2], text)


def prepare(folder, issuer):
    options = ("--folder", folder, "--issuer", issuer.source.url, "--algorithm", "ES256")
    command = [sys.executable, DEPLOY / "prepare.py", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def folder(tmp_path, issuer):
    prepared = tmp_path / "deploy"
    prepare(prepared, issuer)
    return prepared


@pytest.fixture
def revoke(folder):
    """The command of deploy/README.md, as a shell runs it."""
    text = (DEPLOY / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^ +(revoke=.*)$", text, re.MULTILINE)
    for told, real in ((".local/deploy", str(folder)), (".venv/bin/python", sys.executable)):
        assert told in line
        line = line.replace(told, real)

    def run(arguments):
        shell = ["/bin/sh", "-c", f"umask 077\n{line}\n$revoke {arguments}"]
        return subprocess.run(shell, check=True, capture_output=True, text=True).stdout

    return run


def container(folder, place):
    """The gateway's environment in its container, its mounts and secrets below `place`."""
    service = COMPOSE["services"]["gateway"]
    variables = {"SECRETS": str(folder)}
    secrets = place / "secrets"
    secrets.mkdir()
    mounts = {"/run/secrets": str(secrets)}
    for name in service["secrets"]:
        source = interpolated(COMPOSE["secrets"][name]["file"], variables)
        (secrets / name).symlink_to(source)
        # Whoever the container runs as.
        assert Path(source).stat().st_mode & 0o004, name
    for volume in service["volumes"]:
        mounts[volume["target"]] = interpolated(volume["source"], variables)
    environment = {name: interpolated(v, variables) for name, v in service["environment"].items()}
    for target, source in mounts.items():
        environment = {name: v.replace(target, source) for name, v in environment.items()}
    return environment | {"MAILLAGE_SERVICE": "gateway", "MAILLAGE_SECRETS_FOLDER": str(secrets)}


@pytest.fixture
async def deployed(folder, issuer, echo, new_pem, tmp_path):
    """A client of the gateway as the compose file starts it, before an issuer and an echo."""
    source = issuer.source
    issuer.signer = TokenSigner(new_pem(), source.url)
    issuer.publish(issuer.signer)
    source.documents["/.well-known/openid-configuration"] = {
        "issuer": source.url,
        "jwks_uri": f"{source.url}/jwks.json",
    }
    services = {f"GATEWAY_{name}_URL": echo.url for name in ("DIRECTORY", "REFERRALS", "CAMPAIGNS")}
    environment = container(folder, tmp_path) | services | {"GATEWAY_DRAIN_SECONDS": "0"}
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = await asyncio.create_subprocess_exec(
        *("/bin/sh", str(DEPLOY / "entrypoint"), "serve", "--port", str(port)),
        env=path | environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            yield client
    finally:
        started.terminate()
        await started.wait()


async def until(client, path, headers, status):
    deadline = time.monotonic() + 30
    while True:
        try:
            if (await client.get(path, headers=headers)).status_code == status:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_deployed_gateway_refuses_what_the_documented_command_revokes(
    deployed, revoke, issuer
):
    token = issuer.bearer()
    await until(deployed, "/health/ready", {}, 200)
    assert (await deployed.get(NEEDS, headers=token)).status_code == 200
    await asyncio.to_thread(revoke, "client partner-app")
    await until(deployed, NEEDS, token, 401)
    await asyncio.to_thread(revoke, "lift client partner-app")
    await until(deployed, NEEDS, token, 200)


def test_the_next_list_can_be_read_by_whoever_could_read_the_last(folder, revoke):
    revoke("client partner-app")
    assert (folder / "revocations" / "list.jws").stat().st_mode & 0o777 == 0o644


def test_preparing_again_keeps_what_was_revoked(folder, revoke, issuer):
    revoke("client partner-app")
    prepare(folder, issuer)
    assert "partner-app" in revoke("show")


def test_every_secret_that_is_mounted_is_made_and_the_key_of_the_list_is_not_mounted(folder):
    variables = {"SECRETS": str(folder)}
    mounted = {interpolated(s["file"], variables) for s in COMPOSE["secrets"].values()}
    made = {str(path) for path in folder.iterdir() if path.is_file()}
    assert made - mounted == {f"{folder}/revocations.pem"}
    assert mounted <= made
    for service in COMPOSE["services"].values():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize(
    ("option", "value"), [("--issuer", "login.example"), ("--public-url", "maillage.example")]
)
def test_an_address_of_another_form_is_refused_before_anything_is_made(tmp_path, option, value):
    given = {"--issuer": "https://login.example", option: value}
    options = (word for pair in given.items() for word in pair)
    folder = tmp_path / "deploy"
    command = [sys.executable, DEPLOY / "prepare.py", "--folder", folder, *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, folder.exists()) == (2, False)
    assert f"argument {option}: " in done.stderr
