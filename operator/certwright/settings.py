"""The operator's settings: one frozen value, read from the environment once and passed down.

Every field is an environment variable `CERTWRIGHT_<NAME>`; durations are seconds.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError


class Settings(BaseSettings):
    """What an administrator may choose. The defaults suit a cluster of ten thousand certificates."""

    model_config = SettingsConfigDict(env_prefix="CERTWRIGHT_", frozen=True, extra="forbid")

    namespace: str = Field("certwright-system", description="The operator's own namespace.")
    watch_namespaces: tuple[str, ...] = Field((), description="Namespaces to serve, as a JSON list; empty: all.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level logged.")
    log_format: Literal["json", "text"] = Field("json", description="One JSON object a line, or text for people.")
    listen_host: str = Field("0.0.0.0", description="Address of /healthz, /readyz and /metrics.")  # noqa: S104 - a pod's
    listen_port: int = Field(8080, ge=0, le=65535, description="Port of the same; 0 takes a free one.")

    leader_election: bool = Field(
        default=False, description="Work only while holding a Lease; needed as soon as there is more than one replica."
    )
    lease_name: str = Field("certwright", min_length=1, description="Its name, in the operator's own namespace.")
    lease_seconds: int = Field(15, ge=1, description="How long the others wait after they saw it renewed last.")
    lease_renew_seconds: float = Field(10, gt=0, description="How long its holder works after it last renewed it.")
    lease_retry_seconds: float = Field(2, gt=0, description="Pause between renewals, and between looks of the others.")

    workers: int = Field(32, ge=1, le=256, description="Objects worked on at once.")
    processes: int = Field(2, ge=1, le=16, description="Worker processes for heavy work, started on first need.")
    work_seconds: float = Field(5, gt=0, description="Longest that one object may keep a worker process busy.")
    key_seconds: float = Field(120, gt=0, description="Longest that making one RSA key may take, in such a process.")
    request_seconds: float = Field(30, gt=0, description="Longest that one API request may take.")

    stalled_after_seconds: int = Field(600, ge=0, description="Waiting longer than this is reported as Stalled.")
    pair_grace_seconds: int = Field(60, ge=0, description="How long a key may wait for its certificate, or vice versa.")
    refresh_interval_seconds: int = Field(60, ge=0, description="Least time between two roll-outs of one workload.")
    refresh_poll_seconds: int = Field(5, ge=1, description="How often a roll-out under way is looked at.")
    clock_skew_seconds: int = Field(60, ge=1, description="Difference to the API server beyond which time is doubted.")

    sweep_seconds: int = Field(720, ge=10, description="How often lists are compared with what the watches said.")
    reread_seconds: int = Field(86_400, ge=60, description="How often every object is read in full, paced.")
    reread_per_second: float = Field(5, gt=0, description="Pace of that.")
    release_per_second: float = Field(200, gt=0, description="How many due re-checks enter the queue in a second.")
    backoff_max_seconds: float = Field(300, gt=0, description="Longest wait between two tries of one object.")

    bundle_namespaces: tuple[str, ...] = Field(
        (), description="Which of kube-system, kube-public and its own get bundles if selected, as a JSON list."
    )

    set_settling_seconds: float = Field(
        5, ge=0, le=60, description="How long the inputs of a set must rest before it is replaced; at most a minute."
    )
    set_namespaces: tuple[str, ...] = Field(
        (), description="Which of kube-… and its own may get Secrets of certificate sets, as a JSON list."
    )

    crl_hosts: tuple[str, ...] = Field(
        (), description="Hosts that CRLs may be fetched from: names, `*.` names, with `:port` if unusual; as JSON."
    )
    crl_private_addresses: tuple[str, ...] = Field(
        (), description="Networks (CIDR) that those hosts may be in although they are not public, as a JSON list."
    )
    crl_fetch_seconds: float = Field(30, gt=0, description="Longest that one fetch of a CRL may take.")
    crl_memory_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Most memory for revocation lists that are kept at hand."
    )
    crl_record_bytes: int = Field(
        8 * 1024 * 1024, ge=0, description="Largest list, compressed, that is kept over restarts."
    )
    crl_max_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="Largest CRL that is fetched.")

    certificate_series: int = Field(20_000, ge=0, description="Most per-certificate metric series; beyond it none.")
    events_per_hour: int = Field(10, ge=0, description="Most events written about one object in an hour.")

    @model_validator(mode="after")
    def _lease_outlasts_its_holder(self) -> Self:
        if not self.lease_retry_seconds < self.lease_renew_seconds < self.lease_seconds:
            raise ValueError("CERTWRIGHT_LEASE_RETRY_SECONDS < …_LEASE_RENEW_SECONDS < …_LEASE_SECONDS must hold")
        return self


class WrongSettingsError(ValueError):
    """Settings do not fit; the message names each and the rule, never the value."""


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; what is given wins over it.

    Raises:
        WrongSettingsError: one or more do not fit.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"CERTWRIGHT_{'.'.join(str(step) for step in each['loc']).upper()}: {each['msg']}"
            if each["loc"]
            else each["msg"]
            for each in error.errors(include_url=False, include_input=False)
        )
    except SettingsError as error:
        problems = str(error)
    raise WrongSettingsError(problems)
