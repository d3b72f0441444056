"""What a gateway keeps in memory for nothing."""

import subprocess
import sys

_START = """
import sys
import maillage_gateway.main
from maillage_common import telemetry
from maillage_common.settings import ServiceSettings
telemetry.configure("gateway", ServiceSettings(signing_key_file="unused"))
print(*[name for name in ("httpx", "psycopg", "redis", "sqlalchemy") if name in sys.modules])
"""


def test_a_gateway_imports_no_client_of_services_and_no_database_driver():
    started = subprocess.run(
        [sys.executable, "-c", _START], capture_output=True, text=True, check=True
    )
    assert started.stdout.split() == []
