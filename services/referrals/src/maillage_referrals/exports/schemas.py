from datetime import datetime

from maillage_common.schemas import Answer
from maillage_referrals.cards.schemas import CardPublic
from maillage_referrals.care_links.schemas import CareLinkPublic
from maillage_referrals.consents.schemas import ConsentPublic
from maillage_referrals.exclusions.schemas import ExclusionPublic
from maillage_referrals.pointers.schemas import PointerPublic
from maillage_referrals.referrals.schemas import ReferralItem


class ExportPublic(Answer):
    """Everything kept about the person, but the access log, which has its own pages."""

    handle: str
    exported_at: datetime
    cards: list[CardPublic]
    consents: list[ConsentPublic]
    exclusions: list[ExclusionPublic]
    care_links: list[CareLinkPublic]
    pointers: list[PointerPublic]
    referrals: list[ReferralItem]
