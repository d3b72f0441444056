"""The contract as others see it. A change here is a change for callers."""

from pathlib import Path
from typing import Any

from maillage_local.drift import document_drift
from maillage_local.examples import example_faults
from maillage_local.free_words import free_words

SNAPSHOT = Path(__file__).with_name("openapi.json")
LIST = "/campaigns/v1/campaigns/{campaign_id}/imports"
WORDS = {
    "one of a list that changes without a release": {
        "AttemptGiven.information_given",
        "AttemptGiven.needs",
        "ObjectionGiven.theme",
        "ObstacleMet.need",
        "OrientationWanted.needs",
    },
    "kept as a hash": {
        "ObjectionGiven.external_id",
        "ObjectionGiven.national_number",
        "ObjectionGiven.phone",
    },
    "sealed, and read column by column": {LIST, f"{LIST}.file"},
    "signed by us": {"query cursor"},
    "of a campaign, by coordinators, who handle no person's data": {
        "CampaignChange.opening",
        "CampaignChange.theme",
        "CampaignChange.title",
        "CampaignNew.opening",
        "CampaignNew.theme",
        "CampaignNew.title",
    },
    "how a mutuality presents itself": {"ParticipationSet.caller_name"},
}


def test_the_document_is_the_one_agreed(app: Any) -> None:
    assert document_drift(app.openapi(), SNAPSHOT) == ""


def test_every_json_body_and_answer_has_an_example_that_holds(app: Any) -> None:
    assert example_faults(app) == []


def test_takes_a_word_of_the_callers_only_where_that_was_thought_about(app: Any) -> None:
    """Whoever adds a member closes it, or says here and in docs/data-protection.md why not."""
    assert free_words(app.openapi()) == set().union(*WORDS.values())


def test_every_read_says_that_it_may_answer_304(app: Any) -> None:
    reads = {path: item["get"] for path, item in app.openapi()["paths"].items() if "get" in item}
    own = {path for path in reads if path.startswith("/campaigns/v1/")}
    assert own
    assert [path for path in own if "304" not in reads[path]["responses"]] == []
