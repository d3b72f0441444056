"""What happened to the records: field by field, as a feed of changes, and what is no more.

Triggers on `card` write these tables (migration 0006): no way of writing a record can forget them,
and the application role cannot rewrite them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.kinds import ActionType, ResourceType, Visibility


class FieldChange(SQLModel, table=True):
    """HSDS `metadata`: one field of one record changed; `field_name` `*` is the record itself.

    `visibility` … `organization_network` are the stricter of before and after, `seen_by` those of
    the field: what was hidden stays so, though the record is shown later. Values are null when they
    are not kept: contact persons, and places of a record that has a confidential one. `updated_by`
    is `organization:<id>`, `source:<code>` or `client:<id>`, never a person.
    """

    __tablename__ = "metadata"
    __table_args__ = (Index(None, "resource_id", "last_action_date", "id"),)

    id: UUID = columns.uuid_pk()
    resource_id: UUID
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    organization_id: UUID
    visibility: Visibility = columns.enum_column(Visibility, "visibility")
    network: str | None = columns.plain_text(nullable=True)
    organization_visibility: Visibility = columns.enum_column(Visibility, "organization_visibility")
    organization_network: str | None = columns.plain_text(nullable=True)
    seen_by: Visibility | None = columns.enum_column(Visibility, "seen_by", nullable=True)
    last_action_date: datetime = columns.instant(nullable=False)
    last_action_type: ActionType = columns.enum_column(ActionType, "last_action_type")
    field_name: str = columns.plain_text()
    previous_value: Any = columns.jsonb(nullable=True)
    replacement_value: Any = columns.jsonb(nullable=True)
    updated_by: str = columns.plain_text()


class Change(SQLModel, table=True):
    """The last change of one record as one audience saw it.

    An audience is who could see the record: its owner and the two visibilities. `left_at`: since
    then this audience no longer sees it. The position is (`xid`, `seq`): the transaction that wrote
    and a sequence. A reader takes only rows of transactions below the oldest one still running, in
    that order, so a late commit cannot slip in behind it. `origin` names the database that numbered
    the transaction: in a restored copy older rows come first and are always readable.
    """

    __tablename__ = "change"
    __table_args__ = (
        UniqueConstraint(
            "resource_id",
            "organization_id",
            "visibility",
            "network",
            "organization_visibility",
            "organization_network",
            name="uq_change_audience",
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "xid", "seq"),
    )

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    xid: int = Field(sa_type=BigInteger)
    origin: int = Field(sa_type=Integer)
    resource_id: UUID
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    organization_id: UUID
    visibility: Visibility = columns.enum_column(Visibility, "visibility")
    network: str | None = columns.plain_text(nullable=True)
    organization_visibility: Visibility = columns.enum_column(Visibility, "organization_visibility")
    organization_network: str | None = columns.plain_text(nullable=True)
    changed_at: datetime = columns.instant(nullable=False)
    left_at: datetime | None = columns.instant()


class Tombstone(SQLModel, table=True):
    """A record that was deleted; `into_id` is the one it was merged into."""

    __tablename__ = "tombstone"

    resource_id: UUID = Field(primary_key=True)
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    deleted_at: datetime = columns.instant(nullable=False)
    into_id: UUID | None = Field(default=None, index=True)


TRIGGERS = (
    """
CREATE TRIGGER card_inserted AFTER INSERT ON public.card
REFERENCING NEW TABLE AS new_card
FOR EACH STATEMENT EXECUTE FUNCTION public.card_inserted()
""",
    """
CREATE TRIGGER card_updated AFTER UPDATE ON public.card
REFERENCING OLD TABLE AS old_card NEW TABLE AS new_card
FOR EACH STATEMENT EXECUTE FUNCTION public.card_updated()
""",
    """
CREATE TRIGGER card_deleted AFTER DELETE ON public.card
REFERENCING OLD TABLE AS old_card
FOR EACH STATEMENT EXECUTE FUNCTION public.card_deleted()
""",
    """
CREATE TRIGGER organization_delisted BEFORE INSERT OR UPDATE ON public.organization
FOR EACH ROW EXECUTE FUNCTION public.organization_delisted()
""",
)
