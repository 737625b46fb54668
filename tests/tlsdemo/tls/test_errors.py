"""The tables of reasons against OpenSSL itself: its words for verify codes, and alerts as they come on the wire."""

import ctypes.util
import re
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import missing, run
from tests.peers.support import ours, trusting
from tlsdemo.tls import errors

WORDS = {
    2: "issuer certificate", 3: "CRL", 7: "certificate signature failure", 8: "CRL signature failure",
    9: "certificate is not yet valid", 10: "certificate has expired", 11: "CRL is not yet valid", 12: "CRL has expired",
    18: "self-signed certificate", 19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate", 21: "unable to verify the first certificate",
    23: "certificate revoked", 26: "certificate purpose", 62: "hostname mismatch", 64: "IP address mismatch",
}  # fmt: skip
"""What OpenSSL calls the codes of our table."""


def test_every_verify_code_means_to_openssl_what_it_means_to_us() -> None:
    library = ctypes.util.find_library("crypto")
    if library is None:
        missing("the system's libcrypto")
    assert library is not None
    string = ctypes.CDLL(library).X509_verify_cert_error_string
    string.restype = ctypes.c_char_p
    assert set(errors.VERIFY_CODES) == set(WORDS)
    for code in errors.VERIFY_CODES:
        assert WORDS[code].lower() in string(code).decode().lower(), code


def test_every_reason_has_a_sentence_a_section_and_a_hint() -> None:
    for code, reason in errors.VERIFY_CODES.items():
        assert reason.section.startswith("RFC "), code
        assert all(reason), code
        assert not reason.sentence.endswith(".")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        (("-verify_hostname", "evil.example"), 62),
        (("-verify_ip", "192.0.2.1"), 64),
        (("-purpose", "sslclient"), 26),
        (("-attime", "1000000000"), 9),
        (("-attime", "4000000000"), 10),
        (("-CRLfile", "/dev/null", "-crl_check"), None),
    ],
    ids=str,
)
def test_openssl_verify_gives_the_codes_of_the_table(
    certs: Path, openssl: str, options: tuple[str, ...], code: int | None
) -> None:
    done = run(
        "openssl",
        "verify",
        "-CAfile",
        certs / "root.pem",
        "-untrusted",
        certs / "server.pem",
        *options,
        certs / "server.pem",
    )
    if code is None:
        assert done.returncode != 0
    elif code == 0:
        assert done.returncode == 0
    else:
        assert f"error {code} at" in done.stdout + done.stderr
        assert code in errors.VERIFY_CODES


def test_a_code_outside_of_the_table_is_told_in_openssls_words() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 24, "invalid CA certificate"
    assert errors.of_certificate(error).sentence == "invalid CA certificate"
    assert errors.sentence(error) == "invalid CA certificate (verify code 24)"


# Alerts -------------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_alerts_agree_with_pythons() -> None:
    theirs = {each.name.removeprefix("ALERT_DESCRIPTION_").lower(): each.value for each in ssl.AlertDescription}
    both = set(errors.ALERTS) & set(theirs)
    assert {name: errors.ALERTS[name] for name in both} == {name: theirs[name] for name in both}
    assert len(both) >= 20  # of 27: Python's table stops at TLS 1.2, and spells two otherwise


RFC_8446_6 = """
close_notify(0), unexpected_message(10), bad_record_mac(20), record_overflow(22), handshake_failure(40),
bad_certificate(42), unsupported_certificate(43), certificate_revoked(44), certificate_expired(45),
certificate_unknown(46), illegal_parameter(47), unknown_ca(48), access_denied(49), decode_error(50),
decrypt_error(51), protocol_version(70), insufficient_security(71), internal_error(80), inappropriate_fallback(86),
user_canceled(90), missing_extension(109), unsupported_extension(110), unrecognized_name(112),
bad_certificate_status_response(113), unknown_psk_identity(115), certificate_required(116),
no_application_protocol(120)
"""


def test_the_alerts_are_those_of_rfc_8446_section_6() -> None:
    assert {name: int(number) for name, number in re.findall(r"(\w+)\((\d+)\)", RFC_8446_6)} == errors.ALERTS
    assert list(errors.ALERTS.values()) == sorted(errors.ALERTS.values())


def heard(certs: Path, record: bytes) -> ssl.SSLError:
    """The error of a client that gets this instead of a ServerHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(certs).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    incoming.write(record)
    with pytest.raises(ssl.SSLError) as error:
        client.do_handshake()
    return error.value


@pytest.mark.parametrize("name", [name for name in errors.ALERTS if name not in ("close_notify", "user_canceled")])
def test_an_alert_on_the_wire_is_named_with_its_number(certs: Path, name: str) -> None:
    number = errors.ALERTS[name]
    error = heard(certs, b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
    assert errors.alert(error) == name, error.reason
    assert errors.sentence(error).startswith(f"alert {name} ({number}): ")


@pytest.mark.parametrize(
    "record", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 smtp.example ESMTP\r\n", bytes(100)], ids=str
)
def test_what_is_no_tls_is_told_so_and_is_no_alert(certs: Path, record: bytes) -> None:
    error = heard(certs, record)
    assert errors.alert(error) is None
    assert errors.sentence(error) == "received data is not TLS", error.reason


def eof_of_3_11_2() -> ssl.SSLError:
    """What Python 3.11.2 of Debian 12 raises instead of SSLEOFError."""
    error = ssl.SSLError(1, "[SSL: UNEXPECTED_EOF_WHILE_READING] unexpected eof while reading (_ssl.c:2546)")
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    return error


def test_the_end_of_the_connection_is_recognised_under_every_python() -> None:
    for eof in (eof_of_3_11_2(), ssl.SSLEOFError()):
        assert errors.is_unexpected_eof(eof)
        assert errors.is_gone(eof)
    for gone in (ssl.SSLZeroReturnError(), ConnectionResetError(), BrokenPipeError()):
        assert not errors.is_unexpected_eof(gone)
        assert errors.is_gone(gone)
    other = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)")
    other.reason = "WRONG_VERSION_NUMBER"
    for there in (other, ssl.SSLError(), TimeoutError(), None):
        assert not errors.is_gone(there)


def test_other_errors_have_a_sentence_too() -> None:
    assert errors.sentence(TimeoutError()) == "the peer did not finish in time"
    assert errors.sentence(ConnectionResetError()) == errors.sentence(ssl.SSLEOFError())
    assert errors.sentence(eof_of_3_11_2()) == errors.sentence(ssl.SSLEOFError())
    assert errors.sentence(OSError(28, "No space left on device")) == "No space left on device"


def test_meanings_are_of_alerts_that_exist() -> None:
    assert set(errors.MEANINGS) <= set(errors.ALERTS)


def test_no_shared_cipher_is_told(certs: Path) -> None:
    client, server = trusting(certs), ours(certs)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the server's key is of another kind
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client.wrap_bio(down, up, server_hostname="localhost").do_handshake()
    with pytest.raises(ssl.SSLError) as error:
        server.wrap_bio(up, down, server_side=True).do_handshake()
    assert errors.sentence(error.value) == "the two sides have no cipher suite in common"
