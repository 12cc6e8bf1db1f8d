"""The README's comparison of stream and batch, run as the reader."""

import re
import time
from pathlib import Path

from include.history.indicators import recompute_stale
from include.history.reconciliation import reconcile
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.records import MINUTE_MS
from tests.history.market import BTC, LRC, candles, store, streamed

README = (Path(__file__).parents[2] / "README.md").read_text()
DAY = 1440


def test_the_readmes_query_shows_a_day_equal_to_1e_9(settings, writer, reader):
    (query,) = re.findall(r"```sql\n(.+?FROM reconciliations.+?)```", README, re.S)
    now_ms = time.time_ns() // 1_000_000
    start_ms = now_ms - now_ms % MINUTE_MS - (DAY + 400) * MINUTE_MS
    influxdb = InfluxDB(settings)
    for market in (BTC, LRC):
        found = candles(market, DAY + 400, start_ms)
        store(writer, found)
        influxdb.write(lines.encode(streamed(found)))
    influxdb.close()
    recompute_stale(writer)
    reconcile(writer, settings)

    shown = reader.execute(query.encode()).fetchall()

    assert [row[1:3] for row in shown] == [
        (market.symbol, kpi)
        for market in (BTC, LRC)
        for kpi in ("macd", "macd_hist", "macd_signal", "vwap")
    ]
    for *_, minutes, missing, difference in shown:
        assert DAY <= minutes < DAY + 60
        assert missing == 0
        assert difference <= 1e-9
