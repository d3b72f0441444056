"""Which mutuality a caller works for. One token, one tenant."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.errors import ScopesConflict, TenantRequired
from maillage_campaigns.models import Mutuality
from maillage_common import clock
from maillage_common.auth import Caller

MANAGE, LISTS, CALL, REPORT = (
    "campaigns:manage",
    "campaigns:lists",
    "campaigns:call",
    "campaigns:report",
)


def tenant_of(caller: Caller) -> str:
    """The caller's mutuality; refuses a token without one, and one that also manages campaigns."""
    refuse_mixed_scopes(caller)
    if caller.tenant is None:
        raise TenantRequired("Ask for a token that names your mutuality.")
    return caller.tenant


def refuse_mixed_scopes(caller: Caller) -> None:
    """Who manages the campaign for all mutualities never handles the people of one."""
    if caller.has(MANAGE) and (caller.has(LISTS) or caller.has(CALL)):
        raise ScopesConflict("Use one token to manage campaigns and another for a mutuality.")


async def note_tenant(session: AsyncSession, tenant: str) -> None:
    """Remember that the tenant exists, so that clocks visit it."""
    await session.exec(
        insert(Mutuality).values(tenant=tenant, first_seen_at=clock.now()).on_conflict_do_nothing()
    )
