"""A worker process: settings printed, topics checked, metrics served, the app run to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import faust
from rich.console import Console
from rich.table import Table

from streams.allocation import keep_freed_memory
from streams.deciding import label_values
from streams.errors import TeachingError
from streams.growth import GrownError
from streams.image import ImageError
from streams.membership import coordinator_awaited
from streams.mixing import MixingError
from streams.observer import Observers, PrometheusObserver, serve
from streams.pending import check_pending
from streams.progress import StateLostError
from streams.repetition import Lasting, Unrepeated
from streams.report import Report
from streams.security import client_options
from streams.settings import Provenance, Settings, boot_table
from streams.signing import check_signing
from streams.supervisor import USAGE_ERROR
from streams.topics import ensure, required_topics
from streams.warming import warm
from streams.watchdog import Watchdog, asking, reading

if TYPE_CHECKING:
    from streams.app import App
    from streams.pipeline import Pipeline

__all__ = ["run"]

log = logging.getLogger("thalweg")

# The thread that fetches would otherwise wait five milliseconds for the one that computes, at each
# of the steps in which a fetch arrives.
_SWITCH_S = 0.0005
_STOP_S = 15.0
_LONG_WARMING_S = 10.0

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%X"}},
    "filters": {
        "lasting": {"()": Lasting, "passing": coordinator_awaited},
        "unrepeated": {"()": Unrepeated},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["lasting", "unrepeated"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "ERROR"},
    "loggers": {"thalweg": {"level": "INFO"}},
}


def run(pipeline: Pipeline, settings: Settings, provenance: Provenance) -> int:
    """Run a worker until it is told to stop; answer the exit code of the process.

    0: stopped on request, everything committed. 1: a partition could not go on; what is not
    committed is computed again by whoever takes the partition over. 2: there is no state to go on
    from, or no delta to take over, which another try would not change.

    Raises:
        TeachingError: something it needs is missing; the text says what to do.
    """
    signal.signal(signal.SIGTERM, _leave)  # until Faust has its own
    keep_freed_memory()
    sys.setswitchinterval(_SWITCH_S)
    console = Console(highlight=False, soft_wrap=True)
    console.print(boot_table(settings, provenance))
    check_signing(pipeline, settings)
    check_pending(pipeline, settings)
    console.print(_prepare_topics(pipeline, settings))
    if (seconds := warm(pipeline)) > _LONG_WARMING_S:
        console.print(f"compiled what it needs in {seconds:.0f} s; it is kept for the next start")
    metrics = PrometheusObserver(
        pipeline.name, model=pipeline.model_version, values=label_values(pipeline)
    )
    server = None
    if settings.metrics_port:
        server = serve(metrics.registry, settings.metrics_host, settings.metrics_port)
        console.print(f"metrics on http://{settings.metrics_host}:{server.port}/metrics")
    asyncio.set_event_loop(asyncio.new_event_loop())
    app: App = pipeline.app
    app.failing = partial(_end_within, _STOP_S, 1)
    app.leaving = partial(_end_within, _STOP_S, 0)
    report = Report(pipeline, app, metrics, settings.report_every_s, console.print)
    watchdog = _watchdog(pipeline, settings)
    app.connect(pipeline, settings, Observers(metrics, report, watchdog))
    app.task(report.run)
    watchdog.start()
    try:
        return _run_app(app)
    finally:
        watchdog.stop()
        console.print(report.summary())
        if server is not None:
            server.stop()


def _leave(*_: object) -> None:
    """Asked to stop before anything has begun: that is no failure."""
    sys.exit(0)


def _prepare_topics(pipeline: Pipeline, settings: Settings) -> Table:
    """Make sure of the topics: the inputs have to exist, the outputs are made to fit them."""
    security = client_options(settings)
    table = Table("topic", "for", "partitions", "", title="topics", title_justify="left", box=None)
    # The events topic exists, so its number of partitions is the one that counts.
    specs = required_topics(pipeline, partitions=1)
    for topic in ensure(settings.brokers, specs, security, given=pipeline.input_topics):
        created = "created" if topic.created else ""
        table.add_row(topic.name, topic.role, str(topic.partitions), created)
        if topic.role == "events":
            pipeline.check_partitions(topic.partitions)
    return table


def _watchdog(pipeline: Pipeline, settings: Settings) -> Watchdog:
    return Watchdog(
        reading(pipeline),
        asking(client_options(settings), pipeline.input_topics),
        settings.watchdog_s,
    )


def _end_within(seconds: float, code: int) -> None:
    """End the process, whatever holds it: without a broker Faust can wait for ever to stop, and a
    group that is about to change holds on to its members for as long as a minute.
    """

    def end() -> None:
        log.error("not stopped after %g seconds; nothing is lost by leaving as it is", seconds)
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _run_app(app: App) -> int:
    app.conf.logging_config = _LOGGING
    worker = faust.Worker(app, loglevel="ERROR", quiet=True)
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except TeachingError:
        raise
    except Exception:  # Faust re-raises what crashed it
        log.exception("the worker stopped")
        code = 1
    if isinstance(app.failure, (StateLostError, ImageError, MixingError, GrownError)):
        return USAGE_ERROR
    return 1 if app.failure is not None else code
