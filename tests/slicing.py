"""Records of a partition, and the ways in which a log can be cut, for several test modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hypothesis import strategies as st

from streams.slices import Slice

__all__ = ["cuts", "pieces", "slice_of"]


def slice_of(
    values: Sequence[bytes | None],
    topic: str = "events",
    start: int = 0,
    keys: Sequence[bytes | None] | None = None,
    timestamps: Sequence[int] | None = None,
    headers: Sequence | None = None,
) -> Slice:
    """A slice of consecutive records."""
    n = len(values)
    return Slice(
        topic,
        0,
        start,
        start + n,
        range(start, start + n),
        [None] * n if keys is None else keys,
        values,
        [1_000 * offset for offset in range(start, start + n)]
        if timestamps is None
        else timestamps,
        headers,
    )


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Places at which a log of that length is cut."""
    places = st.sets(st.integers(1, max(1, length - 1)), max_size=min(length, 12))
    return places.map(sorted)


def pieces(log: Iterable[Slice], at: Sequence[int]) -> Iterator[Slice]:
    """The slices of `log`, one after another, cut where `at`, counted over all, falls in them."""
    passed = 0
    for part in log:
        edges = [place - passed for place in at if 0 < place - passed < len(part)]
        rest = part
        for edge in edges:
            yield rest.before(part.offsets[edge])
            rest = rest.since(part.offsets[edge])
        yield rest
        passed += len(part)
