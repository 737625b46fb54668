"""OpenSSL's verify codes and TLS alerts as sentences, in tables.

A verify code (X509_V_ERR_*) is this side's reason to refuse a certificate. An alert (RFC 8446 §6) is the peer's reason
to refuse the connection.
"""

import re
import ssl
from typing import NamedTuple

from tlsdemo import first_bytes


class NotTls(OSError):
    """The peer does not use TLS; `first` are the first bytes that it sent."""

    def __init__(self, first: bytes) -> None:
        super().__init__(first_bytes.evidence(first))
        self.first = first


class Reason(NamedTuple):
    """A sentence, the section behind it, and what to do."""

    sentence: str
    section: str
    hint: str


OTHER_CA = "if you have the root certificate of that CA from a source that you trust, give it with --trust FILE"
OTHER_NAME = "check the address; --name NAME sets the name that the certificate must be valid for"

VERIFY_CODES: dict[int, Reason] = {
    2: Reason("the issuer of an intermediate CA is not known", "RFC 5280 §6.1", OTHER_CA),
    3: Reason("the CRL of the certificate's issuer is missing", "RFC 5280 §6.3", "give one with --crl FILE"),
    7: Reason(
        "a certificate is not signed by the CA that it names",
        "RFC 5280 §6.1.3 (a)(1)",
        "the certificate is forged, or --trust is from another `pki init`; compare the CA certificates with `pki diff`",
    ),
    8: Reason("the CRL is not signed by its issuer's key", "RFC 5280 §6.3.3 (g)", "give the right --crl FILE"),
    9: Reason("a certificate is not valid yet", "RFC 5280 §6.1.3 (a)(2)", "compare the clocks of both machines"),
    10: Reason(
        "a certificate has expired",
        "RFC 5280 §6.1.3 (a)(2)",
        "the server needs a new certificate, or the clock of this machine is wrong",
    ),
    11: Reason("the CRL is not valid yet", "RFC 5280 §6.3.3", "compare the clocks of both machines"),
    12: Reason("the CRL is out of date: its nextUpdate has passed", "RFC 5280 §6.3.3", "give a current --crl FILE"),
    18: Reason("the certificate is self-signed, and not a trust anchor", "RFC 5280 §6.1.1 (d)", OTHER_CA),
    19: Reason("the chain ends at a root CA that is not a trust anchor", "RFC 5280 §6.1.1 (d)", OTHER_CA),
    20: Reason("the certificate was issued by a CA that is not trusted", "RFC 5280 §6.1.1 (d)", OTHER_CA),
    21: Reason("the certificate has no path to a trust anchor", "RFC 5280 §6.1", OTHER_CA),
    23: Reason(
        "a certificate is revoked", "RFC 5280 §6.3", "if the server is yours: `pki rekey NAME` certifies a new key"
    ),
    26: Reason("the certificate is not for this purpose", "RFC 5280 §4.2.1.12", "a server needs a server certificate"),
    62: Reason("the certificate is not valid for this host name", "RFC 9525 §6.3", OTHER_NAME),
    64: Reason("the certificate is not valid for this IP address", "RFC 9525 §6.4", OTHER_NAME),
}

OURS: dict[int, str] = {
    10: "issue a new one with `{issue}` and serve it with --cert, or correct the clock of this machine",
    12: "`{init}` makes a new CA with new CRLs; it keeps the old files aside",
    62: "check the address; if the server is yours, issue a certificate with `{issue}` and serve it with --cert",
    64: "check the address; if the server is yours, issue a certificate with `{issue}` and serve it with --cert",
}
"""Hints for a trust anchor that `pki init` made here: the user can issue certificates."""

ALERTS: dict[str, int] = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "record_overflow": 22,
    "handshake_failure": 40,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "inappropriate_fallback": 86,
    "user_canceled": 90,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "unrecognized_name": 112,
    "bad_certificate_status_response": 113,
    "unknown_psk_identity": 115,
    "certificate_required": 116,
    "no_application_protocol": 120,
}  # RFC 8446 §6, in the order of its numbers

OUR_CERTIFICATE = "inspect the certificate that was presented with `pki show`"
MEDDLED = "an attacker on the path may change the traffic, or use a copied certificate: see `tlsdemo eavesdrop`"
NO_TLS_HERE = "check the port: a TLS server must listen there"
OLD = "TLS 1.2 is the oldest version that is accepted here (RFC 9325 §3.1.1)"

MEANINGS: dict[str, tuple[str, str]] = {
    "bad_certificate": ("the peer does not accept this side's certificate", OUR_CERTIFICATE),
    "unsupported_certificate": (
        "this side's certificate is not for this purpose",
        "a client needs a client certificate: certs/client.pem, or `pki issue --client NAME`",
    ),
    "certificate_revoked": ("this side's certificate is revoked", "`pki rekey NAME` certifies a new key"),
    "certificate_expired": ("this side's certificate has expired", "`pki issue --client NAME` issues a new one"),
    "certificate_unknown": ("the peer does not accept this side's certificate", OUR_CERTIFICATE),
    "unknown_ca": ("the peer does not trust the CA of this side's certificate", "check the peer's trust anchor"),
    "decrypt_error": (
        "a signature or a Finished did not verify",
        "OpenSSL also sends it if a CA's key did not sign a certificate; RFC 8446 §6.2 has bad_certificate for that",
    ),
    "certificate_required": (
        "the peer requires a certificate, and this side presented none",
        "present one: --cert certs/client.pem",
    ),
    "handshake_failure": ("the two sides have no acceptable parameters in common", OLD),
    "protocol_version": ("the two sides have no version of TLS in common", OLD),
    "unrecognized_name": ("the peer does not serve the name that was asked for", OTHER_NAME),
}

