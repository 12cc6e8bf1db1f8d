"""The settings of the pipeline: typed, frozen, read once per process from PIPELINE_* variables."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from include.errors import Misconfigured
from include.kpis.records import MarketKey

PREFIX = "PIPELINE_"
EXCHANGE_NAME = re.compile(r"[a-z0-9]{2,30}")
SYMBOL_NAME = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}(:[A-Z0-9-]{1,20})?")


class Settings(BaseSettings):
    """
    The settings of services, commands, and DAGs.

    No setting holds a secret. A `*_file` is the path of the file that holds it.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    markets: Annotated[tuple[MarketKey, ...], NoDecode] = Field(
        default=(MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT")),
        description="Markets, as exchange:SYMBOL, separated by commas",
    )
    exchange_url: str = Field(
        default="",
        description="Address of a server with Binance's API, in place of the exchange; empty: none",
    )
    poll_interval_s: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Seconds between two snapshots of a market; 0: no wait",
    )
    history_bars: int = Field(
        default=1500, ge=0, le=100_000, description="One-minute candles to fetch at the first start"
    )
    exchange_timeout_s: float = Field(
        default=10.0, gt=0, description="Time-out in seconds of a request to the exchange"
    )

    trades_stream: bool = Field(
        default=True,
        description="Whether to receive trades by WebSocket; without it they come from history",
    )

    kafka_bootstrap: str = Field(
        default="127.0.0.1:19092",
        description="Addresses of Kafka's brokers, host:port, separated by commas",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="PLAINTEXT, SSL (TLS), SASL_PLAINTEXT (login), or SASL_SSL (login over TLS)",
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="SCRAM-SHA-512, SCRAM-SHA-256, or PLAIN"
    )
    kafka_sasl_username: str = Field(default="", description="User of the SASL login")
    kafka_sasl_password_file: Path = Field(
        default=Path("/run/secrets/kafka_password"),
        description="File with the password of the SASL login",
    )
    kafka_ca_file: str = Field(
        default="",
        description="File with the authorities to trust for TLS (PEM); empty: the system's",
    )
    topic_market: str = Field(
        default="crypto.market", description="Topic of snapshots, trades, candles, and gaps"
    )
    topic_checkpoints: str = Field(
        default="crypto.checkpoints",
        description="Topic of the services' progress and state (compacted)",
    )
    topic_dead_letters: str = Field(
        default="crypto.dead-letters",
        description="Topic of records that could not be decoded or stored",
    )
    topic_health: str = Field(
        default="crypto.health", description="Topic of the producers' metrics"
    )
    market_partitions: int = Field(
        default=6, ge=1, le=256, description="Partitions of topic_market"
    )
    kafka_replication_factor: int = Field(
        default=1,
        ge=1,
        le=9,
        description=(
            "Replication factor of new topics. With 3 or more, writes continue while one replica "
            "is down"
        ),
    )
    consumer_group: str = Field(
        default="crypto-kpi-consumer", description="Consumer group of the consumers"
    )

    influx_url: str = Field(default="http://127.0.0.1:18086", description="Address of InfluxDB")
    influx_org: str = Field(default="crypto", description="Organization in InfluxDB")
    influx_bucket: str = Field(default="crypto-data", description="Bucket in InfluxDB")
    influx_token_file: Path = Field(
        default=Path("/run/secrets/influx_writer_token"),
        description="File with a token that writes to the bucket",
    )
    influx_reader_token_file: Path = Field(
        default=Path("/run/secrets/influx_reader_token"),
        description="File with a token that reads the bucket",
    )
    influx_keeper_token_file: Path = Field(
        default=Path("/run/secrets/influx_keeper_token"),
        description="File with a token that reads and writes the bucket, to set its retention",
    )
    influx_ca_file: str = Field(
        default="",
        description="File with the authorities to trust for https (PEM); empty: the system's",
    )
    influx_timeout_s: float = Field(
        default=10.0, gt=0, description="Time-out in seconds of a request to InfluxDB"
    )

    postgres_host: str = Field(default="127.0.0.1", description="Host of PostgreSQL")
    postgres_port: int = Field(default=15432, ge=1, le=65535, description="Port of PostgreSQL")
    postgres_database: str = Field(default="market", description="Database of the market tables")
    postgres_user: str = Field(
        default="market_writer", description="Role that writes the market tables"
    )
    postgres_passfile: Path = Field(
        default=Path("/run/secrets/pgpass"),
        description="Password file of libpq for this role (mode 0600)",
    )

    postgres_sslmode: Literal[
        "disable", "allow", "prefer", "require", "verify-ca", "verify-full"
    ] = Field(
        default="prefer",
        description="sslmode of libpq; only verify-full checks certificate and host name",
    )
    postgres_ca_file: str = Field(
        default="",
        description="File with the authorities to trust (PEM); empty: the default of libpq",
    )

    postgres_reader: str = Field(
        default="market_reader", description="Role that reads the views, used by the market page"
    )
    postgres_reader_passfile: Path = Field(
        default=Path("/run/secrets/pgpass_reader"),
        description="Password file of libpq for the reading role (mode 0600)",
    )

    charts_file: Path = Field(
        default=Path("/opt/charts/lightweight-charts.standalone.production.js"),
        description="JavaScript file of the market page's chart library",
    )

    drain_max_rows: int = Field(
        default=50_000, ge=1, description="Maximum rows in one transaction of the drain"
    )
    drain_max_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1,
        description="Maximum bytes of records in one transaction of the drain",
    )
    drain_max_s: float = Field(
        default=45.0, gt=0, description="Maximum seconds of one run of the drain"
    )

    health_host: str = Field(
        default="127.0.0.1", description="Address of the health endpoints of producer and consumer"
    )
    producer_health_port: int = Field(
        default=18091,
        ge=0,
        le=65535,
        description="Port of the producer's health endpoint; 0: no endpoint",
    )
    consumer_health_port: int = Field(
        default=18092,
        ge=0,
        le=65535,
        description="Port of the consumer's health endpoint; 0: no endpoint",
    )
    health_interval_s: float = Field(
        default=10.0, gt=0, le=3600, description="Seconds between two points of pipeline_health"
    )

    keep_trades_days: int = Field(
        default=30, ge=0, description="Days to keep trades in PostgreSQL; 0: for ever"
    )
    keep_prices_days: int = Field(
        default=0, ge=0, description="Days to keep snapshots in PostgreSQL; 0: for ever"
    )
    keep_quality_days: int = Field(
        default=90,
        ge=0,
        description="Days to keep audits, closed gaps, check results in PostgreSQL; 0: for ever",
    )
    keep_dead_letters_days: int = Field(
        default=90, ge=0, description="Days to keep dead letters in PostgreSQL; 0: for ever"
    )
    keep_influx_days: int = Field(
        default=0, ge=0, description="Days to keep points in InfluxDB; 0: for ever"
    )
    keep_airflow_days: int = Field(
        default=30,
        ge=0,
        description="Days to keep runs and their log entries in Airflow's database; 0: for ever",
    )

    @field_validator("markets", mode="before")
    @classmethod
    def _parse_markets(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_parse_market(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("markets")
    @classmethod
    def _check_markets(cls, value: tuple[MarketKey, ...]) -> tuple[MarketKey, ...]:
        if not value:
            raise ValueError("expected at least one exchange:SYMBOL, found none")
        if len(set(value)) != len(value):
            raise ValueError("expected each market once, found one twice")
        return value

    def as_reader(self) -> Self:
        """Return a copy that connects to PostgreSQL as the role that only reads."""
        reader = {
            "postgres_user": self.postgres_reader,
            "postgres_passfile": self.postgres_reader_passfile,
        }
        return self.model_copy(update=reader)

    @classmethod
    def load(cls) -> Self:
        """
        Read the settings from the environment of this process.

        Raises:
            Misconfigured: A setting is wrong; the message lists all wrong ones in one line.
        """
        return cls.of({})

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the settings from *environment*, and those it lacks from this process's environment.

        Args:
            environment: Environment variables; those without the prefix PIPELINE_ are ignored.

        Raises:
            Misconfigured: A setting is wrong; the message lists all wrong ones in one line.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(PREFIX)
        }
        wrong = [
            _explain_unknown(name) for name in {**environment, **os.environ} if _is_unknown(name)
        ]
        known = {name: value for name, value in given.items() if name in cls.model_fields}
        try:
            found = cls(**known)  # type: ignore[arg-type]  # pydantic converts the text
        except ValidationError as e:
            wrong += [
                f"{PREFIX}{'_'.join(str(p) for p in error['loc'][:1]).upper()}: {error['msg']}"
                for error in e.errors()
            ]
        if wrong:
            raise Misconfigured(f"wrong settings: {'; '.join(wrong)}")
        return found


def _is_unknown(name: str) -> bool:
    return (
        name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in Settings.model_fields
    )


def _explain_unknown(name: str) -> str:
    names = [f"{PREFIX}{known.upper()}" for known in Settings.model_fields]
    near = difflib.get_close_matches(name, names, n=1)
    return f"{name}: there is no such setting" + (f", did you mean {near[0]}?" if near else "")


def _parse_market(text: str) -> MarketKey:
    exchange, colon, symbol = text.partition(":")
    if not colon or not EXCHANGE_NAME.fullmatch(exchange) or not SYMBOL_NAME.fullmatch(symbol):
        raise ValueError(f"expected exchange:SYMBOL such as binance:BTC/USDT, found {text[:60]!r}")
    return MarketKey(exchange, symbol)
