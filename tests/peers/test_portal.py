"""The portal of a real stack: its document, a client generated from it, its pages in a browser."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.running import RunningStack
from tests.peers.peers import PEERS, found

from maillage_local.temporary_stack import temporary_stack


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with temporary_stack() as folder:
        yield RunningStack(folder)


def run(*command: object, cwd: Path) -> str:
    """What the command printed; it must succeed."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={"PATH": f"{PEERS}:/usr/bin:/bin", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_document_is_valid_and_a_client_generated_from_it_works(
    stack: RunningStack, tmp_path: Path
) -> None:
    text = httpx.get(f"{stack.gateway_url}/openapi.json", trust_env=False, timeout=60).content
    assert {path.split("/")[1] for path in json.loads(text)["paths"]} >= {
        *("directory", "referrals", "campaigns"),
    }
    document = tmp_path / "openapi.json"
    document.write_bytes(text)
    run(found("openapi-spec-validator"), document, cwd=tmp_path)
    package = tmp_path / "maillage_generated"
    said = run(
        *(found("openapi-python-client"), "generate", "--path", document),
        *("--meta", "none", "--output-path", package),
        cwd=tmp_path,
    )
    # Lists come as multipart too; this generator knows no CSV.
    assert re.findall(r"WARNING parsing (.*) within", said) in (
        [],
        ["POST /campaigns/v1/campaigns/{campaign_id}/imports"],
    ), said
    script = Path(__file__).with_name("generated_client_calls.py")
    token = stack.token("raq-worker")
    said = run(PEERS / "python", script, tmp_path, stack.gateway_url, token, cwd=tmp_path)
    assert re.match(r"\d+ needs, \d+ services", said)


def asked_by_the_page(netlog: Path, origin: str) -> set[str]:
    """The origins that a page of `origin` sent requests to; the browser's own are left out."""
    asked = set()
    for line in netlog.read_text("utf-8").splitlines():
        if '"initiator"' not in line or '"url"' not in line:
            continue
        # One event a line.
        facts = json.loads(line.rstrip(","))["params"]
        if str(facts["initiator"]).startswith(origin):
            asked.add("/".join(facts["url"].split("/")[:3]))
    return asked


def test_the_pages_render_in_a_browser_without_any_network(
    stack: RunningStack, tmp_path: Path
) -> None:
    document = httpx.get(f"{stack.gateway_url}/openapi.json", trust_env=False, timeout=60).json()
    shown = {
        "/": "Maillage",
        "/docs/care-professional": "Ask first",
        "/docs": "/campaigns/v1/leases",
    }
    for path, text in shown.items():
        netlog = tmp_path / "net.json"
        page = run(
            found("chromium"),
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            # No name can be resolved, and nothing but loopback can be reached.
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server"),
            *(f"--log-net-log={netlog}", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--virtual-time-budget=20000", stack.gateway_url + path),
            cwd=tmp_path,
        )
        assert text in page, path
        assert asked_by_the_page(netlog, stack.gateway_url) <= {stack.gateway_url}
    # Each operation has its line: the reader has read the whole document.
    operations = sum(len(item) for item in document["paths"].values())
    assert page.count('class="opblock ') == operations, json.dumps(sorted(document["paths"]))
