"""The gateway under attack, for the tests of the table of attacks."""

import sys
from importlib import resources
from pathlib import Path

import pytest

from maillage_gateway.settings import IssuerSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "attacker"))
sys.path.insert(0, str(Path(__file__).parents[4] / "libs" / "common" / "tests" / "forge"))
from attacker import ES, ISSUER, RS, Target, claims, token


@pytest.fixture
async def target(start_gateway, settings, issuer, echo, tmp_path):
    policy = resources.files("maillage_gateway").joinpath("policy.toml").read_text("utf-8")
    path = tmp_path / "policy.toml"
    # The attacker is patient: the meter of refused tokens would answer 429 here.
    path.write_text(policy.replace("per_second = 5, burst = 60", "per_second = 9999, burst = 9999"))
    source = issuer.source
    source.documents["/jwks.json"] = {"keys": [RS.jwk(), ES.jwk()]}
    trusted = IssuerSettings(
        issuer=ISSUER,
        jwks_uri=f"{source.url}/jwks.json",
        algorithms=frozenset({"RS256", "ES256"}),
    )
    own = settings.model_copy(update={"issuers": (trusted,), "policy_file": path})
    async with start_gateway(own) as gateway:
        target = Target(gateway, source, echo)
        good = token()
        assert (await target.bear(good))[0] == 200
        echo.seen.clear()
        yield target
        assert (await target.bear(good))[0] == 200
        assert (await target.bear(RS.token(claims())))[0] == 200
