"""What an operator can set; each line is explained in this service's README."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import Address, DatabaseServiceSettings


class Settings(DatabaseServiceSettings):
    """Read from the environment, prefix CAMPAIGNS_."""

    model_config = SettingsConfigDict(env_prefix="CAMPAIGNS_")

    directory_url: Annotated[Address, Field(description="Base address of the directory service")]
    referrals_url: Annotated[Address, Field(description="Base address of the referrals service")]
    webhook_secret: Annotated[
        str, Field(description="Standard Webhooks secret (whsec_…) of referral events")
    ]
    # 100,000 rows of a wide list are about 20 MB in UTF-8 and twice that in UTF-16.
    max_import_bytes: Annotated[
        int, Field(ge=1024, description="Largest call list accepted, in bytes")
    ] = 64 * 2**20
    max_import_rows: Annotated[int, Field(ge=1, description="Most rows in one call list")] = 500_000
    import_batch_rows: Annotated[
        int, Field(ge=1, le=20_000, description="Rows staged or merged in one transaction")
    ] = 2_000
    raw_file_days: Annotated[
        int, Field(ge=1, le=30, description="Days a sealed call list is kept at most")
    ] = 30
    bad_rows_percent: Annotated[
        int, Field(ge=0, le=100, description="Above this share of bad rows approval is asked twice")
    ] = 20
    lease_minutes: Annotated[
        int, Field(ge=1, le=120, description="How long a lease lasts before extension")
    ] = 20
    suppression_threshold: Annotated[
        int, Field(ge=2, description="Published cells under this count are suppressed")
    ] = 5
