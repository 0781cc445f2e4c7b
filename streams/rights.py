"""What a worker has to be allowed by Kafka's authorizer: nothing more, and how to allow it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from streams.errors import TeachingError
from streams.topics import TopicRole, required_topics

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = [
    "OPERATIONS",
    "Operation",
    "Right",
    "command",
    "denied",
    "feeder_rights",
    "kafka_name",
    "reader_rights",
    "worker_rights",
]

Operation: TypeAlias = Literal["Read", "Write", "DescribeConfigs"]
"""As Kafka names them. Read and Write bring Describe along."""

OPERATIONS: dict[TopicRole, tuple[Operation, ...]] = {
    "events": ("Read", "DescribeConfigs"),
    "labels": ("Read", "DescribeConfigs"),
    "predictions": ("Write", "DescribeConfigs"),
    "dead-letters": ("Write", "DescribeConfigs"),
    "checkpoints": ("Read", "Write", "DescribeConfigs"),
    "journal": ("Read", "Write", "DescribeConfigs"),
    "deltas": ("Read", "Write", "DescribeConfigs"),
}
"""On each kind of topic. DescribeConfigs is for ``thalweg doctor``, which looks at retention."""


@dataclass(frozen=True, slots=True)
class Right:
    """What has to be allowed on a resource.

    Attributes:
        resource: its type.
        name: its name, or what all of them begin with.
        operations: to be allowed.
        prefix: whether the name is only their beginning.
    """

    resource: Literal["Topic", "Group", "TransactionalId"]
    name: str
    operations: tuple[Operation, ...]
    prefix: bool = False


def worker_rights(pipeline: Pipeline, group: str | None = None) -> list[Right]:
    """The least that a worker of the pipeline needs, its topics being there.

    Args:
        pipeline: names the topics.
        group: the consumer group; the pipeline's name where none is given.
    """
    group = group or pipeline.name
    topics = [
        Right("Topic", spec.name, OPERATIONS[spec.role]) for spec in required_topics(pipeline, 1)
    ]
    return [
        *topics,
        Right("Group", group, ("Read",)),
        Right("TransactionalId", f"{group}-", ("Write",), prefix=True),
    ]


def feeder_rights(topics: Iterable[str]) -> list[Right]:
    """What ``thalweg produce`` needs on the topics it writes to: it warns of a short retention."""
    return [Right("Topic", name, ("Write", "DescribeConfigs")) for name in topics]


def reader_rights(topics: Iterable[str]) -> list[Right]:
    """What ``thalweg tail`` needs; a consumer with a group needs Read on that, too."""
    return [Right("Topic", name, ("Read",)) for name in topics]


def command(right: Right, brokers: str, user: str = "…", missing: Iterable[str] = ()) -> str:
    """The command that allows a user what is missing of a right; all of it by default."""
    flag = {"Topic": "--topic", "Group": "--group", "TransactionalId": "--transactional-id"}
    operations = " ".join(f"--operation {name}" for name in (tuple(missing) or right.operations))
    pattern = " --resource-pattern-type prefixed" if right.prefix else ""
    return (
        f"kafka-acls --bootstrap-server {brokers} --add --allow-principal User:{user} "
        f"{operations} {flag[right.resource]} {right.name}{pattern}"
    )


def denied(error: Exception) -> TeachingError | None:
    """What to say of a topic that may be seen but not read; None for any other error."""
    from aiokafka.errors import TopicAuthorizationFailedError

    if not isinstance(error, TopicAuthorizationFailedError):
        return None
    topic = str(error.args[0]) if error.args else "…"
    return TeachingError(
        f"topic {topic!r}",
        "the user we log in as may not read it, and a worker's user need not: docs/security.md "
        "says what each command needs",
        "--config of another user, or " + command(Right("Topic", topic, ("Read",)), "…"),
    )


def kafka_name(name: str) -> str:
    """``DescribeConfigs`` as the protocol spells it: ``DESCRIBE_CONFIGS``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
