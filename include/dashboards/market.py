"""The Market dashboard: one symbol now, and all symbols beside each other."""

from include.dashboards import variables
from include.dashboards.layout import dashboard
from include.dashboards.panels import (
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    YELLOW,
    candlesticks,
    fixed,
    series,
    stat,
    styled,
    table,
)
from include.dashboards.queries import Json, flux

UID = "market"
SIGN = ((None, RED), (0.0, GREEN))
FRESHNESS = ((None, GREEN), (15.0, YELLOW), (60.0, RED))  # seconds; a snapshot comes every 5
CANDLE_FIELDS = ("open", "high", "low", "close", "volume", "session_vwap")
TABLE_FIELDS = (
    "close",
    "price_change_pct",
    "quote_volume",
    "spread_bps",
    "order_book_imbalance",
    "vwap_deviation_bps",
    "macd_hist",
)


def market() -> Json:
    """Return the dashboard."""
    return dashboard(
        UID,
        "Market",
        "Price, averages, MACD and the order book of one symbol, live; every symbol in a table.",
        [
            (4, _tiles()),
            (12, [_candles()]),
            (7, [_macd()]),
            (8, [_averages(), _taker_volume()]),
            (8, [_spread(), _imbalance()]),
            (8, [_depth(), _trades()]),
            (8, [_all_symbols()]),
        ],
        variables=[variables.exchange(), variables.symbol(), variables.interval()],
        since="now-1h",
        refresh="5s",
    )


def _tiles() -> list[Json]:
    return [
        stat("Price", "Last price, in quote currency.", _kpis("close"), unit="none"),
        stat(
            "24 h change",
            "Last price against the first of the last 24 h.",
            _kpis("price_change_pct"),
            unit="percent",
            steps=SIGN,
        ),
        stat("Spread now", "(ask - bid) / mid price.", _kpis("spread_bps"), unit="suffix: bps"),
        stat(
            "Imbalance",
            "(B - A) / (B + A) of the sizes of the top 5 levels: 1 all bids, -1 all asks.",
            _kpis("order_book_imbalance"),
            unit="none",
            steps=SIGN,
        ),
        stat(
            "24 h volume",
            "Traded in the last 24 h, in quote currency.",
            _kpis("quote_volume"),
            unit="short",
        ),
        stat(
            "From session VWAP",
            "Last price against the volume-weighted price of the UTC day.",
            _kpis("vwap_deviation_bps"),
            unit="suffix: bps",
            steps=SIGN,
        ),
        stat(
            "Age of the data",
            "Time since the newest snapshot, by the exchange's clock.",
            flux("market.age"),
            unit="s",
            steps=FRESHNESS,
        ),
    ]


def _candles() -> Json:
    return candlesticks(
        "Candles",
        "Price in quote currency, volume in base currency, volume-weighted price of the UTC day. "
        "Closed minutes are the exchange's own candles; the open one is folded from its trades.",
        [flux("market.candles", fields=CANDLE_FIELDS)],
        unit="none",
    )


def _macd() -> Json:
    panel = series(
        "MACD (12, 26, 9)",
        "On closed 1-minute candles, in quote currency: EMA12 - EMA26, its EMA9, the difference.",
        [flux("market.macd", fields=("macd", "macd_signal", "macd_hist"))],
        unit="none",
        overrides=[
            styled(
                "macd_hist",
                {
                    "custom.drawStyle": "bars",
                    "custom.fillOpacity": 60,
                    "custom.gradientMode": "scheme",
                    "color": {"mode": "thresholds"},
                    "thresholds": {
                        "mode": "absolute",
                        "steps": [{"value": None, "color": RED}, {"value": 0, "color": GREEN}],
                    },
                },
                "histogram",
            ),
            styled("macd", {"color": fixed("blue")}, "MACD"),
            styled("macd_signal", {"color": fixed(ORANGE)}, "signal"),
        ],
    )
    panel["fieldConfig"]["defaults"]["custom"]["axisCenteredZero"] = True
    return panel


