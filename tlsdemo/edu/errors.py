"""The ways in which a peer can violate the protocol, and the one exception for all of them.

A Violation has the alert that is sent for it (RFC 8446 §6), the section that is violated, and a sentence.
"""

from enum import Enum

from pki.verdict import Check


class Violation(Enum):
    """One way to violate the protocol: (alert, section, sentence)."""

    # The bytes cannot be read
    NOT_JSON = "decode_error", "RFC 8259", "received data is not a line of JSON"
    IS_TLS = "protocol_version", "§5.1", "the peer uses TLS, not the educational handshake"
    OVERSIZE = "record_overflow", "§5.1", "a line is too long"
    NESTING = "decode_error", "§6", "a field is neither text nor a list of texts"
    REPEATED_FIELD = "decode_error", "RFC 8259 §4", "a field occurs twice"
    UNKNOWN_TYPE = "unexpected_message", "§4", "unknown message type"
    MISSING_FIELD = "missing_extension", "§4", "a field is missing"
    UNKNOWN_FIELD = "unsupported_extension", "§4", "a field does not belong to this message"
    WRONG_TYPE = "decode_error", "§6", "a field has the wrong type"
    BAD_HEX = "decode_error", "§6", "a field is not lowercase hex"
    WRONG_LENGTH = "decode_error", "§6", "a field has the wrong length"
    BAD_TEXT = "decode_error", "§6", "a field contains characters that are not allowed"

    # The message is not acceptable here
    OTHER_RUNG = "protocol_version", "§4.2.1", "the two sides use different protocols"
    OTHER_GROUP = "handshake_failure", "§4.1.1", "the two sides use different groups"
    NO_CIPHER = "handshake_failure", "§4.1.1", "the client offers no cipher that the server supports"
    OTHER_CIPHER = "illegal_parameter", "§4.1.3", "the server chose a cipher that the client did not offer"
    UNEXPECTED_MESSAGE = "unexpected_message", "§4", "unexpected message"
    TRUNCATED = "close_notify", "§6.1", "the connection was closed without close_notify"
    ALERT = "user_canceled", "§6.2", "the peer sent an alert"

    # A cryptographic value is wrong
    BAD_SHARE = "illegal_parameter", "§4.2.8", "a key share is not valid in its group"
    BAD_SIGNATURE = "decrypt_error", "§4.4.3", "the signature over the handshake does not verify"
    BAD_FINISHED = "decrypt_error", "§4.4.4", "the two sides did not see the same handshake"
    BAD_RECORD = "bad_record_mac", "§5.2", "a record was changed, repeated, reordered or dropped"
    BAD_CONTENT = "unexpected_message", "§5", "a record has unknown content"

    # The certificate is not accepted
    NO_CERTIFICATE = "certificate_required", "§4.4.2", "no certificate was presented"
    BAD_CERTIFICATE = "bad_certificate", "RFC 5280 §4.1", "the certificate cannot be read"
    WEAK_KEY = "unsupported_certificate", "§4.2.3", "the certificate's key cannot sign a handshake"
    WRONG_PURPOSE = "unsupported_certificate", "RFC 5280 §4.2.1.12", "the certificate is not for this purpose"
    FORGED = "bad_certificate", "RFC 5280 §6.1.3 (a)(1)", "a certificate is not signed by the CA that it names"
    UNTRUSTED = "unknown_ca", "RFC 5280 §6.1", "the certificate has no path to a trust anchor"
    OUT_OF_DATE = "certificate_expired", "RFC 5280 §6.1.3 (a)(2)", "a certificate is outside its validity period"
    WRONG_NAME = "bad_certificate", "RFC 9525 §6.3", "the certificate is not valid for the name that was asked for"
    REVOKED = "certificate_revoked", "RFC 5280 §6.3", "a certificate is revoked, or its status is unknown"

    def __init__(self, alert: str, section: str, sentence: str) -> None:
        self.alert = alert
        self.section = section
        self.sentence = sentence


class ProtocolError(Exception):
    """A peer violated the protocol. `detail` has the values; `check` is the certificate check that failed, if any."""

    def __init__(self, violation: Violation, detail: str = "", check: Check | None = None) -> None:
        super().__init__(f"{violation.sentence}: {detail}" if detail else violation.sentence)
        self.violation = violation
        self.detail = detail
        self.check = check


def alert(error: ProtocolError) -> str | None:
    """The name of the alert by which the peer ended the conversation (`unknown_ca`); None if it sent none."""
    return error.detail.partition(":")[0] if error.violation is Violation.ALERT else None
