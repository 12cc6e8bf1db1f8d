"""The markets and minutes of a backfill: a run's parameters, or its data interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from include.errors import Misconfigured
from include.kpis.records import MINUTE_MS, MarketKey
from include.settings import Settings

WIDTH = "1m"


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The candles to fetch."""

    markets: tuple[MarketKey, ...]
    from_ms: int
    """Start of the first minute."""
    until_ms: int
    """End of the last minute; it may be in the future."""


def parse_request(
    params: Mapping[str, object],
    interval: tuple[datetime, datetime] | None,
    configured: Sequence[MarketKey],
    now: datetime,
) -> BackfillRequest:
    """
    Return the request of a run.

    Args:
        params: `exchange` and `symbols`, empty for all configured markets. `from` and `to`, ISO
            dates or times, UTC without a zone; a date as `to` is included. `interval`, only 1m.
        interval: The run's data interval, used if `from` is empty.
        configured: The markets of PIPELINE_MARKETS.
        now: Used if `from` is given and `to` is empty.

    Raises:
        Misconfigured: A parameter is not valid; one line names it.
    """
    if params.get("interval", WIDTH) != WIDTH:
        raise Misconfigured(f"interval: expected {WIDTH}, found {params['interval']!r}")
    markets = _markets(params.get("exchange") or None, params.get("symbols") or (), configured)
    return BackfillRequest(markets, *_window(params.get("from"), params.get("to"), interval, now))


def _markets(
    exchange: object, symbols: object, configured: Sequence[MarketKey]
) -> tuple[MarketKey, ...]:
    matching = [market for market in configured if exchange in (None, market.exchange)]
    if not symbols:
        if not matching:
            raise Misconfigured(
                f"symbols: expected at least one, because PIPELINE_MARKETS has none of {exchange}"
            )
        return tuple(matching)
    assert isinstance(symbols, list)
    exchanges = {exchange} if exchange else {market.exchange for market in configured}
    if len(exchanges) != 1:
        raise Misconfigured(
            f"exchange: expected one of {', '.join(map(str, sorted(map(str, exchanges))))}, "
            "because symbols are given, found none"
        )
    joined = ",".join(f"{next(iter(exchanges))}:{symbol}" for symbol in symbols)
    try:
        return Settings.of({"PIPELINE_MARKETS": joined}).markets
    except Misconfigured as e:
        raise Misconfigured(f"symbols: {str(e).rpartition('Value error, ')[2]}") from None


def _window(
    start: object, end: object, interval: tuple[datetime, datetime] | None, now: datetime
) -> tuple[int, int]:
    if start:
        window = _time("from", start), _time("to", end, is_end=True) if end else now
    elif end:
        raise Misconfigured(f"from: expected a date or time, because `to` is {end}, found none")
    elif interval:
        window = interval
    else:
        raise Misconfigured("from: expected a date or time, because the run has no data interval")
    from_ms, until_ms = (int(at.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS for at in window)
    if from_ms >= until_ms:
        raise Misconfigured(f"to: expected a minute after {window[0]}, found {window[1]}")
    return from_ms, until_ms


def _time(name: str, value: object, *, is_end: bool = False) -> datetime:
    text = str(value)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(
            f"{name}: expected a date or time such as 2026-11-01T00:00Z, found {text[:60]!r}"
        ) from None
    if is_end and len(text) == len("2026-11-01"):
        at += timedelta(days=1)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
