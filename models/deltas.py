"""What a learner tells the others: the weights it changed, in bytes."""

from __future__ import annotations

__all__ = ["DeltaError"]


class DeltaError(ValueError):
    """These bytes are no delta, or not the one that comes next: nothing of it was taken over."""
