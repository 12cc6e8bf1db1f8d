"""Settings are read once, and all wrong ones are reported in one line."""

import pytest

from include.errors import Misconfigured
from include.kpis.records import MarketKey
from include.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    import os

    for name in [n for n in os.environ if n.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_default_markets_are_those_of_the_original_project():
    assert [str(m) for m in Settings.load().markets] == ["binance:BTC/USDT", "binance:ETH/USDT"]
    assert Settings.load().poll_interval_s == 5


def test_reads_markets_separated_by_commas(monkeypatch):
    monkeypatch.setenv("PIPELINE_MARKETS", "binance:BTC/USDT, binanceus:LRC/BTC")

    assert Settings.load().markets == (
        MarketKey("binance", "BTC/USDT"),
        MarketKey("binanceus", "LRC/BTC"),
    )


@pytest.mark.parametrize(
    "text",
    ["BTC/USDT", "binance:btcusdt", "binance:BTC/USDT,binance:BTC/USDT", " , ", "x:A/B", "b:'/;--"],
)
def test_rejects_text_that_is_no_market(monkeypatch, text):
    monkeypatch.setenv("PIPELINE_MARKETS", text)

    with pytest.raises(Misconfigured, match="PIPELINE_MARKETS"):
        Settings.load()


def test_reports_all_wrong_settings_in_one_line(monkeypatch):
    monkeypatch.setenv("PIPELINE_POLL_INTERVAL_S", "soon")
    monkeypatch.setenv("PIPELINE_POSTGRES_PORT", "0")

    with pytest.raises(Misconfigured) as e:
        Settings.load()

    assert "PIPELINE_POLL_INTERVAL_S" in str(e.value)
    assert "PIPELINE_POSTGRES_PORT" in str(e.value)
    assert "\n" not in str(e.value)


def test_reports_a_misspelt_setting_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("PIPELINE_POL_INTERVAL_S", "5")
    monkeypatch.setenv("PIPELINE_HISTORY_BARS", "many")

    with pytest.raises(Misconfigured) as e:
        Settings.load()

    assert "PIPELINE_POL_INTERVAL_S: there is no such setting" in str(e.value)
    assert "did you mean PIPELINE_POLL_INTERVAL_S?" in str(e.value)
    assert "PIPELINE_HISTORY_BARS" in str(e.value)


def test_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().kafka_bootstrap = "elsewhere:9092"
