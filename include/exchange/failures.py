"""Translate ccxt's exceptions to this project's errors, which state what the caller must do."""

import re

import ccxt

from include.errors import Misconfigured, PipelineError, Unavailable

MAX_MESSAGE_LENGTH = 200


class RateLimited(Unavailable):
    """The exchange accepts no requests for `retry_after_s`, for any symbol, from this address."""


def translate_error(failure: ccxt.BaseError, action: str) -> PipelineError:
    """
    Return the error to raise for a failed call.

    ccxt raises DDoSProtection for HTTP 429 and 418, ExchangeNotAvailable for 451 and 403, and
    ExchangeError for an error body with HTTP 200.

    Args:
        failure: The exception ccxt raised.
        action: The request that failed, for the message.
    """
    text = to_one_line(_explain(failure))
    if isinstance(failure, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
        return RateLimited(f"{action}: {text}")
    if isinstance(failure, ccxt.RestrictedLocation) or " 451 " in text:
        return Misconfigured(
            f"{action}: the exchange does not serve this location (HTTP 451): try "
            "PIPELINE_EXCHANGE_URL=https://data-api.binance.vision, its market-data address"
        )
    if isinstance(failure, ccxt.BadSymbol):
        return Misconfigured(f"{action}: the exchange has no such symbol: {text}")
    if isinstance(failure, ccxt.AuthenticationError | ccxt.NotSupported):
        return Misconfigured(f"{action}: {text}")
    return Unavailable(f"{action}: {text}")


def _explain(failure: ccxt.BaseError) -> str:
    """Return the reason. For a failed connection ccxt's own text has only the address."""
    cause = failure.__cause__
    return f"no answer: {cause or type(cause).__name__}" if cause else str(failure)


def to_one_line(text: str) -> str:
    """Reduce *text*, possibly a page of HTML, to one line of MAX_MESSAGE_LENGTH characters."""
    clean = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
    return clean if len(clean) <= MAX_MESSAGE_LENGTH else clean[:MAX_MESSAGE_LENGTH] + "…"
