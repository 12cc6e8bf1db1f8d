"""What the market page asks, answered from InfluxDB."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Literal

from include.errors import PipelineError
from include.influxdb.reader import Reader
from include.kpis.records import MarketKey
from include.kpis.registry import NAMES

type Json = dict[str, Any]
type Interval = Literal["1m", "5m", "15m", "1h"]

WIDTHS: dict[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
}
MOST_CANDLES = 1_500
CANDLE = ("open", "high", "low", "close", "volume")
MACD = ("macd", "macd_signal", "macd_hist")
KNOWN_FOR = timedelta(days=7)  # a market without a snapshot for longer is none


class UnknownMarket(PipelineError):
    """A market that has no snapshot; the message names the nearest that has."""


class Answers:
    """The questions of the page; every time is in s since the epoch, as browsers' charts want."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def markets(self) -> list[Json]:
        """
        Return every market with a snapshot of the last week.

        Raises:
            Unavailable: InfluxDB is unreachable.
        """
        rows = self._reader.rows("live.markets", {"start": datetime.now(UTC) - KNOWN_FOR})
        return [{"exchange": row["exchange"], "symbol": row["symbol"]} for row in rows]

    def candles(self, market: MarketKey, interval: Interval, since: datetime | None) -> Json:
        """
        Return candles from *since* on (or the last MOST_CANDLES), the open one last, and MACD.

        Raises:
            UnknownMarket: It has no snapshot.
            Unavailable: InfluxDB is unreachable.
        """
        now, width = datetime.now(UTC), WIDTHS[interval]
        earliest = now - MOST_CANDLES * width
        start = _floor(max(since or earliest, earliest), width)
        values = {**market._asdict(), "start": start, "stop": now, "interval": width}
        rows = self._reader.rows("market.candles", values, fields=(*CANDLE, "session_vwap"))
        if not rows and since is None:
            self._require(market)
        lines: dict[float, Json] = {}
        for row in self._reader.rows("market.macd", values, fields=MACD):
            lines.setdefault(_seconds(row["_time"]), {})[row["_field"]] = row["_value"]
        return {
            "candles": [
                [_seconds(row["_time"]), *(row.get(name) for name in (*CANDLE, "session_vwap"))]
                for row in rows
                if row.get("close") is not None
            ],
            "macd": [[at, *(lines[at].get(name) for name in MACD)] for at in sorted(lines)],
        }

    def newest(self, market: MarketKey) -> Json:
        """
        Return the KPIs of the newest snapshot, and its age in s.

        Raises:
            UnknownMarket: It has no snapshot.
            Unavailable: InfluxDB is unreachable.
        """
        now = datetime.now(UTC)
        rows = self._reader.rows(
            "live.newest_snapshot", {**market._asdict(), "start": now - KNOWN_FOR}
        )
        if not rows:
            self._require(market)
            return {"kpis": {}, "event_ts": None, "age_s": None}
        (row,) = rows
        return {
            "kpis": {name: row.get(name) for name in NAMES},
            "event_ts": _seconds(row["_time"]),
            "age_s": (now - row["_time"]).total_seconds(),
        }

    def _require(self, market: MarketKey) -> None:
        known = [str(MarketKey(m["exchange"], m["symbol"])) for m in self.markets()]
        if str(market) in known:
            return
        near = get_close_matches(str(market), known, n=1, cutoff=0.5)
        hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        raise UnknownMarket(f"no data of {market}{hint if known else ': no snapshot has come yet'}")


def _floor(at: datetime, width: timedelta) -> datetime:
    whole_s = int(width.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // whole_s * whole_s, tz=UTC)


def _seconds(at: datetime) -> float:
    return at.timestamp()
