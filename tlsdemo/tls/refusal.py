"""Why TLS said no, in plain words: OpenSSL's verify codes and TLS alerts, as tables.

A verify code (X509_V_ERR_*) is what one's own side found wrong with a certificate. An alert (RFC 8446 §6) is what the
other side says before it leaves; it is named by the side that received it.
"""

import re
import ssl
from typing import NamedTuple


class Reason(NamedTuple):
    """A sentence for people, the section behind it, and what mends it."""

    sentence: str
    section: str
    hint: str


OTHER_AUTHORITY = "if you know its authority by another way than this connection, name it with --trust FILE"
OTHER_NAME = "is it the right server? if it is yours, mint for that name: `pki init --force --san NAME`"
MINT_ANEW = "mint a new tree with `pki init --force`"

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
    10: Reason("it has expired", "RFC 5280 §6.1.3 (a)(2)", MINT_ANEW),
    11: Reason("the revocation list is not valid yet", "RFC 5280 §6.3.3", "compare the clocks of both machines"),
    12: Reason("the revocation list is stale: its next update is due", "RFC 5280 §6.3.3", MINT_ANEW),
    18: Reason("it vouches for itself, and nobody here trusts it", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    19: Reason("it leads to an authority that nobody here trusts", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    20: Reason("it was issued by an authority that nobody here trusts", "RFC 5280 §6.1.1 (d)", OTHER_AUTHORITY),
    21: Reason("nobody vouches for it", "RFC 5280 §6.1", OTHER_AUTHORITY),
    23: Reason("it has been revoked", "RFC 5280 §6.3", "issue another one"),
    26: Reason("it is not meant for this purpose", "RFC 5280 §4.2.1.12", "a server needs a server's certificate"),
    62: Reason("it is not valid for this host", "RFC 9525 §6.3", OTHER_NAME),
    64: Reason("it is not valid for this IP address", "RFC 9525 §6.4", OTHER_NAME),
}

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

MEANINGS: dict[str, str] = {
    "bad_certificate": "it does not like our certificate",
    "unsupported_certificate": "our certificate is not of a kind that it takes",
    "certificate_revoked": "our certificate has been revoked",
    "certificate_expired": "our certificate has expired",
    "certificate_unknown": "it does not take our certificate, for a reason of its own",
    "unknown_ca": "it does not trust whoever issued our certificate",
    "decrypt_error": "a signature does not verify: it knows our issuer's name, but not by this key",
    "certificate_required": "it demands a certificate, and we sent none",
    "handshake_failure": "the two sides have nothing in common that both would accept",
    "protocol_version": "the two sides have no version of TLS in common",
    "unrecognized_name": "it does not know the name that we asked for",
}

NOT_TLS: dict[str, str] = {
    "HTTP_REQUEST": "that was plain HTTP: the address begins with https://",
    "HTTPS_PROXY_REQUEST": "that was a request to a proxy, not TLS",
    "WRONG_VERSION_NUMBER": "what came is not TLS",
    "UNEXPECTED_MESSAGE": "a message came that has no place here",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it did not show the certificate that was asked for",
    "UNSUPPORTED_PROTOCOL": "it offers only versions of TLS that are too old",
    "VERSION_TOO_LOW": "it offers only versions of TLS that are too old",
    "NO_SHARED_CIPHER": "the two sides have no cipher suite in common",
    "RECORD_LAYER_FAILURE": "what came is not TLS",
    "PACKET_LENGTH_TOO_LONG": "what came is not TLS",
    "BAD_RECORD_TYPE": "what came is not TLS",
    "NOT_TLS_RECORD": "what came is not TLS",
}


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
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{of_certificate(error).sentence} (verify code {error.verify_code})"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError):
        return "the line was cut in the middle of the conversation"
    if isinstance(error, TimeoutError):
        return "it did not finish in time"
    if isinstance(error, ssl.SSLError):
        if name := alert(error):
            number = ALERTS.get(name)
            meaning = MEANINGS.get(name, "it says no more than that")
            return f"alert {name}{'' if number is None else f' ({number})'}: {meaning}"
        reason = error.reason or "unknown"
        return NOT_TLS.get(reason, f"not understood: {reason.lower().replace('_', ' ')}")
    return error.strerror or str(error)
