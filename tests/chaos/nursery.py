"""Imports and compiles everything that a worker needs, for workers to be forked from.

One that is started from nothing takes seconds of a core before it asks for its first record. That
would be most of what a campaign of a thousand faults does.
"""

from __future__ import annotations

import streams.app  # noqa: F401
import tests.chaos.worker  # noqa: F401  # what is forked runs it
from tests.chaos.recomputing import warm_up
from tests.chaos.traffic import KINDS

__all__: list[str] = []

for _name, _kind in KINDS.items():
    warm_up(_kind.pipeline(_name), _kind.traffic(0))
