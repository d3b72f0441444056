"""Stage two: duplicates, objections and what is new, changed or the same, found in sets."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.events import CampaignsEvent
from maillage_campaigns.imports.lifecycle import move
from maillage_campaigns.imports.messages import severity_of
from maillage_campaigns.imports.parsing import read_again
from maillage_campaigns.imports.queries import get_import
from maillage_campaigns.imports.service import defer_stage
from maillage_campaigns.models import Campaign, ImportStage, ListImport
from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_common.events import log

_CANDIDATES = "tenant = :tenant AND import_id = :import_id AND is_good AND outcome IS NULL"

# Freshly staged rows have no statistics: the planner takes them for one and would loop over whole
# tables once a row. Without nested loops it hashes, which is right for any number of rows.
_PLAN_IN_SETS = "SET LOCAL enable_nestloop = off"
# Keeps rows out and notes why, in one go.
_KEEP_OUT = (
    "WITH found AS MATERIALIZED ({found}), kept_out AS ("
    "  UPDATE import_row SET outcome = 'kept_out' WHERE tenant = :tenant"
    "  AND import_id = :import_id AND row_number IN (SELECT row_number FROM found)"
    ") INSERT INTO import_issue (tenant, id, import_id, row_number, code, severity, facts)"
    " SELECT :tenant, uuidv7(), :import_id, row_number, :code, :severity, {facts} FROM found"
)
_NO_FACTS = "'{}'::jsonb"
_FIRST_ROW = "jsonb_build_object('first_row', first_row)"
_DO_NOT_CALL = f"SELECT row_number FROM import_row WHERE {_CANDIDATES} AND do_not_call"  # noqa: S608
_SAME_PERSON = (
    "SELECT row_number, first_row FROM ("  # noqa: S608
    " SELECT row_number, min(row_number) OVER (PARTITION BY person_key) AS first_row"
    f" FROM import_row WHERE {_CANDIDATES}) numbered WHERE row_number > first_row"
)
_SAME_PHONE = (
    "SELECT row_number, min(first_row) AS first_row FROM ("  # noqa: S608
    " SELECT row_number, min(row_number) OVER (PARTITION BY phone_key) AS first_row"
    " FROM import_row, unnest(phone_keys) AS phone_key"
    f" WHERE {_CANDIDATES}) numbered WHERE row_number > first_row GROUP BY row_number"
)
_CONCERNS = (
    "o.tenant = r.tenant AND o.withdrawn_at IS NULL"
    " AND (o.scope = 'all' OR o.campaign_id = :campaign_id OR o.theme = :theme)"
)
_OBJECTED = (
    f"SELECT r.row_number FROM import_row r WHERE {_CANDIDATES}"  # noqa: S608
    f" AND ((SELECT count(*) FROM objection o WHERE {_CONCERNS} AND o.person_key = r.person_key)"
    f" + (SELECT count(*) FROM objection o WHERE {_CONCERNS}"
    "  AND o.phone_key = ANY (r.phone_keys))) > 0"
)
_PHONE_IN_CAMPAIGN = (
    "SELECT DISTINCT w.row_number FROM"  # noqa: S608
    " (SELECT row_number, person_key, unnest(phone_keys) AS phone_key FROM import_row"
    f"  WHERE {_CANDIDATES}) w"
    " JOIN person_phone n ON n.tenant = :tenant AND n.phone_key = w.phone_key"
    " JOIN person p ON p.tenant = n.tenant AND p.id = n.person_id"
    " JOIN call_case c ON c.tenant = p.tenant AND c.person_id = p.id"
    " WHERE c.campaign_id = :campaign_id AND p.person_key <> w.person_key"
)
# What keeps rows out, with the facts of the message. A row is told the first of them that applies.
_REASONS = (
    ("do-not-call", _DO_NOT_CALL, _NO_FACTS),
    ("duplicate-row", _SAME_PERSON, _FIRST_ROW),
    ("objection", _OBJECTED, _NO_FACTS),
    ("duplicate-phone", _SAME_PHONE, _FIRST_ROW),
    ("duplicate-phone-in-campaign", _PHONE_IN_CAMPAIGN, _NO_FACTS),
)
_OUTCOMES = (
    "UPDATE import_row r SET outcome = known.outcome FROM ("  # noqa: S608
    " SELECT s.row_number, CASE WHEN c.id IS NULL THEN 'new'"
    "  WHEN p.payload_key = s.payload_key AND c.priority = s.priority"
    "  AND c.criteria = s.criteria THEN 'same' ELSE 'changed' END AS outcome"
    f" FROM (SELECT * FROM import_row WHERE {_CANDIDATES}) s"
    " LEFT JOIN person p ON p.tenant = s.tenant AND p.person_key = s.person_key"
    " LEFT JOIN call_case c ON c.tenant = p.tenant AND c.person_id = p.id"
    "  AND c.campaign_id = :campaign_id"
    ") known WHERE r.tenant = :tenant AND r.import_id = :import_id"
    " AND r.row_number = known.row_number"
)
_COUNTS = (
    "SELECT count(*) AS staged, count(*) FILTER (WHERE is_good) AS valid,"
    " count(*) FILTER (WHERE outcome = 'new') AS new,"
    " count(*) FILTER (WHERE outcome = 'changed') AS changed,"
    " count(*) FILTER (WHERE outcome = 'same') AS same,"
    " (SELECT count(*) FROM import_issue WHERE tenant = :tenant AND import_id = :import_id"
    "   AND code LIKE 'duplicate-%' AND row_number > 1) AS duplicate,"
    " (SELECT count(*) FROM import_issue WHERE tenant = :tenant AND import_id = :import_id"
    "   AND code IN ('objection', 'do-not-call')) AS objection"
    " FROM import_row WHERE tenant = :tenant AND import_id = :import_id"
)


async def compare_list(database: Database, *, tenant: str, import_id: UUID) -> None:
    """One transaction: it happened or it did not."""
    async with database.write(system=SystemReason.IMPORT, tenant=tenant) as session:
        held = await get_import(session, import_id, tenant=tenant, for_update=True)
        if held.stage is not ImportStage.VALIDATED:
            return
        if await staged_rows(session, held) != held.rows_total:
            await read_again(session, held)
            return
        await _compare(session, held)
        held.stage = move(held.stage, ImportStage.AWAITING_APPROVAL)
        held.awaiting_approval_at = held.awaiting_approval_at or clock.now()
        if held.approved_at is not None:
            # The staged rows were lost while merging: the same bytes were approved already.
            held.stage = move(held.stage, ImportStage.MERGING)
            await defer_stage(session, "merge_import", held)
    log(CampaignsEvent.IMPORT_COMPARED, import_id=str(import_id))


async def staged_rows(session: AsyncSession, held: ListImport) -> int:
    counted = await (await session.connection()).execute(
        text("SELECT count(*) FROM import_row WHERE tenant = :tenant AND import_id = :import_id"),
        {"tenant": held.tenant, "import_id": held.id},
    )
    return int(counted.scalar_one())


async def _compare(session: AsyncSession, held: ListImport) -> None:
    campaign = await session.get_one(Campaign, held.campaign_id)
    scope = {
        "tenant": held.tenant,
        "import_id": held.id,
        "campaign_id": held.campaign_id,
        "theme": campaign.theme,
    }
    connection = await session.connection()
    await connection.execute(text(_PLAN_IN_SETS))
    for code, found, facts in _REASONS:
        statement = text(_KEEP_OUT.format(found=found, facts=facts))
        noted = {"code": code, "severity": severity_of(code).value}
        await connection.execute(statement, {**scope, **noted})
    await connection.execute(text(_OUTCOMES), scope)
    counts = (await connection.execute(text(_COUNTS), scope)).mappings().one()
    if held.approved_at is not None:
        return
    good = counts["new"] + counts["changed"] + counts["same"]
    held.counts = {
        "good": good,
        **{name: counts[name] for name in ("new", "changed", "same", "duplicate", "objection")},
    }
