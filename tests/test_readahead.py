"""A blocking iterator beside an event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from streams.readahead import ReadAhead


async def collected(source: ReadAhead[int]) -> list[int]:
    return [item async for item in source]


def test_items_come_in_their_order():
    assert asyncio.run(collected(ReadAhead(range(1000)))) == list(range(1000))


def test_what_the_iterable_raises_comes_behind_what_it_gave():
    def items():
        yield 1
        yield 2
        raise ValueError("torn")

    async def run() -> None:
        source = aiter(ReadAhead(items()))
        assert [await anext(source), await anext(source)] == [1, 2]
        with pytest.raises(ValueError, match="torn"):
            await anext(source)

    asyncio.run(run())


def test_no_more_is_read_than_a_few_ahead():
    read = []

    def items():
        for i in range(100):
            read.append(i)
            yield i

    async def run() -> None:
        async with aclosing(aiter(ReadAhead(items(), ahead=3))) as source:
            assert await anext(source) == 0
            # One is out, three are ahead, and the next one waits in the thread's hand.
            assert len(read) <= 5

    asyncio.run(run())
    assert len(read) <= 6


def test_a_reader_that_leaves_lets_the_thread_end():
    ended = threading.Event()

    def items():
        try:
            yield from range(10**9)
        finally:
            ended.set()

    async def run() -> None:
        async with aclosing(aiter(ReadAhead(items()))) as source:
            await anext(source)

    asyncio.run(run())
    assert ended.wait(10)
