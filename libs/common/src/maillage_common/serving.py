"""An application in several processes. One that cannot start ends them all: it never will."""

import sys
from typing import Any

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess

from maillage_common.command import say_why


class _Config(Config):
    """What each process starts from. uvicorn starts one again that ends with any other code."""

    service: str

    def load(self) -> None:
        try:
            super().load()
        except Exception as error:
            say_why(self.service, error, str(error))
            sys.exit(STARTUP_FAILURE)


def serve_in_processes(service: str, application: str, **options: Any) -> bool:
    """Until told to stop; false when a process could not start. `options` are uvicorn's."""
    config = _Config(application, **options)
    config.service = service
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)
