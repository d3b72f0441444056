"""What a transaction tells PostgreSQL about who asks, beyond what the library sets.

Row-level security reads these settings (see the migration's `0001_gate.sql`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_referrals.vocabulary import Purpose

_SET = text("SELECT set_config('maillage.' || :name, :value, true)")


class LookPast(StrEnum):
    """Every reason for which a request looks past its caller, for one or two statements."""

    CARD_LOOKUP = "card_lookup"
    CODE_CHECK = "one_time_code_check"
    SUBJECT_OF_DENIAL = "subject_of_denial"
    WITHDRAWAL = "withdrawal"
    FIRST_CARD = "first_card"
    LOCATOR_CHECK = "locator_check"


async def enter(
    session: AsyncSession, *, person: UUID | None = None, organization: UUID | None = None
) -> None:
    """State the person (when their own card speaks) or the worker's organization, and the clock."""
    await (await session.connection()).execute(
        text(
            "SELECT set_config('maillage.person', :person, true),"
            " set_config('maillage.organization', :organization, true),"
            " set_config('maillage.at', :at, true)"
        ),
        {
            "person": str(person or ""),
            "organization": str(organization or ""),
            "at": clock.now().isoformat(),
        },
    )


async def name_subject(session: AsyncSession, subject_id: UUID) -> None:
    """The caller named this subject by a handle of theirs."""
    await _set(session, "named", str(subject_id))


async def state_purpose(session: AsyncSession, purpose: Purpose | None) -> None:
    await _set(session, "purpose", purpose or "")


async def speak_for(session: AsyncSession, organization: UUID) -> None:
    """A service that acts by itself speaks for this organization."""
    await _set(session, "organization", str(organization))


@asynccontextmanager
async def looking_past(session: AsyncSession, reason: LookPast) -> AsyncIterator[None]:
    """See every row for the statements inside. What is read here never goes into an answer."""
    await session.flush()
    await _set(session, "system", reason)
    yield
    await session.flush()
    await _set(session, "system", "")


async def _set(session: AsyncSession, name: str, value: str) -> None:
    await (await session.connection()).execute(_SET, {"name": name, "value": value})
