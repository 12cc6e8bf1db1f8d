"""Write to Kafka: all records of a transaction or none, or records that wait for all replicas."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from include.broker.connection import client_options, translate_errors
from include.broker.records import MAX_RECORD_BYTES, Outgoing
from include.settings import Settings

# kafka-python 3.0.12 hangs when a batch that it sent expires. Its state stays READY without a
# producer id. Let the transaction time out before any batch.
DELIVERY_TIMEOUT_MS = 24 * 3_600_000
TRANSACTION_TIMEOUT_MS = 60_000
# A broker that was killed and restarted may never answer a batch.
COMMIT_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS // 2
CLOSE_TIMEOUT_S = 1.0
WRITE_TIMEOUT_S = 60.0


class TransactionalWriter:
    """
    Writes batches of records, each in one transaction.

    A new writer with the same transactional id aborts the transaction that a crashed predecessor
    left open. It also fences the predecessor, in case that still runs.
    """

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """
        Connect, and take over *transactional_id*.

        Raises:
            Unavailable: Kafka is unreachable.
            Misconfigured: Kafka rejects the connection.
        """
        self._settings = settings
        self._commit_result: Any = None
        with translate_errors(settings, "starting a transactional producer"):
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
        Write *records* in one transaction. Return when Kafka has committed it.

        Raises:
            Unavailable: None or all of the records are written. Close this writer, read the
                progress back from Kafka, and continue with a new writer.
        """
        with translate_errors(self._settings, f"writing {len(records)} records"):
            self._producer.begin_transaction()
            for record in records:
                headers = [("type", record.kind.encode())] if record.kind else None
                self._producer.send(
                    record.topic, key=record.key, value=record.value, headers=headers
                )
            self._commit()

    def close(self) -> None:
        """
        Disconnect. An open transaction is aborted by the next writer, or by its time-out.

        A `write` that still waits in another thread fails, because no answer can arrive any more.
        """
        _force_close(self._producer)
        if self._commit_result is not None and not self._commit_result.is_done:
            self._commit_result.done(KafkaTimeoutError("closed while it was committing"))

    def _commit(self) -> None:
        """Commit, with a time-out; kafka-python's `commit_transaction` has none."""
        self._commit_result = result = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not result.wait(COMMIT_TIMEOUT_MS):
            raise KafkaTimeoutError(f"no commit after {COMMIT_TIMEOUT_MS} ms")


class AcknowledgedWriter:
    """Writes records outside of transactions, and waits until all in-sync replicas have them."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        """
        Connect.

        Raises:
            Unavailable: Kafka is unreachable.
            Misconfigured: Kafka rejects the connection.
        """
        self._settings = settings
        with translate_errors(settings, "starting a producer"):
            self._producer = KafkaProducer(
                **client_options(settings),
                client_id=client_id,
                delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                max_request_size=MAX_RECORD_BYTES,
                allow_auto_create_topics=False,
            )

    def write(self, records: Sequence[Outgoing], timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """
        Write *records*. Return when Kafka has them.

        Raises:
            Unavailable: Kafka did not confirm all records within *timeout_s*. Write them again.
                They may still arrive, in their order, before later records of this writer.
        """
        deadline_s = time.monotonic() + timeout_s
        with translate_errors(self._settings, f"writing {len(records)} records"):
            futures = [
                self._producer.send(record.topic, key=record.key, value=record.value)
                for record in records
            ]
            for future in futures:
                future.get(timeout=max(0.0, deadline_s - time.monotonic()))

    def close(self) -> None:
        """Disconnect at once. Records whose `write` has returned are safe."""
        _force_close(self._producer)


def _force_close(producer: KafkaProducer) -> None:
    """
    Close *producer* even if the broker does not answer. Unconfirmed records are not sent again.

    `KafkaProducer.close` alone waits for all pending records. If that takes too long, it raises and
    leaves its thread running.
    """
    producer._sender.force_close()
    producer._sender.join(CLOSE_TIMEOUT_S)
    with contextlib.suppress(KafkaTimeoutError):
        producer.close(timeout=CLOSE_TIMEOUT_S)
    producer._closed = True  # otherwise it closes again when it is garbage-collected
