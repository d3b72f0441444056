"""What campaigns sends on to referrals is of the same closed lists and forms there."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def member(service: str, model: str, name: str) -> dict[str, Any]:
    """The items of a list, for a list; references are followed."""
    document = ROOT / "services" / service / "tests" / "api" / "openapi.json"
    models = json.loads(document.read_text(encoding="utf-8"))["components"]["schemas"]
    schema = models[model]["properties"][name]
    schema = schema.get("items", schema)
    return dict(models[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema)


@pytest.mark.parametrize(
    ("sent", "taken", "constraint"),
    [
        (("ConsentOnPhone", "categories"), ("GivenConsent", "categories"), "enum"),
        (("ConsentOnPhone", "text_version"), ("InformationText", "version"), "pattern"),
        (("ConsentOnPhone", "language"), ("InformationText", "language"), "pattern"),
    ],
)
def test_a_consent_on_the_phone_is_one_that_referrals_takes(
    sent: tuple[str, str], taken: tuple[str, str], constraint: str
) -> None:
    said = member("campaigns", *sent)[constraint]
    assert said == member("referrals", *taken)[constraint]
