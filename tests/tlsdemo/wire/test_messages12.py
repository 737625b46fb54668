"""The messages of TLS 1.2 in captures and in conversations of OpenSSL. Falsehood caught: a wrong structure."""

import ssl
from pathlib import Path
from typing import TypeVar

import pytest

from tests.tlsdemo.wire.support import Capture, Conversation, certificate, contexts, dh_parameters, issuer
from tlsdemo.key_agreement import FFDHE2048
from tlsdemo.wire.dissection import Dissection, dissect
from tlsdemo.wire.extensions import CertificateStatus
from tlsdemo.wire.fields import encode
from tlsdemo.wire.key_log import parse
from tlsdemo.wire.messages12 import (
    CertificateRequestTls12,
    CertificateTls12,
    ClientKeyExchangeDhe,
    ClientKeyExchangeEcdhe,
    ClientKeyExchangeRsa,
    HelloRequest,
    ServerHelloDone,
    ServerKeyExchangeDhAnon,
    ServerKeyExchangeDhe,
    ServerKeyExchangeEcdhAnon,
    ServerKeyExchangeEcdhe,
    structure,
)
from tlsdemo.wire.messages13 import CertificateVerify

T = TypeVar("T")


def talk(tmp_path: Path, client: ssl.SSLContext, server: ssl.SSLContext) -> Dissection:
    """A conversation of OpenSSL, dissected; every message has a value, which is written back to the same bytes."""
    client.keylog_filename = str(tmp_path / "keys.log")
    chunks = Conversation(client, server).say(b"a line", b"an answer").chunks
    found = dissect(chunks, parse((tmp_path / "keys.log").read_text()))
    assert_is_written_back(found)
    return found


def assert_is_written_back(found: Dissection) -> None:
    assert len(found.messages) >= 6
    for message in found.messages:
        assert message.problem is None
        assert encode(message.value) == message.raw[4:]


def value(found: Dissection, cls: type[T]) -> T:
    (message,) = (each.value for each in found.messages if isinstance(each.value, cls))
    return message


@pytest.mark.parametrize("name", ["illustrated-tls12", "python-ssl-tls12"])
def test_the_messages_of_a_capture_are_read(all_captures: dict[str, Capture], name: str) -> None:
    found = dissect(all_captures[name].chunks, parse(all_captures[name].keys))
    clear = [type(each.value).__name__ for each in found.messages][:6]
    assert clear == [
        "ClientHello", "ServerHello", "CertificateTls12", "ServerKeyExchangeEcdhe", "ServerHelloDone",
        "ClientKeyExchangeEcdhe",
    ]  # fmt: skip
    exchange, answer = value(found, ServerKeyExchangeEcdhe), value(found, ClientKeyExchangeEcdhe)
    assert (exchange.curve_type, exchange.named_curve) == (3, 29)
    assert (len(exchange.public), len(answer.ecdh_yc), len(exchange.signature)) == (32, 32, 256)
    assert value(found, ServerHelloDone) == ServerHelloDone()


def test_mutual_authentication_is_read(tmp_path: Path) -> None:
    client, server = contexts("ECDHE-RSA-AES128-GCM-SHA256")
    certificate().configure_cert(client)
    issuer().configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    found = talk(tmp_path, client, server)
    request = value(found, CertificateRequestTls12)
    assert {1, 64} <= set(request.certificate_types)
    assert 0x0804 in request.supported_signature_algorithms
    assert value(found, CertificateVerify).algorithm in request.supported_signature_algorithms
    chains = [each.value for each in found.messages if isinstance(each.value, CertificateTls12)]
    der = ssl.PEM_cert_to_DER_cert(certificate().cert_chain_pems[0].bytes().decode())
    assert [chain.certificate_list[0] for chain in chains] == [der, der]


def test_static_rsa_is_read(tmp_path: Path) -> None:
    found = talk(tmp_path, *contexts("AES256-GCM-SHA384"))
    assert len(value(found, ClientKeyExchangeRsa).encrypted_pre_master_secret) == 256


def test_finite_field_diffie_hellman_is_read(tmp_path: Path) -> None:
    client, server = contexts("DHE-RSA-AES128-GCM-SHA256")
    (tmp_path / "dh.pem").write_text(dh_parameters())
    server.load_dh_params(str(tmp_path / "dh.pem"))
    found = talk(tmp_path, client, server)
    exchange = value(found, ServerKeyExchangeDhe)
    assert int.from_bytes(exchange.dh_p) == FFDHE2048
    assert int.from_bytes(exchange.dh_g) == 2
    assert 255 <= len(value(found, ClientKeyExchangeDhe).dh_yc) <= 256


def test_a_key_exchange_without_authentication_is_read(tmp_path: Path) -> None:
    found = talk(tmp_path, *contexts("AECDH-AES128-SHA:@SECLEVEL=0"))
    exchange = value(found, ServerKeyExchangeEcdhAnon)
    assert (exchange.curve_type, exchange.named_curve, len(exchange.public)) == (3, 29, 32)


@pytest.mark.parametrize(
    ("msg_type", "suite", "expected"),
    [
        (0, 0xC02F, HelloRequest),
        (22, 0xC02F, CertificateStatus),
        (12, 0xC02F, ServerKeyExchangeEcdhe),
        (12, 0x009E, ServerKeyExchangeDhe),
        (12, 0x009C, None),  # static RSA has no ServerKeyExchange
        (16, 0x009C, ClientKeyExchangeRsa),
        (12, 0x00A6, ServerKeyExchangeDhAnon),
        (16, 0x00A6, ClientKeyExchangeDhe),
        (12, 0xC018, ServerKeyExchangeEcdhAnon),
        (16, 0xC018, ClientKeyExchangeEcdhe),
        (16, 0x008C, None),  # PSK
        (99, 0xC02F, None),
        (16, 0xABCD, None),
    ],
)
def test_the_suite_selects_the_structure(msg_type: int, suite: int, expected: type | None) -> None:
    assert structure(msg_type, suite) is expected
