from typing import Any

from maillage_local.drift import down_and_up, schema_drift


def test_give_the_schema_of_the_models(database: Any) -> None:
    assert schema_drift("campaigns", database) == ""


def test_go_down_and_up_again(database: Any) -> None:
    before, undone, after = down_and_up("campaigns", database)
    assert before == after
    assert not [line for line in undone if "CREATE TABLE" in line]
