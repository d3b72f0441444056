from maillage_common.command import run
from maillage_referrals.settings import Settings

run("referrals", Settings)
