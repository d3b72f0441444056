"""History of fields, the feed of changes, tombstones; organizations that asked to be delisted.

Triggers on `card` write them as the owner role, so that neither a forgotten call nor the
application role can leave a change out or rewrite it.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AUDIENCE = """
    organization_id UUID NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    organization_visibility VARCHAR(40) NOT NULL,
    organization_network TEXT,
    CONSTRAINT ck_{0}_visibility CHECK (visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_{0}_organization_visibility
        CHECK (organization_visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_{0}_resource_type CHECK (resource_type IN ('organization', 'service')),
"""
_MEMBERS = "organization_id, visibility, network, organization_visibility, organization_network"

TABLES = (
    f"""
CREATE TABLE metadata (
    id UUID NOT NULL,
    resource_id UUID NOT NULL,
    resource_type VARCHAR(40) NOT NULL,
    {_AUDIENCE.format("metadata")}
    seen_by VARCHAR(40),
    last_action_date TIMESTAMP WITH TIME ZONE NOT NULL,
    last_action_type VARCHAR(40) NOT NULL,
    field_name TEXT NOT NULL,
    previous_value JSONB,
    replacement_value JSONB,
    updated_by TEXT NOT NULL,
    CONSTRAINT pk_metadata PRIMARY KEY (id),
    CONSTRAINT ck_metadata_seen_by
        CHECK (seen_by IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_metadata_last_action_type
        CHECK (last_action_type IN ('create', 'update', 'delete'))
)
""",
    """
CREATE INDEX ix_metadata_resource_id_last_action_date_id
    ON metadata (resource_id, last_action_date, id)
""",
    f"""
CREATE TABLE change (
    seq BIGSERIAL NOT NULL,
    xid BIGINT NOT NULL,
    origin INTEGER NOT NULL,
    resource_id UUID NOT NULL,
    resource_type VARCHAR(40) NOT NULL,
    {_AUDIENCE.format("change")}
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_change PRIMARY KEY (seq),
    CONSTRAINT uq_change_audience UNIQUE NULLS NOT DISTINCT (resource_id, {_MEMBERS})
)
""",
    "CREATE INDEX ix_change_xid_seq ON change (xid, seq)",
    """
CREATE TABLE tombstone (
    resource_id UUID NOT NULL,
    resource_type VARCHAR(40) NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    into_id UUID,
    CONSTRAINT pk_tombstone PRIMARY KEY (resource_id),
    CONSTRAINT ck_tombstone_resource_type CHECK (resource_type IN ('organization', 'service'))
)
""",
    "CREATE INDEX ix_tombstone_into_id ON tombstone (into_id)",
    "ALTER TABLE organization ADD COLUMN delisted_at TIMESTAMP WITH TIME ZONE",
    "REVOKE INSERT, UPDATE, DELETE ON metadata, change FROM directory_app",
)

# Which database numbers the transactions: a copy restored elsewhere gives another answer.
_ORIGIN = """
CREATE FUNCTION public.feed_origin() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT hashtext(concat_ws('-', s.system_identifier, d.oid))
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$
"""
_UPDATED_BY = """
CREATE FUNCTION public.updated_by(source text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN nullif(current_setting('maillage.system', true), '') IS NOT NULL
            THEN 'source:' || source
        ELSE COALESCE(
            'organization:' || nullif(current_setting('maillage.organization', true), ''),
            'client:' || nullif(current_setting('maillage.client', true), ''),
            'source:' || source)
    END
$$
"""
# Of two audiences the one that fewer people belong to; of two networks neither.
_STRICTER = """
CREATE FUNCTION public.stricter(
    before text, before_network text, after text, after_network text,
    OUT visibility text, OUT network text
) LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ranks CONSTANT text[] := '{public,professional,network,own}';
BEGIN
    visibility := ranks[greatest(array_position(ranks, before), array_position(ranks, after))];
    IF visibility = 'network' THEN
        IF before = after AND before_network <> after_network THEN
            visibility := 'own';
        ELSE
            network := CASE WHEN before = 'network' THEN before_network ELSE after_network END;
        END IF;
    END IF;
END
$$
"""
_HEAD = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$\nBEGIN\n"
_TAIL = "RETURN NULL;\nEND\n$$"
_POSITION = "pg_current_xact_id()::text::bigint, nextval('change_seq_seq'), feed_origin()"
_LEAVE = (
    "xid = pg_current_xact_id()::text::bigint, seq = nextval('change_seq_seq'),"
    " origin = feed_origin(), left_at = now()"
)

_KEEP_POSITION = f"""
    INSERT INTO change (resource_id, resource_type, {_MEMBERS}, changed_at, xid, seq, origin)
    SELECT resource_id, resource_type, {_MEMBERS}, changed_at, {_POSITION} FROM new_card
    ON CONFLICT (resource_id, {_MEMBERS}) DO UPDATE SET
        (xid, seq, origin, changed_at, left_at)
        = (excluded.xid, excluded.seq, excluded.origin, excluded.changed_at, NULL);
"""
# Where a record has a confidential place, no place of its past is told.
_FORGET_PLACES = """
    UPDATE metadata m SET previous_value = NULL, replacement_value = NULL
    FROM new_card n
    WHERE m.resource_id = n.resource_id AND m.field_name = 'locations'
        AND n.content->'locations' @> '[{"confidential": true}]'
        AND num_nonnulls(m.previous_value, m.replacement_value) > 0;
"""


def _whole(action: str, card: str) -> str:
    return f"""
    INSERT INTO metadata (id, resource_id, resource_type, {_MEMBERS}, last_action_date,
        last_action_type, field_name, updated_by)
    SELECT gen_random_uuid(), resource_id, resource_type, {_MEMBERS}, now(), '{action}', '*',
        updated_by(source)
    FROM {card};
"""


_FIELDS = """
    INSERT INTO metadata (id, resource_id, resource_type, organization_id, visibility, network,
        organization_visibility, organization_network, seen_by, last_action_date, last_action_type,
        field_name, previous_value, replacement_value, updated_by)
    SELECT gen_random_uuid(), n.resource_id, n.resource_type, n.organization_id,
        own.visibility, own.network, behind.visibility, behind.network,
        CASE WHEN d.field = 'field_visibility'
                OR 'own' IN (o.content->'field_visibility'->>d.field,
                    n.content->'field_visibility'->>d.field) THEN 'own'
            WHEN 'professional' IN (o.content->'field_visibility'->>d.field,
                    n.content->'field_visibility'->>d.field) THEN 'professional' END,
        now(), 'update', d.field,
        CASE WHEN d.told THEN d.before END, CASE WHEN d.told THEN d.after END, updated_by(n.source)
    FROM new_card n
    JOIN old_card o USING (resource_id)
    CROSS JOIN LATERAL stricter(o.visibility, o.network, n.visibility, n.network) own
    CROSS JOIN LATERAL stricter(o.organization_visibility, o.organization_network,
        n.organization_visibility, n.organization_network) behind
    CROSS JOIN LATERAL (
        SELECT field, before.value AS before, after.value AS after,
            field <> 'contacts' AND NOT (field = 'locations'
                AND (before.value @> '[{"confidential": true}]'
                    OR after.value @> '[{"confidential": true}]')) AS told
        FROM jsonb_each(recorded(o.content)) AS before (field, value)
        FULL JOIN jsonb_each(recorded(n.content)) AS after (field, value) USING (field)
        WHERE before.value IS DISTINCT FROM after.value
    ) d;
"""
# Capacity has a history of its own; of its owner a service's card tells more than the service.
_RECORDED = """
CREATE FUNCTION public.recorded(content jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (content - '{id,capacity,own_kind,organization}'::text[])
        || CASE WHEN content ? 'organization'
            THEN jsonb_build_object('organization', content->'organization'->'id')
            ELSE '{}' END
$$
"""

FUNCTIONS = (
    _ORIGIN,
    _UPDATED_BY,
    _STRICTER,
    _RECORDED,
    f"""
CREATE FUNCTION public.card_inserted() RETURNS trigger {_HEAD}
    {_whole("create", "new_card")}
    {_FORGET_PLACES}
    {_KEEP_POSITION}
    DELETE FROM tombstone t USING new_card n WHERE t.resource_id = n.resource_id;
{_TAIL}
""",
    f"""
CREATE FUNCTION public.card_updated() RETURNS trigger {_HEAD}
    {_FIELDS}
    {_FORGET_PLACES}
    UPDATE change c SET {_LEAVE}
    FROM new_card n
    WHERE c.resource_id = n.resource_id AND c.left_at IS NULL
        AND (c.organization_id, c.visibility, c.network, c.organization_visibility,
            c.organization_network)
        IS DISTINCT FROM (n.organization_id, n.visibility, n.network, n.organization_visibility,
            n.organization_network);
    {_KEEP_POSITION}
{_TAIL}
""",
    f"""
CREATE FUNCTION public.card_deleted() RETURNS trigger {_HEAD}
    {_whole("delete", "old_card")}
    UPDATE change c SET {_LEAVE}
    FROM old_card o WHERE c.resource_id = o.resource_id AND c.left_at IS NULL;
    INSERT INTO tombstone (resource_id, resource_type, deleted_at)
    SELECT resource_id, resource_type, now() FROM old_card
    ON CONFLICT (resource_id) DO UPDATE SET deleted_at = excluded.deleted_at, into_id = NULL;
{_TAIL}
""",
    """
CREATE FUNCTION public.organization_delisted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.delisted_at IS NOT NULL THEN
        NEW.visibility := 'own';
        NEW.network := NULL;
    END IF;
    RETURN NEW;
END
$$
""",
)

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
    # What was there before the feed is told once.
    f"""
INSERT INTO change (resource_id, resource_type, {_MEMBERS}, changed_at, xid, seq, origin)
SELECT resource_id, resource_type, {_MEMBERS}, changed_at, {_POSITION} FROM card
""",
)
DOWN = (
    "DROP TRIGGER organization_delisted ON organization",
    "DROP TRIGGER card_inserted ON card",
    "DROP TRIGGER card_updated ON card",
    "DROP TRIGGER card_deleted ON card",
    "DROP FUNCTION organization_delisted()",
    "DROP FUNCTION card_inserted()",
    "DROP FUNCTION card_updated()",
    "DROP FUNCTION card_deleted()",
    "DROP FUNCTION recorded(jsonb)",
    "DROP FUNCTION stricter(text, text, text, text)",
    "DROP FUNCTION updated_by(text)",
    "DROP FUNCTION feed_origin()",
    "ALTER TABLE organization DROP COLUMN delisted_at",
    "DROP TABLE tombstone",
    "DROP TABLE change",
    "DROP TABLE metadata",
)


def upgrade() -> None:
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
