"""Reads of the feed: what changed since a position, complete under concurrent writers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import ResourceType
from maillage_directory.visibility import NETWORKS, Layer, visible_record_sql


@dataclass(frozen=True)
class Feed:
    """This database as a feed: `identity` changes when it is restored or promoted, `networks` are
    those of the caller; `last_xid` is above every transaction it has numbered."""

    identity: str
    networks: tuple[str, ...]
    last_xid: int


@dataclass(frozen=True)
class Position:
    """Where a reader stands. Rows of the database this one was restored from come first."""

    is_own: bool
    xid: int
    seq: int


START = Position(is_own=False, xid=-1, seq=-1)


async def get_feed(session: AsyncSession, layer: Layer) -> Feed:
    # A promoted standby has another timeline: it may lack what the old primary told last.
    connection = await session.connection()
    found = await connection.execute(
        text(
            "SELECT concat_ws('-', feed_origin(), c.timeline_id) AS identity,"  # noqa: S608
            f" {NETWORKS} AS networks,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS last_xid"
            " FROM pg_control_checkpoint() c"
        ),
        {
            "viewer_organization": layer.organization,
            "viewer_function": (layer.function or "").lower(),
        },
    )
    row = found.one()
    return Feed(row.identity, tuple(sorted(row.networks)), row.last_xid)


async def list_changes(
    session: AsyncSession,
    layer: Layer,
    after: Position,
    *,
    kind: ResourceType | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` rows after a position, in order.

    A row of a running transaction, or of one that began after the oldest running one, waits: its
    sequence number may be below one already read. A row whose audience lost the record counts
    unless the caller sees the record in another way.
    """
    audience, parameters = visible_record_sql(layer, "c")
    card, more = visible_record_sql(layer, "r")
    target, most = visible_record_sql(layer, "i")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"""
            SELECT c.resource_id, c.resource_type, c.changed_at AS feed_changed_at, c.left_at,
                c.is_own, c.xid, c.seq, r.content, r.verified_at, r.version, r.updated_at,
                r.changed_at, i.resource_id AS into_id
            FROM (SELECT *, origin = feed_origin() AS is_own FROM change) c
            LEFT JOIN card r ON r.resource_id = c.resource_id AND {card}
            LEFT JOIN tombstone t ON t.resource_id = c.resource_id AND r.resource_id IS NULL
            LEFT JOIN card i ON i.resource_id = t.into_id AND {target}
            WHERE (NOT c.is_own OR c.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
                AND (c.is_own, c.xid, c.seq) > (:is_own, :xid, :seq)
                AND (CAST(:kind AS text) IS NULL OR c.resource_type = :kind)
                AND {audience}
                AND (c.left_at IS NULL OR r.resource_id IS NULL)
            ORDER BY c.is_own, c.xid, c.seq
            LIMIT :row_count
            """  # noqa: S608
        ),
        {
            **parameters,
            **more,
            **most,
            "is_own": after.is_own,
            "xid": after.xid,
            "seq": after.seq,
            "kind": None if kind is None else kind.value,
            "row_count": limit,
        },
    )
    return rows.all()
