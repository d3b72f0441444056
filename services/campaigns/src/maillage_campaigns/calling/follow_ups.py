"""What a counsellor promised or started: their callbacks, and their orientations on the way."""

from uuid import UUID

from sqlalchemy import Exists, and_, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.calling import queries
from maillage_campaigns.calling.leasing import SEEN_AFTER_CLOSURE, Desk
from maillage_campaigns.calling.presenting import describe_orientation
from maillage_campaigns.calling.schemas import CasePublic, FollowUp
from maillage_campaigns.models import CallCase, Lease, Orientation
from maillage_common import clock
from maillage_common.pagination import Cursors, Page, cut_page


async def list_follow_ups(
    session: AsyncSession, cursors: Cursors, desk: Desk, *, limit: int, cursor: str | None
) -> Page[FollowUp]:
    """By lease, newest first: the lease whose attempt made the promise or the orientation."""
    counsellor = desk.caller.subject
    fingerprint = ["callbacks", counsellor]
    recent = clock.now() - SEEN_AFTER_CLOSURE
    query = (
        select(Lease, CallCase)
        .join(
            CallCase,
            and_(col(CallCase.tenant) == Lease.tenant, col(CallCase.id) == Lease.case_id),
        )
        .where(
            Lease.tenant == desk.tenant,
            Lease.counsellor == counsellor,
            col(Lease.completed_at).is_not(None),
            or_(
                and_(col(CallCase.callback_by) == counsellor, ~_called_since()),
                exists().where(
                    col(Orientation.tenant) == Lease.tenant,
                    col(Orientation.lease_id) == Lease.id,
                    or_(
                        col(Orientation.answered_at).is_(None),
                        col(Orientation.answered_at) > recent,
                    ),
                ),
            ),
        )
        .order_by(col(Lease.id).desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        [last] = cursors.decode(cursor, query=fingerprint)
        query = query.where(col(Lease.id) < UUID(last))
    shown, next_cursor = cut_page(
        (await session.exec(query)).all(),
        limit,
        key=lambda found: [str(found[0].id)],
        cursors=cursors,
        query=fingerprint,
    )
    return Page(
        items=[await _follow_up(session, desk, lease, case) for lease, case in shown],
        next_cursor=next_cursor,
    )


def _called_since() -> Exists:
    """A newer call on the same case: the promise is that one's."""
    newer = aliased(Lease)
    return exists().where(
        col(newer.tenant) == Lease.tenant,
        col(newer.case_id) == Lease.case_id,
        col(newer.completed_at) > Lease.completed_at,
    )


async def _follow_up(session: AsyncSession, desk: Desk, lease: Lease, case: CallCase) -> FollowUp:
    orientations = await queries.list_orientations(session, lease)
    return FollowUp(
        lease_id=lease.id,
        campaign_id=lease.campaign_id,
        case=CasePublic.model_validate(case),
        orientations=[
            describe_orientation(desk.keys, item)
            for item in orientations
            if item.lease_id == lease.id
        ],
    )
