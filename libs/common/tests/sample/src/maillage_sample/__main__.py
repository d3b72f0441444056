from maillage_common.command import run
from maillage_sample.settings import Settings

run("sample", Settings)
