from maillage_common.command import run
from maillage_gateway.settings import Settings

run("gateway", Settings, http="maillage_gateway.protocol:GuardedProtocol")
