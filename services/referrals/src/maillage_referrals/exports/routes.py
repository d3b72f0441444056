from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import WriteSession
from maillage_referrals.access.routes import PartyDep, Person
from maillage_referrals.exports.schemas import ExportPublic
from maillage_referrals.exports.service import export_record

router = maillage_router(prefix="/referrals/v1", tags=["subjects"])


@router.get("/subjects/{handle}/export", name="export_record")
async def export(
    caller: Person, party: PartyDep, session: WriteSession, audit: Audit, handle: str
) -> ExportPublic:
    """Everything kept about the person, for the person."""
    return await export_record(session, party, audit, handle=handle)
