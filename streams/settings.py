"""The settings of a worker: one frozen object, from a file, the environment and flags."""

from __future__ import annotations

import inspect
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

import msgspec
from msgspec import Meta
from rich.table import Table

from streams.errors import SettingsError, nearest
from streams.security import check_security

__all__ = ["SECRETS", "Provenance", "Settings", "boot_table", "meanings", "resolve"]

Provenance: TypeAlias = Mapping[str, str]
"""Where each setting comes from: `default`, `thalweg.toml`, `THALWEG_BROKERS`, `--brokers`."""

SECRETS = frozenset({"checkpoint_key", "sasl_password", "ssl_password"})
_PREFIX, _TABLE = "THALWEG_", "worker"
_PLACES = frozenset({"THALWEG_CACHE", "THALWEG_DATA"})  # read by streams.places

_Name = Annotated[str, Meta(pattern="^[a-zA-Z0-9._-]{1,200}$")]
_Port = Annotated[int, Meta(ge=0, le=65_535)]
_Bytes = Annotated[int, Meta(ge=1_024, le=1 << 31)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs; nothing here changes a score.

    Attributes:
        brokers: Kafka brokers to ask first, host:port, separated by commas
        group: consumer group; the pipeline's name where none is given
        slot: this worker's place in the group; who restarts in it takes it over at once
        workers: processes to start, each with its own slot; auto: one for each core
        pin: whether each of these processes stays on a core of its own
        start: where a new group begins to read
        commit_interval_ms: time between two transactions of a busy partition
        checkpoint_interval_s: time between two checkpoints of a partition
        checkpoints_kept: how many of a partition's checkpoints one can go back to
        checkpoint_store: directory or URL (s3://…) where they are kept; in Kafka if none is given
        checkpoint_key_file: file with the key they are signed with
        checkpoint_key: the key itself; from the environment or a file only
        hash_key_file: file with the key by which Secret fields are hashed
        pending_directory: directory for what waits for its label, if not all of it is in memory
        pending_memory: bytes of that which stay in memory all the same, in each process
        fetch_bytes: most that one fetch brings of one partition
        fetch_wait_ms: longest a record waits for others to be read with it; less at high rates
        session_timeout_s: silence after which the group gives a worker's partitions away
        watchdog_s: time without progress, though there is work, after which it exits; 0: never
        dead_letter_limit: share of recent records that may be bad before the worker stops
        compression: of the predictions topic
        metrics_host: address the metrics are served on
        metrics_port: its port, one more for each further worker; 0 serves none
        report_every_s: time between two lines of the worker's report; 0 prints none
        security_protocol: how to speak to the brokers
        sasl_mechanism: how to log in
        sasl_username: who logs in
        sasl_password: with which password; from the environment or a file only
        ssl_cafile: PEM file of the authorities to trust; the system's where none is given
        ssl_certfile: PEM file with the worker's own certificate
        ssl_keyfile: PEM file with its private key, if not in ssl_certfile
        ssl_password: of that key; from the environment or a file only

    Raises:
        SettingsError: a value has the wrong type, is out of range, or contradicts another.
    """

    brokers: Annotated[str, Meta(pattern=r"^[^\s,;]+:\d+(,[^\s,;]+:\d+)*$")] = "127.0.0.1:9092"
    group: _Name | None = None
    slot: _Name | None = None
    workers: Annotated[int, Meta(ge=1, le=256)] | Literal["auto"] = 1
    pin: bool = False
    start: Literal["earliest", "latest"] = "earliest"
    commit_interval_ms: Annotated[int, Meta(ge=5, le=10_000)] = 100
    checkpoint_interval_s: Annotated[float, Meta(ge=1)] = 60.0
    checkpoints_kept: Annotated[int, Meta(ge=2, le=1_000)] = 4
    checkpoint_store: Annotated[str, Meta(min_length=1)] | None = None
    checkpoint_key_file: Annotated[str, Meta(min_length=1)] | None = None
    checkpoint_key: Annotated[str, Meta(min_length=16)] | None = None
    hash_key_file: Annotated[str, Meta(min_length=1)] | None = None
    pending_directory: Annotated[str, Meta(min_length=1)] | None = None
    pending_memory: Annotated[int, Meta(ge=1 << 20)] = 256 << 20
    fetch_bytes: _Bytes = 1 << 20
    fetch_wait_ms: Annotated[int, Meta(ge=0, le=10_000)] = 100
    session_timeout_s: Annotated[float, Meta(ge=6, le=1_800)] = 20.0
    watchdog_s: Annotated[float, Meta(ge=0)] = 120.0
    dead_letter_limit: Annotated[float, Meta(gt=0, le=1)] = 0.1
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    metrics_host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    metrics_port: _Port = 9764
    report_every_s: Annotated[float, Meta(ge=0)] = 5.0
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = None

    def __post_init__(self) -> None:
        for name, value in msgspec.structs.asdict(self).items():
            _converted(name, value, f"Settings({name}=…)", strict=True)
        check_security(self)

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, _shown(name, value)) for name, value in msgspec.structs.asdict(self).items()]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def resolve(
    file: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> tuple[Settings, Provenance]:
    """The settings and where each came from: flags before environment before file.

    Args:
        file: TOML with a ``[worker]`` table.
        env: the environment; read are the names that begin with ``THALWEG_``, an empty one is as
            none.
        flags: by field name; None is as none.

    Raises:
        SettingsError: a name is unknown (the nearest one is told), or a value cannot be had.
    """
    values: dict[str, object] = {}
    provenance = dict.fromkeys(_TYPES, "default")
    for source, name, value, strict in (*_from_file(file), *_from_env(env), *_from_flags(flags)):
        values[name] = _converted(name, value, source, strict=strict)
        provenance[name] = source
    return Settings(**values), provenance  # type: ignore[arg-type]  # converted to their types


def boot_table(settings: Settings, provenance: Provenance) -> Table:
    """What a worker prints as it starts: every setting, its value (secrets masked), its source."""
    table = Table("setting", "value", "from", title="settings", title_justify="left", box=None)
    for name, value in settings.__rich_repr__():
        source = provenance[name]
        shown = "–" if value is None else str(value)
        table.add_row(name, shown, source, style="dim" if source == "default" else None)
    return table


def meanings() -> Mapping[str, str]:
    """What each setting means, in a line: its help text."""
    lines = re.findall(r"^    (\w+): (.+)$", inspect.getdoc(Settings) or "", re.MULTILINE)
    return {name: meaning for name, meaning in lines if name in _TYPES}


_TYPES: Mapping[str, Any] = {f.name: f.type for f in msgspec.structs.fields(Settings)}
_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in msgspec.structs.fields(Settings)}


def _from_file(file: Path | None) -> Iterator[tuple[str, str, object, bool]]:
    if file is None:
        return
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings from {file}", f"the file cannot be read: {error.strerror}", f"touch {file}"
        ) from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, too long a number, too deep
        example = '[worker]\n         brokers = "kafka:9092"'
        raise SettingsError(f"settings from {file}", f"not TOML: {error}", example) from error
    for name in content:
        if name != _TABLE:
            instead = f"[{_TABLE}]\n         {name} = …" if name in _TYPES else f"[{_TABLE}]"
            raise SettingsError(
                f"{file.name} has {name!r} outside of [{_TABLE}]",
                f"the only table that is read is [{_TABLE}]",
                instead,
            )
    table = content.get(_TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{file.name} has {_TABLE} = {table!r}", "it is a table", f"[{_TABLE}]")
    for name, value in table.items():
        yield file.name, _known(name, name, file.name), value, True


def _from_env(env: Mapping[str, str] | None) -> Iterator[tuple[str, str, object, bool]]:
    for variable, value in sorted((os.environ if env is None else env).items()):
        if variable.startswith(_PREFIX) and variable not in _PLACES and value:
            name = variable.removeprefix(_PREFIX).lower()
            yield variable, _known(name, variable, "the environment"), value, False


def _from_flags(flags: Mapping[str, object] | None) -> Iterator[tuple[str, str, object, bool]]:
    for name, value in (flags or {}).items():
        flag = _flag(name)
        if value is None:
            continue
        if name in SECRETS:
            raise SettingsError(
                f"{flag} on the command line",
                "every user of the machine can read a command line",
                f"{_PREFIX}{name.upper()}=… in the environment, or {name} in a file",
            )
        yield flag, _known(name, flag, "the command line"), value, False


def _known(name: str, spelled: str, source: str) -> str:
    if name in _TYPES:
        return name
    other = nearest(name, _TYPES)
    raise SettingsError(
        f"{source} sets {spelled}, which is no setting",
        "a setting that is misspelled would silently keep its default",
        _spelled_like(other, spelled) if other else f"one of {', '.join(_TYPES)}",
    )


def _spelled_like(name: str, spelled: str) -> str:
    if spelled.startswith(_PREFIX):
        return f"{_PREFIX}{name.upper()}"
    return _flag(name) if spelled.startswith("--") else name


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _converted(name: str, value: object, source: str, *, strict: bool) -> object:
    """The value in the field's type, numbers read from text unless `strict`."""
    try:
        return _of_type(name, value, strict=strict)
    except msgspec.ValidationError as error:
        choices = _choices(_TYPES[name])
        allowed = f"one of {', '.join(choices)}" if choices else str(error)
        raise SettingsError(
            f"{name} = {_shown(name, value)!r} from {source}",
            f"{allowed}; it means: {meanings().get(name)}",
            _example(name, source),
        ) from error


def _of_type(name: str, value: object, *, strict: bool) -> object:
    found: object = msgspec.convert(value, _TYPES[name], strict=strict)
    if isinstance(found, float) and math.isnan(found):  # lies within all bounds
        raise msgspec.ValidationError("Expected a number, got nan")
    return found


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    parts = [part for part in get_args(kind) if part is not NoneType]
    return _choices(parts[0]) if len(parts) == 1 else ()


def _example(name: str, source: str) -> str:
    value = _DEFAULTS[name]
    if value is None:
        value = next(iter(_choices(_TYPES[name])), "fraud-0")
    if source.startswith("--"):
        return f"{source} {value}"
    if source.startswith(_PREFIX):
        return f"{source}={value}"
    return f"{name} = {msgspec.json.encode(value).decode()}"


def _shown(name: str, value: object) -> object:
    return "••••" if name in SECRETS and value is not None else value
