"""Between which values a figure lies, as far as chance can move it: 95 % confidence intervals.

They count each label as drawn by itself. Labels of one card or one week are not quite, so what the
future brings lies outside somewhat more often than one time in twenty.
"""

from __future__ import annotations

import math

__all__ = ["beside", "logit", "normal", "wilson"]

_Z = 1.959963984540054  # the standard normal exceeds it one time in forty

_UNDEFINED = (math.nan, math.nan)


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """Of a proportion: Wilson's score interval (JASA 22, 1927); NaN without trials."""
    if not trials > 0:
        return _UNDEFINED
    share, square = hits / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials * trials)
    reach = _Z * math.sqrt(max(spread, 0.0)) / (1 + square / trials)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def logit(figure: float, error: float) -> tuple[float, float]:
    """Of a figure inside (0, 1) with a standard error, symmetric in its log-odds.

    As Boyd, Eng and Page (ECML 2013) do for average precision, and Pepe (*The Statistical
    Evaluation of Medical Tests*, 2003) for the area under the ROC curve: it stays inside (0, 1).
    NaN at 0 and 1, where it has no end.
    """
    if not (0.0 < figure < 1.0 and error >= 0.0):
        return _UNDEFINED
    middle = math.log(figure) - math.log1p(-figure)
    reach = _Z * error / (figure * (1.0 - figure))
    return _expit(middle - reach), _expit(middle + reach)


def normal(figure: float, error: float) -> tuple[float, float]:
    """Of a mean with a standard error; NaN where that is not known."""
    return figure - _Z * error, figure + _Z * error


def beside(name: str, interval: tuple[float, float]) -> dict[str, float]:
    """An interval as figures of its own, ``…_low`` and ``…_high``."""
    low, high = interval
    return {f"{name}_low": low, f"{name}_high": high}


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0
