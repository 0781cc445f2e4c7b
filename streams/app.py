"""The Faust app of a pipeline: one agent that takes slices, and whatever a user adds."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import faust
from faust.exceptions import AlreadyConfiguredWarning
from faust.types import TP

from streams.assignment import Assignment
from streams.fetching import Transport, read_in_slices
from streams.observer import Observer
from streams.security import client_options
from streams.slices import Slice

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["App", "create_app"]

# A queued message is a whole slice: a handful keeps the agent busy, more only costs memory.
_QUEUED_SLICES = 8


class App(faust.App):  # type: ignore[misc]  # Faust's types are skipped
    """A Faust app whose consumer feeds an `Assignment`.

    Attributes:
        host: the partitions this worker owns; exists once `connect` was called.
        failure: why the app stopped, if a partition could not go on.
        failing: called as it begins to stop for that reason.
        leaving: called as it stops, once everything is committed.
    """

    host: Assignment
    failure: BaseException | None = None
    failing: Callable[[], None] | None = None
    leaving: Callable[[], None] | None = None

    def connect(self, pipeline: Pipeline, settings: Settings, observer: Observer) -> None:
        """Settle what depends on the worker's settings; to be called before the app starts."""
        client = client_options(settings)
        # Faust warns of settings that change after an agent was declared; these are read at start.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AlreadyConfiguredWarning)
            self._apply(pipeline, settings)
            self.conf.broker_credentials = _credentials(client)
        self.host = Assignment(
            pipeline,
            settings,
            client,
            observer,
            ReadingFlow(self),
            failed=self.fail,
            stopping=lambda: self.should_stop,
        )
        read_in_slices(set(self.host.topics))

    def _apply(self, pipeline: Pipeline, settings: Settings) -> None:
        conf = self.conf
        conf.id = settings.group or pipeline.name
        conf.broker = [f"aiokafka://{place}" for place in settings.brokers.split(",")]
        conf.broker_client_id = f"thalweg-{pipeline.name}"
        conf.broker_session_timeout = settings.session_timeout_s
        conf.broker_heartbeat_interval = settings.session_timeout_s / 6
        conf.consumer_group_instance_id = settings.slot and f"{conf.id}-{settings.slot}"
        conf.consumer_auto_offset_reset = settings.start
        conf.consumer_max_fetch_size = settings.fetch_bytes
        self.transport = Transport(conf.broker, self, loop=self.loop)

    def _create_directories(self) -> None:
        """Make Faust's data directories for a user's tables alone: our state is in Kafka."""
        if self.tables:
            super()._create_directories()

    def fail(self, error: BaseException) -> None:
        """Stop the worker, the sound partitions committed; the process is to end with 1."""
        if self.failure is None:
            self.failure = error
            if self.failing is not None:
                self.failing()
            signal.raise_signal(signal.SIGTERM)

    def committed(self) -> None:
        """Nothing is to be done any more but to leave."""
        if self.leaving is not None:
            self.leaving()


def _credentials(client: Mapping[str, Any]) -> Any:
    """The same options as Faust has them, for its own producer and those of a user's agents."""
    context = client.get("ssl_context")
    if client["security_protocol"].startswith("SASL"):
        return faust.SASLCredentials(
            username=client["sasl_plain_username"],
            password=client["sasl_plain_password"],
            mechanism=client["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


class ReadingFlow:
    """Steers what the app's consumer reads; see `streams.alignment.Flow`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def end(self, topic: str, partition: int) -> int | None:
        """The last stable offset, as the last fetch told it."""
        tp = TP(topic, partition)
        return self._app.consumer.end(tp) if tp in self._app.consumer.assignment() else None

    def is_paused(self, topic: str, partition: int) -> bool:
        """Whether it is taken out of what is drained."""
        paused: bool = self._app.consumer.is_paused(TP(topic, partition))
        return paused

    def pause(self, topic: str, partition: int) -> None:
        """Take the partition out of what is drained from the fetcher."""
        self._app.consumer.pause_partitions({TP(topic, partition)})

    def resume(self, topic: str, partition: int) -> None:
        """Put it back."""
        self._app.consumer.resume_partitions({TP(topic, partition)})

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        """Have the next fetch begin there."""
        await self._app.consumer.seek(TP(topic, partition), offset)


def create_app(pipeline: Pipeline) -> App:
    """An app that runs `pipeline` once it is connected; makes no connection itself."""
    app = App(
        pipeline.name,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_buffer_maxsize=_QUEUED_SLICES,
        stream_wait_empty=False,
        broker_rebalance_timeout=30.0,
        broker_max_poll_interval=120.0,
        worker_redirect_stdouts=False,
        store="memory://",
    )
    topic = app.topic(
        *pipeline.input_topics, key_serializer="raw", value_serializer="raw", acks=False
    )

    @app.agent(topic, name=f"{pipeline.name}-slices")  # type: ignore[untyped-decorator]
    async def take(slices: faust.Stream[Slice]) -> None:
        async for records in slices:
            try:
                await app.host.take(records)
            except Exception as error:  # one that leaves the body stops it silently
                app.host.on_failed(records.partition, error)
                return

    return app
