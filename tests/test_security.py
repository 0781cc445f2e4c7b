from __future__ import annotations

import ssl

import pytest

from streams.errors import SettingsError
from streams.security import client_options
from streams.settings import Settings

LOGIN = {"sasl_mechanism": "PLAIN", "sasl_username": "fraud", "sasl_password": "s3cret"}


def refused(**given) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings(**given)
    return caught.value


def test_a_plain_client_is_given_its_brokers_and_nothing_else():
    assert client_options(Settings(brokers="a:9092,b:9093")) == {
        "bootstrap_servers": ["a:9092", "b:9093"],
        "security_protocol": "PLAINTEXT",
    }


def test_a_client_that_logs_in_over_tls_checks_the_brokers_certificate():
    options = client_options(Settings(security_protocol="SASL_SSL", **LOGIN))
    assert options["sasl_plain_username"] == "fraud"
    assert options["sasl_plain_password"] == "s3cret"
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


def test_a_login_has_all_its_parts():
    error = refused(security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_username="fraud")
    assert error.given == "security_protocol = 'SASL_SSL' without sasl_password"
    assert error.write.startswith('sasl_password = "…", in a file')
    assert "THALWEG_SASL_PASSWORD=…" in error.write


def test_a_password_that_no_protocol_would_send_is_refused():
    error = refused(**LOGIN)
    assert error.given == "sasl_mechanism with security_protocol = 'PLAINTEXT'"
    assert error.why == "that protocol has no log-in: the worker would connect as nobody"
    assert error.write == 'security_protocol = "SASL_SSL"'


def test_a_certificate_that_no_protocol_would_use_is_refused():
    assert refused(ssl_cafile="ca.pem").write == 'security_protocol = "SSL"'
    error = refused(security_protocol="SASL_PLAINTEXT", ssl_cafile="ca.pem", **LOGIN)
    assert error.write == 'security_protocol = "SASL_SSL"'


def test_a_key_belongs_to_a_certificate():
    error = refused(security_protocol="SSL", ssl_password="s3cret")
    assert error.given == "ssl_password without ssl_certfile"
    assert error.write == 'ssl_certfile = "/etc/kafka/cert.pem"'


def test_a_certificate_that_is_not_there_is_told_before_anything_connects(tmp_path):
    error = refused(security_protocol="SSL", ssl_cafile=str(tmp_path / "ca.pem"))
    assert error.why == "there is no such file"
    assert error.write == 'ssl_cafile = "/etc/kafka/ca.pem"'
