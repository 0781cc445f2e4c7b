"""A pipeline to whose app its user has added an agent and a timer of their own."""

from __future__ import annotations

from collections.abc import AsyncIterable

from tests.behaviour.shops import told

pipeline = told("extended")
app = pipeline.app
notes = app.topic("extended.notes", value_serializer="raw")


@app.agent(notes)
async def listen(stream: AsyncIterable[bytes]) -> None:
    async for note in stream:
        print(f"noted {note.decode()}", flush=True)


@app.timer(0.2)
async def tick() -> None:
    print("ticked", flush=True)
