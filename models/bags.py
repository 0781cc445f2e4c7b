"""Features with several values in one event: the words of a text, a list of tokens, counts."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, TypeAlias

from models.column import Columns
from models.feature import FeatureError, FieldFeature, FieldType, call
from models.memory import Memory

__all__ = ["Bag", "Counts", "Elements", "Text", "Tokens"]

Elements: TypeAlias = list[str] | dict[str, float]
"""Elements as they come, each counting 1, or different ones with their counts."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Bag(FieldFeature):
    """A feature with many values, all of them hashed like categories of one name.

    Attributes:
        limit: how many of an event's elements are read. What comes after is passed over, and the
            encoder counts the event in its ``truncated``.
    """

    limit: int = field(default=64, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.limit) is not int or self.limit < 1:
            raise FeatureError(
                call(self, self.fields, limit=self.limit),
                "it bounds the memory an event can take: a whole number, at least 1",
                call(self, self.fields, limit=type(self).limit),
            )

    @property
    def slots(self) -> str:
        """At most one for each element."""
        return f"≤ {self.limit}"

    def read(self, columns: Columns, memory: Memory | None, /) -> dict[str, list[Any]]:
        """The elements, or None."""
        values: list[Elements | None] = []
        truncated = 0
        for value in columns[self.field]:
            elements, cut = (None, False) if value is None else self.elements(value)
            values.append(elements)
            truncated += cut
        if truncated and memory is not None:
            memory.truncated[self.name] += truncated
        return {self.name: values}

    @abstractmethod
    def elements(self, value: Any) -> tuple[Elements, bool]:
        """What is in a value, and whether `limit` cut something off."""


@dataclass(frozen=True)
class Tokens(Bag):
    """The elements of a ``list[str]``; one that comes twice counts twice."""

    reads: ClassVar[tuple[FieldType, ...]] = (list[str],)
    needs: ClassVar[str] = "tokens are the elements of a list[str]"

    def elements(self, value: Any) -> tuple[Elements, bool]:
        """The first `limit` elements."""
        return value[: self.limit], len(value) > self.limit


@dataclass(frozen=True)
class Counts(Bag):
    """The entries of a ``dict[str, float]``: a category each, with a number."""

    reads: ClassVar[tuple[FieldType, ...]] = (dict[str, float],)
    needs: ClassVar[str] = "counts are the entries of a dict[str, float]"

    def elements(self, value: Any) -> tuple[Elements, bool]:
        """The first `limit` entries, in the order of the record."""
        return dict(islice(value.items(), self.limit)), len(value) > self.limit


@dataclass(frozen=True)
class Text(Bag):
    """Lower-cased words and parts of words of a text, each with how often it occurs.

    Attributes:
        words: read the words: runs of letters, digits and underscores.
        ngrams: ``(3, 5)``: read all runs of 3, 4 and 5 characters as well, across words, with
            each gap between words as one space; marked by "~". They see through misspellings.
        limit: how many words, and then runs, are read; repeated ones are counted each time.
    """

    words: bool = True
    ngrams: tuple[int, int] | None = None
    limit: int = field(default=256, kw_only=True)

    reads: ClassVar[tuple[FieldType, ...]] = (str,)
    needs: ClassVar[str] = "words are read from a str"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ngrams is not None:
            object.__setattr__(self, "ngrams", tuple(self.ngrams))
            if len(self.ngrams) != 2 or not 1 <= self.ngrams[0] <= self.ngrams[1]:
                raise FeatureError(
                    call(self, self.fields, ngrams=self.ngrams),
                    "ngrams is the shortest and the longest run of characters to read",
                    call(self, self.fields, ngrams=(3, 5)),
                )
        elif not self.words:
            raise FeatureError(
                call(self, self.fields, words=False),
                "with neither words nor ngrams there is nothing to read",
                call(self, self.fields, words=False, ngrams=(3, 5)),
            )

    def elements(self, value: Any) -> tuple[Elements, bool]:
        """Words, then runs, the shortest first; in the order in which each first occurs."""
        text = value.lower()
        words = _WORD.findall(text) if self.words else []
        room = max(self.limit - len(words), 0)
        runs = [] if self.ngrams is None else _runs(text, *self.ngrams, room + 1)
        counts = {word: float(n) for word, n in Counter(words[: self.limit]).items()}
        counts |= {f"~{run}": float(n) for run, n in Counter(runs[:room]).items()}
        return counts, len(words) + len(runs) > self.limit


def _runs(text: str, shortest: int, longest: int, most: int) -> list[str]:
    text = " ".join(text.split())[: most + longest]
    runs = []
    for length in range(shortest, longest + 1):
        runs += [text[start : start + length] for start in range(len(text) - length + 1)]
    return runs[:most]
