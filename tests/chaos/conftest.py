"""A pipeline to strike, with servers of the session that are made whole after each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import Settings
from local.free_ports import FreePorts
from local.line import Line
from local.provision.influxdb import InfluxAdmin
from tests.chaos.pipeline import Pipeline, simulator
from tests.chaos.servers import Servers
from tests.streaming.conftest import Bucket


@pytest.fixture
def struck(servers: Line, settings: Settings, influx_admin: InfluxAdmin) -> Iterator[Servers]:
    """The servers, to be struck; whole again before the pipeline's stores are cleared away."""
    struck = Servers(servers)
    yield struck
    struck.restore()
    influx_admin.sign_in()  # InfluxDB forgets its sessions when it is killed


@pytest.fixture
def exchange_options() -> list[str]:
    """Options of the simulated exchange; a test overrides them by parametrization."""
    return ["--symbols", "BTC/USDT,ETH/USDT", "--trades-per-minute", "600"]


@pytest.fixture
def exchange_url(
    free_ports: FreePorts, tmp_path: Path, exchange_options: list[str], seed: int
) -> Iterator[str]:
    with simulator(free_ports.take(), tmp_path, "--seed", str(seed), *exchange_options) as url:
        yield url


@pytest.fixture
def pipeline(
    settings: Settings,
    pipeline_environment: dict[str, str],
    influx_reader_token_file: Path,
    tmp_path: Path,
    exchange_url: str,
    free_ports: FreePorts,
) -> Iterator[Pipeline]:
    """A pipeline that follows the simulated exchange, nothing of it started."""
    token = influx_reader_token_file.read_text().strip()
    pipeline = Pipeline(settings, pipeline_environment, tmp_path, token, exchange_url, free_ports)
    yield pipeline
    pipeline.close()


@pytest.fixture
def bucket(settings: Settings, influx_reader_token_file: Path) -> Iterator[Bucket]:
    bucket = Bucket(settings, influx_reader_token_file.read_text().strip())
    yield bucket
    bucket.client.close()
