"""Every way in which a peer can misbehave, and the one exception that says so.

A Violation has the alert that is sent for it (RFC 8446 §6), the section that it offends, and a sentence.
"""

from enum import Enum

from pki.verdict import Check


class Violation(Enum):
    """One way to misbehave: (alert, section, sentence)."""

    # What came cannot be read
    NOT_JSON = "decode_error", "RFC 8259", "what came is not a line of JSON"
    IS_TLS = "protocol_version", "§5.1", "what came is real TLS, not the educational handshake"
    OVERSIZE = "record_overflow", "§5.1", "a line is longer than any message may be"
    NESTING = "decode_error", "§6", "a field holds more than text or a list of texts"
    REPEATED_FIELD = "decode_error", "RFC 8259 §4", "a field is there twice"
    UNKNOWN_TYPE = "unexpected_message", "§4", "no such message"
    MISSING_FIELD = "missing_extension", "§4", "a field is missing"
    UNKNOWN_FIELD = "unsupported_extension", "§4", "a field has no place in this message"
    WRONG_TYPE = "decode_error", "§6", "a field is of the wrong type"
    BAD_HEX = "decode_error", "§6", "a field should hold bytes as lowercase hex digits"
    WRONG_LENGTH = "decode_error", "§6", "a field has a wrong length"
    BAD_TEXT = "decode_error", "§6", "a field has characters that it must not have"

    # It can be read, and has no place here
    OTHER_RUNG = "protocol_version", "§4.2.1", "the two sides speak different protocols"
    OTHER_GROUP = "handshake_failure", "§4.1.1", "the two sides reckon in different groups"
    NO_CIPHER = "handshake_failure", "§4.1.1", "nothing that the client offers is spoken here"
    OTHER_CIPHER = "illegal_parameter", "§4.1.3", "the server chose what nobody had offered"
    UNEXPECTED_MESSAGE = "unexpected_message", "§4", "this message has no place here"
    TRUNCATED = "close_notify", "§6.1", "the line ended, and nobody had said that it would"
    ALERT = "user_canceled", "§6.2", "the other side gave up"

    # Its numbers are wrong
    BAD_SHARE = "illegal_parameter", "§4.2.8", "a public value is out of its group"
    BAD_SIGNATURE = "decrypt_error", "§4.4.3", "the signature over this conversation does not verify"
    BAD_FINISHED = "decrypt_error", "§4.4.4", "the two sides did not see the same negotiation"
    BAD_RECORD = "bad_record_mac", "§5.2", "a record was changed, repeated, or left out on the way"
    BAD_CONTENT = "unexpected_message", "§5", "a record holds something that nobody knows"

    # What it shows does not convince
    NO_CERTIFICATE = "certificate_required", "§4.4.2", "no certificate was shown"
    BAD_CERTIFICATE = "bad_certificate", "RFC 5280 §4.1", "the certificate cannot be read"
    WEAK_KEY = "unsupported_certificate", "§4.2.3", "the certificate's key cannot sign a conversation here"
    WRONG_PURPOSE = "unsupported_certificate", "RFC 5280 §4.2.1.12", "the certificate is not meant for this"
    FORGED = "bad_certificate", "RFC 5280 §6.1.3 (a)(1)", "the certificate is an imitation"
    UNTRUSTED = "unknown_ca", "RFC 5280 §6.1", "nobody whom I trust vouches for the certificate"
    OUT_OF_DATE = "certificate_expired", "RFC 5280 §6.1.3 (a)(2)", "the certificate is not valid today"
    WRONG_NAME = "bad_certificate", "RFC 9525 §6.3", "the certificate is somebody else's"
    REVOKED = "certificate_revoked", "RFC 5280 §6.3", "the certificate was revoked, or that could not be ruled out"

    def __init__(self, alert: str, section: str, sentence: str) -> None:
        self.alert = alert
        self.section = section
        self.sentence = sentence


class ProtocolError(Exception):
    """A peer misbehaved. `detail` says how in this case; `check` is the check that a certificate failed, if one did."""

    def __init__(self, violation: Violation, detail: str = "", check: Check | None = None) -> None:
        super().__init__(f"{violation.sentence}: {detail}" if detail else violation.sentence)
        self.violation = violation
        self.detail = detail
        self.check = check


def alert(error: ProtocolError) -> str | None:
    """The name of the alert that the peer sent, if that is what ended the conversation: `unknown_ca`."""
    return error.detail.partition(":")[0] if error.violation is Violation.ALERT else None
