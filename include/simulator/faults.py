"""Faults on request: what the exchange answers instead, how late, or how far it gets."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from include.simulator.parameters import RefusedError
from include.simulator.stream_faults import Action, StreamFault


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """
    One rule; the first that matches a request and is not used up applies.

    Attributes:
        path: Requests whose path begins with it.
        status: Answer this instead of the market's answer (200 if only a body is given).
        headers: Added to the answer, the market's own included.
        body: Text sent as it is; anything else as JSON.
        delay_s: Wait this long first.
        disconnect: Drop the connection instead of answering. (aiohttp's client, so ccxt's async
            half too, then asks once more by itself: that is a second request to spoil.)
        half_body: With disconnect: send the headers and half of the body first.
        times: How many requests it spoils; null: all until it is cleared.
    """

    path: str
    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = None
    delay_s: float = 0.0
    disconnect: bool = False
    half_body: bool = False
    times: int | None = None

    def answers(self) -> bool:
        """Tell whether the market's own answer is replaced."""
        return self.status is not None or self.body is not None

    def response(self) -> web.Response:
        text = self.body if isinstance(self.body, str) else ""
        if self.body is not None and not isinstance(self.body, str):
            text = msgspec.json.encode(self.body).decode()
        headers = {"Content-Type": "application/json", **self.headers}
        return web.Response(status=self.status or 200, text=text, headers=headers)


class FaultPlan:
    """The rules in force: those with a `path` for requests, those with a `stream` for streams."""

    def __init__(self) -> None:
        self._faults: list[Fault | StreamFault] = []

    def load(self, payload: bytes) -> None:
        """
        Replace the rules by a JSON list of them.

        Raises:
            RefusedError: The list is not one; the rules stay as they were.
        """
        try:
            rules = msgspec.json.decode(payload, type=list[dict[str, Any]])
            faults = [_rule(rule) for rule in rules]
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise RefusedError(-1100, f"expected a JSON list of faults: {error}") from error
        for fault in faults:
            if isinstance(fault, StreamFault):
                if not 1000 <= fault.code <= 4999:
                    raise RefusedError(-1100, "expected a code from 1000 to 4999")
            elif fault.delay_s < 0 or not 100 <= (fault.status or 200) <= 599:
                raise RefusedError(-1100, "expected delay_s >= 0 and status from 100 to 599")
        self._faults = faults

    def clear(self) -> None:
        self._faults = []

    def rules(self) -> list[Fault | StreamFault]:
        """Return the rules that can still strike."""
        return [fault for fault in self._faults if fault.times is None or fault.times > 0]

    def strike(self, path: str) -> Fault | None:
        """Return the fault for a request of *path* and count it."""
        for fault in self.rules():
            if isinstance(fault, Fault) and path.startswith(fault.path):
                return _counted(fault)
        return None

    def strike_stream(self, stream: str, *actions: Action) -> StreamFault | None:
        """Return the fault among *actions* for *stream* and count it."""
        for fault in self._faults:
            if (
                isinstance(fault, StreamFault)
                and (fault.times is None or fault.times > 0)
                and fault.action in actions
                and stream.startswith(fault.stream)
            ):
                return _counted(fault)
        return None


def _rule(rule: dict[str, Any]) -> Fault | StreamFault:
    return msgspec.convert(rule, StreamFault) if "stream" in rule else msgspec.convert(rule, Fault)


def _counted[F: (Fault, StreamFault)](fault: F) -> F:
    if fault.times is not None:
        fault.times -= 1
    return fault


async def drop(request: web.Request, partial: web.Response | None) -> web.StreamResponse:
    """Close the connection; after the headers and half the body of *partial*, if given."""
    transport = request.transport
    response = web.StreamResponse()
    if partial is not None:
        body = partial.body if isinstance(partial.body, bytes) else b""
        response = web.StreamResponse(status=partial.status, headers=partial.headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(0)
    if transport is not None:
        transport.close()
    return response
