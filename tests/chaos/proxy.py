"""A TCP proxy between the workers and the broker: slow, cut or half-open on demand."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from streams.properties import HOST

__all__ = ["Proxy", "share_of"]

_READ_BYTES = 64 * 1024
_T = TypeVar("_T")


class Proxy:
    """Passes on what comes to a port, in a thread of its own.

    Args:
        port: to listen on.
        target: port that everything goes to, and answers come from.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._links: list[_Link] = []
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def start(self) -> None:
        """Listen; returns once connections are taken."""
        self._thread.start()
        self.open()

    def stop(self) -> None:
        """Close all connections and listen no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def slow_down(self, seconds: float) -> None:
        """Hold every piece of data back for so long, in both directions; 0 no more."""
        self._delay = seconds

    def close(self) -> None:
        """Listen no more: who wants to connect is refused. What is connected stays so."""
        self._do(self._close())

    def open(self) -> None:
        """Listen again."""
        self._do(self._open())

    def cut(self, chosen: Callable[[], bool]) -> int:
        """Reset those connections for which `chosen` says so; answers how many."""
        return self._harm(_Link.reset, chosen)

    def half_open(self, chosen: Callable[[], bool]) -> int:
        """Swallow from now on whatever these connections carry, and tell neither side."""
        return self._harm(_Link.swallow, chosen)

    def _harm(self, harm: Callable[[_Link], None], chosen: Callable[[], bool]) -> int:
        async def apply() -> int:
            links = [link for link in self._links if chosen()]
            for link in links:
                harm(link)
            return len(links)

        return self._do(apply())

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self._port)

    async def _close(self) -> None:
        # Waiting for its end would be waiting for what is connected.
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            try:
                answers, onward = await asyncio.open_connection(HOST, self._target)
            except OSError:
                return writer.transport.abort()
            link = _Link(writer, onward)
            self._links.append(link)
            try:
                await asyncio.gather(
                    self._pump(link, reader, onward), self._pump(link, answers, writer)
                )
            finally:
                self._links.remove(link)

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                if self._delay:
                    await asyncio.sleep(self._delay)
                if not link.swallows:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass  # whoever had gone: the other side is to learn of it
        finally:
            link.reset()


class _Link:
    """The two halves of a connection."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.swallows = False

    def reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def swallow(self) -> None:
        self.swallows = True


def share_of(draw: random.Random, share: float) -> Callable[[], bool]:
    """Chooses about that share of what it is asked of."""
    return lambda: draw.random() < share
