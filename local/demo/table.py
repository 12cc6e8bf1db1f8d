"""The live table of a terminal, and the plain line where there is none."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from local.demo.figures import Snapshot

STALE_S = 15.0  # three polls at the default cadence
COLUMNS = ("market", "last", "24 h", "spread", "imbalance", "depth 10 bps", "age")


def render(now: Snapshot, before: Snapshot | None) -> Group:
    """Return the table of *now*; rates are since *before*."""
    table = Table(title="crypto-kpi-pipeline", title_justify="left", expand=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "market" else "right")
    for market in sorted(now.latest):
        table.add_row(*_cells(now, market))
    lines = [Text(line) for line in summary(now, before)]
    return Group(table, *lines, Text("Ctrl-C stops everything", style="dim"))


def summary(now: Snapshot, before: Snapshot | None) -> Iterator[str]:
    """Yield what the line as a whole is doing, a line a store."""
    rows = now.rows
    yield (
        f"Kafka       {now.records:>10,} records{_rate(now, before, 'records')}"
        f"   lag: InfluxDB {now.consumer_lag:,}, PostgreSQL {now.drain_lag:,}"
    )
    yield f"InfluxDB    {now.points:>10,} points{_rate(now, before, 'points')}"
    yield (
        f"PostgreSQL  {sum(rows):>10,} rows: {rows.snapshots:,} snapshots, {rows.trades:,} trades, "
        f"{rows.candles:,} candles, {rows.dead_letters:,} dead letters"
    )
    runs = ", ".join(f"{count} {state}" for state, count in now.drain_runs.items() if count)
    yield f"Airflow     {DRAIN_LABEL}: {runs or 'no scheduled run yet'}"
    for problem in now.away:
        yield f"away: {problem}"


DRAIN_LABEL = "drain_kafka"


def plain(now: Snapshot) -> str:
    """Return one line: each market's last price and age, then the totals."""
    markets = "  ".join(
        f"{market.partition(':')[2]} {now.latest[market].values.get('close', 0):,.10g}"
        f" ({now.age_s(market) or 0:.0f} s)"
        for market in sorted(now.latest)
    )
    rows = now.rows
    return (
        f"{markets}  points {now.points:,}  snapshots {rows.snapshots:,}  trades {rows.trades:,}  "
        f"candles {rows.candles:,}  lag {now.consumer_lag:,}/{now.drain_lag:,}  "
        f"drains {now.drain_runs.get('success', 0)}"
        + "".join(f"  AWAY {problem}" for problem in now.away)
    )


def _cells(now: Snapshot, market: str) -> tuple[Text | str, ...]:
    values = now.latest[market].values
    change = values.get("price_change_pct")
    age_s = now.age_s(market) or 0.0
    return (
        market,
        _number(values.get("close"), ",.10g"),
        Text(
            _number(change, "+.2f", " %"),
            style="" if change is None else ("green" if change >= 0 else "red"),
        ),
        _number(values.get("spread_bps"), ".4f", " bps"),
        _number(values.get("order_book_imbalance"), "+.3f"),
        _number(values.get("depth_quote_10bps"), ",.0f"),
        Text(f"{age_s:.1f} s", style="red" if age_s > STALE_S else ""),
    )


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "—" if value is None else f"{value:{form}}{unit}"


def _rate(now: Snapshot, before: Snapshot | None, name: str) -> str:
    if before is None or now.at_s <= before.at_s:
        return ""
    change = getattr(now, name) - getattr(before, name)
    return f" ({change / (now.at_s - before.at_s):+.1f}/s)"
