"""The ways in which a peer can violate a protocol of ours, and the one exception for all of them.

A violation has the alert that is sent for it (RFC 8446 §6), the section that is violated, and a sentence. `Violation`
has those that both handshakes detect. The educational handshake adds `edu.errors.MessageViolation`.
"""

from enum import Enum

from pki.verdict import Check


class AnyViolation(Enum):
    """One way to violate the protocol: (alert, section, sentence)."""

    def __init__(self, alert: str, section: str, sentence: str) -> None:
        self.alert = alert
        self.section = section
        self.sentence = sentence


class Violation(AnyViolation):
    """The violations that do not depend on the form of the messages."""

    # The message is not acceptable here
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


class ProtocolError(Exception):
    """A peer violated the protocol. `detail` has the values; `check` is the certificate check that failed, if any."""

    def __init__(self, violation: AnyViolation, detail: str = "", check: Check | None = None) -> None:
        super().__init__(f"{violation.sentence}: {detail}" if detail else violation.sentence)
        self.violation = violation
        self.detail = detail
        self.check = check


def alert(error: ProtocolError) -> str | None:
    """The name of the alert by which the peer ended the conversation (`unknown_ca`); None if it sent none."""
    return error.detail.partition(":")[0] if error.violation is Violation.ALERT else None
