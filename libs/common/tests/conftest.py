"""The common library is tested through a small real service, `sample`, on real PostgreSQL."""

import os
import sys
from pathlib import Path

import pytest

pytest_plugins = ["maillage_local.testing"]

_SAMPLE = Path(__file__).parent / "sample" / "src"
sys.path.insert(0, str(_SAMPLE))
# The migrations and workers that tests start as processes of their own find it too.
os.environ["PYTHONPATH"] = os.pathsep.join([str(_SAMPLE), os.environ.get("PYTHONPATH", "")])


@pytest.fixture(scope="session")
def service() -> str:
    return "sample"
