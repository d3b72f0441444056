import os
import signal
import sys

from uvicorn.supervisors import Multiprocess

from maillage_common.command import read_settings, run, serve
from maillage_gateway import policy, revoke
from maillage_gateway.settings import Settings


def _pass_on(parent: Multiprocess) -> None:
    for process in parent.processes:
        if process.pid is not None:
            os.kill(process.pid, signal.SIGHUP)


# uvicorn's parent would start its workers anew, with empty caches and meters; each reads the policy
# again by itself (`Doorkeeper.reload`).
Multiprocess.handle_hup = _pass_on  # type: ignore[assignment, method-assign]

command, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
if command == "revoke":
    sys.exit(revoke.main(arguments))
if command == "policy":
    sys.exit(policy.main(arguments))
if command == "check":
    read_settings("gateway", Settings)
    serve("gateway", arguments, command="check", factory="check:create", port=8001)
else:
    run("gateway", Settings, epilog="Besides: check, revoke, policy; each has a --help of its own.")
