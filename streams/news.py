"""What a model has to say that an operator wants to read as it happens."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["news"]

_WORDS = {
    "drift_alarms": "the losses on late labels have risen: a model learns anew in the background",
    "drift_swaps": "the background model is better and has taken over",
    "promotions": "a challenger is better and was promoted",
}


def news(before: Mapping[str, float] | None, now: Mapping[str, float]) -> list[str]:
    """What happened between two summaries of a learner; nothing where there was none before."""
    if before is None:
        return []
    return [
        words + _champion(now) * (what == "promotions")
        for what, words in _WORDS.items()
        if now.get(what, 0.0) > before.get(what, 0.0)
    ]


def _champion(summary: Mapping[str, float]) -> str:
    who = (name for name, is_it in summary.items() if name.startswith("champion_") and is_it)
    return f": {next(who, 'champion_?').removeprefix('champion_')} is champion"
