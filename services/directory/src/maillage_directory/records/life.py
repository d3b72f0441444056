"""Records of what lives around services: events, rotas, diagnoses, collections."""

from typing import Literal
from uuid import UUID

from maillage_common.schemas import Payload
from maillage_directory.agenda.schemas import EventContent
from maillage_directory.collections.schemas import CollectionContent
from maillage_directory.diagnostics.schemas import DiagnosticContent
from maillage_directory.records.fields import Code
from maillage_directory.rotas.schemas import RotaContent


class Told(Payload):
    """Who tells it, under which id, and whose it is."""

    id: UUID
    source: Code
    organization: UUID


class EventRecord(Told, EventContent):
    type: Literal["event"]
    organization: UUID


class RotaRecord(Told, RotaContent):
    type: Literal["rota"]
    organization: UUID


class DiagnosticRecord(Told, DiagnosticContent):
    type: Literal["diagnostic"]
    organization: UUID


class CollectionRecord(Told, CollectionContent):
    type: Literal["collection"]
    organization: UUID


LifeRecord = EventRecord | RotaRecord | DiagnosticRecord | CollectionRecord
LIFE = (EventRecord, RotaRecord, DiagnosticRecord, CollectionRecord)
