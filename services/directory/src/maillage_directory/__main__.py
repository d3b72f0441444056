from maillage_common.command import run
from maillage_directory.loading.command import COMMANDS
from maillage_directory.settings import Settings

run("directory", Settings, extra=COMMANDS)
