"""The simulated exchange that plays a tape: as fast as it is asked, to its end."""

import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import Exit, Misconfigured, PipelineError
from include.kpis.records import MINUTE_MS, MarketKey
from include.runtime import show_progress
from local.demo.programs import Program, last_line, running
from local.line import Line

EXCHANGE = "binance"
STEP_MS = 5_000  # of the tape's time from snapshot to snapshot: the default cadence
PATIENCE_S = 600.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Player:
    """
    The exchange.

    Attributes:
        began_ms: A minute before all of the tape.
    """

    url: str
    market: MarketKey
    began_ms: int

    def await_end(self, producer: Program) -> None:
        """
        Return when *producer* has asked twice more after the tape came to its end.

        Raises:
            PipelineError: It ended, or the tape does not.
        """
        asked_at_end = None
        give_up_s = time.monotonic() + PATIENCE_S
        with show_progress("recording") as advance:
            while time.monotonic() < give_up_s:
                state = _state(self.url)
                length_ms = state["until_ms"] - self.began_ms
                advance(completed=state["now_ms"] - self.began_ms, total=length_ms)
                asked = state["requests"].get("/api/v3/ticker/24hr", 0)
                if state["done"] and asked_at_end is None:
                    asked_at_end = asked
                if asked_at_end is not None and asked >= asked_at_end + 3:
                    return
                if producer.poll() is not None:
                    raise PipelineError(f"the producer ended with exit code {producer.returncode}")
                time.sleep(POLL_S)  # its state can only be asked again
        raise PipelineError(f"the tape did not come to its end within {PATIENCE_S:.0f} s")

    def counts(self) -> tuple[int, int]:
        """Return how many trades and closed candles the tape has, asked over the exchange's API."""
        symbol = self.market.symbol.replace("/", "")
        trades = 0
        page = self._get(f"aggTrades?symbol={symbol}&startTime={self.began_ms}&limit=1000")
        while page:
            trades += len(page)
            page = self._get(f"aggTrades?symbol={symbol}&fromId={page[-1]['a'] + 1}&limit=1000")
        over_ms = _state(self.url)["now_ms"] // MINUTE_MS * MINUTE_MS
        window = f"startTime={self.began_ms}&endTime={over_ms - 1}"
        candles = self._get(f"klines?symbol={symbol}&interval=1m&limit=1000&{window}")
        return trades, len(candles)

    def _get(self, query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v3/{query}", timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)


@contextmanager
def playing(line: Line, tapes: Sequence[Path]) -> Iterator[Player]:
    """
    Yield the exchange once it answers.

    Raises:
        Misconfigured: A tape is none.
        PipelineError: It does not answer.
    """
    port = line.ports.simulator
    options = ["--port", str(port), "--speed", "max", "--step-ms", str(STEP_MS)]
    command = ["include.simulator", *options, "--tape", *map(str, tapes)]
    with running(line, command, {}) as process:
        url = f"http://127.0.0.1:{port}"
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            if process.poll() is not None:
                error = Misconfigured if process.returncode == Exit.MISCONFIGURED else PipelineError
                raise error(last_line(line, "include.simulator"))
            try:
                state = _state(url)
            except OSError:
                time.sleep(POLL_S)  # it does not listen yet
                continue
            # the tape's clock starts with its first events: a minute earlier is before all of them
            began_ms = (state["now_ms"] // MINUTE_MS - 1) * MINUTE_MS
            yield Player(url, MarketKey(EXCHANGE, state["symbols"][0]), began_ms)
            return
        raise PipelineError("the simulator does not answer")


def _state(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/_control/state", timeout=10) as answer:  # noqa: S310 - loopback
        return dict(json.load(answer))
