"""Write to Kafka: all or nothing in a transaction, or one record that must not be lost."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from include.broker.connection import client_options, kafka_errors
from include.broker.records import MAX_RECORD_BYTES, Outgoing
from include.settings import Settings

# kafka-python 3.0.12 wedges when a batch it has sent expires (its state stays READY without a
# producer id): let none expire before the transaction does.
DELIVERY_TIMEOUT_MS = 24 * 3_600_000
TRANSACTION_TIMEOUT_MS = 60_000
# A broker that was killed and came back may leave a batch unanswered for ever.
COMMIT_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS // 2
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
        self._commit_result: Any = None
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
            try:
                self._producer.init_transactions()
            except BaseException:
                self.close()
                raise

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
            self._commit()

    def close(self) -> None:
        """
        Leave; an open transaction is aborted by the successor, or by its time-out.

        A `write` still waiting in another thread fails: nobody would answer it any more.
        """
        _leave(self._producer)
        if self._commit_result is not None and not self._commit_result.is_done:
            self._commit_result.done(KafkaTimeoutError("closed while it was committing"))

    def _commit(self) -> None:
        """As `commit_transaction`, which knows no time-out."""
        self._commit_result = result = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not result.wait(COMMIT_TIMEOUT_MS):
            raise KafkaTimeoutError(f"no commit after {COMMIT_TIMEOUT_MS} ms")


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
                arrive yet, in their order, before what this writer writes later.
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
        _leave(self._producer)


def _leave(producer: KafkaProducer) -> None:
    """
    Close, whatever the broker does; what it has not acknowledged is not sent any more.

    `KafkaProducer.close` alone waits for all that is pending; when that takes too long it raises
    and leaves its thread at work.
    """
    producer._sender.force_close()
    producer._sender.join(CLOSE_TIMEOUT_S)
    with contextlib.suppress(KafkaTimeoutError):
        producer.close(timeout=CLOSE_TIMEOUT_S)
    producer._closed = True  # it would try again when it is forgotten
