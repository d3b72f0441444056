import importlib
import pkgutil

import pytest
from pydantic import ValidationError

import maillage_directory
from maillage_common.schemas import Payload
from maillage_directory.languages import in_language, preferred
from maillage_directory.records.identifiers import normal_kbo
from maillage_directory.search.schemas import SearchParams
from maillage_directory.tags import card_tag, version_tags
from maillage_directory.words import folded_words


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("0202.239.951", "0202239951"),
        ("BE 0202 239 951", "0202239951"),
        ("202239951", "0202239951"),
        ("0202239952", None),
        ("2202239951", None),
        ("", None),
    ],
)
def test_enterprise_numbers_are_checked_modulo_97(written: str, normal: str | None) -> None:
    assert normal_kbo(written) == normal


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "fr"),
        ("nl-BE,nl;q=0.9,fr;q=0.5", "nl"),
        ("de, en;q=0.2, fr;q=0.1", "en"),
        ("fr;q=0.1,nl;q=0.8", "nl"),
        ("*", "fr"),
        ("en;q=oops", "fr"),
    ],
)
def test_the_language_of_an_answer(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_a_text_falls_back_to_another_language() -> None:
    assert in_language({"nl": "Onthaal"}, "fr") == "Onthaal"
    assert in_language({"ar": "استقبال"}, "en") == "استقبال"
    assert in_language({}, "fr") is None


def test_words_are_folded() -> None:
    assert folded_words("Épicerie  SOCIALE !") == ["epicerie", "sociale"]
    assert folded_words("' & | ! :*") == []


def test_the_version_in_a_tag_is_what_if_match_is_checked_for() -> None:
    tag = card_tag(7, {"a": 1})
    assert tag != card_tag(7, {"a": 2})
    assert version_tags(tag) == '"7"'
    assert version_tags(None) is None


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"near": "50.84"}, "incomplete_position"),
        ({"near": "here"}, "incomplete_position"),
        ({"near": "95,4.3"}, "impossible_position"),
        ({"limit": 101}, "less_than_equal"),
        ({"person": "x"}, "extra_forbidden"),
        ({"for_status": ["rich"]}, "enum"),
        ({"verified_since": "2026-01-01T00:00:00"}, "timezone_aware"),
    ],
)
def test_bad_parameters_have_codes(asked: dict[str, object], code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        SearchParams.model_validate(asked)
    assert code in {fault["type"] for fault in refusal.value.errors()}


def test_every_day_and_instant_that_comes_in_has_bounds() -> None:
    for module in pkgutil.walk_packages(maillage_directory.__path__, "maillage_directory."):
        if module.name.endswith((".schemas", ".parts")):
            importlib.import_module(module.name)
    payloads, found = [Payload], 0
    for payload in payloads:
        payloads += payload.__subclasses__()
        for name, member in payload.model_fields.items():
            told = f"{member.annotation!r} {member.metadata!r}"
            if "datetime.date" in told and payload.__module__.startswith("maillage_directory"):
                found += 1
                assert "Ge(" in told or "_in_utc" in told, (payload, name)
    assert found > 30
