"""While InfluxDB is slow, reading pauses, the membership lasts, and nothing is lost."""

import re

import pytest

from include.broker.group_member import SESSION_TIMEOUT_MS
from tests.chaos.influxdb_proxy import InfluxProxy, Rule
from tests.streaming import market
from tests.streaming.consuming import (
    BackgroundPublisher,
    RunningConsumer,
    compute_points,
    offsets_saved,
    wait_for_members,
    wait_until_saved,
)
from tests.streaming.health.asking import metrics, wait_for_metric

MARKET_DATA = re.compile("crypto_")
SLOW_S = (
    SESSION_TIMEOUT_MS / 1000 + 2
)  # a member that did not poll for this long would be out of the group
PAUSED = "pipeline_partitions_paused"
REBALANCES = "pipeline_rebalances_total"


@pytest.fixture
def proxy(settings):
    proxy = InfluxProxy(settings.influx_url)
    yield proxy
    proxy.close()


@pytest.fixture
def proxied(settings, free_ports, proxy):
    return settings.model_copy(
        update={"consumer_health_port": free_ports.take(), "influx_url": proxy.url}
    )


@pytest.mark.fault(13)
def test_partitions_pause_while_the_queue_is_full(proxied, settings, proxy, bucket):
    port, owned = proxied.consumer_health_port, settings.market_partitions
    with RunningConsumer(proxied):
        wait_for_metric(port, "pipeline_partitions_owned", lambda count: count == owned)
        rebalances = metrics(port)[REBALANCES]
        slow = Rule(line=MARKET_DATA, delay_s=SLOW_S, times=2)
        proxy.rules = [slow]
        with BackgroundPublisher(settings, market.stream()):
            wait_for_metric(port, PAUSED, lambda count: count == owned)
            saved = offsets_saved(settings)
            wait_for_metric(
                port, 'pipeline_records_total{type="snapshot"}', lambda count: count > 0
            )
            wait_for_metric(port, PAUSED, lambda count: count == 0)
        wait_until_saved(settings)
        wait_for_members(settings, 1)
        found = metrics(port)

    assert set(saved.values()) <= {0}
    assert slow.times == 0
    assert found[REBALANCES] == rebalances
    assert bucket.stored() == compute_points(settings)


@pytest.mark.fault(8)
@pytest.mark.fault(13)
def test_partitions_revoked_while_influxdb_is_slow_are_not_saved_early(
    proxied, settings, proxy, bucket
):
    """
    The partitions move without a new checkpoint; the next owner computes the same points again.
    """
    proxy.rules = [Rule(line=MARKET_DATA, delay_s=SLOW_S, times=1)]
    with RunningConsumer(proxied), BackgroundPublisher(settings, market.stream()):
        wait_for_metric(proxied.consumer_health_port, PAUSED, lambda count: count > 0)
        with RunningConsumer(settings):
            wait_for_members(settings, 2)
            wait_for_metric(proxied.consumer_health_port, PAUSED, lambda count: count == 0)
    with RunningConsumer(settings):
        wait_until_saved(settings)

    assert bucket.stored() == compute_points(settings)
