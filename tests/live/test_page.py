"""The page in a real browser: Chromium without a window, driven as a person would."""

import shutil
import time

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.records import LastTradePoint
from local.ports import LOOPBACK
from tests.dashboards.conftest import snapshot
from tests.live.conftest import LOGIN

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WAIT_S = 20
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def browser(tmp_path_factory, toolchain):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver here: apt install chromium chromium-driver")
    if not toolchain.charts.is_file():
        pytest.skip("no chart library here: install Node.js, then `make setup`")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_window_size(1300, 800)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser):
    """Return a function that opens an address, logged in."""

    def open_page(address, choice="", *, login=True):
        browser.get("about:blank")
        browser.get(f"{address}/files/market.css")  # a cookie needs a page of its own server
        browser.delete_all_cookies()
        if login:
            browser.add_cookie({"name": LOGIN, "value": "yes"})
        browser.get(f"{address}/{choice}")
        return browser

    return open_page


def wait_for(browser, found):
    return WebDriverWait(browser, WAIT_S, poll_frequency=0.05).until(lambda _: found())


def text(browser, element_id):
    return browser.find_element(By.ID, element_id).text


def drawn(browser):
    """Return how many different colours the chart's canvases show: 1 or so when blank."""
    return browser.execute_script(
        """
        const seen = new Set();
        for (const canvas of document.querySelectorAll("#chart canvas")) {
            if (!canvas.width || !canvas.height) continue;
            const data = canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data;
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] > 200) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
        }
        return [...seen];
        """
    )


def test_candles_vwap_and_macd_are_drawn_and_the_kpis_told(opened, page, filled):
    browser = opened(page)

    wait_for(browser, lambda: text(browser, "price"))
    colours = wait_for(browser, lambda: {"38,166,154", "239,83,80"} <= set(found := drawn(browser))
                       and set(found))  # fmt: skip
    assert "245,158,11" in colours, "the session's vwap"
    assert "59,130,246" in colours, "MACD"
    assert "249,115,22" in colours, "its signal"
    wait_for(browser, lambda: "macd_hist" in text(browser, "kpis"))
    assert text(browser, "notice") == ""
    wait_for(browser, lambda: "old" in text(browser, "age"))


def test_a_new_trade_changes_the_price_by_itself(opened, page, filled, settings):
    browser = opened(page)
    wait_for(browser, lambda: text(browser, "price"))
    now_ms = int(time.time()) * 1000

    writer = InfluxDB(settings)
    point = LastTradePoint("binance", "BTC/USDT", now_ms, {"price": 12345.5})
    writer.write(lines.encode([point]))
    writer.close()

    wait_for(browser, lambda: text(browser, "price") == "12345.50")
    assert text(browser, "notice") == ""


def test_a_new_days_vwap_is_not_joined_to_the_day_before(opened, page, filled):
    """
    Whether midnight is among the rows that came, or just before them.
    """
    browser = opened(page)
    told = browser.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const row = (time) => [time, 1, 1, 1, 1, 1, 1.5];
        const rows = [86340, 86400, 86460].map(row);
        import("/files/drawing.js").then(({ read }) => done([
            read({ candles: rows, macd: [] }).vwap.map((point) => point.color),
            read({ candles: rows.slice(1), macd: [] }, rows[0]).vwap.map((point) => point.color),
            read({ candles: rows.slice(2), macd: [] }, rows[1]).vwap.map((point) => point.color),
        ]));
        """
    )

    assert told == [[None, "transparent", None], ["transparent", None], [None]]


def test_another_market_and_interval_can_be_chosen(opened, page, filled):
    browser = opened(page)
    wait_for(browser, lambda: text(browser, "price"))

    Select(browser.find_element(By.ID, "market")).select_by_visible_text("binance ETH/USDT")
    browser.find_element(By.CSS_SELECTOR, "button[value='15m']").click()

    wait_for(browser, lambda: text(browser, "price"))
    assert "symbol=ETH%2FUSDT&interval=15m" in browser.current_url
    browser.refresh()
    wait_for(browser, lambda: text(browser, "price"))
    chosen = Select(browser.find_element(By.ID, "market")).first_selected_option.text
    assert "ETH/USDT" in chosen


def test_a_wrong_symbol_is_told_with_the_near_miss(opened, page, filled):
    browser = opened(page, "#exchange=binance&symbol=BTC/USD&interval=1m")

    wait_for(browser, lambda: "did you mean binance:BTC/USDT?" in text(browser, "notice"))


def test_no_data_yet_is_told_and_ends_by_itself(opened, page, stores):
    browser = opened(page)
    wait_for(browser, lambda: "No data yet" in text(browser, "notice"))

    stores.write([snapshot("BTC/USDT", int(time.time() * 1000), 100.0)])

    wait_for(browser, lambda: "No candle has come yet" in text(browser, "notice"))


def test_influxdb_away_is_told(opened, served, settings, free_ports):
    nowhere = {"influx_url": f"http://{LOOPBACK}:{free_ports.take()}"}
    browser = opened(served(settings.model_copy(update=nowhere)))

    wait_for(browser, lambda: "InfluxDB at" in text(browser, "notice"))
    assert "trying again" in text(browser, "notice")


def test_a_narrow_window_shows_all_of_it(opened, page, filled):
    browser = opened(page)
    browser.set_window_size(500, 800)
    try:
        wait_for(browser, lambda: text(browser, "price"))
        wide = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0
        assert browser.find_element(By.ID, "chart").size["width"] > 300
    finally:
        browser.set_window_size(1300, 800)
