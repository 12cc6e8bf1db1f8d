"""
Make the golden file: candles and pandas-ta's indicators of them. `make golden` runs it.

The file is committed, so that a change of pandas-ta, pandas or `include.kpis` is visible.
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

from include.kpis.pandas_indicators import compute_indicators
from include.kpis.records import MINUTE_MS, Candle
from tests.kpis.test_pandas_parity import MACD, frame

GOLDEN = Path(__file__).parent / "golden" / "indicators.json"
MIDNIGHT_MS = 1_762_300_800_000  # 2025-11-05
# name: first price, tick, scale of the volumes
SERIES = {
    "118,449.02 and tiny volumes": (118_449.02, 0.01, 1e-5),
    "0.00000637 and huge volumes": (0.00000637, 1e-8, 1e9),
    "plain": (100.0, 0.01, 1.0),
}


def series(name: str) -> list[Candle]:
    """Return 240 candles across midnight, one in six without a trade."""
    price, tick, scale = SERIES[name]
    chance = random.Random(name)
    candles = []
    for i in range(-120, 120):
        opened = price
        quiet = chance.random() < 1 / 6
        path = [opened] if quiet else [opened * (1 + chance.gauss(0, 5e-4)) for _ in range(4)]
        path = [max(tick, round(p / tick) * tick) for p in path]
        volume = 0.0 if quiet else chance.expovariate(1) * scale
        price = path[-1]
        candles.append(
            Candle(
                "binance", "BTC/USDT", MIDNIGHT_MS + i * MINUTE_MS, MIDNIGHT_MS,
                path[0], max(path), min(path), path[-1],
                volume, volume * sum(path) / len(path), 0 if quiet else 4,
            )
        )  # fmt: skip
    return candles


def main() -> None:
    golden: dict[str, object] = {
        "made_by": f"pandas-ta {version('pandas-ta')}, pandas {version('pandas')}, talib=False"
    }
    for name in SERIES:
        candles = series(name)
        found = compute_indicators(frame(candles))
        golden[name] = {
            "candles": [
                [c.open_ts_ms, c.open, c.high, c.low, c.close, c.volume, c.quote_volume]
                for c in candles
            ],
            **{
                column: [None if v != v else v for v in found[column].tolist()]
                for column in (*MACD, "vwap")
            },
        }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
