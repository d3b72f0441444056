"""What informal networks offer is no longer public without their agreement.

Services were not asked for one, and organizations took one of a day to come; both stayed public
until their next edit. Professionals saw them before and still do. What is derived is brought into
line here too: nobody else sees them from now on, whenever it is derived again.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_HIDE = """
UPDATE {table} SET visibility = 'professional', version = version + 1, updated_at = now()
WHERE kind = 'informal_network' AND visibility = 'public'
    AND ({agreed_on} <= public.today_in_brussels()) IS NOT TRUE
"""
_CARDS = """
UPDATE card c SET visibility = r.visibility, organization_visibility = o.visibility,
    version = r.version, updated_at = r.updated_at, changed_at = now(),
    content = c.content || jsonb_build_object('visibility', r.visibility)
FROM (
    SELECT id, visibility, version, updated_at FROM service
    UNION ALL SELECT id, visibility, version, updated_at FROM organization
) r, organization o
WHERE r.id = c.resource_id AND o.id = c.organization_id
    AND (c.visibility, c.organization_visibility) <> (r.visibility, o.visibility)
"""
_SEARCHED = """
UPDATE service_search x SET visibility = s.visibility, organization_visibility = o.visibility
FROM service s JOIN organization o ON o.id = s.organization_id
WHERE s.id = x.service_id
    AND (x.visibility, x.organization_visibility) <> (s.visibility, o.visibility)
"""


def upgrade() -> None:
    op.execute(_HIDE.format(table="organization", agreed_on="agreed_on"))
    op.execute(_HIDE.format(table="service", agreed_on="CAST(details->>'agreed_on' AS date)"))
    op.execute(_CARDS)
    op.execute(_SEARCHED)
    op.create_check_constraint(
        op.f("ck_service_informal_ones_agreed"),
        "service",
        "kind <> 'informal_network' OR visibility <> 'public' OR details ? 'agreed_on'",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_service_informal_ones_agreed"), "service", type_="check")
