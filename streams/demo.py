"""The demonstration: a Kafka, simulated payments, a worker that learns from them, and a view of it.

Everything in it is the real thing, started as a user would start it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec
from rich.console import Console
from rich.text import Text

from streams import topics
from streams.broker import Broker, BrokerError
from streams.demo_audience import Audience
from streams.demo_monitoring import Monitoring, check_monitoring, start_monitoring
from streams.demo_process import HOST, DemoError, DemoProcess, free_port
from streams.demo_screen import Scene, picture
from streams.demo_summary import Summary, farewell, steps
from streams.errors import TeachingError
from streams.feed import Feed
from streams.foreground import start_broker
from streams.interruption import INTERRUPTED, one_interruption
from streams.invocation import command, short
from streams.loading import load
from streams.pipeline import Pipeline
from streams.readback import ReadBack
from streams.readings import scrape
from streams.security import client_options
from streams.settings import Settings
from streams.simulator import Simulator

__all__ = ["Demo"]

_PARTITIONS = 4
_LOOK_S = 0.2
_START_S = 900.0
"""A worker that has ended is seen at once: this is for one that hangs, not for a slow machine."""
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What is to be shown, and where.

    Attributes:
        simulator: the payments, and what becomes known of them.
        rate: of both together, a second.
        settings: of an existing cluster; None for a broker of its own.
        config: settings file, for the worker.
        monitoring: folder of rules and dashboards; None for nobody who watches.
        picture: file for the last of what was to be seen, as SVG.
        as_json: print the summary for programs; all else goes to the error stream.
    """

    simulator: Simulator
    rate: float
    settings: Settings | None = None
    config: Path | None = None
    monitoring: Path | None = None
    picture: Path | None = None
    as_json: bool = False

    def run(self) -> int:
        """Show it to its end, or to Ctrl-C, and leave nothing running; the exit code.

        Raises:
            TeachingError: it cannot begin; the text says what to do.
        """
        with one_interruption():
            try:
                summary = self._run()
            except KeyboardInterrupt:
                self._say("Interrupted; nothing is left running.")
                return INTERRUPTED
            except (BrokerError, DemoError) as error:
                self._say(str(error), "red")
                return 1
        if self.as_json:
            click.echo(msgspec.json.encode(summary))
        else:
            cluster = None if self.settings is None else self.settings.brokers
            self._console.print(farewell(summary))
            self._say(steps(command(), short(_example()), cluster))
        return 0

    def _run(self) -> Summary:
        with ExitStack() as held:
            try:
                return self._perform(held)
            finally:
                with self._console.status("Stopping …"):
                    held.close()

    def _perform(self, held: ExitStack) -> Summary:
        if self.monitoring is not None:
            check_monitoring(self.monitoring)
        file = _example()
        pipeline = load(file)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="thalweg-demo-")))
        settings = self.settings or self._own_kafka(held)
        self._create_topics(pipeline, settings)
        metrics = f"http://{HOST}:{free_port()}/metrics"
        worker = self._start_worker(held, file, folder / "worker.log", settings, metrics)

        beside: Callable[[], Mapping[str, Text]] = dict
        if self.monitoring is not None:
            beside = self._start_monitoring(held, self.monitoring, folder, metrics).look

        labels, predictions = pipeline.label_topic, pipeline.predictions_topic
        assert labels is not None
        assert labels.maturity is not None
        security = client_options(settings)
        inputs = {"events": pipeline.events.name, "labels": labels.topic}
        feed = Feed(self.simulator, settings.brokers, inputs, self.rate, security)
        back = ReadBack(settings.brokers, predictions, _PARTITIONS, security)
        held.callback(feed.stop)
        held.callback(back.stop)
        _, slowest = self.simulator.labels.chargeback_days
        silence = labels.maturity / _DAY_S
        scene = Scene(
            brokers=settings.brokers,
            worker=worker.pid,
            metrics=metrics,
            watch=f"{command()} tail {predictions} -f --brokers {settings.brokers}",
            lesson=f"chargebacks in {slowest:g} days, or {silence:g} days of silence",
            days=self.simulator.days,
            began=datetime.fromtimestamp(self.simulator.start_ms / 1000, UTC),
        )
        back.start()
        feed.start()
        audience = Audience(scene, worker, feed, back, labels.maturity, beside)
        summary = audience.watch(self._console)
        if self.picture is not None:
            self.picture.write_text(picture(scene))
        return summary

    def _own_kafka(self, held: ExitStack) -> Settings:
        began = time.monotonic()
        broker = Broker()
        held.callback(broker.close)
        start_broker(broker, self._console)
        self._done(f"Kafka on {broker.bootstrap}, its data in {broker.directory}", began)
        return Settings(brokers=broker.bootstrap)

    def _create_topics(self, pipeline: Pipeline, settings: Settings) -> None:
        began = time.monotonic()
        brokers, security = settings.brokers, client_options(settings)
        specs = topics.required_topics(pipeline, _PARTITIONS)
        with self._console.status("Creating topics …"):
            there = topics.describe(brokers, [spec.name for spec in specs], security)
            if there:
                raise TeachingError(
                    f"topics {', '.join(topic.name for topic in there)} on {brokers}",
                    "they hold something already, and the demonstration would add to it",
                    f"{command()} topics {short(_example())} --delete --brokers {brokers}; or "
                    f"{command()} demo, with a Kafka of its own",
                )
            topics.ensure(brokers, specs, security)
        names = ", ".join(spec.name for spec in specs)
        self._done(f"topics {names}", began)

    def _start_worker(
        self, held: ExitStack, file: Path, log: Path, settings: Settings, metrics: str
    ) -> DemoProcess:
        began = time.monotonic()
        flags = {
            "brokers": settings.brokers,
            "metrics-host": HOST,
            "metrics-port": metrics.rpartition(":")[2].removesuffix("/metrics"),
            "config": self.config,
        }
        # A Kafka of our own is not the one that the environment's settings are for.
        kept = os.environ if self.settings else _without_settings()
        given = [f"--{name}={value}" for name, value in flags.items() if value is not None]
        with self._console.status("Starting a worker …"):
            line = [sys.executable, "-m", "streams", "worker", str(file), *given]
            worker = DemoProcess(line, log, kept)
            held.callback(worker.stop)
            deadline = time.monotonic() + _START_S
            while (reading := scrape(metrics)) is None or reading.partitions < _PARTITIONS:
                if worker.ended is not None or time.monotonic() > deadline:
                    raise DemoError(f"The worker does not start:\n{worker.last_words()}")
                time.sleep(_LOOK_S)
        self._done(f"worker {worker.pid} on {short(file)}, {metrics}", began)
        return worker

    def _start_monitoring(
        self, held: ExitStack, deploy: Path, folder: Path, metrics: str
    ) -> Monitoring:
        began = time.monotonic()
        with self._console.status("Starting Prometheus …"):
            monitoring = start_monitoring(deploy, folder, urlsplit(metrics).netloc, held)
        self._done(f"Prometheus on {monitoring.prometheus}", began)
        for word, said in (("Alertmanager", monitoring.pages), ("Grafana", monitoring.boards)):
            self._say(f"         {f'{word} on {said}' if said.startswith('http') else said}")
        return monitoring

    @cached_property
    def _console(self) -> Console:
        return Console(stderr=self.as_json, highlight=False)

    def _done(self, what: str, began: float) -> None:
        self._say(f"{time.monotonic() - began:5.1f} s  {what}")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _example() -> Path:
    """The file of the fraud pipeline: in an installation, or in a clone."""
    here = Path(__file__).parent
    for folder in (here / "examples", here.parent / "examples"):
        if (folder / "fraud.py").exists():
            return folder / "fraud.py"
    raise TeachingError(
        f"no examples/fraud.py beside {here}",
        "the demonstration runs that example",
        "make demo, in a clone of the repository",
    )


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("THALWEG_")}
