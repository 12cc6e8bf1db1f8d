"""The exchanges that the pipeline supports: trades by id, candles with their trade count."""

from include.errors import Misconfigured
from include.exchange.binance import Binance
from include.settings import Settings

EXCHANGES = {"binance": Binance, "binanceus": Binance}
"""Adapters by ccxt's name of the exchange."""


def open_exchange(name: str, settings: Settings) -> Binance:
    """
    Return the adapter of the exchange *name*, not yet connected.

    Raises:
        Misconfigured: The exchange is not supported: its trades and candles cannot be proved
            complete.
    """
    adapter = EXCHANGES.get(name)
    if adapter is None:
        raise Misconfigured(
            f"PIPELINE_MARKETS: expected an exchange of {', '.join(EXCHANGES)}, found {name!r}"
        )
    return adapter(name, settings)
