"""Envoy and nginx as deploy/ configures them, before a gateway, its check and an echo service."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.peers import ROOT, doubles, found, free_port, gateway, gateway_environment, process

DEPLOY = ROOT / "deploy"


def configured(source: Path, folder: Path, ports: dict[str, int], front: str) -> Path:
    """The deployed configuration, with its addresses on loopback."""
    text = source.read_text("utf-8")
    for name, port in ports.items():
        text = re.sub(rf"\b{name}, port_value: \d+", f"127.0.0.1, port_value: {port}", text)
        text = re.sub(rf"\b{name}:800\d\b", f"127.0.0.1:{port}", text)
    text = re.sub(r"0\.0\.0\.0, port_value: 8080", f"127.0.0.1, port_value: {ports[front]}", text)
    text = text.replace("listen 8080", f"listen 127.0.0.1:{ports[front]}")
    target = folder / source.name
    target.write_text(text, "utf-8")
    return target


@dataclass
class Site:
    """A gateway, its check, and what stands behind and before them."""

    ports: dict[str, int]
    echo: Any
    issuer: Any
    folder: Path


@asynccontextmanager
async def envoy(site: Site) -> AsyncIterator[None]:
    config = configured(DEPLOY / "envoy" / "envoy.yaml", site.folder, site.ports, "envoy")
    options = ("--concurrency", 1, "--use-dynamic-base-id", "--log-level", "error")
    async with process(found("envoy"), "-c", config, *options, port=site.ports["envoy"]):
        yield


@asynccontextmanager
async def nginx(site: Site) -> AsyncIterator[None]:
    for source in (DEPLOY / "nginx").glob("*.conf"):
        config = configured(source, site.folder, site.ports, "nginx")
    config = site.folder / "nginx.conf"
    places = "".join(
        f"{name}_temp_path {site.folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = config.read_text("utf-8").replace("http {", f"http {{ {places}", 1)
    config.write_text(f"daemon off; pid {site.folder}/nginx.pid;\n{text}", "utf-8")
    program = found("nginx")
    options = ("-p", site.folder, "-e", site.folder / "error.log", "-c", config)
    async with process(program, *options, port=site.ports["nginx"]):
        yield


FRONTS = {"envoy": envoy, "nginx": nginx}


@asynccontextmanager
async def whole_site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        echo = await stack.enter_async_context(doubles.listening(doubles.Service()))
        source = await stack.enter_async_context(doubles.listening(doubles.Service()))
        issuer = doubles.Issuer(source)
        issuer.publish(issuer.signer)
        trusted = {
            "issuer": issuer.name,
            "jwks_uri": f"{source.url}/jwks.json",
            "algorithms": ["ES256"],
        }
        environment = gateway_environment(tmp_path, echo.url, trusted)
        serve, _ = await stack.enter_async_context(gateway(environment))
        check, _ = await stack.enter_async_context(gateway(environment, command="check"))
        services = dict.fromkeys(
            ("directory", "referrals", "campaigns"), int(echo.url.rpartition(":")[2])
        )
        ports = {
            "gateway": serve,
            "check": check,
            "envoy": free_port(),
            "nginx": free_port(),
            **services,
        }
        yield Site(ports, echo, issuer, tmp_path)
