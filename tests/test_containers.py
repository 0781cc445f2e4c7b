"""The container files are valid and say what the code says.

No container engine runs here: images are not built. Their entry points, settings and commands are.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from hatchling.builders.wheel import WheelBuilder
from kafka.admin import ConfigResource, ConfigResourceType

from streams.broker import Broker
from streams.cli import cli
from streams.cluster import admin
from streams.jars import locked
from streams.settings import Settings, resolve

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "deploy/Dockerfile"
PROMETHEUS = ROOT / "deploy/prometheus/prometheus.yml"
KAFKA_VERSION = next(
    jar.coordinate.rpartition(":")[2] for jar in locked() if ":kafka-clients:" in jar.coordinate
)

SERVICES: dict[str, Any] = PyCompose.from_yaml((ROOT / "docker-compose.yml").read_text()).to_dict()[
    "services"
]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_the_compose_file_keeps_the_specification():
    watching = {"prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) == {"kafka", "topics", "worker", "payments"} | watching


def test_the_dockerfile_passes_the_linter():
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("image", [service["image"] for service in SERVICES.values()])
def test_an_image_is_pinned(image):
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", image)


def test_containers_run_the_kafka_that_the_tests_run():
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_change_nothing_but_its_temporary_files(name):
    service = OURS[name]
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE.read_text(), re.MULTILINE)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume.endswith(":ro") for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"topics", "payments"}])
def test_a_service_that_stays_up_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in OURS])
def test_a_service_of_others_does_not_run_as_root(name):
    assert SERVICES[name]["user"] not in {"root", "0"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_a_command_that_exists(name):
    command, *arguments = shlex.split(OURS[name]["command"])
    context = cli.commands[command].make_context(command, arguments)
    if pipeline := context.params.get("pipeline"):
        assert (ROOT / "examples" / pipeline).exists()


@pytest.mark.parametrize("name", OURS)
def test_a_service_finds_the_broker_by_its_environment(name):
    settings, _ = resolve(env=OURS[name]["environment"])
    inside = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")[0]
    assert f"INSIDE://{settings.brokers}" == inside


def test_nothing_is_published_beyond_this_machine():
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_prometheus_scrapes_every_worker_process_where_it_serves_its_metrics():
    _, _, _, workers = shlex.split(SERVICES["worker"]["command"])
    first = Settings().metrics_port
    jobs = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    targets = next(job for job in jobs if job["job_name"] == "thalweg")["static_configs"]
    assert targets == [{"targets": [f"worker:{first + n}" for n in range(int(workers))]}]
    for n in range(int(workers)):
        assert f"127.0.0.1:{first + n}/metrics" in str(SERVICES["worker"]["healthcheck"])


def test_prometheus_tells_the_alertmanager_that_is_started():
    told = yaml.safe_load(PROMETHEUS.read_text())["alerting"]["alertmanagers"]
    assert told == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]
    service = SERVICES["alertmanager"]
    assert service["ports"][0].endswith(":9093")
    (folder, inside, _) = service["volumes"][0].split(":")
    file = service["command"].split()[0].removeprefix(f"--config.file={inside}/")
    assert (ROOT / folder / file).exists()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed here")
def test_prometheus_itself_accepts_its_configuration():
    subprocess.run(["promtool", "check", "config", PROMETHEUS], check=True, capture_output=True)


def test_the_image_is_built_from_all_that_the_build_needs_and_no_more():
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().split()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE))
    assert {name for names in copied for name in names.split()} == sent
    assert all((ROOT / name).exists() for name in sent)


def test_what_the_image_is_sent_is_enough_to_build_the_package(tmp_path):
    for name in (ROOT / "deploy/Dockerfile.dockerignore").read_text().split():
        if name.startswith("!"):
            source, target = ROOT / name[1:], tmp_path / name[1:]
            target.parent.mkdir(exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)
    assert list(WheelBuilder(str(tmp_path)).build(directory=str(tmp_path / "dist")))


def test_the_images_python_is_one_the_package_allows():
    versions = set(re.findall(r"^FROM python:(3\.\d+)\.", DOCKERFILE.read_text(), re.MULTILINE))
    assert versions == {"3.13"}


def test_the_entry_point_is_the_command_that_the_package_installs():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert f"ENTRYPOINT {json.dumps(list(scripts))}" in DOCKERFILE.read_text()


@pytest.mark.kafka
def test_kafka_knows_and_takes_the_settings_of_its_container(tmp_path):
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
    }
    of_the_network = {name for name in settings if "listener" in name or "quorum" in name}
    for name in of_the_network | {"log.dirs"}:
        del settings[name]
    asked = ConfigResource(ConfigResourceType.BROKER, "1", [*settings])
    with Broker(tmp_path, settings=settings) as broker, admin(broker.bootstrap) as client:
        known = client.describe_configs([asked], config_filter="all")["broker"]["1"]
    # A name that Kafka does not know is told without its value.
    assert {name: known[name]["value"] for name in settings} == settings
