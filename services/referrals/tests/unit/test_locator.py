"""A locator names a known system, and never carries the person's own number in any spelling."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maillage_referrals.pointers.locator import (
    LocatorRefused,
    ReferenceRefused,
    check_local_reference,
    check_locator,
)
from maillage_referrals.settings import LocatorSystem, Settings

KNOWN = {
    "own": LocatorSystem(),
    # What an operator might write who does not think of persons.
    "open": LocatorSystem.model_validate({"reference": "[A-Za-z0-9._/:-]+"}),
    "topaz": LocatorSystem.model_validate(
        {
            "reference": "[0-9]+(/[0-9]+)?",
            "pages": [
                "https://topaz.example:8443/view/{reference}",
                "https://topaz.example/{reference}",
            ],
        }
    ),
}
months = st.builds(int.__add__, st.integers(0, 12), st.sampled_from([0, 20, 40]))
bodies = st.builds(
    "{:02d}{:02d}{:02d}{:03d}".format,
    st.integers(0, 99),
    months,
    st.integers(0, 31),
    st.integers(0, 999),
)


@given(body=bodies, born_2000=st.booleans(), prefix=st.sampled_from(["", "D-", "nn/"]))
def test_refuses_a_national_number_of_either_century(
    body: str, born_2000: bool, prefix: str
) -> None:
    number = int(("2" if born_2000 else "") + body)
    written = f"{body}{97 - number % 97:02d}"
    dotted = f"{written[:2]}.{written[2:4]}.{written[4:6]}-{written[6:9]}.{written[9:]}"
    dashed = f"{written[:6]}-{written[6:9]}-{written[9:]}"
    for reference in (prefix + written, prefix + dotted, prefix + dashed):
        with pytest.raises(LocatorRefused) as refused:
            check_locator("open", reference, None, known=KNOWN)
        assert "national_number" in {error.code for error in refused.value.errors}


@pytest.mark.parametrize(
    ("system", "reference", "url"),
    [
        ("own", "D-2026-000123", None),
        ("own", "2026/123", None),
        ("own", "42", None),
        ("own", "6f1c2a34-9b1e-4c55-8c1d-0f6f4b1f2f11", None),
        ("own", "6f1c2a34-9b1e-4c55-8c1d-a85073003328", None),
        ("topaz", "6F1C2A34-9B1E-4C55-8C1D-0F6F4B1F2F11", None),
        ("topaz", "42", "https://topaz.example:8443/view/42"),
        ("topaz", "4/2", "https://topaz.example/4%2F2"),
        ("open", "urn:oid:1.2.3.4", None),
        ("open", "0123456789", None),
        ("open", "2026-1234567890", None),
        ("open", "99999999999", None),
    ],
)
def test_takes_what_the_system_writes(system: str, reference: str, url: str | None) -> None:
    check_locator(system, reference, url, known=KNOWN)


# Words, initials, days of birth, telephone numbers, and a second line.
PERSONAL = [
    *("jean-dupont-1974", "Eva", "EVA-74", "JD-1974", "D-jean", "jean", "1974-05-12", "19740512"),
    *("0470123456", "021234567", "21234567", "0470-123456", "42\n", "42 ", "٤٢", "", "D-", "2026-"),
]


@pytest.mark.parametrize("reference", PERSONAL)
def test_takes_nothing_about_a_person_for_a_number_of_ones_own_files(reference: str) -> None:
    with pytest.raises(LocatorRefused) as refused:
        check_locator("own", reference, None, known=KNOWN)
    [fault] = refused.value.errors
    assert (fault.pointer, fault.code) == ("/locator/reference", "unknown_form")
    with pytest.raises(ReferenceRefused) as local:
        check_local_reference(reference, known={})
    assert [(f.pointer, f.code) for f in local.value.errors] == [
        ("/local_reference", "unknown_form")
    ]


def test_takes_a_local_reference_as_the_operator_says_that_files_are_numbered() -> None:
    numbered = LocatorSystem.model_validate({"reference": "RAQ-[0-9]+"})
    check_local_reference("RAQ-318", known={"own": numbered})
    check_local_reference("6f1c2a34-9b1e-4c55-8c1d-0f6f4b1f2f11", known={"own": numbered})
    check_local_reference(None, known={})
    with pytest.raises(ReferenceRefused):
        check_local_reference("D-318", known={"own": numbered})


@pytest.mark.parametrize(
    ("system", "url"),
    [
        ("topaz", "https://evil.example/view/42"),
        ("topaz", "https://topaz.example:8443/view/43"),
        ("topaz", "https://topaz.example:8443/view/42/jean-dupont"),
        ("topaz", "https://topaz.example:8443/view/42?name=dupont"),
        ("own", "https://jean-dupont.example/42"),
    ],
)
def test_takes_no_page_but_the_references_own(system: str, url: str) -> None:
    with pytest.raises(LocatorRefused) as refused:
        check_locator(system, "42", url, known=KNOWN)
    [fault] = refused.value.errors
    assert (fault.pointer, fault.code) == ("/locator/url", "unknown_page")
    assert ("{reference}" in fault.detail) == (system == "topaz")


@pytest.mark.parametrize(
    "page",
    [
        "http://topaz.example/{reference}",
        "https://topaz.example/",
        "https://{reference}.example/",
        "https://topaz.example/{reference}?key={reference}",
        "https://user@topaz.example/{reference}",
    ],
)
def test_an_operator_names_pages_that_a_reference_completes(page: str) -> None:
    with pytest.raises(ValidationError):
        LocatorSystem.model_validate({"pages": [page]})


@given(
    system=st.sampled_from([*KNOWN, "x"]),
    reference=st.text(max_size=70),
    url=st.one_of(st.none(), st.text(max_size=70)),
)
def test_never_fails_in_another_way(system: str, reference: str, url: str | None) -> None:
    with suppress(LocatorRefused):
        check_locator(system, reference, url, known=KNOWN)


@pytest.mark.parametrize("system", ["jean-dupont-1974", "topaz.", "Own", "own\n", ""])
def test_names_no_system_that_the_operator_did_not(system: str) -> None:
    with pytest.raises(LocatorRefused) as refused:
        check_locator(system, "D-2026-1", None, known=KNOWN)
    [fault] = refused.value.errors
    assert (fault.pointer, fault.code) == ("/locator/system", "unknown_system")
    assert fault.detail.startswith("One of: open, own, topaz.")


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ('["own", "abrumet"]', {"own", "abrumet"}),
        ('{"abrumet": {"reference": "[0-9]{3}"}, "own": {}}', {"own", "abrumet"}),
        (None, {"own"}),
    ],
)
def test_an_operator_names_systems_or_states_their_forms(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    stated: str | None,
    names: set[str],
) -> None:
    settings = _settings(monkeypatch, environment, stated)
    assert set(settings.locator_systems) == names
    assert settings.locator_systems["own"] == LocatorSystem()


@pytest.mark.parametrize(
    "stated", ["[]", '["Own"]', '{"own": {"reference": "("}}', '{"own": {"origin": "x"}}', '"own"']
)
def test_a_form_that_cannot_be_read_is_a_fault_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stated: str
) -> None:
    with pytest.raises(ValidationError, match="locator_systems"):
        _settings(monkeypatch, environment, stated)


def _settings(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stated: str | None
) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if stated is None:
        monkeypatch.delenv("REFERRALS_LOCATOR_SYSTEMS")
    else:
        monkeypatch.setenv("REFERRALS_LOCATOR_SYSTEMS", stated)
    return Settings()
