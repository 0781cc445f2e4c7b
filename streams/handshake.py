"""Why a broker that listens does not understand us: one connection, step by step."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka import conn
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

__all__ = ["misunderstanding"]

_ANSWER_MS = 3_000
_OPTIONS = (
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
)


def misunderstanding(host: str, port: int, security: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with how we speak to a broker, and what to write instead.

    Clients retry a refused log-in like a lost connection and forget why. This connects once.

    Args:
        host: where somebody listens.
        port: on which port.
        security: options of the connection.

    Returns:
        None where nothing is found that is for sure.
    """
    options = {name: security[name] for name in _OPTIONS if security.get(name) is not None}
    # In a thread, because the caller's may have an event loop of its own.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _try(host, port, options)).result()


async def _try(host: str, port: int, options: dict[str, Any]) -> tuple[str, str] | None:
    user = f"{options.get('sasl_plain_username')!r}"
    mechanism = options.get("sasl_mechanism")
    try:
        connected = await conn.create_conn(host, port, request_timeout_ms=_ANSWER_MS, **options)
    except ssl.SSLCertVerificationError as error:
        return (
            f"its certificate is not to be trusted: {error.verify_message}",
            'ssl_cafile = "/etc/kafka/ca.pem", the authority that signed it for this very name',
        )
    except ssl.SSLError as error:
        return (
            f"it does not answer in TLS ({error.reason or error})",
            f'security_protocol = "{_plain(options)}", if its listener is one; or its other port',
        )
    except SaslAuthenticationFailed as error:
        reason = error.args[0] if error.args else "no reason is given"
        return (f"it refuses {user} by {mechanism}: {reason}", _password(mechanism))
    except UnsupportedSaslMechanismError:
        return (
            f"it lets nobody log in by {mechanism}",
            "sasl_mechanism = one of the broker's sasl.enabled.mechanisms",
        )
    except (KafkaError, OSError, TimeoutError) as error:
        alert = error.__cause__ or error.__context__
        if not isinstance(alert, ssl.SSLError):
            return None
        return (
            f"it wants a certificate of ours, and another one than it was shown ({alert.reason})",
            'ssl_certfile = "/etc/kafka/cert.pem", signed by an authority that the broker trusts',
        )
    connected.close()
    return None


def _plain(options: Mapping[str, Any]) -> str:
    return "SASL_PLAINTEXT" if "sasl_mechanism" in options else "PLAINTEXT"


def _password(mechanism: str | None) -> str:
    """Where a password is given, and where it is set."""
    ours = "THALWEG_SASL_PASSWORD=… as it is at the broker, "
    if mechanism == "PLAIN":
        return f"{ours}in the user_… of its listener's sasl.jaas.config"
    return (
        f"{ours}where kafka-configs --alter --entity-type users --entity-name … "
        f"--add-config '{mechanism}=[password=…]' sets it"
    )
