"""A network that does not find, refuses, resets, falls silent, or is slow: waited out."""

import random
import subprocess
import sys

import pytest

from local.free_ports import FreePorts
from tests.chaos.broker import Broker
from tests.chaos.pipeline import flow
from tests.chaos.servers import eventually
from tests.chaos.tcp_proxy import TcpProxy

SLOW_S = 60
DELAY_S = 0.05


@pytest.fixture
def proxies(pipeline, settings, tmp_path):
    """A proxy each for the exchange, InfluxDB and PostgreSQL; the pipeline is told of them."""
    exchange_port = int(pipeline.exchange.url.rpartition(":")[2])
    proxies = {
        "exchange": TcpProxy(exchange_port),
        "influxdb": TcpProxy(int(settings.influx_url.rpartition(":")[2])),
        "postgres": TcpProxy(settings.postgres_port),
    }
    passfile = tmp_path / "pgpass"  # the password is known by port
    passfile.touch(mode=0o600)
    passfile.write_text(
        settings.postgres_passfile.read_text().replace(
            f":{settings.postgres_port}:", f":{proxies['postgres'].port}:"
        )
    )
    pipeline.told |= {
        "POSTGRES_PASSFILE": str(passfile),
        "EXCHANGE_URL": f"http://127.0.0.1:{proxies['exchange'].port}",
        "EXCHANGE_TIMEOUT_S": "2",
        "INFLUX_URL": f"http://127.0.0.1:{proxies['influxdb'].port}",
        "INFLUX_TIMEOUT_S": "2",
        "POSTGRES_PORT": str(proxies["postgres"].port),
    }
    yield proxies
    for proxy in proxies.values():
        proxy.close()


@pytest.mark.fault(25)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["refused", "reset", "half-open"])
@pytest.mark.parametrize(
    ("server", "service", "event"),
    [
        ("exchange", "producer", "exchange.unavailable"),
        ("influxdb", "consumer", "influxdb.unavailable"),
    ],
    ids=["exchange", "influxdb"],
)
def test_connections_that_are(server, service, event, kind, pipeline, proxies, story):
    """
    Refused and half-open ones until the service has said so twice: it asked again.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    proxy = proxies[server]
    before = proxy.connections
    if kind == "half-open":
        proxy.fall_silent()
    else:
        proxy.is_refusing = kind == "refused"
        proxy.cut()
    if kind != "reset":
        eventually(lambda: pipeline.said(service).count(event) > 1, f"{service} to say {event}")
    proxy.is_refusing = False
    proxy.speak()
    verdict = pipeline.settle()

    story.injected(f"connections to {server} {kind}")
    story.found(f"{verdict}; {proxy.connections - before} connections made anew")
    assert verdict.is_clean, verdict


@pytest.mark.fault(25)
@pytest.mark.slow
def test_a_name_that_is_not_found_until_it_is(pipeline, tmp_path, story):
    """
    /etc/hosts is another file to the producer: in a mount namespace of its own.
    """
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    enter = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    bind = 'mount --bind "$0" /etc/hosts && exec "$@"'
    tried = subprocess.run([*enter, bind, str(hosts), "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no namespace of our own to be had: {tried.stderr.strip()}")
    port = pipeline.exchange.url.rpartition(":")[2]
    pipeline.start("consumer")
    pipeline.start(
        "producer",
        command=[*enter, bind, str(hosts), sys.executable],
        EXCHANGE_URL=f"http://exchange.test:{port}",
    )
    eventually(lambda: pipeline.said("producer").count("exchange.unavailable") > 1, "a complaint")
    said = pipeline.said("producer").splitlines()[-1]
    hosts.write_text("127.0.0.1 localhost exchange.test\n")
    verdict = pipeline.settle()

    story.injected("a host name nobody resolves, for a while")
    story.found(f"said {said[:200]!r}; then {verdict}")
    assert "exchange.test" in said
    assert verdict.is_clean, verdict


@pytest.mark.fault(33)
@pytest.mark.slow
def test_slow_and_cut(pipeline, proxies, toolchain, tmp_path, seed, story):
    """
    All four servers behind proxies, a broker of its own among them: Kafka's clients go where the
    broker says that it is.
    """
    chance = random.Random(seed)
    ports = FreePorts()
    advertised = ports.take()
    broker = Broker(tmp_path / "broker", ports, toolchain, advertised_port=advertised)
    to_kafka = TcpProxy(broker.port, listen=advertised)
    everything = {**proxies, "kafka": to_kafka}
    try:
        broker.start()
        pipeline.use_broker(f"127.0.0.1:{advertised}")
        for proxy in everything.values():
            proxy.delay_s = DELAY_S
        pipeline.start("consumer")
        pipeline.start("producer")
        pipeline.await_stored()
        cuts = 0
        while cuts < SLOW_S // 4:
            flow(chance.uniform(1, 5))
            everything[chance.choice(sorted(everything))].cut()
            cuts += 1
            if cuts % 5 == 0:
                pipeline.drain()
        verdict = pipeline.settle()
    finally:
        pipeline.close()
        broker.stop()
        to_kafka.close()
        ports.close()

    story.injected(f"{DELAY_S * 1000:.0f} ms a chunk each way to all servers, {cuts} cuts")
    story.found(str(verdict))
    assert verdict.is_clean, verdict
