"""Where Python keeps compiled modules of the processes we start."""

import os
from pathlib import Path


def bytecode_environment(folder: Path) -> dict[str, str]:
    """Keep bytecode in `folder` where it may not be written beside the sources.

    A dozen processes that each compile everything anew would take a minute to start.
    """
    if not os.environ.get("PYTHONDONTWRITEBYTECODE"):
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)}
