"""A broker behind TLS and a log-in, with users who may do only what they were allowed to."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)
from outside import free_ports

from streams.broker import Broker
from streams.rights import Right, kafka_name

__all__ = ["ADMIN", "PASSWORDS", "Secured"]

ADMIN = "admin"
PASSWORDS = {ADMIN: "keys-to-the-house", "fraud": "correct-horse-9", "plain": "battery-staple-7"}
"""Of the super user, of a user by SCRAM, and of one by PLAIN."""


class Secured:
    """A `Broker` with an authorizer, whose clients log in over TLS or show a certificate.

    Args:
        folder: for the broker, and for the certificates.

    Attributes:
        broker: itself.
        cafile: PEM of the authority that signed its certificate.
        tls: where users are known by certificates instead of passwords.
        certificates: PEM of users' keys and certificates.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.cafile = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.cafile))
        self.certificates = {
            user: _identity(
                authority.issue_cert(f"{user}.example", common_name=user), folder / f"{user}.pem"
            )
            for user in ("fraud", "stranger")
        }
        port, tls, controller = free_ports(3)
        self.tls = f"127.0.0.1:{tls}"
        self.broker = Broker(
            folder / "kafka",
            port,
            controller,
            settings={
                "listeners": f"SASL_SSL://127.0.0.1:{port},SSL://{self.tls},"
                f"CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
                "listener.name.ssl.ssl.client.auth": "required",
                "listener.name.ssl.ssl.principal.mapping.rules": "RULE:.*CN=([^,]+).*/$1/",
                "inter.broker.listener.name": "SASL_SSL",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                "listener.name.sasl_ssl.plain.sasl.jaas.config": _plain("admin", "plain"),
                "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": _SCRAM,
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _SCRAM,
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(
                    _identity(authority.issue_cert("127.0.0.1"), folder / "broker.pem")
                ),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.cafile),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # The controller's own port has no log-in, and is on the loopback address.
                "super.users": f"User:{ADMIN};User:ANONYMOUS",
            },
        )

    def __enter__(self) -> Secured:
        self.broker.start()
        with self.admin() as client:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                login = UserScramCredentialUpsertion("fraud", mechanism, PASSWORDS["fraud"])
                assert client.alter_user_scram_credentials([login]) == {"fraud": None}
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.close()

    def options(self, user: str, mechanism: str = "PLAIN") -> dict[str, Any]:
        """Connection options of aiokafka and kafka-python."""
        return {
            "bootstrap_servers": [self.broker.bootstrap],
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(self.cafile)),
            "sasl_mechanism": mechanism,
            "sasl_plain_username": user,
            "sasl_plain_password": PASSWORDS[user],
        }

    def settings(self, user: str, mechanism: str) -> dict[str, str]:
        """Those of ours but for the password, which has no flag."""
        return {
            "brokers": self.broker.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": mechanism,
            "sasl_username": user,
            "ssl_cafile": str(self.cafile),
        }

    def admin(self) -> KafkaAdminClient:
        """A client that may do everything."""
        return KafkaAdminClient(**self.options(ADMIN))

    def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Give a user these rights and no others."""
        acls = [
            ACL(
                f"User:{user}",
                "*",
                ACLOperation[kafka_name(operation)],
                ACLPermissionType.ALLOW,
                ResourcePattern(
                    ResourceType[kafka_name(right.resource)],
                    right.name,
                    ACLResourcePatternType["PREFIXED" if right.prefix else "LITERAL"],
                ),
            )
            for right in rights
            for operation in right.operations
        ]
        with self.admin() as client:
            assert client.create_acls(acls)["failed"] == []


_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def _plain(*users: str) -> str:
    known: Mapping[str, str] = {f"user_{user}": PASSWORDS[user] for user in users}
    own = {"username": ADMIN, "password": PASSWORDS[ADMIN], **known}
    options = " ".join(f'{name}="{value}"' for name, value in own.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {options};"


def _identity(issued: trustme.LeafCert, path: Path) -> Path:
    """Key and certificate in one file; Kafka reads keys in PKCS 8 only."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pkcs8 + b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    path.chmod(0o600)
    return path
