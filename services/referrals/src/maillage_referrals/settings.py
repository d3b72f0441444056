"""Settings of the referrals service: environment variables with the prefix REFERRALS_."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import DatabaseServiceSettings
from maillage_common.webhooks import WebhookEndpoint

SystemCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]


class Settings(DatabaseServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REFERRALS_")

    directory_url: Annotated[str, Field(description="Base URL of the directory service")]
    webhooks: Annotated[
        tuple[WebhookEndpoint, ...],
        Field(description="JSON list: who hears of `referral.updated`"),
    ] = ()
    locator_systems: Annotated[
        tuple[SystemCode, ...],
        Field(
            min_length=1,
            description="JSON list: the systems that a pointer's locator may name; `own` is "
            "the writing organization's own files, whatever they are kept in",
        ),
    ] = ("own",)
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
