"""Faults on request: replaced, delayed or broken HTTP responses, and spoiled WebSocket streams."""

import asyncio
from typing import Any, Literal

import msgspec
from aiohttp import web

from include.simulator.rest_api import ApiError

Action = Literal["silence", "drop", "duplicate", "swap", "ignore_pings", "close"]
ABNORMAL_CLOSURE = 1006  # never sent: clients report it for a connection without a close frame


class StreamFault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A rule for streams. The first rule that matches and has applications left applies."""

    stream: str
    """Prefix of the streams' names, such as "btcusdt@aggTrade"; empty: every stream."""
    action: Action
    """
    silence: send no more messages of the stream on this connection. drop, duplicate, swap: one
    message; swap exchanges it with the next. ignore_pings: answer no more pings. close: end the
    connection.
    """
    code: int = ABNORMAL_CLOSURE
    """Code of a close; 1006 drops the connection without a close frame."""
    times: int | None = None
    """How many messages, streams or connections it applies to; null: all until it is cleared."""


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A rule for HTTP requests. The first rule that matches and has applications left applies."""

    path: str
    """Prefix of the requests' paths."""
    status: int | None = None
    """Status of a replaced response; 200 if only a body is given."""
    headers: dict[str, str] = {}
    """Added to the response, replaced or not."""
    body: Any = None
    """Body of a replaced response: text is sent as it is, any other value as JSON."""
    delay_s: float = 0.0
    """Time to wait before the response."""
    disconnect: bool = False
    """
    Close the connection instead of responding. aiohttp's client, and therefore ccxt's async client,
    repeats such a request once by itself: it needs a second application.
    """
    half_body: bool = False
    """With *disconnect*: send the headers and half of the body before."""
    times: int | None = None
    """How many requests it applies to; null: all until it is cleared."""

    def replaces_response(self) -> bool:
        """Return whether the market's own response is replaced."""
        return self.status is not None or self.body is not None

    def make_response(self) -> web.Response:
        """Return the response that replaces the market's."""
        text = self.body if isinstance(self.body, str) else ""
        if self.body is not None and not isinstance(self.body, str):
            text = msgspec.json.encode(self.body).decode()
        headers = {"Content-Type": "application/json", **self.headers}
        return web.Response(status=self.status or 200, text=text, headers=headers)


class FaultRules:
    """The active rules: those with a `path` are for requests, those with a `stream` for streams."""

    def __init__(self) -> None:
        self._faults: list[Fault | StreamFault] = []

    def load(self, payload: bytes) -> None:
        """
        Replace the rules by those of a JSON list.

        Raises:
            ApiError: *payload* is not a list of rules. The rules stay as they are.
        """
        try:
            rules = msgspec.json.decode(payload, type=list[dict[str, Any]])
            faults = [_convert_rule(rule) for rule in rules]
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ApiError(-1100, f"expected a JSON list of faults: {error}") from error
        for fault in faults:
            if isinstance(fault, StreamFault):
                if not 1000 <= fault.code <= 4999:
                    raise ApiError(-1100, f"expected a code from 1000 to 4999, found {fault.code}")
            elif fault.delay_s < 0 or not 100 <= (fault.status or 200) <= 599:
                raise ApiError(
                    -1100,
                    "expected delay_s >= 0 and status from 100 to 599, found "
                    f"{fault.delay_s} and {fault.status}",
                )
        self._faults = faults

    def clear(self) -> None:
        """Remove all rules."""
        self._faults = []

    def rules(self) -> list[Fault | StreamFault]:
        """Return the rules that have applications left."""
        return [fault for fault in self._faults if fault.times is None or fault.times > 0]

    def take_request_fault(self, path: str) -> Fault | None:
        """Return the fault that applies to a request of *path*, and count the application."""
        for fault in self.rules():
            if isinstance(fault, Fault) and path.startswith(fault.path):
                return _count_application(fault)
        return None

    def take_stream_fault(self, stream: str, *actions: Action) -> StreamFault | None:
        """Return the fault of *actions* that applies to *stream*, and count the application."""
        for fault in self._faults:
            if (
                isinstance(fault, StreamFault)
                and (fault.times is None or fault.times > 0)
                and fault.action in actions
                and stream.startswith(fault.stream)
            ):
                return _count_application(fault)
        return None


def _convert_rule(rule: dict[str, Any]) -> Fault | StreamFault:
    return msgspec.convert(rule, StreamFault) if "stream" in rule else msgspec.convert(rule, Fault)


def _count_application[F: (Fault, StreamFault)](fault: F) -> F:
    if fault.times is not None:
        fault.times -= 1
    return fault


class ConnectionFaults:
    """The faults applied to one WebSocket connection."""

    def __init__(self, rules: FaultRules) -> None:
        self._rules = rules
        self._silenced: set[str] = set()
        self._held: dict[str, bytes] = {}
        self.ignores_pings = False
        """Whether pings are not answered any more."""

    def apply_to_message(self, stream: str, message: bytes) -> list[bytes]:
        """Return the messages to send instead of *message*."""
        if stream in self._silenced:
            return []
        if stream in self._held:
            return [message, self._held.pop(stream)]
        fault = self._rules.take_stream_fault(stream, "silence", "drop", "duplicate", "swap")
        match fault and fault.action:
            case "silence":
                self._silenced.add(stream)
                return []
            case "drop":
                return []
            case "duplicate":
                return [message, message]
            case "swap":
                self._held[stream] = message
                return []
            case _:
                return [message]

    def take_close_code(self, streams: list[str]) -> int | None:
        """Return the code to close a connection of *streams* with, or None to keep it open."""
        for stream in streams:
            if self._rules.take_stream_fault(stream, "ignore_pings"):
                self.ignores_pings = True
            fault = self._rules.take_stream_fault(stream, "close")
            if fault is not None:
                return fault.code
        return None


async def drop_connection(request: web.Request, partial: web.Response | None) -> web.StreamResponse:
    """Close the connection, after the headers and half of the body of *partial* if given."""
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
