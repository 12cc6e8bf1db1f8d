// Numbers as people read them.

const MOST_DECIMALS = 10;

// Decimals that tell about one millionth of a price.
export function precisionOf(price) {
  const digits = Math.ceil(Math.log10(Math.abs(price) || 1));
  return Math.min(MOST_DECIMALS, Math.max(2, 7 - digits));
}

// Six significant digits, with units and without an exponent where that can be read.
export function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 3 }).format(value);
  if (size !== 0 && size < 1e-8) return value.toExponential(3);
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 7 }).format(value);
}

export function spelled(seconds) {
  if (seconds < 90) return `${Math.max(0, seconds).toFixed(0)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(0)} h`;
}

// The KPIs that have a value, first those that traders look at, each with its unit.
export function kpiRows(kpis, symbol) {
  const [base, quote] = symbol.split(/[/:]/);
  const units = {
    price_change_pct: "%",
    price_change_pct_session: "%",
    spread_bps: "bps",
    vwap_deviation_bps: "bps",
    volume: quote,
    quote_volume: quote,
    base_volume: base,
    depth_bid_base: base,
    depth_ask_base: base,
    depth_quote_10bps: quote,
    data_age_ms: "ms",
  };
  const first = ["close", "price_change_pct", "vwap", "vwap_deviation_bps", "spread_bps",
    "order_book_imbalance", "macd", "macd_signal", "macd_hist"];
  const names = [...first, ...Object.keys(kpis).filter((name) => !first.includes(name))];
  return names
    .filter((name) => name in kpis)
    .map((name) => [name, [figure(kpis[name]), units[name]].filter(Boolean).join(" ")]);
}
