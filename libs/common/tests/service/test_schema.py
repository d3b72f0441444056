from sqlalchemy import create_engine, text

from maillage_local.drift import down_and_up, schema_drift


def test_migrations_match_the_models(database):
    assert schema_drift("sample", database) == ""


def test_a_check_that_only_the_database_has_is_seen(database):
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE note ADD CONSTRAINT ck_note_x CHECK (version > 0)"))
    engine.dispose()
    assert "ck_note_x" in schema_drift("sample", database)


def test_migrations_go_down_to_nothing_and_up_again(database):
    before, undone, after = down_and_up("sample", database)
    assert undone <= {""}
    assert before == after
