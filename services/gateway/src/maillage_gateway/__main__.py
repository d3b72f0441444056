import sys

from maillage_common.command import run, serve
from maillage_gateway import revoke
from maillage_gateway.settings import Settings

if sys.argv[1:2] == ["revoke"]:
    sys.exit(revoke.main(sys.argv[2:]))
if sys.argv[1:2] == ["check"]:
    serve("gateway", sys.argv[2:], command="check", factory="check:create", port=8001)
else:
    run("gateway", Settings)
