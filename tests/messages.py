"""Messages of librdkafka's as records of ours."""

from __future__ import annotations

from confluent_kafka import Message

from streams.slices import Record

__all__ = ["record_of"]


def record_of(message: Message) -> Record:
    """The record that a consumer read, or whose delivery a producer was told of."""
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.timestamp()[1],
        tuple(message.headers() or ()),
    )
