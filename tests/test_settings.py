from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from streams.errors import SettingsError
from streams.settings import Settings, boot_table, meanings, resolve


def refused(**given) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        resolve(**{"env": {}, **given})
    return caught.value


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "thalweg.toml"

    def write(text: str):
        path.write_text(text)
        return path

    return write


def test_every_setting_says_what_it_means_in_one_line():
    assert list(meanings()) == [field.name for field in msgspec.structs.fields(Settings)]


def test_there_are_no_more_settings_than_one_can_read():
    assert len(msgspec.structs.fields(Settings)) <= 32


def test_flags_come_before_environment_before_file_before_defaults(file):
    settings, provenance = resolve(
        file('[worker]\nbrokers = "file:1"\nworkers = 2\nstart = "latest"\n'),
        {"THALWEG_BROKERS": "env:1", "THALWEG_WORKERS": "3", "HOME": "/root"},
        {"brokers": "flag:1", "group": None},
    )
    assert (settings.brokers, settings.workers, settings.start) == ("flag:1", 3, "latest")
    named = {name: source for name, source in provenance.items() if source != "default"}
    assert named == {"brokers": "--brokers", "workers": "THALWEG_WORKERS", "start": "thalweg.toml"}
    assert list(provenance) == [field.name for field in msgspec.structs.fields(Settings)]


def test_text_from_the_environment_becomes_the_type_of_the_setting():
    settings, _ = resolve(
        env={
            "THALWEG_CHECKPOINT_INTERVAL_S": "2.5",
            "THALWEG_SLOT": "7",
            "THALWEG_METRICS_PORT": "0",
        }
    )
    assert (settings.checkpoint_interval_s, settings.slot, settings.metrics_port) == (2.5, "7", 0)


def test_an_empty_variable_is_as_none():
    assert resolve(env={"THALWEG_BROKERS": ""})[0] == Settings()


def test_variables_of_other_parts_are_not_the_workers_business():
    assert resolve(env={"THALWEG_CACHE": "/x", "THALWEG_DATA": "/y"})[0] == Settings()


@pytest.mark.parametrize(
    ("given", "told", "instead"),
    [
        ({"env": {"THALWEG_BROKER": "a:1"}}, "THALWEG_BROKER,", "THALWEG_BROKERS"),
        ({"flags": {"commit_intervall_ms": 5}}, "--commit-intervall-ms", "--commit-interval-ms"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(given, told, instead):
    error = refused(**given)
    assert told in error.given
    assert error.why == "a setting that is misspelled would silently keep its default"
    assert error.write == instead


def test_an_unknown_name_in_a_file_is_refused_with_the_nearest(file):
    error = refused(file=file("[worker]\ncompresion = 'lz4'\n"))
    assert error.given == "thalweg.toml sets compresion, which is no setting"
    assert error.write == "compression"


def test_a_setting_outside_its_table_is_told_where_to_stand(file):
    error = refused(file=file("brokers = 'a:1'\n"))
    assert error.given == "thalweg.toml has 'brokers' outside of [worker]"
    assert error.write.split() == ["[worker]", "brokers", "=", "…"]
    assert refused(file=file("worker = 5\n")).given == "thalweg.toml has worker = 5"


@pytest.mark.parametrize(
    ("given", "told", "why", "instead"),
    [
        (
            {"env": {"THALWEG_WORKERS": "many"}},
            "workers = 'many' from THALWEG_WORKERS",
            "Invalid enum value 'many'; it means: processes to start, each with its own slot; "
            "auto: one for each core",
            "THALWEG_WORKERS=1",
        ),
        (
            {"flags": {"commit_interval_ms": 0}},
            "commit_interval_ms = 0 from --commit-interval-ms",
            "Expected `int` >= 5; it means: time between two transactions of a busy partition",
            "--commit-interval-ms 100",
        ),
        (
            {"env": {"THALWEG_COMPRESSION": "zip"}},
            "compression = 'zip' from THALWEG_COMPRESSION",
            "one of none, gzip, snappy, lz4, zstd; it means: of the predictions topic",
            "THALWEG_COMPRESSION=none",
        ),
        (
            {"env": {"THALWEG_SASL_MECHANISM": "GSSAPI"}},
            "sasl_mechanism = 'GSSAPI' from THALWEG_SASL_MECHANISM",
            "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; it means: how to log in",
            "THALWEG_SASL_MECHANISM=PLAIN",
        ),
    ],
)
def test_a_value_that_cannot_be_is_answered_with_one_that_can(given, told, why, instead):
    error = refused(**given)
    assert (error.given, error.why, error.write) == (told, why, instead)


def test_a_file_is_strict_about_types(file):
    error = refused(file=file('[worker]\nworkers = "2"\n'))
    assert error.given == "workers = '2' from thalweg.toml"
    assert error.write == "workers = 1"


@pytest.mark.parametrize("brokers", ["", "kafka", "a:1, b:1", "a:1;b:1"])
def test_brokers_are_hosts_with_ports(brokers):
    with pytest.raises(SettingsError) as caught:
        Settings(brokers=brokers)
    assert caught.value.write == 'brokers = "127.0.0.1:9092"'


def test_a_file_that_is_missing_or_no_toml_is_told_so(file, tmp_path):
    assert "No such file" in refused(file=tmp_path / "none.toml").why
    assert refused(file=file("[worker\n")).why.startswith("not TOML: ")


def test_a_password_does_not_belong_on_the_command_line():
    error = refused(flags={"sasl_password": "s3cret"})
    assert str(error) == (
        "--sasl-password on the command line\n"
        "  why:   every user of the machine can read a command line\n"
        "  write: THALWEG_SASL_PASSWORD=… in the environment, or sasl_password in a file"
    )


def test_a_password_is_never_shown():
    settings, provenance = resolve(
        env={
            "THALWEG_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "THALWEG_SASL_MECHANISM": "PLAIN",
            "THALWEG_SASL_USERNAME": "fraud",
            "THALWEG_SASL_PASSWORD": "s3cret",
        }
    )
    console = Console(file=io.StringIO(), width=120)
    console.print(boot_table(settings, provenance), settings)
    for shown in (repr(settings), str(settings), console.file.getvalue()):
        assert "s3cret" not in shown
        assert "••••" in shown
    with pytest.raises(SettingsError) as caught:
        Settings(sasl_password=5)
    assert "••••" in str(caught.value)


def test_the_boot_table_tells_value_and_source_of_every_setting():
    settings, provenance = resolve(env={"THALWEG_WORKERS": "2"})
    table = boot_table(settings, provenance)
    names, values, sources = ([*column.cells] for column in table.columns)
    assert names == list(provenance)
    assert sources[names.index("workers")] == "THALWEG_WORKERS"
    assert (values[names.index("workers")], values[names.index("group")]) == ("2", "–")


@pytest.mark.parametrize(("given", "read"), [("auto", "auto"), ("3", 3)])
def test_workers_are_a_number_or_as_many_as_there_are_cores(given, read):
    assert resolve(None, {"THALWEG_WORKERS": given}, {})[0].workers == read
    assert resolve(None, {}, {"workers": given, "pin": True})[0].pin
