"""Settings of the gateway, from the environment with the prefix GATEWAY_."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from maillage_common.settings import ServiceSettings, address

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _addresses(listed: str) -> str:
    for url in listed.split(","):
        address(url.strip())
    return listed


Replicas = Annotated[str, AfterValidator(_addresses)]


class IssuerSettings(BaseModel):
    """One issuer of access tokens; see the README for the members."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(min_length=1)]
    jwks_uri: str | None = None
    algorithms: Annotated[frozenset[str], Field(min_length=1)]
    scopes: frozenset[str] | None = None
    prefix: Annotated[str | None, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = None
    # 30 days at most: so long a revocation is kept.
    max_lifetime_seconds: Annotated[int, Field(ge=60, le=2_592_000)] = 3600


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    directory_url: Replicas
    referrals_url: Replicas
    campaigns_url: Replicas
    issuers: Annotated[tuple[IssuerSettings, ...], Field(min_length=1)]
    audience: str = "maillage"
    policy_file: Path | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    check_peers: tuple[IPv4Network | IPv6Network, ...] = (
        IPv4Network("127.0.0.0/8"),
        IPv6Network("::1/128"),
    )
    meters_url: str | None = None
    max_header_bytes: Count = 32 * 1024
    # 200 connections cover 1,000 requests/s at a mean answer of 200 ms, to each service.
    upstream_connections: Count = 200
    upstream_connect_seconds: Seconds = 2.0
    # A removed key stops working within refresh + fetch seconds while its issuer answers, and
    # within stale seconds while it does not.
    keys_refresh_seconds: Seconds = 300.0
    # So long a new key may have to wait, and so often a flood of unknown ones makes us ask.
    keys_cooldown_seconds: Seconds = 1.0
    keys_fetch_seconds: Seconds = 3.0
    # An issuer may be down for an hour, whenever its keys were fetched last.
    keys_stale_seconds: Seconds = 7200.0
    token_leeway_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    # About 3 KiB each.
    token_cache_size: Count = 10_000
    revocation_list: str | None = None
    revocation_keys_file: Path | None = None
    # A poll and a fetch that takes its longest stay under five seconds.
    revocation_poll_seconds: Annotated[float, Field(gt=0, le=2)] = 1.0
    revocation_stale_seconds: Seconds = 300.0

    @model_validator(mode="after")
    def _revocations_are_read_and_verified(self) -> "Settings":
        # Keys alone are a list that was forgotten or left empty: no token would ever be revoked.
        if (self.revocation_list is None) != (self.revocation_keys_file is None):
            raise ValueError(
                "GATEWAY_REVOCATION_LIST and GATEWAY_REVOCATION_KEYS_FILE are given together"
            )
        return self

    def service_urls(self) -> dict[str, tuple[str, ...]]:
        """Base addresses of each service's replicas, without a closing slash."""
        urls = {
            "directory": self.directory_url,
            "referrals": self.referrals_url,
            "campaigns": self.campaigns_url,
        }
        return {
            service: tuple(url.strip().rstrip("/") for url in listed.split(","))
            for service, listed in urls.items()
        }
