"""The ways in which a line violates the educational protocol. Compare `tlsdemo.violations`, which has all others."""

from tlsdemo.violations import AnyViolation


class MessageViolation(AnyViolation):
    """A line that is not a message, or a hello that does not go with this side: (alert, section, sentence)."""

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

    # The hello does not go with this side
    OTHER_RUNG = "protocol_version", "§4.2.1", "the two sides use different protocols"
    OTHER_GROUP = "handshake_failure", "§4.1.1", "the two sides use different groups"
    NO_CIPHER = "handshake_failure", "§4.1.1", "the client offers no cipher that the server supports"
    OTHER_CIPHER = "illegal_parameter", "§4.1.3", "the server chose a cipher that the client did not offer"
