"""Ad clicks: ids and their crosses, hashed. The columns are those of Avazu's click logs."""

from __future__ import annotations

from typing import Literal

from models import FTRL, Cross, Hashed, Logistic
from streams import Event, Pipeline, Topic


class Impression(Event, frozen=True):
    id: str
    click: Literal[0, 1]
    banner_pos: int
    site_id: str
    app_id: str
    device_id: str
    device_model: str


pipeline = Pipeline(
    name="clicks",
    events=Topic("impressions", schema=Impression, id="id", key="device_id"),
    labels="click",
    features=[
        Hashed("banner_pos"),
        Hashed("site_id"),
        Hashed("app_id"),
        Hashed("device_id"),
        Hashed("device_model"),
        Cross("site_id", "banner_pos"),
        Cross("site_id", "device_model"),
        Cross("device_id", "app_id"),
    ],
    # An id that was met once or twice has no weight yet: l1 keeps it exactly zero.
    model=Logistic(bits=22, optimizer=FTRL(alpha=0.1, l1=0.1)),
)
