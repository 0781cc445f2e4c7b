"""Workers as processes that a benchmark starts, and that do not outlive it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psutil  # comes with jgo

from benchmarks.measuring import BenchmarkError

__all__ = ["working"]

_SAID = 2_000


@contextmanager
def working(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Popen]:
    """A worker, ended at last; an error that it may be to blame for ends with what it said."""
    with tempfile.TemporaryFile() as log:
        worker = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            yield worker
        except (BenchmarkError, psutil.TimeoutExpired) as error:
            log.seek(0)
            said = log.read().decode(errors="replace")
            raise BenchmarkError(f"{error}\n{said[-_SAID:]}") from error
        finally:
            with suppress(psutil.NoSuchProcess):
                worker.terminate()
            try:
                worker.wait(60)
            except psutil.TimeoutExpired:
                worker.kill()
                worker.wait()
