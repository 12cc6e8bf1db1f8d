"""Which exchanges the pipeline follows in full: trades by id, candles with their trade count."""

from include.errors import Misconfigured
from include.exchange.binance import Binance
from include.settings import Settings

FULL = {"binance": Binance, "binanceus": Binance}


def open_exchange(name: str, settings: Settings) -> Binance:
    """
    Return the exchange called *name*, not yet connected.

    Raises:
        Misconfigured: It is not one whose trades and candles can be proved complete.
    """
    adapter = FULL.get(name)
    if adapter is None:
        raise Misconfigured(
            f"PIPELINE_MARKETS: expected an exchange of {', '.join(FULL)}, found {name!r}"
        )
    return adapter(name, settings)
