"""Settings of the directory, read from `DIRECTORY_*`."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import DatabaseServiceSettings


class Settings(DatabaseServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DIRECTORY_")

    max_import_bytes: Annotated[
        int, Field(ge=1024, description="Largest file that an import takes")
    ] = 2**28
    webhooks_to_loopback: Annotated[
        bool, Field(description="Let webhooks reach this machine, by http too: for one-machine use")
    ] = False
    vocabulary_seconds: Annotated[
        float,
        Field(
            ge=0, description="How long codes of needs, territories and programs are kept in memory"
        ),
    ] = 5.0
