"""Outgoing webhooks: Standard Webhooks signatures, at least once, in order per subject.

`publish` writes the delivery and its job in the transaction that causes the event. A delivery that
is refused is tried again (see `jobs.RETRY`) and holds back later ones of the same subject; one that
fails for good stays in `webhook_delivery` with its job as a dead letter.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from pydantic import BaseModel
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession
from standardwebhooks import Webhook, WebhookVerificationError

from maillage_common import clock, columns
from maillage_common.audit import SystemReason
from maillage_common.errors import Unauthenticated
from maillage_common.events import CommonEvent, log
from maillage_common.jobs import JobQueue, defer
from maillage_common.tokens import TokenSigner, mint_service_token, service_issuer

DELIVER_WEBHOOK = "deliver_webhook"


class InvalidWebhookSignature(Unauthenticated):
    code, title = "invalid_webhook_signature", "The webhook's signature is not valid"


class WebhookEndpoint(BaseModel):
    """Where events go. `audience` names one of our own services, which also needs our token."""

    url: str
    secret: str
    events: list[str]
    audience: str | None = None


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint. `payload` holds ids and codes, never anything about a person."""

    __tablename__ = "webhook_delivery"

    id: UUID = columns.uuid_pk()
    endpoint: str = columns.plain_text()
    event: str = columns.plain_text()
    payload: dict[str, Any] = columns.jsonb()
    created_at: datetime = columns.created_at()
    delivered_at: datetime | None = columns.instant()


class WebhookRefused(Exception):
    """The endpoint did not answer 2xx; the job runs again."""


Prepare = Callable[[AsyncSession, WebhookDelivery], Awaitable[WebhookEndpoint | None]]


async def publish(
    session: AsyncSession,
    endpoints: Sequence[WebhookEndpoint],
    *,
    event: str,
    subject: str,
    data: Mapping[str, Any],
) -> None:
    """Send `event` to each endpoint that listens to it; ordered among events of one `subject`."""
    for endpoint in endpoints:
        if event not in endpoint.events:
            continue
        payload = {"type": event, "timestamp": clock.now().isoformat(), "data": dict(data)}
        delivery = WebhookDelivery.model_validate(
            {"endpoint": endpoint.url, "event": event, "payload": payload}
        )
        session.add(delivery)
        await session.flush()
        await defer(
            session,
            DELIVER_WEBHOOK,
            lock=f"webhook:{endpoint.url}:{subject}",
            delivery_id=str(delivery.id),
        )


def register_delivery(
    queue: JobQueue,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    prepare: Prepare | None = None,
) -> None:
    """Give a service's queue the task that delivers what `publish` wrote.

    The service's settings hold the endpoints (`webhooks`) and its signing key. A service whose
    endpoints are registered by others finds them by `prepare`: it may change the payload at the
    last moment, and None drops the delivery.
    """

    @queue.task(DELIVER_WEBHOOK)
    async def deliver_webhook(*, delivery_id: str) -> None:
        async with queue.database.write(system=SystemReason.DELIVERY) as session:
            delivery = await session.get(WebhookDelivery, UUID(delivery_id))
            if delivery is None or delivery.delivered_at is not None:
                return
            endpoint = (
                _endpoint(queue, delivery.endpoint)
                if prepare is None
                else await prepare(session, delivery)
            )
            if endpoint is not None:
                await _send(queue, endpoint, delivery, transport)
            delivery.delivered_at = clock.now()
            session.add(delivery)


def _endpoint(queue: JobQueue, url: str) -> WebhookEndpoint:
    configured: list[WebhookEndpoint] = getattr(queue.settings, "webhooks", [])
    for endpoint in configured:
        if endpoint.url == url:
            return endpoint
    # Tried again like a refusal: a setting lost by mistake must not lose the event.
    raise WebhookRefused


async def _send(
    queue: JobQueue,
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    transport: httpx.AsyncBaseTransport | None,
) -> None:
    body = json.dumps(delivery.payload, separators=(",", ":"))
    headers = {"Content-Type": "application/json", **sign(body, str(delivery.id), endpoint.secret)}
    if endpoint.audience:
        signer = TokenSigner.from_file(
            queue.settings.signing_key_file, issuer=service_issuer(queue.service)
        )
        token = mint_service_token(
            signer, service=queue.service, audience=endpoint.audience, scopes=()
        )
        headers["Authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(timeout=10, trust_env=False, transport=transport) as client:
        response = await client.post(endpoint.url, content=body, headers=headers)
    if not response.is_success:
        log(CommonEvent.WEBHOOK_REFUSED, endpoint_event=delivery.event, status=response.status_code)
        raise WebhookRefused


def sign(body: str, message_id: str, secret: str) -> dict[str, str]:
    """The three Standard Webhooks headers."""
    instant = clock.now()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(instant.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, instant, body),
    }


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> dict[str, Any]:
    """The event of a received webhook; refuses bad, missing and old (5 minutes) signatures."""
    try:
        event = Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        raise InvalidWebhookSignature from None
    if not isinstance(event, dict):
        raise InvalidWebhookSignature
    return event
