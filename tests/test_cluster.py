"""Whether there is a Kafka, and what is said when there is none."""

from __future__ import annotations

import socket

import pytest

from streams.cluster import ClusterError, admin, connection, reach


def test_nobody_at_the_address_says_how_to_start_a_kafka():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError) as caught:
            reach(address)
    assert caught.value.given == f"no Kafka at {address}"
    assert caught.value.why == "nobody answers there (connection refused)"
    assert caught.value.write == "thalweg broker, which starts one, or --brokers host:port"


def test_one_address_of_many_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach(f"127.0.0.1:1,127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    "address", ["localhost", "localhost:kafka", "localhost:99999", "", ":9092"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ClusterError, match=r"write: --brokers 127\.0\.0\.1:9092"):
        reach(address)


def test_a_client_is_told_the_address_and_the_security_options():
    security = {"security_protocol": "SSL", "bootstrap_servers": ["other:1"]}
    assert connection("a:1,b:2", security) == {
        "security_protocol": "SSL",
        "bootstrap_servers": ["a:1", "b:2"],
    }


def test_somebody_who_is_no_kafka_is_told_from_nobody(monkeypatch):
    monkeypatch.setattr("streams.cluster._BOOTSTRAP_MS", 200)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(
            ClusterError, match="somebody listens there, but does not answer as Kafka"
        ) as caught,
        admin(f"127.0.0.1:{server.getsockname()[1]}"),
    ):
        pass
    assert "--brokers host:port of a Kafka, if that is another program" in caught.value.write