def _averages() -> Json:
    return series(
        "Price and its averages",
        "Last price, microprice (weighted by the best sizes), volume-weighted price of the UTC day "
        "and of the last 24 h; in quote currency.",
        [_kpis("close", "microprice", "vwap", "vwap_24h")],
        unit="none",
        overrides=[
            styled("vwap", {"color": fixed(ORANGE)}, "session VWAP"),
            styled("vwap_24h", {"color": fixed(PURPLE)}, "24 h VWAP"),
        ],
    )


def _taker_volume() -> Json:
    return series(
        "Who takes",
        "What takers bought (up) and sold (down), in base currency.",
        [flux("market.taker_volume")],
        unit="short",
        overrides=[
            styled("bought", {"color": fixed(GREEN), "custom.drawStyle": "bars"}),
            styled("sold", {"color": fixed(RED), "custom.drawStyle": "bars"}),
        ],
        fill=60,
    )


def _spread() -> Json:
    return series(
        "Spread",
        "ask - bid: in basis points of the mid price (left), in quote currency (right). "
        "No line where the book is crossed or has one side only.",
        [_kpis("spread_bps", "price_spread")],
        unit="suffix: bps",
        overrides=[
            styled("price_spread", {"unit": "none", "custom.axisPlacement": "right"}),
        ],
    )


def _imbalance() -> Json:
    panel = series(
        "Order book imbalance",
        "(B - A) / (B + A): sizes of the top 5 levels, and of the best alone. 1 is all bids.",
        [_kpis("order_book_imbalance", "order_book_imbalance_l1")],
        unit="none",
        overrides=[
            styled("order_book_imbalance", {}, "top 5"),
            styled("order_book_imbalance_l1", {}, "best level"),
        ],
        fill=15,
    )
    panel["fieldConfig"]["defaults"] |= {"min": -1, "max": 1}
    return panel


def _depth() -> Json:
    return series(
        "Depth",
        "Sizes of the top 5 levels in base currency: bids up, asks down; "
        "right: both in relation to the volume of 24 h.",
        [_kpis("depth_bid_base", "depth_ask_base", "market_depth_ratio")],
        unit="short",
        overrides=[
            styled("depth_bid_base", {"color": fixed(GREEN)}, "bids"),
            styled(
                "depth_ask_base", {"color": fixed(RED), "custom.transform": "negative-Y"}, "asks"
            ),
            styled(
                "market_depth_ratio",
                {"unit": "sci", "custom.axisPlacement": "right", "custom.fillOpacity": 0},
                "depth ratio",
            ),
        ],
        fill=20,
    )


def _trades() -> Json:
    return series(
        "Trades",
        "Trades a second, from the one-second bars.",
        [flux("market.trades_per_s")],
        unit="suffix: trades/s",
        fill=20,
        legend=False,
    )


def _all_symbols() -> Json:
    gauge = {"custom.cellOptions": {"type": "gauge", "mode": "gradient"}, "min": -1, "max": 1}
    signed = {
        "unit": "percent",
        "custom.cellOptions": {"type": "color-text"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in SIGN],
        },
    }
    age = {
        "unit": "s",
        "custom.cellOptions": {"type": "color-text"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in FRESHNESS],
        },
    }
    return table(
        "All symbols",
        "The newest KPIs of every symbol; prices and volumes in quote currency.",
        flux("market.all_symbols", fields=TABLE_FIELDS),
        unit="none",
        columns={
            "exchange": {},
            "symbol": {},
            "close": {},
            "price_change_pct": signed,
            "quote_volume": {"unit": "short"},
            "spread_bps": {"unit": "suffix: bps"},
            "order_book_imbalance": gauge,
            "vwap_deviation_bps": {"unit": "suffix: bps"},
            "age_s": age,
        },
    )


def _kpis(*names: str) -> Json:
    return flux("market.kpis", fields=names)
