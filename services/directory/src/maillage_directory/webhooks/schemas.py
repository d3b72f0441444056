"""Endpoints that are told of changes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload


class NewWebhook(Payload):
    url: Annotated[str, Field(min_length=1, max_length=2000)]


class WebhookPublic(Answer):
    id: UUID
    url: str
    created_at: datetime


class WebhookMade(WebhookPublic):
    """`secret` is told this once: it signs every delivery (Standard Webhooks)."""

    secret: str
