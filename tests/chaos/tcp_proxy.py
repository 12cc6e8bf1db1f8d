"""A bad network between a client and a server: slow, cut, silent, or not there."""

import asyncio
import socket
import struct
import threading

STARTING_S = 10
CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends a reset


class TcpProxy:
    """
    Pass connections on to *host*:*port*, from a thread of its own.

    Attributes:
        delay_s: Of each chunk, each way.
        is_refusing: New connections are reset at once.
        carried: Bytes passed on so far.
        connections: Connections accepted so far.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", listen: int = 0) -> None:
        self.delay_s = 0.0
        self.is_refusing = False
        self.carried = 0
        self.connections = 0
        self._upstream = host, port
        self._listen = listen
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop, self._flowing = asyncio.Event(), asyncio.Event()
        self._flowing.set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(STARTING_S), "the proxy did not start"

    def fall_silent(self) -> None:
        """Keep connections open, old and new, and carry nothing: half-open, as a client sees it."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def speak(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> None:
        """Reset all connections there are."""
        self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STARTING_S)
        assert not self._thread.is_alive(), "the proxy did not stop"
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self._listen)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        ours = {writer}
        self._open |= ours
        try:
            if not self.is_refusing:
                there, back = await asyncio.open_connection(*self._upstream)
                ours.add(back)
                self._open.add(back)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, back))
                    group.create_task(self._pass(there, writer))
        except* OSError:
            pass  # whichever side is gone, the other learns it by the reset
        finally:
            self._reset(ours)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await asyncio.sleep(self.delay_s)
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
            self.carried += len(data)
        raise ConnectionResetError("the other side is done")

    def _reset(self, writers: set[asyncio.StreamWriter] | None = None) -> None:
        for writer in set(self._open) if writers is None else writers:
            self._open.discard(writer)
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
