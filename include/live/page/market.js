// The market page: asks for data, draws what comes, says what does not.
import { drawing } from "./drawing.js";
import { kpiRows, precisionOf, spelled } from "./figures.js";

const CANDLES_EVERY_MS = 1000;
const NEWEST_EVERY_MS = 2000;
const EVIDENCE_EVERY_MS = 30000;
const MARKETS_EVERY_MS = 5000; // while there are none
const STALE_S = 15;
const DEAD_S = 60;

const element = (id) => document.getElementById(id);
const troubles = new Map(); // what is asked -> why it fails
let market = null;
let interval = "1m";
let newestCandle = null;
let chart = null;
let round = 0; // answers to an earlier choice are not drawn

async function ask(what, parameters = {}) {
  let answer;
  try {
    answer = await fetch(`api/${what}?${new URLSearchParams(parameters)}`);
  } catch {
    throw new Error("Airflow's web server does not answer; trying again.");
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new Error("You are not logged in: log in to Airflow, then open this page again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const detail = typeof said.detail === "string" ? said.detail : `status ${answer.status}`;
    throw new Error(answer.status === 503 ? `${detail}; trying again.` : detail);
  }
  return said;
}

function notice() {
  const [said] = troubles.values();
  element("notice").textContent = said ?? "";
}

// Run a job now and then again and again, until another market or interval is chosen.
function repeat(name, everyMs, job) {
  const mine = round;
  const run = async () => {
    if (mine !== round) return;
    if (!document.hidden) {
      try {
        await job(() => mine === round);
        if (mine === round) troubles.delete(name);
      } catch (error) {
        if (mine === round) troubles.set(name, error.message);
      }
      if (mine === round) notice();
    }
    setTimeout(run, everyMs);
  };
  return run();
}

async function showCandles(isCurrent) {
  const asked = { ...market, interval };
  if (newestCandle !== null) asked.since_s = newestCandle;
  const found = await ask("candles", asked);
  if (!isCurrent()) return;
  if (newestCandle === null) {
    if (found.candles.length === 0) {
      throw new Error("No candle has come yet; the first one closes within a minute.");
    }
    chart.replace(found, precisionOf(found.candles.at(-1)[4]));
  } else {
    chart.extend(found);
  }
  if (found.candles.length > 0) newestCandle = found.candles.at(-1)[0] - 120;
  const last = found.candles.at(-1);
  if (last) element("price").textContent = last[4].toFixed(precisionOf(last[4]));
}

async function showNewest(isCurrent) {
  const { kpis, age_s: age } = await ask("newest", market);
  if (!isCurrent()) return;
  const rows = kpiRows(kpis, market.symbol).flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const told = document.createElement("dd");
    term.textContent = name;
    told.textContent = value;
    return [term, told];
  });
  element("kpis").replaceChildren(...rows);
  const state = age === null || age > DEAD_S ? "bad" : age > STALE_S ? "warn" : "good";
  say("age", age === null ? "no snapshot yet" : `snapshot ${spelled(age)} old`, state);
}

async function showEvidence(isCurrent) {
  const found = await ask("evidence", market);
  if (!isCurrent()) return;
  say("lag", found.lag_s === null ? "no history yet" : `history ${spelled(found.lag_s)} old`, "");
  const { proved_minutes: proved, audited_minutes: audited, open_gaps: gaps } = found;
  const isProved = proved === audited && audited > 0;
  say("proved", audited ? `${proved} of ${audited} minutes proved` : "", isProved ? "good" : "warn");
  say("gaps", gaps ? `${gaps} open gaps` : "no open gap", gaps ? "bad" : "good");
}

function say(id, text, state) {
  element(id).textContent = text;
  element(id).className = state;
}

function choose(chosen, width) {
  round += 1;
  troubles.clear();
  market = chosen;
  interval = width;
  newestCandle = null;
  const names = new URLSearchParams({ ...market, interval });
  history.replaceState(null, "", `#${names}`);
  for (const button of element("intervals").children) {
    button.setAttribute("aria-pressed", String(button.value === interval));
  }
  element("notice").textContent = "Loading…";
  chart.clear();
  element("price").textContent = "";
  repeat("candles", CANDLES_EVERY_MS, showCandles);
  repeat("newest", NEWEST_EVERY_MS, showNewest);
  repeat("evidence", EVIDENCE_EVERY_MS, showEvidence);
}

function offer(markets) {
  const options = markets.map((each) => {
    const option = document.createElement("option");
    option.value = JSON.stringify(each);
    option.textContent = `${each.exchange}  ${each.symbol}`;
    return option;
  });
  element("market").replaceChildren(...options);
}

function select(chosen) {
  const value = JSON.stringify(chosen);
  const list = element("market");
  if (![...list.options].some((option) => option.value === value)) {
    list.add(new Option(`${chosen.exchange}  ${chosen.symbol}`, value));
  }
  list.value = value;
}

function wish() {
  const said = new URLSearchParams(location.hash.slice(1));
  const widths = [...element("intervals").children].map((button) => button.value);
  const width = widths.includes(said.get("interval")) ? said.get("interval") : "1m";
  const named = said.get("exchange") && said.get("symbol");
  return [named ? { exchange: said.get("exchange"), symbol: said.get("symbol") } : null, width];
}

async function begin() {
  let markets = [];
  while (markets.length === 0) {
    try {
      markets = await ask("markets");
      if (markets.length === 0) {
        element("notice").textContent = "No data yet: no snapshot has come. Is the producer running?";
      }
    } catch (error) {
      element("notice").textContent = error.message;
    }
    if (markets.length === 0) await new Promise((done) => setTimeout(done, MARKETS_EVERY_MS));
  }
  offer(markets);
  const [named, width] = wish();
  const first = named ?? markets[0];
  select(first);
  choose(first, width);
}

if (typeof LightweightCharts === "undefined") {
  element("notice").textContent =
    "The chart library is missing: install Node.js 18 or newer, run `make setup`, start again.";
} else {
  chart = drawing(element("chart"));
  element("market").addEventListener("change", (event) =>
    choose(JSON.parse(event.target.value), interval),
  );
  element("intervals").addEventListener("click", (event) => {
    if (event.target.value) choose(market, event.target.value);
  });
  begin();
}
