"""Use cases of endpoints: register one, list them, remove one."""

import base64
import os
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_common.auth import Caller
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.secrets import derive, seal, unseal
from maillage_directory.errors import WebhookNotFound
from maillage_directory.models import RegisteredWebhook
from maillage_directory.settings import Settings
from maillage_directory.visibility import layer_of
from maillage_directory.webhooks.addresses import url_fault
from maillage_directory.webhooks.schemas import NewWebhook

_SECRET_BYTES = 32


def select_own(caller: Caller) -> SelectOfScalar[RegisteredWebhook]:
    """Those of the caller's application, for the caller's organization."""
    return select(RegisteredWebhook).where(
        RegisteredWebhook.client_id == caller.client_id,
        col(RegisteredWebhook.organization_id).is_not_distinct_from(layer_of(caller).organization),
    )


async def register_webhook(
    session: AsyncSession, payload: NewWebhook, *, caller: Caller, settings: Settings
) -> dict[str, Any]:
    """The endpoint with its secret; raises InvalidRequest for a URL that may not be reached."""
    fault = url_fault(payload.url, to_loopback=settings.webhooks_to_loopback)
    if fault is not None:
        raise InvalidRequest(errors=[FieldError("forbidden_address", fault, "/url")])
    secret = "whsec_" + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()
    made = RegisteredWebhook(
        client_id=caller.client_id,
        organization_id=layer_of(caller).organization,
        url=payload.url,
        sealed_secret=b"",
    )
    made.sealed_secret = seal(_key(settings), secret.encode(), context=made.id.bytes)
    session.add(made)
    await session.flush()
    return {"id": made.id, "url": made.url, "created_at": made.created_at, "secret": secret}


async def list_webhooks(session: AsyncSession, *, caller: Caller) -> Sequence[RegisteredWebhook]:
    found = await session.exec(select_own(caller).order_by(col(RegisteredWebhook.id)).limit(100))
    return found.all()


async def get_webhook(
    session: AsyncSession, webhook_id: UUID, *, caller: Caller
) -> RegisteredWebhook:
    found = await session.exec(select_own(caller).where(RegisteredWebhook.id == webhook_id))
    webhook = found.first()
    if webhook is None:
        raise WebhookNotFound
    return webhook


async def remove_webhook(session: AsyncSession, webhook_id: UUID, *, caller: Caller) -> None:
    """Its saved searches go with it, and what is still to be delivered is dropped."""
    await session.delete(await get_webhook(session, webhook_id, caller=caller))


def secret_of(webhook: RegisteredWebhook, settings: Settings) -> str:
    return unseal(_key(settings), webhook.sealed_secret, context=webhook.id.bytes).decode()


def _key(settings: Settings) -> bytes:
    return derive(settings.secret, "registered webhooks")
