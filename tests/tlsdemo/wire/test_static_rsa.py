"""A recording and a stolen RSA key: conversations of OpenSSL, opened by us. Falsehood caught: that the key of the
certificate opens nothing, or opens everything."""

import ssl
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.wire.support import Capture, Conversation, certificate, contexts, issuer, master_secrets
from tests.tlsdemo.wire.test_first_flight import hello_of, in_records_of, sent
from tlsdemo.wire.extensions import EXTENDED_MASTER_SECRET
from tlsdemo.wire.fields import decode
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.records import Record, encode, label, raw_records, records
from tlsdemo.wire.static_rsa import decipher, secrets

STATIC = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES256-CCM8:@SECLEVEL=0"]
LINE, ANSWER = b"the password is hunter2", b"welcome"
NO_EXTENDED_MASTER_SECRET = 1 << 0  # SSL_OP_NO_EXTENDED_MASTER_SECRET of OpenSSL 3.0; `ssl` has no name for it


@cache
def stolen() -> PrivateKeyTypes:
    """The key of the server's certificate."""
    return load_pem_private_key(certificate().private_key_pem.bytes(), None)


@cache
def recorded(ciphers: str) -> Conversation:
    """A conversation that no test may change."""
    return Conversation(*contexts(ciphers)).say(LINE, ANSWER)


@pytest.mark.parametrize("ciphers", STATIC)
def test_the_key_opens_both_directions(ciphers: str) -> None:
    talk = recorded(ciphers)
    assert decode(ServerHello, sent(talk.server.sent)[0].body).has(EXTENDED_MASTER_SECRET)
    assert decipher(talk.client.sent, talk.server.sent, stolen()) == LINE + ANSWER


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("ciphers", STATIC)
def test_a_side_without_extended_master_secret_is_no_obstacle(ciphers: str, side: int) -> None:
    both = contexts(ciphers)
    both[side].options |= ssl.Options(NO_EXTENDED_MASTER_SECRET)
    talk = Conversation(*both).say(LINE, ANSWER)
    offered = hello_of(talk.client.sent).extension(EXTENDED_MASTER_SECRET) is not None
    answered = decode(ServerHello, sent(talk.server.sent)[0].body).has(EXTENDED_MASTER_SECRET)
    assert (offered, answered) == (side == 1, False)
    assert decipher(talk.client.sent, talk.server.sent, stolen()) == LINE + ANSWER


def test_a_certificate_of_the_client_and_no_ticket_are_no_obstacle() -> None:
    client, server = contexts(STATIC[1])
    server.options |= ssl.OP_NO_TICKET
    issuer().configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    issuer().issue_cert("client@test.example").configure_cert(client)
    talk = Conversation(client, server).say(LINE, ANSWER)
    assert "CertificateVerify" in [label(raw) for raw in raw_records(talk.client.sent)]
    assert "NewSessionTicket" not in [label(raw) for raw in raw_records(talk.server.sent)]
    assert decipher(talk.client.sent, talk.server.sent, stolen()) == LINE + ANSWER


def test_long_lines_several_records_and_a_close_are_read() -> None:
    talk = Conversation(*contexts(STATIC[0])).say(LINE * 2000, ANSWER)
    talk.client.received = talk.server.received = b""
    talk.say(LINE, ANSWER * 3000)
    with pytest.raises(ssl.SSLWantReadError):
        talk.client.tls.unwrap()
    talk.client.flight()
    assert label(list(raw_records(talk.client.sent))[-1]) == "Alert"
    assert decipher(talk.client.sent, talk.server.sent, stolen()) == LINE * 2001 + ANSWER * 3001


def test_how_the_handshake_was_laid_into_records_does_not_matter() -> None:
    talk = recorded(STATIC[0])
    hello, *rest = records(talk.client.sent)
    assert decipher(
        in_records_of(5, hello.fragment) + b"".join(map(encode, rest)), talk.server.sent, stolen()
    ) == LINE + ANSWER  # fmt: skip


def test_a_recording_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    talk = recorded(STATIC[0])
    assert decipher(talk.client.sent[:-1], talk.server.sent, stolen()) == ANSWER
    assert decipher(talk.client.sent, talk.server.sent[:-1], stolen()) == LINE


def test_a_record_that_does_not_open_ends_its_direction_and_not_the_other() -> None:
    talk = recorded(STATIC[0])
    for bad in (b"", b"short", bytes(40)):
        more = encode(Record(23, 0x0303, bad))
        assert decipher(talk.client.sent + more, talk.server.sent + more, stolen()) == LINE + ANSWER


def test_what_does_not_begin_with_hellos_is_no_conversation() -> None:
    both = contexts(STATIC[0])
    both[0].options |= ssl.Options(NO_EXTENDED_MASTER_SECRET)  # else the keys depend on the types, and are wrong anyway
    talk = Conversation(*both).say(LINE, ANSWER)

    def retyped(stream: bytes) -> bytes:
        return stream[:5] + b"\x03" + stream[6:]

    assert decipher(retyped(talk.client.sent), talk.server.sent, stolen()) == b""
    assert decipher(talk.client.sent, retyped(talk.server.sent), stolen()) == b""


