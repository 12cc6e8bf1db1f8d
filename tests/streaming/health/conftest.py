"""Settings of a pipeline that serves its health, and reports it often."""

import pytest


@pytest.fixture
def healthy_settings(settings, free_ports):
    """Return `settings` with ports for the services' health."""
    changed = {
        "producer_health_port": free_ports.take(),
        "consumer_health_port": free_ports.take(),
        "health_interval_s": 0.3,
        "poll_interval_s": 0.3,
        "history_bars": 20,
    }
    return settings.model_copy(update=changed)
