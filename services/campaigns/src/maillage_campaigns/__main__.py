from maillage_campaigns.settings import Settings
from maillage_common.command import run

run("campaigns", Settings)
