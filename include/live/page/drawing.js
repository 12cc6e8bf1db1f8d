// The chart: candles with volume and session VWAP, MACD in a pane below.

const UP = "#26a69a";
const DOWN = "#ef5350";
const VWAP = "#f59e0b";
const SIGNAL = "#f97316";
const LINE = "#3b82f6";

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

function colors() {
  const [text, line] = isDark() ? ["#e4e7ec", "#2d333d"] : ["#1b1f26", "#e6e8ec"];
  return {
    layout: {
      background: { color: "transparent" },
      textColor: text,
      panes: { separatorColor: line },
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
  };
}

const DAY_S = 86400;

const valued = (time, value) => (value === null ? { time } : { time, value });

// Return the points of each series; the first candle follows `before`, if there is one.
export function read({ candles, macd }, before) {
  return {
    candles: candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close })),
    volume: candles.map(([time, open, , , close, volume]) => ({
      time,
      value: volume ?? 0,
      color: close >= open ? `${UP}80` : `${DOWN}80`,
    })),
    // a new day starts a new line: what leads to its first point is not drawn
    vwap: candles.map(([time, , , , , , vwap], i) => {
      const [earlier] = candles[i - 1] ?? before ?? [time];
      const isNewDay = Math.floor(earlier / DAY_S) !== Math.floor(time / DAY_S);
      return { ...valued(time, vwap), ...(isNewDay && { color: "transparent" }) };
    }),
    macd: macd.map(([time, line]) => valued(time, line)),
    signal: macd.map(([time, , signal]) => valued(time, signal)),
    histogram: macd.map(([time, , , hist]) =>
      hist === null ? { time } : { time, value: hist, color: hist < 0 ? DOWN : UP },
    ),
  };
}

// Put new rows into those that are shown, by their time, which comes first in a row. `isTail`: none
// that changed is older than the last one shown.
function merged(rows, found) {
  const byTime = new Map(rows.map((row) => [row[0], row]));
  const changed = found.filter((row) => String(byTime.get(row[0])) !== String(row));
  for (const row of changed) byTime.set(row[0], row);
  const last = rows.at(-1)?.[0] ?? -Infinity;
  return {
    rows: [...byTime.values()].sort((a, b) => a[0] - b[0]),
    changed,
    isTail: changed.every(([time]) => time >= last),
  };
}

// Return the chart in `container`: replace() all it shows, extend() it by what is new, clear() it.
export function drawing(container) {
  const { createChart, CandlestickSeries, HistogramSeries, LineSeries } = LightweightCharts;
  const chart = createChart(container, {
    autoSize: true,
    ...colors(),
    timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4 },
    crosshair: { mode: 0 },
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    chart.applyOptions(colors()),
  );
  const plain = { priceLineVisible: false, lastValueVisible: false };
  const thin = { ...plain, lineWidth: 1 };
  const series = {
    volume: chart.addSeries(HistogramSeries, {
      ...plain,
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
    }),
    candles: chart.addSeries(CandlestickSeries, {
      upColor: UP,
      downColor: DOWN,
      wickUpColor: UP,
      wickDownColor: DOWN,
      borderVisible: false,
    }),
    vwap: chart.addSeries(LineSeries, { ...plain, color: VWAP, lineWidth: 2, title: "VWAP" }),
    histogram: chart.addSeries(HistogramSeries, { ...plain, base: 0 }, 1),
    macd: chart.addSeries(LineSeries, { ...thin, color: LINE, title: "MACD" }, 1),
    signal: chart.addSeries(LineSeries, { ...thin, color: SIGNAL, title: "signal" }, 1),
  };
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  const [prices, indicators] = chart.panes();
  prices.setStretchFactor(3);
  indicators.setStretchFactor(1);

  let shown = { candles: [], macd: [] };
  const redraw = () => {
    for (const [name, data] of Object.entries(read(shown))) series[name].setData(data);
  };

  return {
    replace(found, precision) {
      shown = found;
      const priceFormat = { type: "price", precision, minMove: 10 ** -precision };
      for (const name of ["candles", "vwap", "histogram", "macd", "signal"]) {
        series[name].applyOptions({ priceFormat });
      }
      redraw();
      const bars = found.candles.length;
      chart.timeScale().setVisibleLogicalRange({ from: bars - 180, to: bars + 4 });
    },
    extend(found) {
      const news = {
        candles: merged(shown.candles, found.candles),
        macd: merged(shown.macd, found.macd),
      };
      const isTail = news.candles.isTail && news.macd.isTail;
      shown = { candles: news.candles.rows, macd: news.macd.rows };
      if (!isTail) {
        redraw(); // something older was corrected
        return;
      }
      const changed = { candles: news.candles.changed, macd: news.macd.changed };
      const before = shown.candles[shown.candles.indexOf(changed.candles[0]) - 1];
      for (const [name, data] of Object.entries(read(changed, before))) {
        for (const point of data) series[name].update(point);
      }
    },
    clear() {
      shown = { candles: [], macd: [] };
      redraw();
    },
  };
}
