"""The broker's jars: pinned, verified, fetched once, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streams.broker import BrokerError
from streams.jars import Jar, Progress, classpath, locked

ROOT = Path(__file__).parents[1]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, an empty Maven repository and no network."""
    monkeypatch.setenv("THALWEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "jgo.conf"))
    mirror(tmp_path, "http://127.0.0.1:1")
    return tmp_path


def mirror(machine: Path, url: str) -> None:
    (machine / "jgo.conf").write_text(f"[repositories]\ncentral = {url}\n")


def jar(name: str, content: bytes) -> Jar:
    return Jar(f"org.example:{name}:1.0", hashlib.sha256(content).hexdigest(), len(content))


class Repository:
    """A Maven repository on this machine that counts what is asked of it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.asked: Counter[str] = Counter()
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                repository.asked[name] += 1
                content = files.get(name)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Repository:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_lock_file_pins_every_jar_of_one_kafka_release() -> None:
    coordinates = [jar.coordinate for jar in locked()]
    assert len(coordinates) == len({jar.name for jar in locked()}) == 45
    versions = {c.rpartition(":")[2] for c in coordinates if c.startswith("org.apache.kafka:")}
    assert versions == {"4.4.0"}
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in locked())


def test_jars_come_whole_and_only_once(machine: Path) -> None:
    class Told(Progress):
        jars: Sequence[Jar] = ()
        sizes: list[int] = []  # noqa: RUF012

        def begin(self, jars: Sequence[Jar]) -> None:
            self.jars = jars

        def advance(self, size: int) -> None:
            self.sizes.append(size)

    wanted = [jar("a", b"a" * 20_000), jar("b", b"b")]
    told = Told()
    with Repository({"a-1.0.jar": b"a" * 20_000, "b-1.0.jar": b"b"}) as repository:
        mirror(machine, repository.url)
        paths = classpath(told, wanted)
    assert [path.read_bytes() for path in paths] == [b"a" * 20_000, b"b"]
    assert told.jars == wanted
    assert sum(told.sizes) == 20_001
    assert classpath(None, wanted) == paths
    assert {path.name for path in paths[0].parent.iterdir()} == {"a-1.0.jar", "b-1.0.jar", "lock"}


def test_a_damaged_jar_is_fetched_again(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted = [jar("a", b"good")]
    with Repository({"a-1.0.jar": b"good"}) as repository:
        mirror(machine, repository.url)
        (path,) = classpath(None, wanted)
        path.write_bytes(b"evil")
        with caplog.at_level(logging.WARNING):
            classpath(None, wanted)
    assert path.read_bytes() == b"good"
    assert "a-1.0.jar does not match its checksum any more: fetching it again" in caplog.text


def test_a_jar_that_was_changed_on_its_way_is_refused(machine: Path) -> None:
    wanted = [jar("a", b"good")]
    with Repository({"a-1.0.jar": b"evil"}) as repository:
        mirror(machine, repository.url)
        with pytest.raises(BrokerError) as refused:
            classpath(None, wanted)
    assert "org.example:a:1.0 came with the SHA-256" in refused.value.given
    assert wanted[0].sha256 in refused.value.why
    assert "nothing of it was kept" in refused.value.why
    assert [path.name for path in (machine / "cache" / "jars").iterdir()] == ["lock"]


def test_jars_of_the_machines_own_maven_repository_need_no_network(machine: Path) -> None:
    there = machine / "m2" / "org" / "example" / "a" / "1.0" / "a-1.0.jar"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"good")
    (path,) = classpath(None, [jar("a", b"good")])
    assert path.read_bytes() == b"good"


def test_without_jars_and_network_the_error_says_what_to_do(machine: Path) -> None:
    with pytest.raises(BrokerError) as refused:
        classpath(None, [jar("a", b"good")])
    message = str(refused.value)
    assert "org.example:a:1.0 cannot be fetched from http://127.0.0.1:1" in message
    assert "Connection refused" in message
    assert f"then kept in {machine / 'cache'}" in message
    assert "[repositories]\n         central = https://…" in message


def test_two_processes_at_once_fetch_each_jar_once(machine: Path) -> None:
    contents = {f"{name}-1.0.jar": name.encode() * 100_000 for name in "abcdefgh"}
    wanted = [jar(name[0], content) for name, content in contents.items()]
    program = (
        "from streams.jars import Jar, classpath\n"
        f"classpath(None, [Jar(*fields) for fields in "
        f"{[(j.coordinate, j.sha256, j.size) for j in wanted]!r}])"
    )
    with Repository(contents) as repository:
        mirror(machine, repository.url)
        both = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)]
        assert [process.wait() for process in both] == [0, 0]
    assert {repository.asked[name] for name in contents} == {1}
