"""The migrations give the schema of the models, and leave nothing behind on the way down."""

from typing import Any

from maillage_local.drift import down_and_up, schema_drift


def test_give_the_schema_of_the_models(database: Any) -> None:
    assert schema_drift("referrals", database) == ""


def test_go_down_and_up_again(database: Any) -> None:
    before, undone, after = down_and_up("referrals", database)
    assert before == after
    assert undone == set()
