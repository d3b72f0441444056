"""Receiving a list, deciding about it, saying how far it is."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.errors import CampaignClosed, ConfirmationRequired, ImportNotWaiting
from maillage_campaigns.events import AuditEvent, CampaignsEvent
from maillage_campaigns.imports.lifecycle import (
    ImpossibleMove,
    move,
    needs_confirmation,
    seconds_left,
)
from maillage_campaigns.imports.queries import find_same_content, get_import
from maillage_campaigns.imports.receiving import receive_file
from maillage_campaigns.imports.schemas import (
    DecisionGiven,
    ImportCounts,
    ImportProgress,
    ImportPublic,
)
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import (
    Campaign,
    ImportChunk,
    ImportRow,
    ImportStage,
    ListImport,
    Participation,
)
from maillage_campaigns.settings import Settings
from maillage_campaigns.tenancy import note_tenant
from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.dates import today
from maillage_common.errors import NotFound
from maillage_common.events import log
from maillage_common.jobs import defer


async def receive_list(
    session: AsyncSession,
    audit: AuditTrail,
    settings: Settings,
    keys: TenantKeys,
    *,
    campaign_id: UUID,
    body: AsyncIterator[bytes],
    file_name: Any,
) -> tuple[ListImport, bool]:
    """The import of these bytes, and whether it is new. `file_name()` is asked after the body.

    The same bytes in the same campaign are the same import as long as it is live or done.
    """
    received = await receive_file(session, keys, body, max_bytes=settings.max_import_bytes)
    content_key = keys.pseudonym("list", f"{campaign_id}:{received.digest.hexdigest()}")
    held = await find_same_content(session, keys.tenant, campaign_id, content_key)
    if held is not None:
        await _erase_chunks(session, keys.tenant, received.import_id)
        return held, False
    await _join(session, keys.tenant, campaign_id)
    name = file_name()
    context = f"import-name:{received.import_id}".encode()
    made = ListImport.model_validate(
        {
            "tenant": keys.tenant,
            "id": received.import_id,
            "campaign_id": campaign_id,
            "content_key": content_key,
            "file_name": keys.seal(name.encode(), context=context) if name else None,
            "byte_count": received.byte_count,
            "encoding": received.sniffer.verdict(),
            "stage": ImportStage.RECEIVED,
        }
    )
    session.add(made)
    await session.flush()
    await defer_stage(session, "parse_import", made)
    audit.record(AuditEvent.IMPORT_RECEIVED, entity="list_import", entity_id=made.id)
    log(CampaignsEvent.IMPORT_RECEIVED, import_id=str(made.id), bytes=made.byte_count)
    return made, True


async def check_campaign(session: AsyncSession, campaign_id: UUID) -> None:
    """Before the first byte is taken: the campaign exists and has not ended."""
    campaign = await session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound
    if campaign.ends_on < today():
        raise CampaignClosed("Lists are taken until the campaign's last day.")


async def decide(
    session: AsyncSession,
    audit: AuditTrail,
    settings: Settings,
    import_id: UUID,
    given: DecisionGiven,
    *,
    tenant: str,
) -> ListImport:
    """Approve or cancel; the same decision again changes nothing."""
    held = await get_import(session, import_id, tenant=tenant, for_update=True)
    if given.decision == "cancel":
        return await _cancel(session, audit, held)
    if held.stage in (ImportStage.MERGING, ImportStage.DONE):
        return held
    if held.stage is not ImportStage.AWAITING_APPROVAL:
        raise ImportNotWaiting("Wait until the stage is awaiting_approval.")
    if asks_confirmation(held, settings) and not given.confirm_bad_rows:
        raise ConfirmationRequired("Read the row report; then send confirm_bad_rows: true.")
    held.stage = move(held.stage, ImportStage.MERGING)
    held.approved_at = clock.now()
    await defer_stage(session, "merge_import", held)
    audit.record(AuditEvent.IMPORT_APPROVED, entity="list_import", entity_id=held.id)
    return held


async def _cancel(session: AsyncSession, audit: AuditTrail, held: ListImport) -> ListImport:
    if held.stage is ImportStage.CANCELLED:
        return held
    try:
        held.stage = move(held.stage, ImportStage.CANCELLED)
    except ImpossibleMove:
        raise ImportNotWaiting("What is merged or failed cannot be cancelled.") from None
    held.cancelled_at = clock.now()
    await erase_file(session, held)
    audit.record(AuditEvent.IMPORT_CANCELLED, entity="list_import", entity_id=held.id)
    return held


def asks_confirmation(held: ListImport, settings: Settings) -> bool:
    return needs_confirmation(
        rows_bad=held.rows_bad,
        rows_total=held.rows_total or 0,
        percent=settings.bad_rows_percent,
    )


async def defer_stage(session: AsyncSession, task: str, held: ListImport) -> None:
    """One job at a time works on an import."""
    await defer(
        session,
        task,
        lock=f"import:{held.id}",
        awaited=True,
        import_id=str(held.id),
        tenant=held.tenant,
    )


async def erase_file(session: AsyncSession, held: ListImport) -> None:
    """The sealed file and what was staged from it; the issues stay for the report."""
    await _erase_chunks(session, held.tenant, held.id)
    await session.exec(
        delete(ImportRow).where(
            col(ImportRow.tenant) == held.tenant, col(ImportRow.import_id) == held.id
        )
    )
    held.file_erased_at = clock.now()
    held.file_name = None


async def _erase_chunks(session: AsyncSession, tenant: str, import_id: UUID) -> None:
    await session.exec(
        delete(ImportChunk).where(
            col(ImportChunk.tenant) == tenant, col(ImportChunk.import_id) == import_id
        )
    )


async def _join(session: AsyncSession, tenant: str, campaign_id: UUID) -> None:
    """Pushing a list is taking part."""
    await note_tenant(session, tenant)
    await session.exec(
        insert(Participation)
        .values(
            tenant=tenant, campaign_id=campaign_id, caller_name={}, version=1, joined_at=clock.now()
        )
        .on_conflict_do_nothing()
    )


def describe(held: ListImport, keys: TenantKeys, settings: Settings) -> ImportPublic:
    """The import as its mutuality sees it."""
    name = None
    if held.file_name is not None:
        context = f"import-name:{held.id}".encode()
        name = keys.unseal(held.file_name, context=context).decode()
    counts = ImportCounts.model_validate({"bad": held.rows_bad, **held.counts})
    return ImportPublic(
        id=held.id,
        campaign_id=held.campaign_id,
        stage=held.stage,
        file_name=name,
        byte_count=held.byte_count,
        encoding=held.encoding.removesuffix("-sig"),
        delimiter=held.delimiter,
        progress=_progress(held),
        counts=counts,
        confirmation_required=held.stage is ImportStage.AWAITING_APPROVAL
        and asks_confirmation(held, settings),
        failure_code=held.failure_code,
        missing_columns=held.labels or [],
        received_at=held.received_at,
        approved_at=held.approved_at,
        done_at=held.done_at,
        cancelled_at=held.cancelled_at,
        failed_at=held.failed_at,
    )


def _progress(held: ListImport) -> ImportProgress:
    now = clock.now()
    if held.stage is ImportStage.MERGING and held.approved_at is not None:
        total = held.counts.get("new", 0) + held.counts.get("changed", 0)
        elapsed = (now - held.approved_at).total_seconds()
        left = seconds_left(elapsed=elapsed, done=held.rows_merged, total=total)
        return ImportProgress(rows_done=held.rows_merged, rows_total=total, seconds_left=left)
    left = None
    if held.stage is ImportStage.PARSING and held.parsing_at is not None:
        # Rows are not known before the end, bytes are.
        elapsed = (now - held.parsing_at).total_seconds()
        left = seconds_left(elapsed=elapsed, done=held.bytes_read, total=held.byte_count)
    return ImportProgress(rows_done=held.rows_read, rows_total=held.rows_total, seconds_left=left)
