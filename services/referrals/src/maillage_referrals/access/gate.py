"""The gate, as the application's queries ask it.

The predicate is SQL (`may_read_pointer`, `may_read_referral`, made by the first migration), so that
row-level security asks the very same one. Every read path builds on the two selects here.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_referrals.models import Pointer, Referral


def select_visible_pointers() -> SelectOfScalar[Pointer]:
    """The pointers that the transaction's caller may read for its stated purpose."""
    return select(Pointer).where(_may_read_pointer())


def select_visible_referrals() -> SelectOfScalar[Referral]:
    """The referrals that the transaction's caller may read."""
    return select(Referral).where(_may_read_referral())


def _may_read_pointer() -> ColumnElement[bool]:
    allowed: ColumnElement[bool] = func.may_read_pointer(
        Pointer.subject_id,
        Pointer.organization,
        col(Pointer.category),
        col(Pointer.sensitive_categories),
    )
    return allowed


def _may_read_referral() -> ColumnElement[bool]:
    allowed: ColumnElement[bool] = func.may_read_referral(
        Referral.subject_id,
        Referral.sender_organization,
        Referral.receiver_organization,
        col(Referral.status),
        col(Referral.sensitive_categories),
    )
    return allowed


_CONDITIONS = text(
    "SELECT NOT is_excluded(:subject) AS not_excluded,"
    " is_linked(:subject, true) AS care_link,"
    " EXISTS (SELECT FROM consent c WHERE c.subject_id = :subject AND opens_record(c)) AS consent,"
    " EXISTS (SELECT FROM access_rule r WHERE r.version = matrix_version()"
    " AND r.function = asking('function')) AS function"
)


@dataclass(frozen=True)
class Conditions:
    """Which of the gate's conditions hold towards a person, whatever is kept about them."""

    consent: bool
    care_link: bool
    function: bool
    not_excluded: bool

    @property
    def open(self) -> bool:
        return self.consent and self.care_link and self.function and self.not_excluded

    def unmet(self) -> list[str]:
        return [name for name, holds in vars(self).items() if not holds]


async def find_conditions(session: AsyncSession, subject_id: UUID) -> Conditions:
    """For the audit record of a search: why others' entries were, or were not, open."""
    found = await (await session.connection()).execute(_CONDITIONS, {"subject": subject_id})
    row = found.mappings().one()
    return Conditions(**row)
