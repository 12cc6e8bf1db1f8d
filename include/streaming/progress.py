"""How far each market has been published: written in the transaction of the records it counts."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from include.broker.log_reader import latest_by_key
from include.broker.records import Outgoing
from include.errors import Misconfigured
from include.kpis.records import MarketKey
from include.settings import Settings

KEY_PREFIX = "producer/"


@dataclass(frozen=True, slots=True)
class Progress:
    """
    The last trade and candle of a market that Kafka has; None before the first.

    Attributes:
        trades_since_ms: From when on trades are published; candles reach further back.
        last_candle_open_ms: Start of the last candle's minute.
        last_snapshot_ms: The exchange's time of the last snapshot.
    """

    trades_since_ms: int | None = None
    last_trade_id: int | None = None
    last_candle_open_ms: int | None = None
    last_snapshot_ms: int | None = None


_decoder = msgspec.json.Decoder(Progress)


def saved(settings: Settings, market: MarketKey, progress: Progress) -> Outgoing:
    """Return the record that makes *progress* the place to resume from."""
    return Outgoing(
        settings.topic_checkpoints,
        f"{KEY_PREFIX}{market}".encode(),
        msgspec.json.encode(progress),
    )


def load(settings: Settings, markets: Iterable[MarketKey]) -> dict[MarketKey, Progress]:
    """
    Return where Kafka says each market stands.

    Raises:
        Unavailable: The broker is away.
        Misconfigured: The topic is missing, or holds something else.
    """
    latest = latest_by_key(settings, settings.topic_checkpoints)
    found = {}
    for market in markets:
        value = latest.get(f"{KEY_PREFIX}{market}".encode())
        try:
            found[market] = _decoder.decode(value) if value else Progress()
        except msgspec.MsgspecError as e:
            raise Misconfigured(
                f"{settings.topic_checkpoints} holds an unreadable progress of {market}: {e}"
            ) from None
    return found
