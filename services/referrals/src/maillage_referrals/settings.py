"""Settings of the referrals service: environment variables with the prefix REFERRALS_."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import Address, DatabaseServiceSettings
from maillage_common.webhooks import WebhookEndpoint

SystemCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]
Page = Annotated[str, Field(pattern=r"^https://[a-z0-9.:-]+/[^\s?#{}]*\{reference\}[^\s?#{}]*$")]
OWN = "own"
# A letter, a year and a number. Two letters could be initials, eight digits a day of birth or a
# telephone number.
FILE_NUMBER = r"([A-Z][-/])?(20[0-9]{2}[-/])?[0-9]{1,7}"


class LocatorSystem(BaseModel):
    """How one system writes its references, besides UUIDs, and on which pages it shows them."""

    model_config = ConfigDict(extra="forbid")

    reference: re.Pattern[str] = re.compile(FILE_NUMBER)
    pages: tuple[Page, ...] = ()


def _by_name(value: object) -> object:
    return {name: {} for name in value} if isinstance(value, list) else value


class Settings(DatabaseServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REFERRALS_")

    directory_url: Annotated[Address, Field(description="Base URL of the directory service")]
    webhooks: Annotated[
        tuple[WebhookEndpoint, ...],
        Field(description="JSON list: who hears of `referral.updated`"),
    ] = ()
    locator_systems: Annotated[
        Mapping[SystemCode, LocatorSystem],
        BeforeValidator(_by_name),
        Field(
            min_length=1,
            description="JSON: names of the systems that a pointer's locator may name, or an "
            "object with the references and pages of each; `own` is the writing organization's "
            "own files, whatever they are kept in",
        ),
    ] = {OWN: LocatorSystem()}
    card_session_minutes: Annotated[
        int, Field(ge=1, le=15, description="How long a card session's token lives")
    ] = 15
    one_time_code_minutes: Annotated[
        int, Field(ge=1, le=60, description="How long a code that the person reads out lives")
    ] = 10
    consent_max_months: Annotated[
        int, Field(ge=1, le=24, description="A consent's longest period, also the default one")
    ] = 12
    care_link_months: Annotated[
        dict[str, int],
        Field(
            default_factory=lambda: {"general_practitioner": 15, "reception": 1},
            description="JSON object: months a care link lasts, by function; the place's policy",
        ),
    ]
    care_link_default_months: Annotated[
        int, Field(ge=1, le=15, description="Months a care link lasts for every other function")
    ] = 3
    referral_answer_days: Annotated[
        int, Field(ge=1, description="Days in which a receiver is expected to answer")
    ] = 14
    referral_lifetime_days: Annotated[
        int, Field(ge=1, description="Days after which an open referral expires")
    ] = 180
