"""`/directory/v1/webhooks`."""

from uuid import UUID

from fastapi import Request

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import Page
from maillage_directory.callers import Professional
from maillage_directory.webhooks import service
from maillage_directory.webhooks.schemas import NewWebhook, WebhookMade, WebhookPublic

router = maillage_router(prefix="/directory/v1", tags=["webhooks"])


@router.post("/webhooks", name="register_webhook", status_code=201)
async def register_webhook(
    payload: NewWebhook, request: Request, session: WriteSession, caller: Professional
) -> WebhookMade:
    """An endpoint of the caller's application: https, at a public address."""
    made = await service.register_webhook(
        session, payload, caller=caller, settings=request.app.state.settings
    )
    return WebhookMade.model_validate(made)


@router.get("/webhooks", name="list_webhooks")
async def list_webhooks(session: ReadSession, caller: Professional) -> Page[WebhookPublic]:
    """The application's own, at most a hundred."""
    rows = await service.list_webhooks(session, caller=caller)
    return Page(items=[WebhookPublic.model_validate(row) for row in rows], next_cursor=None)


@router.delete("/webhooks/{webhook_id}", name="remove_webhook", status_code=204)
async def remove_webhook(webhook_id: UUID, session: WriteSession, caller: Professional) -> None:
    """Nothing more is sent, not even what waits."""
    await service.remove_webhook(session, webhook_id, caller=caller)
