"""Which markets and minutes a backfill is asked for: a run's parameters, else its data interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from include.errors import Misconfigured
from include.kpis.records import MINUTE_MS, MarketKey
from include.settings import Settings

WIDTH = "1m"


@dataclass(frozen=True, slots=True)
class Request:
    """
    What to bring.

    Attributes:
        from_ms: First minute, inclusive.
        until_ms: End of the last minute; all of it may lie in the future.
    """

    markets: tuple[MarketKey, ...]
    from_ms: int
    until_ms: int


def requested(
    params: Mapping[str, object],
    interval: tuple[datetime, datetime] | None,
    configured: Sequence[MarketKey],
    now: datetime,
) -> Request:
    """
    Return what *params* ask for; what they leave empty is *configured*, the *interval*, *now*.

    Params: `exchange` and `symbols`, empty for all that is followed; `from`, `to`, ISO dates or
    times, UTC if they name no zone, a date as `to` being included; `interval`, only 1m.

    Raises:
        Misconfigured: They cannot be meant; one line says which and why.
    """
    if params.get("interval", WIDTH) != WIDTH:
        raise Misconfigured(f"interval: expected {WIDTH}, found {params['interval']!r}")
    markets = _markets(params.get("exchange") or None, params.get("symbols") or (), configured)
    return Request(markets, *_window(params.get("from"), params.get("to"), interval, now))


def _markets(
    exchange: object, symbols: object, configured: Sequence[MarketKey]
) -> tuple[MarketKey, ...]:
    followed = [market for market in configured if exchange in (None, market.exchange)]
    if not symbols:
        if not followed:
            raise Misconfigured(
                f"symbols: expected some, since PIPELINE_MARKETS has none of {exchange}"
            )
        return tuple(followed)
    assert isinstance(symbols, list)
    exchanges = {exchange} if exchange else {market.exchange for market in configured}
    if len(exchanges) != 1:
        raise Misconfigured(
            f"exchange: expected one of {', '.join(map(str, sorted(map(str, exchanges))))}, "
            "since symbols are named, found none"
        )
    told = ",".join(f"{next(iter(exchanges))}:{symbol}" for symbol in symbols)
    try:
        return Settings.of({"PIPELINE_MARKETS": told}).markets
    except Misconfigured as e:
        raise Misconfigured(f"symbols: {str(e).rpartition('Value error, ')[2]}") from None


def _window(
    start: object, end: object, interval: tuple[datetime, datetime] | None, now: datetime
) -> tuple[int, int]:
    if start:
        window = _time("from", start), _time("to", end, is_end=True) if end else now
    elif end:
        raise Misconfigured(f"from: expected a date or time, since `to` is {end}, found none")
    elif interval:
        window = interval
    else:
        raise Misconfigured("from: expected a date or time, since the run has no data interval")
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