FAILURES: dict[str, tuple[str, str]] = {
    "HTTP_REQUEST": ("the peer sent plain HTTP", "the URL must begin with https://"),
    "HTTPS_PROXY_REQUEST": ("the peer sent a proxy request, not TLS", "the URL must begin with https://"),
    "UNEXPECTED_MESSAGE": ("unexpected message", NO_TLS_HERE),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        "the peer did not present the certificate that was requested",
        "present one: --cert certs/client.pem",
    ),
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": (
        "a record was changed, repeated, reordered or dropped (RFC 8446 §5.2)",
        MEDDLED,
    ),
    "BAD_SIGNATURE": ("the peer's signature was not made with its certificate's key (RFC 8446 §4.4.3)", MEDDLED),
    "DIGEST_CHECK_FAILED": ("the two sides did not see the same handshake (RFC 8446 §4.4.4)", MEDDLED),
    "INAPPROPRIATE_FALLBACK": (
        "the server's random number shows that TLS 1.3 was removed from the offer in transit (RFC 8446 §4.1.3)",
        MEDDLED,
    ),
    "UNSUPPORTED_PROTOCOL": ("the peer offers only versions of TLS that are too old", OLD),
    "VERSION_TOO_LOW": ("the peer offers only versions of TLS that are too old", OLD),
    "NO_SHARED_CIPHER": ("the two sides have no cipher suite in common", OLD),
}
NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "BAD_RECORD_TYPE",
    "NOT_TLS_RECORD",
}


def with_evidence(error: OSError, first: bytes) -> OSError:
    """The error of a handshake; NotTls if OpenSSL failed and the first bytes of the peer cannot be TLS."""
    of_openssl = isinstance(error, ssl.SSLError) and not is_gone(error)
    return NotTls(first) if of_openssl and not first_bytes.may_be_tls(first) else error


UNPROVED = {"DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "BAD_SIGNATURE", "DIGEST_CHECK_FAILED", "INAPPROPRIATE_FALLBACK"}
"""The peer used TLS, but a cryptographic check failed."""


def is_unexpected_eof(error: BaseException) -> bool:
    """Whether the connection ended without close_notify (RFC 8446 §6.1).

    Python 3.11.2 (Debian 12) raises a plain SSLError with this reason, and newer ones raise SSLEOFError.
    """
    return isinstance(error, ssl.SSLEOFError) or getattr(error, "reason", None) == "UNEXPECTED_EOF_WHILE_READING"


def is_gone(error: BaseException | None) -> bool:
    """Whether the peer closed the connection, in any way but by an alert that names an error."""
    return isinstance(error, ssl.SSLZeroReturnError | ConnectionError) or bool(error and is_unexpected_eof(error))


def of_certificate(error: ssl.SSLCertVerificationError) -> Reason:
    """The reason for a verify code; for one that is not in the table, OpenSSL's own words."""
    own_words = Reason(error.verify_message, "RFC 5280 §6.1", "inspect the certificate with `pki show`")
    return VERIFY_CODES.get(error.verify_code, own_words)


def alert(error: ssl.SSLError) -> str | None:
    """The name of the alert that the peer sent (`unknown_ca`); None for any other error.

    OpenSSL calls it SSLV3_ALERT_…, TLSV1_ALERT_… or, for some, TLSV1_… alone. If Python has no constant for it, the
    name is in the text only ("tlsv1 alert no application protocol").
    """
    named = re.fullmatch(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)", error.reason or "")
    told = re.search(r"alert ([a-z ]+)", str(error)) if error.reason is None else None
    found = named or told
    name = found.group(1).strip().replace(" ", "_").lower() if found else None
    return name if name in ALERTS or "_ALERT_" in (error.reason or "") else None


def sentence(error: OSError) -> str:
    """The reason for any error that ended a TLS conversation."""
    return _explain(error)[0]


def hint(error: OSError) -> str:
    """What to do about it."""
    return _explain(error)[1]


def _explain(error: OSError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = of_certificate(error)
        return f"{reason.sentence} (verify code {error.verify_code})", reason.hint
    if isinstance(error, NotTls):
        spoken = first_bytes.identify(error.first)
        return first_bytes.evidence(error.first), spoken.hint if spoken else NO_TLS_HERE
    if is_gone(error):
        return "the connection was closed early", NO_TLS_HERE
    if isinstance(error, TimeoutError):
        return "the peer did not finish in time", NO_TLS_HERE
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error), NO_TLS_HERE
    if name := alert(error):
        number = f" ({ALERTS[name]})" if name in ALERTS else ""
        meaning, mend = MEANINGS.get(name, ("the peer gives no further reason", "see RFC 8446 §6"))
        return f"alert {name}{number}: {meaning}", mend
    reason_name = error.reason or "unknown"
    if reason_name in NOT_TLS:
        return "received data is not TLS", NO_TLS_HERE
    return FAILURES.get(reason_name, (f"OpenSSL reports: {reason_name.lower().replace('_', ' ')}", NO_TLS_HERE))
