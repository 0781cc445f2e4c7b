"""What a shop's customers do: they look at a page, and buy something or do not."""

from __future__ import annotations

from datetime import datetime

from streams import Event

__all__ = ["Sale", "Visit"]


class Visit(Event, frozen=True):
    id: str
    customer: str
    page: str
    at: datetime


class Sale(Event, frozen=True):
    id: str
    customer: str
    bought: bool
    at: datetime
