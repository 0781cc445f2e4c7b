"""Why a broker and we do not understand one another, said where it is known."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from streams.handshake import misunderstanding


@contextmanager
def listening(context: ssl.SSLContext | None = None, answer: bytes = b"") -> Iterator[int]:
    """The port of somebody who answers one connection, in TLS if there is a context."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    talk = context.wrap_socket(peer, server_side=True) if context else peer
                    talk.recv(1_000)
                    talk.sendall(answer)
                except OSError:  # the client is gone: that is what is tested
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def options(**more: object) -> dict[str, object]:
    return {"security_protocol": "SSL", "ssl_context": ssl.create_default_context(), **more}


def test_a_certificate_of_an_unknown_authority_names_the_setting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with listening(context) as port:
        why, write = misunderstanding("127.0.0.1", port, options()) or ("", "")
    assert why == "its certificate is not to be trusted: unable to get local issuer certificate"
    assert write.startswith('ssl_cafile = "/etc/kafka/ca.pem"')


@pytest.mark.parametrize(("login", "protocol"), [({}, "PLAINTEXT"), ("PLAIN", "SASL_PLAINTEXT")])
def test_a_broker_that_speaks_no_tls_is_told(login, protocol):
    given = options(sasl_mechanism=login) if login else options()
    with listening(answer=b"no TLS here, whatever you say") as port:
        why, write = misunderstanding("127.0.0.1", port, given) or ("", "")
    assert why.startswith("it does not answer in TLS (")
    assert write.startswith(f'security_protocol = "{protocol}"')


def test_nothing_is_claimed_of_what_is_not_known():
    with listening(answer=b"\0\0\0\1?") as port:
        assert misunderstanding("127.0.0.1", port, {"security_protocol": "PLAINTEXT"}) is None
