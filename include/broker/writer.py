"""Write to Kafka: all or nothing in a transaction, or one record that must not be lost."""

import time
from collections.abc import Sequence

from kafka import KafkaProducer

from include.broker.connection import client_options, kafka_errors
from include.broker.records import MAX_RECORD_BYTES, Outgoing
from include.settings import Settings

# kafka-python 3.0.12 wedges when a batch it has sent expires (its state stays READY without a
# producer id): let none expire before the transaction does.
DELIVERY_TIMEOUT_MS = 24 * 3_600_000
TRANSACTION_TIMEOUT_MS = 60_000
CLOSE_TIMEOUT_S = 1.0
ACKNOWLEDGED_TIMEOUT_S = 60.0


class TransactionalWriter:
    """
    A producer whose batches appear whole or not at all.

    Taking over a transactional id ends the transaction a dead predecessor left open and fences
    the predecessor, should it only have been asleep.
    """

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings = settings
        with kafka_errors(settings, "starting a transactional producer"):
            self._producer = KafkaProducer(
                **client_options(settings),
                client_id=transactional_id,
                transactional_id=transactional_id,
                transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
                delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                max_block_ms=TRANSACTION_TIMEOUT_MS // 2,
                linger_ms=5,
                batch_size=256 * 1024,
                allow_auto_create_topics=False,
            )
            self._producer.init_transactions()

    def write(self, records: Sequence[Outgoing]) -> None:
        """
        Write *records* in one transaction; return once Kafka has committed it.

        Raises:
            Unavailable: Nothing, or all, of it is written: close this writer, read back from Kafka
                how far it came, and go on with a new one.
        """
        with kafka_errors(self._settings, f"writing {len(records)} records"):
            self._producer.begin_transaction()
            for record in records:
                headers = [("type", record.kind.encode())] if record.kind else None
                self._producer.send(
                    record.topic, key=record.key, value=record.value, headers=headers
                )
            self._producer.commit_transaction()

    def close(self) -> None:
        """Leave; an open transaction is aborted by the successor, or by its time-out."""
        self._producer.close(timeout=CLOSE_TIMEOUT_S)


class AcknowledgedWriter:
    """A producer for single records that wait until all replicas have them."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        with kafka_errors(settings, "starting a producer"):
            self._producer = KafkaProducer(
                **client_options(settings),
                client_id=client_id,
                delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                max_request_size=MAX_RECORD_BYTES,
                allow_auto_create_topics=False,
            )

    def write(self, records: Sequence[Outgoing], timeout_s: float = ACKNOWLEDGED_TIMEOUT_S) -> None:
        """
        Write *records*; return once Kafka has them.

        Raises:
            Unavailable: Kafka did not have them all after *timeout_s*: write them again. They may
                arrive yet, in their order, before what is written later.
        """
        give_up_s = time.monotonic() + timeout_s
        with kafka_errors(self._settings, f"writing {len(records)} records"):
            futures = [
                self._producer.send(record.topic, key=record.key, value=record.value)
                for record in records
            ]
            for future in futures:
                future.get(timeout=max(0.0, give_up_s - time.monotonic()))

    def close(self) -> None:
        """Leave at once; what `write` returned from is safe."""
        self._producer.close(timeout=CLOSE_TIMEOUT_S)
