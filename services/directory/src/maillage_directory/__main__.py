from maillage_common.command import run
from maillage_directory.settings import Settings

LOADING = "maillage_directory.loading.command"
run(
    "directory",
    Settings,
    extra={"load": f"{LOADING}:load", "load-reference": f"{LOADING}:load_reference"},
)
