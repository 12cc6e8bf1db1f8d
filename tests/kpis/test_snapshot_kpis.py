"""KPIs of one snapshot: values computed by hand, and laws that hold for any market."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.kpis.records import Level, MarketSnapshot
from include.kpis.snapshot_kpis import compute_snapshot_kpis

# Binance's own example of a ticker and its book's best levels.
SNAPSHOT = MarketSnapshot(
    exchange="binance",
    symbol="BTC/USDT",
    event_ts_ms=1_700_000_000_000,
    recv_ts_ms=1_700_000_000_250,
    open=117_000.0,
    high=119_000.5,
    low=116_500.25,
    close=118_449.02,
    base_volume=14_741.41491,
    quote_volume=1_744_744_445.806,
    bids=(Level(118_449.02, 7.15931), Level(118_449.00, 1.0), Level(118_300.0, 2.0)),
    asks=(Level(118_449.03, 0.09592), Level(118_450.00, 0.5)),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("close", 118_449.02),
        ("volume", 1_744_744_445.806),
        ("price_change_pct", (118_449.02 - 117_000) / 117_000 * 100),
        ("price_spread", 118_449.03 - 118_449.02),
        ("daily_range", 2_500.25),
        ("market_depth_ratio", (10.15931 + 0.59592) / 14_741.41491),
        ("order_book_imbalance", (10.15931 - 0.59592) / (10.15931 + 0.59592)),
        ("order_book_imbalance_l1", (7.15931 - 0.09592) / (7.15931 + 0.09592)),
        ("turnover_ratio", 118_356.64734074),
        ("vwap_24h", 118_356.64734074),
        ("mid_price", 118_449.025),
        ("spread_bps", 0.000844245),
        ("depth_bid_base", 10.15931),
        ("depth_ask_base", 0.59592),
        ("data_age_ms", 250.0),
        (
            "microprice",
            (118_449.02 * 0.09592 + 118_449.03 * 7.15931) / (0.09592 + 7.15931),
        ),
        (
            "depth_quote_10bps",  # 118 300 is more than 10 bps below the mid of 118 449.025
            118_449.02 * 7.15931 + 118_449.0 + 118_449.03 * 0.09592 + 118_450 * 0.5,
        ),
    ],
)
def test_equals_the_value_computed_by_hand(name, expected):
    assert compute_snapshot_kpis(SNAPSHOT)[name] == pytest.approx(
        expected, rel=1e-6 if "bps" in name else 1e-12
    )


def test_a_price_of_a_few_satoshi_keeps_its_digits():
    """
    Nothing is rounded: at two decimals LRC/BTC at 0.00000637 would be 0.
    """
    snapshot = replace(
        SNAPSHOT,
        close=0.00000637,
        open=0.00000600,
        bids=(Level(0.00000636, 10.0),),
        asks=(Level(0.00000638, 10.0),),
    )

    values = compute_snapshot_kpis(snapshot)

    assert values["close"] == 0.00000637
    assert values["price_change_pct"] == pytest.approx(6.1666666667)
    assert values["mid_price"] == pytest.approx(0.00000637, rel=1e-12)
    assert values["spread_bps"] == pytest.approx(31.397174, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "without"),
    [
        (
            {"bids": ()},
            {"price_spread", "mid_price", "spread_bps", "microprice", "depth_quote_10bps"},
        ),
        (
            {"bids": (Level(118_450.0, 1.0),)},  # crossed
            {"price_spread", "mid_price", "spread_bps", "microprice", "depth_quote_10bps"},
        ),
        (
            {"bids": (), "asks": ()},
            {"order_book_imbalance", "order_book_imbalance_l1", "price_spread", "microprice"},
        ),
        ({"open": 0.0}, {"price_change_pct"}),
        ({"open": None}, {"price_change_pct", "open"}),
        ({"high": None}, {"daily_range"}),
        (
            {"base_volume": 0.0},
            {"vwap_24h", "turnover_ratio", "market_depth_ratio"},
        ),
        ({"quote_volume": None}, {"vwap_24h", "turnover_ratio", "volume"}),
    ],
)
def test_is_none_without_its_inputs(change, without):
    """
    With a one-sided, locked or crossed book or a missing volume, a KPI is None.
    """
    values = compute_snapshot_kpis(replace(SNAPSHOT, **change))

    assert {name for name in without if values[name] is not None} == set()


amounts = st.floats(1e-5, 1e9)


@given(
    bids=st.lists(amounts, min_size=1, max_size=20),
    asks=st.lists(amounts, min_size=1, max_size=20),
    k=st.sampled_from([1e-6, 0.5, 4.0, 1e4]),
)
def test_scaling_prices_scales_price_kpis_and_leaves_ratios(bids, asks, k):
    """
    Law 2: the currency of the prices changes no ratio.
    """
    snapshot = replace(
        SNAPSHOT,
        bids=tuple(Level(100.0 - i * 0.001, a) for i, a in enumerate(bids)),
        asks=tuple(Level(100.5 + i * 0.001, a) for i, a in enumerate(asks)),
    )
    scaled = replace(
        snapshot,
        bids=tuple(Level(p * k, a) for p, a in snapshot.bids),
        asks=tuple(Level(p * k, a) for p, a in snapshot.asks),
    )

    before, after = compute_snapshot_kpis(snapshot), compute_snapshot_kpis(scaled)

    for name in ("price_spread", "mid_price", "microprice"):
        assert after[name] == pytest.approx(before[name] * k, rel=1e-9)
    for name in ("order_book_imbalance", "order_book_imbalance_l1", "spread_bps"):
        assert after[name] == pytest.approx(before[name], rel=1e-9)
    assert -1 <= after["order_book_imbalance"] <= 1
    assert all(math.isfinite(v) for v in after.values() if v is not None)
