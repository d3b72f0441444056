import os
import signal
import sys

from uvicorn.supervisors import Multiprocess

from maillage_common.command import run, serve
from maillage_gateway import revoke
from maillage_gateway.settings import Settings


def _pass_on(parent: Multiprocess) -> None:
    for process in parent.processes:
        if process.pid is not None:
            os.kill(process.pid, signal.SIGHUP)


# uvicorn's parent would start its workers anew, with empty caches and meters; each reads the policy
# again by itself (`Doorkeeper.reload`).
Multiprocess.handle_hup = _pass_on  # type: ignore[assignment, method-assign]

if sys.argv[1:2] == ["revoke"]:
    sys.exit(revoke.main(sys.argv[2:]))
if sys.argv[1:2] == ["check"]:
    serve("gateway", sys.argv[2:], command="check", factory="check:create", port=8001)
else:
    run("gateway", Settings)
