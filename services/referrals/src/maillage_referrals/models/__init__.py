"""All tables of the service, cut by noun."""

from maillage_common import columns as columns  # sets the naming convention before any table
from maillage_common.code_copies import CodeCopy
from maillage_referrals.models.access import AccessMatrix, AccessRule
from maillage_referrals.models.consents import CareLink, Consent, Exclusion
from maillage_referrals.models.pointers import Pointer
from maillage_referrals.models.referrals import HandOver, Referral, ReferralEvent
from maillage_referrals.models.subjects import Card, OneTimeCode, Subject

__all__ = [
    "AccessMatrix",
    "AccessRule",
    "Card",
    "CareLink",
    "CodeCopy",
    "Consent",
    "Exclusion",
    "HandOver",
    "OneTimeCode",
    "Pointer",
    "Referral",
    "ReferralEvent",
    "Subject",
]
