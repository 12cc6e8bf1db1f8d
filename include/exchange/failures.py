"""ccxt's exceptions named by what the caller must do."""

import re
from collections.abc import Mapping

import ccxt

from include.errors import Misconfigured, PipelineError, Unavailable

DEFAULT_PAUSE_S = 60.0  # told to stop without being told for how long: Binance counts by the minute
LONGEST_PAUSE_S = 3 * 86_400.0  # Binance's longest ban
MESSAGE_LENGTH = 200
SILENCE_ASKED = (418, 429)  # HTTP statuses


class RateLimited(Unavailable):
    """The exchange wants silence for `retry_after_s`, from all symbols of this address."""


def named(failure: ccxt.BaseError, doing: str) -> PipelineError:
    """
    Return our error for a failed call.

    ccxt raises DDoSProtection for 429 and 418, ExchangeNotAvailable for 451 and 403, ExchangeError
    for an error body with 200.
    """
    text = one_line(_cause(failure))
    if isinstance(failure, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
        return RateLimited(f"{doing}: {text}")
    if isinstance(failure, ccxt.RestrictedLocation) or " 451 " in text:
        return Misconfigured(
            f"{doing}: the exchange does not serve this location (HTTP 451): try "
            "PIPELINE_EXCHANGE_URL=https://data-api.binance.vision, its market-data address"
        )
    if isinstance(failure, ccxt.BadSymbol):
        return Misconfigured(f"{doing}: the exchange does not know the symbol: {text}")
    if isinstance(failure, ccxt.AuthenticationError | ccxt.NotSupported):
        return Misconfigured(f"{doing}: {text}")
    return Unavailable(f"{doing}: {text}")


def _cause(failure: ccxt.BaseError) -> str:
    """Return why: of a connection that failed ccxt itself says no more than the address."""
    cause = failure.__cause__
    return f"no answer: {cause or type(cause).__name__}" if cause else str(failure)


def one_line(text: str) -> str:
    """Return *text* as a short line: a page of HTML is none."""
    clean = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
    return clean if len(clean) <= MESSAGE_LENGTH else clean[:MESSAGE_LENGTH] + "…"


def pause_s(headers: Mapping[str, str]) -> float:
    """Return how long the headers of a 429 or 418 want silence, in seconds."""
    for name, value in headers.items():
        if name.lower() == "retry-after" and value.strip().isdigit():
            return min(float(value), LONGEST_PAUSE_S)
    return DEFAULT_PAUSE_S
