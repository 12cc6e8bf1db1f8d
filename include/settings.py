"""Every setting of the pipeline: typed, frozen, read once per process from PIPELINE_* variables."""

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
    What the services and DAGs may be told.

    Secrets are never settings: a `*_file` names the file that holds one.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    markets: Annotated[tuple[MarketKey, ...], NoDecode] = Field(
        default=(MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT")),
        description="What to follow: exchange:SYMBOL, separated by commas",
    )
    exchange_url: str = Field(
        default="",
        description="Address of a Binance-shaped exchange to ask instead of the real one",
    )
    poll_interval_s: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Seconds between two snapshots of one symbol; 0: no pause",
    )
    history_bars: int = Field(
        default=1500, ge=0, le=100_000, description="One-minute candles to fetch at the first start"
    )
    exchange_timeout_s: float = Field(
        default=10.0, gt=0, description="How long one call of the exchange may take"
    )

    trades_stream: bool = Field(
        default=True, description="Take trades from the exchange's WebSocket, history as fallback"
    )

    kafka_bootstrap: str = Field(default="127.0.0.1:19092", description="Kafka's host:port")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL: with TLS, with a password",
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"
    )
    kafka_sasl_username: str = Field(default="", description="User of SASL")
    kafka_sasl_password_file: Path = Field(
        default=Path("/run/secrets/kafka_password"), description="File with its password"
    )
    kafka_ca_file: str = Field(
        default="", description="Authorities to trust for Kafka's TLS (PEM); empty: the system's"
    )
    topic_market: str = Field(
        default="crypto.market", description="Snapshots, trades, candles, gaps"
    )
    topic_checkpoints: str = Field(
        default="crypto.checkpoints", description="Where each service had got to (compacted)"
    )
    topic_dead_letters: str = Field(
        default="crypto.dead-letters", description="Records that could not be read, and why"
    )
    topic_health: str = Field(default="crypto.health", description="The producers' health")
    market_partitions: int = Field(
        default=6, ge=1, le=256, description="Partitions of topic_market"
    )
    kafka_replication_factor: int = Field(
        default=1,
        ge=1,
        le=9,
        description="Copies of each topic, at most one a broker; of 3 and more, one may be missing",
    )
    consumer_group: str = Field(default="crypto-kpi-consumer", description="Kafka consumer group")

    influx_url: str = Field(default="http://127.0.0.1:18086", description="InfluxDB's address")
    influx_org: str = Field(default="crypto", description="InfluxDB organization")
    influx_bucket: str = Field(default="crypto-data", description="InfluxDB bucket")
    influx_token_file: Path = Field(
        default=Path("/run/secrets/influx_writer_token"), description="File with a write token"
    )
    influx_reader_token_file: Path = Field(
        default=Path("/run/secrets/influx_reader_token"), description="File with a read token"
    )
    influx_keeper_token_file: Path = Field(
        default=Path("/run/secrets/influx_keeper_token"),
        description="File with a token that does both, for the bucket's retention",
    )
    influx_ca_file: str = Field(
        default="",
        description="Authorities to trust for an https address (PEM); empty: the system's",
    )
    influx_timeout_s: float = Field(default=10.0, gt=0, description="How long one write may take")

    postgres_host: str = Field(default="127.0.0.1", description="PostgreSQL's host")
    postgres_port: int = Field(default=15432, ge=1, le=65535, description="PostgreSQL's port")
    postgres_database: str = Field(default="market", description="Database of the market tables")
    postgres_user: str = Field(default="market_writer", description="Role to connect as")
    postgres_passfile: Path = Field(
        default=Path("/run/secrets/pgpass"), description="libpq password file (mode 0600)"
    )

    postgres_sslmode: Literal[
        "disable", "allow", "prefer", "require", "verify-ca", "verify-full"
    ] = Field(default="prefer", description="libpq's sslmode; verify-full trusts nobody else")
    postgres_ca_file: str = Field(
        default="", description="Authorities to trust (PEM); empty: libpq's own"
    )

    postgres_reader: str = Field(
        default="market_reader", description="Role that reads the views, for the market page"
    )
    postgres_reader_passfile: Path = Field(
        default=Path("/run/secrets/pgpass_reader"), description="Its libpq password file"
    )

    charts_file: Path = Field(
        default=Path("/opt/charts/lightweight-charts.standalone.production.js"),
        description="The market page's chart library",
    )

    drain_max_rows: int = Field(
        default=50_000, ge=1, description="Rows one transaction of the drain may write"
    )
    drain_max_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1, description="Bytes of records one transaction may take"
    )
    drain_max_s: float = Field(default=45.0, gt=0, description="How long one drain may take")

    health_host: str = Field(
        default="127.0.0.1", description="Address on which the services serve their health"
    )
    producer_health_port: int = Field(
        default=18091, ge=0, le=65535, description="Port of the producer's health; 0: none"
    )
    consumer_health_port: int = Field(
        default=18092, ge=0, le=65535, description="Port of the consumer's health; 0: none"
    )
    health_interval_s: float = Field(
        default=10.0, gt=0, le=3600, description="Seconds between two points of pipeline_health"
    )

    keep_trades_days: int = Field(
        default=30, ge=0, description="Days PostgreSQL keeps trades; 0: for ever"
    )
    keep_prices_days: int = Field(
        default=0, ge=0, description="Days PostgreSQL keeps snapshots; 0: for ever"
    )
    keep_quality_days: int = Field(
        default=90, ge=0, description="Days it keeps audits, closed gaps, results; 0: for ever"
    )
    keep_dead_letters_days: int = Field(
        default=90, ge=0, description="Days it keeps dead letters; 0: for ever"
    )
    keep_influx_days: int = Field(
        default=0, ge=0, description="Days InfluxDB keeps points; 0: for ever"
    )
    keep_airflow_days: int = Field(
        default=30, ge=0, description="Days Airflow keeps its runs and logs' rows; 0: for ever"
    )

    @field_validator("markets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_market_key(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("markets")
    @classmethod
    def _not_empty(cls, value: tuple[MarketKey, ...]) -> tuple[MarketKey, ...]:
        if not value:
            raise ValueError("expected at least one exchange:SYMBOL, found none")
        if len(set(value)) != len(value):
            raise ValueError("expected each market once, found one twice")
        return value

    def as_reader(self) -> Self:
        """Return the same, but connecting to PostgreSQL as the role that only reads."""
        reader = {
            "postgres_user": self.postgres_reader,
            "postgres_passfile": self.postgres_reader_passfile,
        }
        return self.model_copy(update=reader)

    @classmethod
    def load(cls) -> Self:
        """
        Read this process's environment.

        Raises:
            Misconfigured: All wrong settings in one line.
        """
        return cls.of({})

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the PIPELINE_* variables of *environment*, this process's own for the others.

        Raises:
            Misconfigured: All wrong settings in one line.
        """
        told = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(PREFIX)
        }
        wrong = [_unknown(name) for name in {**environment, **os.environ} if _is_unknown(name)]
        known = {name: value for name, value in told.items() if name in cls.model_fields}
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


def _unknown(name: str) -> str:
    names = [f"{PREFIX}{known.upper()}" for known in Settings.model_fields]
    near = difflib.get_close_matches(name, names, n=1)
    return f"{name}: there is no such setting" + (f", did you mean {near[0]}?" if near else "")


def _market_key(text: str) -> MarketKey:
    exchange, colon, symbol = text.partition(":")
    if not colon or not EXCHANGE_NAME.fullmatch(exchange) or not SYMBOL_NAME.fullmatch(symbol):
        raise ValueError(f"expected exchange:SYMBOL such as binance:BTC/USDT, found {text[:60]!r}")
    return MarketKey(exchange, symbol)
