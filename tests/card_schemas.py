"""What the simulator sends, as the source of a pipeline declares it; to stand in front of one."""

from __future__ import annotations

__all__ = ["SCHEMAS"]

SCHEMAS = """
from datetime import datetime
from streams import Event

class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float

class Chargeback(Event, frozen=True):
    tx_id: str
    customer_id: str
    fraud: int
    at: datetime
"""
