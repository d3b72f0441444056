"""What is said of a database that does not answer."""

import psycopg
import pytest
from sqlalchemy.engine import make_url

from maillage_common.database import lost_connection


@pytest.fixture
def connection(database):
    url = make_url(database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connected:
        yield connected


def test_what_a_server_ended_is_told_without_the_row_it_was_at(connection):
    connection.execute("CREATE TEMPORARY TABLE kept (words text)")
    with pytest.raises(psycopg.OperationalError, match="of somebody") as ended:
        connection.execute(
            "DO $$ BEGIN"
            " EXECUTE 'SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5) -- of somebody';"
            " END $$"
        )
    assert lost_connection(ended.value) == "canceling statement due to user request"


def test_a_limit_is_no_lost_connection(connection):
    connection.execute("CREATE TEMPORARY TABLE long (words text PRIMARY KEY)")
    with pytest.raises(psycopg.OperationalError) as refused:
        connection.execute(
            "INSERT INTO long SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n"
        )
    assert lost_connection(refused.value) is None
