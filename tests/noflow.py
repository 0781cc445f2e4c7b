"""A flow for tests of an assignment whose records do not matter."""

from __future__ import annotations

__all__ = ["NoFlow"]


class NoFlow:
    """Nothing is read."""

    def end(self, topic: str, partition: int) -> int | None:
        return None

    def is_paused(self, topic: str, partition: int) -> bool:
        return False

    def pause(self, topic: str, partition: int) -> None: ...

    def resume(self, topic: str, partition: int) -> None: ...

    async def seek(self, topic: str, partition: int, offset: int) -> None: ...
