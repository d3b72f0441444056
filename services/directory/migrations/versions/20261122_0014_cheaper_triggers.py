"""Functions of the projection and of the feed cost what they say, not their calls.

A function with settings of its own is run apart for each row; without, its text becomes a part of
the statement that calls it. Their names all mean `pg_catalog`, which every search path begins with,
and the triggers that call two of them have their own. `feed_origin` reads a file of the server:
once a statement is enough.
"""

from collections.abc import Callable

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TRIGGERS = ("card_inserted", "card_updated", "card_deleted")
_INLINED = ("updated_by(text)", "recorded(jsonb)", "service_quality(jsonb, timestamptz)")
_EACH_ROW, _ONCE = "feed_origin()", "(SELECT feed_origin())"


def _rewrite(change: Callable[[str], str]) -> None:
    connection = op.get_bind()
    for name in _TRIGGERS:
        asked = f"SELECT pg_get_functiondef('public.{name}()'::regprocedure)"
        found = connection.exec_driver_sql(asked).scalar_one()
        connection.exec_driver_sql(change(found).replace("%", "%%"))


def upgrade() -> None:
    for function in _INLINED:
        op.execute(f"ALTER FUNCTION public.{function} RESET ALL")
    _rewrite(lambda text: text.replace(_EACH_ROW, _ONCE))


def downgrade() -> None:
    _rewrite(lambda text: text.replace(_ONCE, _EACH_ROW))
    for function in _INLINED:
        op.execute(f"ALTER FUNCTION public.{function} SET search_path = pg_catalog, pg_temp")
