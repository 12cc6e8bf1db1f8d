"""A market's state as what JSON can hold, and back: every bit of every float."""

from dataclasses import asdict
from typing import Any

from include.kpis.ema import Ema
from include.kpis.macd import Macd, MacdLines
from include.kpis.market import MarketFold
from include.kpis.seconds import Bar, SecondBars
from include.kpis.session import Session, Traded


def remembered(market: MarketFold) -> dict[str, Any]:
    """Return the market's state; dictionaries by number become lists of pairs."""
    state = asdict(market)
    del state["repeated"]  # what comes again changes nothing that is kept
    state["session"]["minutes"] = list(state["session"]["minutes"].items())
    state["seconds"]["bars"] = list(state["seconds"]["bars"].items())
    return state


def restored(state: dict[str, Any]) -> MarketFold:
    """Return the market whose `remembered` is *state*."""
    session, macd, seconds = state["session"], state["macd"], state["seconds"]
    return MarketFold(
        **state
        | {
            "session": Session(
                **session
                | {
                    "closed": Traded(**session["closed"]),
                    "minutes": {m: Traded(**traded) for m, traded in session["minutes"]},
                }
            ),
            "macd": Macd(
                fast=Ema(**macd["fast"]),
                slow=Ema(**macd["slow"]),
                signal=Ema(**macd["signal"]),
                lines=MacdLines(*macd["lines"]),
            ),
            "seconds": SecondBars(
                **seconds | {"bars": {start: Bar(**bar) for start, bar in seconds["bars"]}}
            ),
        }
    )
