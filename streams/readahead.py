"""A blocking iterator, read in a thread of its own for an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Generic, TypeVar

__all__ = ["ReadAhead"]

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """The items of an iterable, a few of them read before they are asked for; to be iterated once.

    A read that blocks, as of a pipe, blocks neither the loop nor the end of the process: the thread
    is a daemon. What the iterable raises is raised in its place.
    """

    def __init__(self, items: Iterable[T], ahead: int = 4) -> None:
        self._items = items
        self._ready: asyncio.Queue[T | Exception | None] = asyncio.Queue()
        self._free = threading.Semaphore(ahead)
        self._over = False

    @property
    def idle(self) -> bool:
        """Whether nothing has been read that was not yet asked for."""
        return self._ready.empty()

    async def __aiter__(self) -> AsyncIterator[T]:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        try:
            while (item := await self._ready.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                self._free.release()
                yield item
        finally:
            self._over = True
            self._free.release()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        def hand(item: T | Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._ready.put_nowait, item)

        try:
            for item in self._items:
                self._free.acquire()
                if self._over:
                    return
                hand(item)
        except Exception as error:
            hand(error)
        else:
            hand(None)
