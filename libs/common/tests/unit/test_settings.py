"""What settings say of an environment that is not as they ask."""

import pytest
from maillage_sample.settings import Settings
from pydantic import ValidationError
from pydantic_settings import SettingsError

from maillage_common.settings import faults, not_json, unread

GOOD = {
    "SAMPLE_SECRET": "s" * 32,
    "SAMPLE_DATABASE_URL": "postgresql+psycopg://app@nowhere/sample",
    "SAMPLE_SIGNING_KEY_FILE": "/key.pem",
    "SAMPLE_TRUSTED_ISSUERS_FILE": "/issuers.json",
}


@pytest.fixture
def given(monkeypatch):
    """Gives variables, besides the ones that a start needs."""

    def give(**variables):
        for name, value in (GOOD | variables).items():
            monkeypatch.setenv(name, value)

    return give


def refusal():
    """What is told of the variables that were given."""
    with pytest.raises(ValidationError) as refused:
        Settings()
    return faults(refused.value, prefix="SAMPLE_")


@pytest.mark.parametrize("written", ["nowhere/sample", "postgresql://app@nowhere/sample"])
def test_a_database_of_another_form_is_refused_with_the_form_it_has(given, written):
    given(SAMPLE_DATABASE_URL=written)
    told = refusal()
    assert told.startswith("SAMPLE_DATABASE_URL: a database is written postgresql+psycopg://")
    assert "nowhere" not in told


@pytest.mark.parametrize("password", ["one@two", "one@two/three", "@two"])
def test_an_at_in_a_database_password_is_refused_and_not_quoted(given, password):
    given(SAMPLE_DATABASE_URL=f"postgresql+psycopg://app:{password}@nowhere/sample")
    told = refusal()
    assert told == "SAMPLE_DATABASE_URL: an @ in a password is written %40"


def test_a_database_role_may_have_an_at(given):
    given(SAMPLE_DATABASE_URL="postgresql+psycopg://app@server:one%40two@nowhere/sample")
    assert Settings().database_url.endswith("@nowhere/sample")


@pytest.mark.parametrize(
    "written",
    [
        "collector:4318",
        "http://collector:port",
        "http://collector:99999",
        "http://app:two\u2100@collector",
        "http://[two]",
    ],
)
def test_an_address_of_another_form_is_refused_and_not_quoted(given, written):
    given(SAMPLE_OTLP_ENDPOINT=written)
    told = refusal()
    assert told == "SAMPLE_OTLP_ENDPOINT: an address is written http://host:port"


def test_a_variable_that_is_not_json_is_named_and_not_quoted(given):
    given(SAMPLE_WEBHOOKS="kept to itself")
    with pytest.raises(SettingsError) as refused:
        Settings()
    told = not_json(refused.value, prefix="SAMPLE_")
    assert told.startswith("SAMPLE_WEBHOOKS: not valid JSON: ")
    assert "kept" not in told


def test_an_empty_variable_is_one_that_is_not_set(given):
    given(SAMPLE_OTLP_ENDPOINT="", SAMPLE_LOG_LEVEL="")
    settings = Settings()
    assert (settings.otlp_endpoint, settings.log_level) == (None, "INFO")


def test_a_closing_slash_of_an_address_is_not_part_of_it(given):
    given(SAMPLE_PUBLIC_URL="https://maillage.example/")
    assert Settings().public_url == "https://maillage.example"


def test_variables_that_no_setting_reads_are_told_with_what_was_meant():
    names = [*GOOD, "SAMPLE_DRAIN_SECOND", "SAMPLE_COLOUR", "sample_log_level", "PATH"]
    assert unread(names, Settings) == {
        "SAMPLE_COLOUR": None,
        "SAMPLE_DRAIN_SECOND": "SAMPLE_DRAIN_SECONDS",
    }


def test_variables_that_kubernetes_makes_of_services_are_no_misspellings():
    names = [
        *("SAMPLE_SERVICE_HOST", "SAMPLE_SERVICE_PORT", "SAMPLE_SERVICE_PORT_HTTP", "SAMPLE_PORT"),
        *("SAMPLE_PORT_8000_TCP", "SAMPLE_PORT_8000_TCP_ADDR", "SAMPLE_WORKER_SERVICE_HOST"),
    ]
    assert unread(names, Settings) == {}
