"""The migrations give the schema of the models, and go down and up again."""

from typing import Any

from maillage_local.drift import down_and_up, schema_drift


def test_give_the_schema_of_the_models(database: Any) -> None:
    assert schema_drift("directory", database) == ""


def test_go_down_and_up_again(database: Any) -> None:
    before, undone, after = down_and_up("directory", database)
    assert before == after
    left = ("CREATE TABLE", "CREATE VIEW", "CREATE FUNCTION", "CREATE TEXT SEARCH")
    assert not [line for line in undone if any(mark in line for mark in left)]
