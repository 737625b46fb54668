"""A peer that does not speak TLS 1.3: the error says what came, and the alert says what was wrong. Caught: a riddle."""

import ssl
from random import Random

import pytest

from tests.tlsdemo.tls13.parties import machine, party, violation_of
from tests.tlsdemo.wire.support import End, certificate, issuer
from tlsdemo.protocol import Side
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.protocol import tls13
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import Violation, alert
from tlsdemo.wire.records import ALERT

CLIENT, SERVER = Side.CLIENT, Side.SERVER


def waiting(side: Side) -> Machine:
    """An endpoint that waits for the peer's first message."""
    end = machine(tls13().endpoint(side, party(side)))
    end.outgoing()
    return end


def old_peer(side: Side) -> End:
    """Python's `ssl` with TLS 1.2 at most."""
    if side is CLIENT:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        issuer().configure_trust(context)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        certificate().configure_cert(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = "localhost" if side is CLIENT else None
    tls = context.wrap_bio(incoming, outgoing, server_side=side is SERVER, server_hostname=name)
    return End(tls, incoming, outgoing)


def test_a_client_of_tls_1_2_learns_that_its_version_is_too_old() -> None:
    server, client = waiting(SERVER), old_peer(CLIENT)
    client.step()
    server.receive(client.flight())
    assert violation_of(server) is TlsViolation.OLD_VERSION
    assert "0x0303" in str(server.error)
    client.incoming.write(server.outgoing())
    client.step()
    assert client.error == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_a_server_of_tls_1_2_ends_the_conversation_with_an_alert_that_the_client_names() -> None:
    client, server = machine(tls13().client(party(CLIENT))), old_peer(SERVER)
    server.incoming.write(client.outgoing())
    server.step()
    assert server.error == "UNSUPPORTED_PROTOCOL"
    client.receive(server.flight())
    assert violation_of(client) is Violation.ALERT
    assert alert(client.error) == "protocol_version"  # type: ignore[arg-type]  # violation_of has checked the class
    assert client.outgoing() == b""


NOT_TLS = {
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n": "HTTP request without TLS",
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "HTTP without TLS",
    b"SSH-2.0-OpenSSH_9.2\r\n": "SSH",
    b"220 mail.example ESMTP\r\n": "SMTP",
    b'{"type": "client_hello"}\n': "educational handshake",
    b"\x80\x2e\x01\x03\x01" + bytes(43): "SSL 2.0",
    b"\xff" * 40: "ff",
    b"\x16GET / HTTP/1.1": "GET",
    bytes(10): "00",
}


@pytest.mark.parametrize(("data", "said"), NOT_TLS.items(), ids=NOT_TLS.values())
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_another_protocol_is_recognized(side: Side, data: bytes, said: str) -> None:
    end = waiting(side)
    end.receive(data)
    assert violation_of(end) is TlsViolation.NOT_TLS
    assert said in str(end.error)
    assert str(end.error).isprintable()
    assert end.outgoing() == bytes([ALERT, 3, 3, 0, 2, 2, 10])


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
@pytest.mark.parametrize("seed", range(50))
def test_garbage_that_begins_like_a_record_is_refused(side: Side, seed: int) -> None:
    end = waiting(side)
    garbage = Random(seed).randbytes(300)
    end.receive(bytes([20 + seed % 4, 3, 3, 0, 100]) + garbage)
    end.receive_eof()
    assert end.error
    assert isinstance(violation_of(end), TlsViolation | Violation)
    assert not end.accepted


@pytest.mark.parametrize("begun", [b"", b"\x16", b"\x16\x03\x01\x00\x05", b"\x16\x03\x01\x00\x05\x01\x00"])
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_silence_and_then_the_end_names_what_was_awaited(side: Side, begun: bytes) -> None:
    end = waiting(side)
    end.receive(begun)
    end.receive_eof()
    assert violation_of(end) is Violation.TRUNCATED
    assert f"wait for {'ServerHello' if side is CLIENT else 'ClientHello'}" in str(end.error)
    assert end.outgoing() == b""
    assert not end.ended
