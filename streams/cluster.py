"""A Kafka cluster seen from outside: whether it can be reached, and an admin client on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from streams.errors import TeachingError
from streams.handshake import misunderstanding

__all__ = ["ClusterError", "Security", "admin", "connection", "reach"]

Security: TypeAlias = Mapping[str, Any]
"""Options that aiokafka and kafka-python both take; see `streams.security.client_options`."""

_CONNECT_S, _BOOTSTRAP_MS, _REQUEST_MS = 3.0, 5_000, 15_000


class ClusterError(TeachingError):
    """Kafka cannot be reached, or does not let us in."""


def connection(bootstrap: str, security: Security | None = None) -> dict[str, Any]:
    """Keyword arguments that connect an aiokafka or a kafka-python client."""
    return {**(security or {}), "bootstrap_servers": bootstrap.split(",")}


def reach(bootstrap: str) -> None:
    """Make sure that somebody listens at one of the addresses, `host:port` with commas between.

    Clients retry for minutes and say little; this takes three seconds an address at most.

    Raises:
        ClusterError: an address is malformed, or nobody listens at any.
    """
    refusals = []
    for address in bootstrap.split(","):
        try:
            place = urlsplit(f"//{address}")
            host, port = place.hostname, place.port
        except ValueError:
            host, port = None, None
        if host is None or port is None:
            raise ClusterError(
                f"--brokers {bootstrap}",
                f"{address!r} is not an address",
                "--brokers 127.0.0.1:9092",
            )
        try:
            socket.create_connection((host, port), _CONNECT_S).close()
        except OSError as error:
            refusals.append((error.strerror or str(error)).lower())
        else:
            return
    raise ClusterError(
        f"no Kafka at {bootstrap}",
        f"nobody answers there ({', '.join(dict.fromkeys(refusals))})",
        "thalweg broker, which starts one, or --brokers host:port",
    )


@contextmanager
def admin(bootstrap: str, security: Security | None = None) -> Iterator[KafkaAdminClient]:
    """An admin client on the cluster; every call on it answers within seconds or raises.

    Raises:
        ClusterError: there is no Kafka, it wants other security options, or it denies a request.
    """
    reach(bootstrap)
    try:
        client = KafkaAdminClient(
            **connection(bootstrap, security),
            bootstrap_timeout_ms=_BOOTSTRAP_MS,
            request_timeout_ms=_REQUEST_MS,
        )
    except KafkaError as error:
        raise _unwelcome(bootstrap, security, error) from error
    try:
        with client:
            yield client
    except AuthorizationError as error:
        raise ClusterError(
            f"{bootstrap} denies the request: {error}",
            "the user we log in as lacks the rights for it",
            "kafka-acls --add --allow-principal User:… with the operation that is missing",
        ) from error


def _unwelcome(bootstrap: str, security: Security | None, error: Exception) -> ClusterError:
    protocol = (security or {}).get("security_protocol", "PLAINTEXT")
    given = f"no understanding with {bootstrap} by {protocol}"
    for address in bootstrap.split(","):
        place = urlsplit(f"//{address}")
        known = misunderstanding(place.hostname or "", place.port or 0, security or {})
        if known is not None:
            return ClusterError(given, *known)
    return ClusterError(
        given,
        f"somebody listens there, but does not answer as Kafka does ({error})",
        "--brokers host:port of a Kafka, if that is another program; if it is one, "
        "security_protocol = … as in its listeners (PLAINTEXT, SSL, SASL_SSL), with the user and "
        "the files that go with it",
    )
