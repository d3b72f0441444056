"""Stage three: approved rows become people, phones, cases and objections, slice by slice.

A slice and the mark of how far it came are one transaction, so that a crash repeats nothing. What a
counsellor recorded (languages heard, numbers that failed, closed cases) is never overwritten.
"""

from uuid import UUID

from sqlalchemy import delete, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.events import AuditEvent, CampaignsEvent
from maillage_campaigns.imports.comparing import staged_rows
from maillage_campaigns.imports.lifecycle import move
from maillage_campaigns.imports.parsing import read_again
from maillage_campaigns.imports.queries import get_import
from maillage_campaigns.models import ImportRow, ImportStage, ListImport
from maillage_common import clock
from maillage_common.audit import AuditTrail, SystemReason
from maillage_common.database import Database
from maillage_common.events import log

_SLICE = (
    "r.tenant = :tenant AND r.import_id = :import_id"
    " AND r.row_number > :after AND r.row_number <= :up_to"
)
_GOING_IN = f"{_SLICE} AND r.outcome IN ('new', 'changed')"
_SLICE_END = (
    "SELECT max(row_number) AS up_to, count(*) FILTER (WHERE outcome IN ('new', 'changed')) AS rows"
    " FROM (SELECT row_number, outcome FROM import_row"
    "  WHERE tenant = :tenant AND import_id = :import_id AND row_number > :after"
    "  ORDER BY row_number LIMIT :size) slice"
)
_PEOPLE = (
    "INSERT INTO person (tenant, id, person_key, payload_key, sealed_names, birth_year, languages,"  # noqa: S608
    " interpreter_needed, territory, preferred_from, preferred_until, fence, created_at,"
    " updated_at)"
    " SELECT r.tenant, r.person_id, r.person_key, r.payload_key, r.sealed_names, r.birth_year,"
    " r.languages, r.interpreter_needed, r.territory, r.preferred_from, r.preferred_until, 0, :now,"
    f" :now FROM import_row r WHERE {_GOING_IN} ORDER BY r.person_key"
    " ON CONFLICT (tenant, person_key) DO UPDATE SET payload_key = excluded.payload_key,"
    " sealed_names = excluded.sealed_names,"
    " birth_year = COALESCE(excluded.birth_year, person.birth_year),"
    " languages = excluded.languages, interpreter_needed = excluded.interpreter_needed,"
    " territory = COALESCE(excluded.territory, person.territory),"
    " preferred_from = excluded.preferred_from, preferred_until = excluded.preferred_until,"
    " updated_at = excluded.updated_at"
    " WHERE person.payload_key <> excluded.payload_key"
)
_PHONES = (
    "INSERT INTO person_phone (tenant, person_id, position, phone_key, sealed)"  # noqa: S608
    " SELECT p.tenant, p.id, n.position, n.phone_key, n.sealed FROM import_row r"
    " JOIN person p ON p.tenant = r.tenant AND p.person_key = r.person_key"
    " CROSS JOIN LATERAL unnest(r.phone_keys, r.sealed_phones)"
    "  WITH ORDINALITY AS n (phone_key, sealed, position)"
    f" WHERE {_GOING_IN}"
    " ON CONFLICT (tenant, person_id, position) DO UPDATE SET phone_key = excluded.phone_key,"
    " sealed = excluded.sealed, failed_at = (SELECT o.failed_at FROM person_phone o"
    "  WHERE o.tenant = excluded.tenant AND o.person_id = excluded.person_id"
    "  AND o.phone_key = excluded.phone_key LIMIT 1)"
    " WHERE person_phone.phone_key <> excluded.phone_key"
)
_FORMER_PHONES = (
    "DELETE FROM person_phone n USING import_row r, person p"  # noqa: S608
    " WHERE p.tenant = r.tenant AND p.person_key = r.person_key"
    " AND n.tenant = p.tenant AND n.person_id = p.id AND n.position > cardinality(r.phone_keys)"
    f" AND r.outcome = 'changed' AND {_SLICE}"
)
_CASES = (
    "INSERT INTO call_case (tenant, id, campaign_id, person_id, import_id, row_number, priority,"  # noqa: S608
    " criteria, attempts, voicemails, next_due_at, created_at)"
    " SELECT r.tenant, uuidv7(), :campaign_id, p.id, r.import_id, r.row_number, r.priority,"
    " r.criteria, 0, 0, :now, :now FROM import_row r"
    " JOIN person p ON p.tenant = r.tenant AND p.person_key = r.person_key"
    f" WHERE {_GOING_IN}"
    " ON CONFLICT (tenant, campaign_id, person_id) DO UPDATE SET priority = excluded.priority,"
    " criteria = excluded.criteria, import_id = excluded.import_id,"
    " row_number = excluded.row_number WHERE call_case.closed_at IS NULL"
)
_OBJECTIONS = (
    "INSERT INTO objection (tenant, id, scope, person_key, source, recorded_at)"  # noqa: S608
    " SELECT DISTINCT ON (r.person_key) r.tenant, uuidv7(), 'all', r.person_key, 'list', :now"
    f" FROM import_row r WHERE {_SLICE} AND r.is_good AND r.do_not_call"
    " ON CONFLICT DO NOTHING"
)


async def merge_list(database: Database, *, tenant: str, import_id: UUID, slice_rows: int) -> None:
    """Merge on from the last committed slice to the end."""
    async with database.write(system=SystemReason.IMPORT, tenant=tenant) as session:
        held = await get_import(session, import_id, tenant=tenant, for_update=True)
        if held.stage is not ImportStage.MERGING:
            return
        if await staged_rows(session, held) != held.rows_total:
            await read_again(session, held)
            return
    while await _merge_slice(database, tenant, import_id, slice_rows):
        pass


async def _merge_slice(database: Database, tenant: str, import_id: UUID, slice_rows: int) -> bool:
    async with database.write(system=SystemReason.IMPORT, tenant=tenant) as session:
        held = await get_import(session, import_id, tenant=tenant, for_update=True)
        if held.stage is not ImportStage.MERGING:
            return False
        connection = await session.connection()
        scope = {"tenant": tenant, "import_id": import_id, "after": held.merged_up_to}
        end = (
            (await connection.execute(text(_SLICE_END), {**scope, "size": slice_rows}))
            .mappings()
            .one()
        )
        if end["up_to"] is None:
            await _finish(session, held)
            return False
        known = {**scope, "up_to": end["up_to"], "campaign_id": held.campaign_id}
        for statement in (_PEOPLE, _PHONES, _FORMER_PHONES, _CASES, _OBJECTIONS):
            await connection.execute(text(statement), {**known, "now": clock.now()})
        held.merged_up_to = end["up_to"]
        held.rows_merged += end["rows"]
        return True


async def _finish(session: AsyncSession, held: ListImport) -> None:
    held.stage = move(held.stage, ImportStage.DONE)
    held.done_at = clock.now()
    await session.exec(
        delete(ImportRow).where(
            col(ImportRow.tenant) == held.tenant, col(ImportRow.import_id) == held.id
        )
    )
    audit = AuditTrail(session, SystemReason.IMPORT)
    audit.record(AuditEvent.IMPORT_MERGED, entity="list_import", entity_id=held.id)
    log(CampaignsEvent.IMPORT_DONE, import_id=str(held.id), rows=held.rows_merged)
