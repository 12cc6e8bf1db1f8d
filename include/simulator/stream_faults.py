"""Faults of a WebSocket connection: what gets lost, doubled or out of order, and how it ends."""

from typing import Literal, Protocol

import msgspec

Action = Literal["silence", "drop", "duplicate", "swap", "ignore_pings", "close"]
ABNORMAL = 1006  # never sent: what a client calls a connection that ended without a close frame


class StreamFault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """
    One rule for streams; the first that matches and is not used up applies.

    Attributes:
        stream: Streams whose name begins with it, "btcusdt@aggTrade"; empty: every stream.
        action: silence (the stream stays subscribed and says nothing more on this connection),
            drop, duplicate or swap with the next (one message each), ignore_pings (a connection
            answers none any more), close (a connection, with *code*).
        code: Of a close; 1006 drops the connection without a close frame.
        times: How many messages, streams or connections it spoils; null: all until it is cleared.
    """

    stream: str
    action: Action
    code: int = ABNORMAL
    times: int | None = None


class Plan(Protocol):
    def strike_stream(self, stream: str, *actions: Action) -> StreamFault | None:
        """Return the fault among *actions* for *stream* and count it."""
        ...


class Disturbance:
    """
    What the faults made of one connection.

    Attributes:
        ignores_pings: Whether it has stopped answering them.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._silenced: set[str] = set()
        self._held: dict[str, bytes] = {}
        self.ignores_pings = False

    def messages(self, stream: str, message: bytes) -> list[bytes]:
        """Return what is sent instead of *message*."""
        if stream in self._silenced:
            return []
        if stream in self._held:
            return [message, self._held.pop(stream)]
        fault = self._plan.strike_stream(stream, "silence", "drop", "duplicate", "swap")
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

    def closing_code(self, streams: list[str]) -> int | None:
        """Return the code to close the connection of *streams* with, if it is to end now."""
        for stream in streams:
            if self._plan.strike_stream(stream, "ignore_pings"):
                self.ignores_pings = True
            fault = self._plan.strike_stream(stream, "close")
            if fault is not None:
                return fault.code
        return None
