"""Who is told of an alert, and how often: the configuration of Alertmanager."""

from __future__ import annotations

from typing import Any

from deploy.monitoring.alerts import span

__all__ = ["PAGER", "paging"]

PAGER = "pager"

_GATHER_MIN, _NEWS_MIN, _AGAIN_MIN = 0.5, 5.0, 240.0


def paging(pace: float = 1.0, url: str | None = None) -> dict[str, Any]:
    """Routes: one message for each alert of a pipeline, whatever the number of its partitions.

    A partition that nobody owns makes others late; only that is told.

    Args:
        pace: how much faster than in production time passes; a test takes seconds for minutes.
        url: where messages are posted; without one they are seen on Alertmanager's page alone.
    """
    pager: dict[str, Any] = {"name": PAGER}
    if url is not None:
        pager["webhook_configs"] = [{"url": url, "send_resolved": True}]
    return {
        "route": {
            "receiver": PAGER,
            "group_by": ["pipeline", "alertname"],
            "group_wait": span(_GATHER_MIN, pace),
            "group_interval": span(_NEWS_MIN, pace),
            "repeat_interval": span(_AGAIN_MIN, pace),
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="PartitionUnowned"'],
                "target_matchers": ['alertname=~"LagRising|ScoresLate"'],
                "equal": ["pipeline"],
            }
        ],
        "receivers": [pager],
    }
