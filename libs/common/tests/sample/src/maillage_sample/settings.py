from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import DatabaseServiceSettings
from maillage_common.webhooks import WebhookEndpoint


class Settings(DatabaseServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SAMPLE_")

    webhooks: Annotated[list[WebhookEndpoint], Field(default_factory=list)]
