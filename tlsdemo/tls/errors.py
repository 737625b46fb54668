"""Why TLS said no, in plain words: OpenSSL's verify codes and TLS alerts, as tables.

A verify code (X509_V_ERR_*) is what one's own side found wrong with a certificate. An alert (RFC 8446 §6) is what the
other side says before it leaves; it is named by the side that received it.
"""

import re
import ssl
from typing import NamedTuple

from tlsdemo import first_bytes


class NotTls(OSError):
    """What came instead of TLS: `first` are its first bytes."""

    def __init__(self, first: bytes) -> None:
        super().__init__(first_bytes.evidence(first))
        self.first = first


class Reason(NamedTuple):
    """A sentence for people, the section behind it, and what mends it."""

    sentence: str
    section: str
    hint: str


OTHER_AUTHORITY = "if you know its authority by another way than this connection, name it with --trust FILE"
OTHER_NAME = "is it the right server? --name says which name its certificate has to be valid for"

VERIFY_CODES: dict[int, Reason] = {
    2: Reason("the issuer of its issuer is not known", "RFC 5280 §6.1", OTHER_AUTHORITY),
    3: Reason("no revocation list of its issuer is at hand", "RFC 5280 §6.3", "give one with --crl FILE"),
    7: Reason(
        "its issuer's name is that of a trusted authority, but that authority's key did not sign it",
        "RFC 5280 §6.1.3 (a)(1)",
        "an imitation, or --trust is from another `pki init`: `pki diff` shows two certificates side by side",
    ),
    8: Reason(
        "the revocation list was not signed by its issuer's key", "RFC 5280 §6.3.3 (g)", "give the right --crl FILE"
    ),
    9: Reason("it is not valid yet", "RFC 5280 §6.1.3 (a)(2)", "compare the clocks of both machines"),
    10: Reason(
        "it has expired", "RFC 5280 §6.1.3 (a)(2)", "its owner needs a new one; or is the clock of this machine wrong?"
    ),
    11: Reason("the revocation list is not valid yet", "RFC 5280 §6.3.3", "compare the clocks of both machines"),
    12: Reason(
        "the revocation list is stale: its next update was due", "RFC 5280 §6.3.3", "give a current one with --crl FILE"
    ),
    18: Reason("it vouches for itself, and nobody here trusts it", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    19: Reason("it leads to an authority that nobody here trusts", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    20: Reason("it was issued by an authority that nobody here trusts", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    21: Reason("nobody vouches for it", "RFC 5280 §6.1", OTHER_AUTHORITY),
    23: Reason("it has been revoked", "RFC 5280 §6.3", "issue another one"),
    26: Reason("it is not meant for this purpose", "RFC 5280 §4.2.1.12", "a server needs a server's certificate"),
    62: Reason("it is not valid for this host", "RFC 9525 §6.3", OTHER_NAME),
    64: Reason("it is not valid for this IP address", "RFC 9525 §6.4", OTHER_NAME),
}

OURS: dict[int, str] = {
    10: "make another with `{issue}`, and serve it with --cert; or is the clock of this machine wrong?",
    12: "`{init}` makes new lists, and everything else; it keeps the old tree aside",
    62: "is it the right server? if it is yours: `{issue}` makes a certificate for that name; serve it with --cert",
    64: "is it the right server? if it is yours: `{issue}` makes a certificate for that address; serve it with --cert",
}
"""Better hints where the trust anchor is one that `pki init` made here: only its owner can issue and mint."""

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

OUR_CERTIFICATE = "look at what was shown with `pki show`"
MEDDLED = "somebody on the line changes what passes, or tries to be who he is not: `tlsdemo eavesdrop` shows it"
NO_TLS_HERE = "is the port right, and is it a TLS server that listens there?"
OLD = "TLS 1.2 is the least that is spoken here (RFC 9325 §3.1.1)"

MEANINGS: dict[str, tuple[str, str]] = {
    "bad_certificate": ("it does not like our certificate", OUR_CERTIFICATE),
    "unsupported_certificate": (
        "our certificate is not meant for this",
        "a client needs a client's certificate: certs/client.pem, or `pki issue --client NAME`",
    ),
    "certificate_revoked": ("our certificate has been revoked", "mint another one"),
    "certificate_expired": ("our certificate has expired", "`pki issue --client NAME` makes another"),
    "certificate_unknown": ("it does not take our certificate, for a reason of its own", OUR_CERTIFICATE),
    "unknown_ca": ("it does not trust whoever issued our certificate", "does it have the right trust anchor?"),
    "decrypt_error": (
        "a signature, or another proof, did not verify",
        "OpenSSL sends it when the issuer's key did not sign the certificate; RFC 8446 §6.2 has bad_certificate",
    ),
    "certificate_required": ("it demands a certificate, and we sent none", "show one: --cert certs/client.pem"),
    "handshake_failure": ("the two sides have nothing in common that both would accept", OLD),
    "protocol_version": ("the two sides have no version of TLS in common", OLD),
    "unrecognized_name": ("it does not know the name that we asked for", OTHER_NAME),
}

FAILURES: dict[str, tuple[str, str]] = {
    "HTTP_REQUEST": ("that was plain HTTP", "the address begins with https://"),
    "HTTPS_PROXY_REQUEST": ("that was a request to a proxy, not TLS", "the address begins with https://"),
    "UNEXPECTED_MESSAGE": ("a message came that has no place here", NO_TLS_HERE),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        "it did not show the certificate that was asked for",
        "show one: --cert certs/client.pem",
    ),
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": ("a record does not open with the keys agreed on (RFC 8446 §5.2)", MEDDLED),
    "BAD_SIGNATURE": ("its signature was not made with the certificate's key (RFC 8446 §4.4.3)", MEDDLED),
    "DIGEST_CHECK_FAILED": ("the two have not seen the same handshake (RFC 8446 §4.4.4)", MEDDLED),
    "INAPPROPRIATE_FALLBACK": (
        "the server's random says that TLS 1.3 was offered, and left out on the way (RFC 8446 §4.1.3)",
        MEDDLED,
    ),
    "UNSUPPORTED_PROTOCOL": ("it offers only versions of TLS that are too old", OLD),
    "VERSION_TOO_LOW": ("it offers only versions of TLS that are too old", OLD),
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
    """The error of a handshake; NotTls where OpenSSL failed since the first bytes that came cannot be TLS."""
    of_openssl = isinstance(error, ssl.SSLError) and not is_gone(error)
    return NotTls(first) if of_openssl and not first_bytes.may_be_tls(first) else error


UNPROVED = {"DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "BAD_SIGNATURE", "DIGEST_CHECK_FAILED", "INAPPROPRIATE_FALLBACK"}
"""TLS it was; but a proof failed."""


def is_unexpected_eof(error: BaseException) -> bool:
    """Whether the connection ended without close_notify (RFC 8446 §6.1).

    Python 3.11.2 (Debian 12) raises a plain SSLError with this reason, and newer ones raise SSLEOFError.
    """
    return isinstance(error, ssl.SSLEOFError) or getattr(error, "reason", None) == "UNEXPECTED_EOF_WHILE_READING"


def is_gone(error: BaseException | None) -> bool:
    """Whether the other side ended the connection, in any way but an alert that names an error."""
    return isinstance(error, ssl.SSLZeroReturnError | ConnectionError) or bool(error and is_unexpected_eof(error))


def of_certificate(error: ssl.SSLCertVerificationError) -> Reason:
    """The reason for a verify code; for one that is not in the table, OpenSSL's own words."""
    own_words = Reason(error.verify_message, "RFC 5280 §6.1", "look into it with `pki show`")
    return VERIFY_CODES.get(error.verify_code, own_words)


def alert(error: ssl.SSLError) -> str | None:
    """The alert that the other side sent, if it is that: `unknown_ca`.

    OpenSSL calls it SSLV3_ALERT_…, TLSV1_ALERT_… or, for some, TLSV1_… alone; what Python has no constant for stands in
    the text only ("tlsv1 alert no application protocol").
    """
    named = re.fullmatch(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)", error.reason or "")
    told = re.search(r"alert ([a-z ]+)", str(error)) if error.reason is None else None
    found = named or told
    name = found.group(1).strip().replace(" ", "_").lower() if found else None
    return name if name in ALERTS or "_ALERT_" in (error.reason or "") else None


def sentence(error: OSError) -> str:
    """What happened, for any error that ended a TLS conversation."""
    return _explain(error)[0]


def hint(error: OSError) -> str:
    """What mends it."""
    return _explain(error)[1]


def _explain(error: OSError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = of_certificate(error)
        return f"{reason.sentence} (verify code {error.verify_code})", reason.hint
    if isinstance(error, NotTls):
        spoken = first_bytes.identify(error.first)
        return first_bytes.evidence(error.first), spoken.hint if spoken else NO_TLS_HERE
    if is_gone(error):
        return "the line was cut in the middle of the conversation", NO_TLS_HERE
    if isinstance(error, TimeoutError):
        return "it did not finish in time", NO_TLS_HERE
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error), NO_TLS_HERE
    if name := alert(error):
        number = f" ({ALERTS[name]})" if name in ALERTS else ""
        meaning, mend = MEANINGS.get(name, ("it says no more than that", "RFC 8446 §6 says when it is sent"))
        return f"alert {name}{number}: {meaning}", mend
    reason_name = error.reason or "unknown"
    if reason_name in NOT_TLS:
        return "what came is not TLS", NO_TLS_HERE
    return FAILURES.get(reason_name, (f"not understood: {reason_name.lower().replace('_', ' ')}", NO_TLS_HERE))
