"""How a client of the brokers logs in and encrypts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import SettingsError

if TYPE_CHECKING:
    from streams.settings import Settings

__all__ = ["check_security", "client_options"]

_LOGIN = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "fraud", "sasl_password": "…"}
_SECRETLY = ", in a file that is yours alone; or THALWEG_SASL_PASSWORD=… in the environment"
_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile")
_IDENTITY = ("ssl_keyfile", "ssl_password")


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that connect an aiokafka or a kafka-python client."""
    protocol = settings.security_protocol
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers.split(","),
        "security_protocol": protocol,
    }
    if protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
        if settings.ssl_certfile:
            context.load_cert_chain(
                settings.ssl_certfile, settings.ssl_keyfile, settings.ssl_password
            )
        options["ssl_context"] = context
    if protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password
    return options


def check_security(settings: Settings) -> None:
    """Refuse credentials that the protocol would ignore, and a protocol without its credentials."""
    protocol = settings.security_protocol
    given = f"security_protocol = {protocol!r}"
    for name, example in _LOGIN.items():
        value = getattr(settings, name)
        if protocol.startswith("SASL") and value is None:
            raise SettingsError(
                f"{given} without {name}",
                f"to log in takes {', '.join(_LOGIN)}",
                f'{name} = "{example}"' + _SECRETLY * (name == "sasl_password"),
            )
        if not protocol.startswith("SASL") and value is not None:
            raise SettingsError(
                f"{name} with {given}",
                "that protocol has no log-in: the worker would connect as nobody",
                'security_protocol = "SASL_SSL"',
            )
    for name in (*_FILES, "ssl_password"):
        if getattr(settings, name) is not None and not protocol.endswith("SSL"):
            raise SettingsError(
                f"{name} with {given}",
                "that protocol does not encrypt: it would not be used",
                f'security_protocol = "{"SASL_SSL" if protocol.startswith("SASL") else "SSL"}"',
            )
    for name in _IDENTITY:
        if getattr(settings, name) is not None and settings.ssl_certfile is None:
            raise SettingsError(
                f"{name} without ssl_certfile",
                "a key alone proves nothing: it belongs to a certificate",
                'ssl_certfile = "/etc/kafka/cert.pem"',
            )
    for name in _FILES:
        path = getattr(settings, name)
        if path is not None and not Path(path).is_file():
            raise SettingsError(
                f"{name} = {path!r}",
                "there is no such file",
                f'{name} = "/etc/kafka/{name.removeprefix("ssl_").removesuffix("file")}.pem"',
            )
