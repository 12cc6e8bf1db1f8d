"""Query parameters as Binance reads them, with the errors it answers."""

import re
from collections.abc import Collection

import msgspec
from multidict import MultiMapping

from include.simulator.symbols import Symbol

DIGITS = re.compile(r"[0-9]{1,20}")
MARKET_ID = re.compile(r"[A-Z0-9_.-]{1,20}")


class RefusedError(Exception):
    """
    A request the exchange refuses.

    Attributes:
        code: Binance's error code, such as -1121.
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Parameters:
    """
    The parameters of one request.

    Raises:
        RefusedError: From every method, when Binance would refuse the value.
    """

    def __init__(self, query: MultiMapping[str], symbols: dict[str, Symbol]) -> None:
        self._query = query
        self._symbols = symbols

    def only(self, allowed: Collection[str]) -> None:
        """Refuse parameters this path does not know, and repeated ones."""
        sent = list(self._query)
        if len(set(sent)) < len(sent):
            raise RefusedError(-1101, "Duplicate values for a parameter detected.")
        read = [name for name in sent if name in allowed]
        if len(read) < len(sent):
            raise RefusedError(
                -1104,
                "Not all sent parameters were read;"
                f" read '{len(read)}' parameter(s) but was sent '{len(sent)}'.",
            )

    def text(self, name: str) -> str | None:
        return self._query.get(name)

    def integer(self, name: str) -> int | None:
        """Return a non-negative integer, None if it was not sent."""
        value = self._query.get(name)
        if value is None:
            return None
        if not DIGITS.fullmatch(value):
            raise RefusedError(
                -1100,
                f"Illegal characters found in parameter '{name}';"
                " legal range is '^[0-9]{1,20}$'.",
            )
        # Later than the year 9999 means the same as never.
        return min(int(value), 253_402_300_799_999)

    def limit(self, default: int, most: int) -> int:
        """Return how many rows to give: *most* where more are asked for."""
        limit = self.integer("limit")
        if limit == 0:
            raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(default if limit is None else limit, most)

    def symbol(self) -> Symbol:
        """Return the one symbol that must be sent."""
        value = self._query.get("symbol")
        if not value:
            raise RefusedError(
                -1102,
                "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
            )
        return self._known(value)

    def some_symbols(self) -> tuple[Symbol, ...] | None:
        """Return what `symbol` or `symbols` (a JSON list) names, None if neither was sent."""
        one, many = self._query.get("symbol"), self._query.get("symbols")
        if one is not None and many is not None:
            raise RefusedError(-1128, "Combination of optional parameters invalid.")
        if one is not None:
            return (self.symbol(),)
        if many is None:
            return None
        try:
            names = msgspec.json.decode(many, type=list[str])
        except msgspec.DecodeError as error:
            raise RefusedError(
                -1100,
                "Illegal characters found in parameter 'symbols'; legal range is"
                """ '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$'.""",
            ) from error
        return tuple(self._known(name) for name in names)

    def _known(self, market_id: str) -> Symbol:
        if not MARKET_ID.fullmatch(market_id):
            raise RefusedError(
                -1100,
                "Illegal characters found in parameter 'symbol'; legal range is"
                " '^[A-Z0-9-_.]{1,20}$'.",
            )
        if market_id not in self._symbols:
            raise RefusedError(-1121, "Invalid symbol.")
        return self._symbols[market_id]