def test_another_key_opens_nothing() -> None:
    talk = recorded(STATIC[0])
    for key in (
        rsa.generate_private_key(65537, 2048),
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP256R1()),
    ):
        assert decipher(talk.client.sent, talk.server.sent, key) == b""


@pytest.mark.parametrize(
    ("ciphers", "version"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2),
        ("ECDHE-RSA-CHACHA20-POLY1305", ssl.TLSVersion.TLSv1_2),
        ("AES128-SHA256", ssl.TLSVersion.TLSv1_2),
        (None, ssl.TLSVersion.TLSv1_3),
    ],
)
def test_the_key_opens_nothing_where_it_only_signed_or_the_suite_is_another(
    ciphers: str | None, version: ssl.TLSVersion
) -> None:
    talk = Conversation(*contexts(ciphers, version)).say(LINE, ANSWER)
    assert decipher(talk.client.sent, talk.server.sent, stolen()) == b""


@pytest.mark.parametrize("side", [None, 0, 1])
def test_the_master_secret_is_the_one_in_the_key_log(tmp_path: Path, side: int | None) -> None:
    """Judged by OpenSSL, which writes the key log."""
    both = contexts(STATIC[1])
    if side is not None:
        both[side].options |= ssl.Options(NO_EXTENDED_MASTER_SECRET)
    both[0].keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(*both).say(LINE, ANSWER)
    found = secrets(talk.client.sent, talk.server.sent, stolen())
    assert master_secrets((tmp_path / "keys.log").read_text()) == {found.client_random: found.master_secret}
    assert found.is_extended is (side is None)
    assert found.premaster_secret[:2] == b"\3\3"  # the client's version (RFC 5246 §7.4.7.1)
    assert len(found.premaster_secret) == 48


@pytest.mark.parametrize(
    ("ciphers", "version", "reason"),
    [
        (
            "ECDHE-RSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2,
            "with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, that key only signs, and encrypts no secret",
        ),
        (None, ssl.TLSVersion.TLSv1_3, "with TLS_AES_256_GCM_SHA384, that key only signs, and encrypts no secret"),
        (
            "AES128-SHA256", ssl.TLSVersion.TLSv1_2,
            "decryption of TLS_RSA_WITH_AES_128_CBC_SHA256 is not implemented",
        ),
    ],
)  # fmt: skip
def test_what_the_key_does_not_decrypt_has_a_reason(ciphers: str | None, version: ssl.TLSVersion, reason: str) -> None:
    talk = Conversation(*contexts(ciphers, version)).say(LINE, ANSWER)
    with pytest.raises(ValueError, match=f"^{reason}$"):
        secrets(talk.client.sent, talk.server.sent, stolen())


def test_another_key_has_a_reason() -> None:
    talk = recorded(STATIC[0])
    for key, reason in (
        (rsa.generate_private_key(65537, 2048), "it is not the key of the server's certificate"),
        (ec.generate_private_key(ec.SECP256R1()), "it is not an RSA key"),
    ):
        with pytest.raises(ValueError, match=f"^{reason}$"):
            secrets(talk.client.sent, talk.server.sent, key)
    with pytest.raises(ValueError, match="it does not begin with ClientHello and ServerHello"):
        secrets(b"GET / HTTP/1.0\r\n", b"", stolen())


def test_the_key_alone_does_not_open_a_session_that_was_resumed() -> None:
    both = contexts(STATIC[0])
    first = Conversation(*both).say(LINE, ANSWER)
    again = Conversation(*both, session=first.client.tls.session).say(LINE, ANSWER)
    assert again.client.tls.session_reused
    assert decipher(again.client.sent, again.server.sent, stolen()) == b""
    with pytest.raises(ValueError, match="it has no ClientKeyExchange, as if it resumed a session"):
        secrets(again.client.sent, again.server.sent, stolen())


def test_other_peoples_captures_stay_shut(capture: Capture) -> None:
    assert decipher(capture.client, capture.server, stolen()) == b""


def test_both_directions_are_needed_and_in_their_order() -> None:
    talk = recorded(STATIC[0])
    assert decipher(talk.client.sent, b"", stolen()) == b""
    assert decipher(b"", talk.server.sent, stolen()) == b""
    assert decipher(talk.server.sent, talk.client.sent, stolen()) == b""


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_garbage_gives_nothing(client: bytes, server: bytes) -> None:
    assert decipher(client, server, stolen()) == b""


@given(st.data())
def test_a_broken_recording_never_raises_and_invents_nothing(data: st.DataObject) -> None:
    talk = recorded(STATIC[0])
    streams = [talk.client.sent, talk.server.sent]
    for side in (0, 1):
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(streams[side]) - 1))
            more = data.draw(st.binary(max_size=3))
            streams[side] = streams[side][:at] + more + streams[side][at + data.draw(st.integers(0, 3)) :]
    assert decipher(streams[0], streams[1], stolen()) in (b"", LINE, ANSWER, LINE + ANSWER)
