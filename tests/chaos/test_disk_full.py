"""No space where Kafka keeps records and checkpoints, or where logs go."""

import contextlib
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from tests.chaos.servers import eventually

MARGIN = 64 * 1024


@pytest.mark.fault(32)
@pytest.mark.slow
def test_no_space_for_logs(pipeline, story):
    """
    /dev/full: whatever is written there meets a full disk.
    """
    pipeline.log_to("producer", Path("/dev/full"))
    pipeline.log_to("consumer", Path("/dev/full"))
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected("both services' output into a full disk")
    story.found(str(verdict))
    assert verdict.is_clean, verdict


@pytest.mark.fault(32)
@pytest.mark.slow
def test_no_space_for_kafka(pipeline, struck, story):
    """
    No file of the broker may grow further, those of records, checkpoints and transactions included.

    It stops itself, as Kafka does when a disk fails; the supervisor's next one finds space.
    """
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    data = struck.line.layout.kafka_data
    largest = max(file.stat().st_size for file in data.rglob("*.log"))
    broker = psutil.Process(struck.pid("kafka"))
    broker.rlimit(psutil.RLIMIT_FSIZE, (largest + MARGIN, psutil.RLIM_INFINITY))
    with Flood(pipeline.settings.kafka_bootstrap) as flood:
        eventually(lambda: flood.rises() and struck.pid("kafka") != broker.pid, "a broker less")
    struck.await_answer("kafka")
    pipeline.await_stored()
    verdict = pipeline.settle()

    story.injected(f"no file of the broker beyond {(largest + MARGIN) / 2**20:.1f} MB")
    story.found(f"the broker stopped and came back; {verdict}")
    assert verdict.is_clean, verdict


class Flood:
    """A topic of no use, that grows and is deleted in the end."""

    topic = "flood"

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def __enter__(self):
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics({self.topic: {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        self.producer = KafkaProducer(bootstrap_servers=self.bootstrap)
        return self

    def rises(self):
        with contextlib.suppress(KafkaError):  # the broker is full, or gone: as it shall be
            self.producer.send(self.topic, bytes(100_000)).get(timeout=2)
        return True

    def __exit__(self, *_):
        self.producer._sender.force_close()  # what did not fit is not sent again
        self.producer._sender.join(10)
        with contextlib.suppress(KafkaError):
            self.producer.close(timeout=1)
