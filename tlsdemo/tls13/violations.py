"""The ways to violate TLS 1.3 that depend on its bytes: one member for each rule that is checked here.

Each has the alert that is sent for it (§6), the section, and a sentence. What the educational handshake detects as well
(a signature, a Finished, a certificate) is in `tlsdemo.violations`. Sections are from RFC 8446 unless another RFC is
named. MESSAGE_TOO_LONG, TOO_MANY_RECORDS and TOO_MANY_KEY_UPDATES are limits of ours (`machine`).
"""

from tlsdemo.violations import AnyViolation


class TlsViolation(AnyViolation):
    """(alert, section, sentence)."""

    # Records
    NOT_TLS = "unexpected_message", "§5.1", "the received bytes are not a TLS record"
    RECORD_OVERFLOW = "record_overflow", "§5.1", "a record is longer than 2^14 bytes"
    CIPHERTEXT_OVERFLOW = "record_overflow", "§5.2", "a protected record is longer than 2^14 + 256 bytes"
    PLAINTEXT_OVERFLOW = "record_overflow", "§5.2", "the content of a protected record is longer than 2^14 bytes"
    EMPTY_RECORD = "unexpected_message", "§5.4", "a record of the handshake or an alert is empty"
    NO_CONTENT_TYPE = "unexpected_message", "§5.4", "a protected record has only padding"
    UNPROTECTED_RECORD = "unexpected_message", "§5", "a record is not protected, but the keys are in use"
    PROTECTED_TOO_EARLY = "unexpected_message", "§5", "a record is protected before the keys are known"
    INTERLEAVED = "unexpected_message", "§5.1", "a record of another type interrupts a handshake message"
    KEY_CHANGE_IN_RECORD = "unexpected_message", "§5.1", "a record continues after the message that changes the keys"
    DATA_BEFORE_FINISHED = "unexpected_message", "§2", "application data was sent before Finished"
    BAD_CHANGE_CIPHER_SPEC = "unexpected_message", "§5", "change_cipher_spec has a content other than 01"
    MISPLACED_CHANGE_CIPHER_SPEC = "unexpected_message", "§5", "change_cipher_spec was sent outside the handshake"
    PROTECTED_CHANGE_CIPHER_SPEC = "unexpected_message", "§5", "change_cipher_spec is in a protected record"
    TOO_MANY_RECORDS = "unexpected_message", "§5", "too many records that carry nothing"
    BAD_ALERT = "decode_error", "§6", "an alert does not have two bytes"

    # Messages
    MESSAGE_TOO_LONG = "illegal_parameter", "§4", "a handshake message is too long"
    UNKNOWN_MESSAGE = "unexpected_message", "§4", "unknown type of handshake message"
    UNDECODABLE = "decode_error", "§6.2", "a message does not have the form that its type requires"
    DUPLICATE_EXTENSION = "illegal_parameter", "§4.2", "an extension occurs twice in a message"
    UNDECODABLE_EXTENSION = "decode_error", "§6.2", "an extension does not have the form that its type requires"
    MISPLACED_EXTENSION = "illegal_parameter", "§4.2", "an extension is in a message for which it is not defined"
    UNSOLICITED_EXTENSION = "unsupported_extension", "§4.2", "an extension answers no request of this side"

    # ClientHello
    SSL3 = "protocol_version", "§D.5", "the client offers SSL 3.0 or older"
    OLD_VERSION = "protocol_version", "§4.2.1", "the client does not offer TLS 1.3"
    COMPRESSION_OFFERED = "illegal_parameter", "§4.1.2", "the client offers compression"
    MISSING_GROUPS = "missing_extension", "§9.2", "ClientHello has no supported_groups"
    MISSING_KEY_SHARE = "missing_extension", "§9.2", "ClientHello has no key_share"
    MISSING_SCHEMES = "missing_extension", "§9.2", "ClientHello has no signature_algorithms"
    NO_COMMON_SUITE = "handshake_failure", "§4.1.1", "the client offers no cipher suite that the server supports"
    NO_COMMON_GROUP = "handshake_failure", "§4.1.1", "the client offers no group that the server supports"
    NO_COMMON_SCHEME = "handshake_failure", "§4.1.1", "the client accepts no signature scheme of the server's key"
    NO_COMMON_PROTOCOL = (
        "no_application_protocol",
        "RFC 7301 §3.2",
        "the client offers no protocol of the server",
    )
    SHARE_OF_OTHER_GROUP = "illegal_parameter", "§4.2.8", "a key share is for a group that the client does not offer"
    SHARE_TWICE = "illegal_parameter", "§4.2.8", "two key shares are for the same group"
    REPEATED_NAME = "illegal_parameter", "RFC 6066 §3", "server_name has two host names"
    PSK_NOT_LAST = "illegal_parameter", "§4.2.11", "pre_shared_key is not the last extension"
    PSK_WITHOUT_MODES = "missing_extension", "§4.2.9", "pre_shared_key comes without psk_key_exchange_modes"
    SECOND_HELLO_CHANGED = "illegal_parameter", "§4.1.2", "the second ClientHello differs from the first"
    SECOND_HELLO_SHARE = "illegal_parameter", "§4.2.8", "the second ClientHello lacks the key share that was asked for"
    COOKIE_NOT_REPEATED = "illegal_parameter", "§4.2.2", "the second ClientHello does not repeat the cookie"
    UNASKED_COOKIE = "illegal_parameter", "§4.2.2", "the first ClientHello has a cookie"

    # ServerHello and HelloRetryRequest
    SERVER_CHOSE_OLD_VERSION = "protocol_version", "§4.2.1", "the server did not select TLS 1.3"
    DOWNGRADE_SENTINEL = "illegal_parameter", "§4.1.3", "the random number of the server reports a downgrade"
    OTHER_VERSION = "illegal_parameter", "§4.2.1", "the server selected a version that the client did not offer"
    LEGACY_VERSION = "illegal_parameter", "§4.1.3", "legacy_version of a TLS 1.3 server is not 0x0303"
    SESSION_ID_NOT_ECHOED = "illegal_parameter", "§4.1.3", "the server did not echo legacy_session_id"
    SUITE_NOT_OFFERED = (
        "illegal_parameter",
        "§4.1.3",
        "the server selected a suite that was not offered",
    )
    COMPRESSION_CHOSEN = "illegal_parameter", "§4.1.3", "the server selected compression"
    MISSING_SERVER_SHARE = "missing_extension", "§9.2", "ServerHello has no key_share"
    SHARE_NOT_OFFERED = (
        "illegal_parameter",
        "§4.2.8",
        "the server's key share is for a group of which the client sent none",
    )
    SECOND_RETRY = "unexpected_message", "§4.1.4", "the server sent a second HelloRetryRequest"
    RETRY_CHANGES_NOTHING = "illegal_parameter", "§4.1.4", "HelloRetryRequest asks for no change"
    RETRY_GROUP_NOT_OFFERED = "illegal_parameter", "§4.2.8", "HelloRetryRequest selects a group that was not offered"
    RETRY_GROUP_ALREADY_SENT = "illegal_parameter", "§4.2.8", "HelloRetryRequest selects a group whose share was sent"
    SUITE_CHANGED = "illegal_parameter", "§4.1.4", "ServerHello selects another cipher suite than HelloRetryRequest"
    GROUP_CHANGED = "illegal_parameter", "§4.2.8", "ServerHello selects another group than HelloRetryRequest"

    # EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished
    PROTOCOL_NOT_OFFERED = "illegal_parameter", "RFC 7301 §3.2", "the server selected a protocol that was not offered"
    SEVERAL_PROTOCOLS = "illegal_parameter", "RFC 7301 §3.1", "the server selected several protocols"
    REQUEST_CONTEXT = "illegal_parameter", "§4.3.2", "certificate_request_context is not empty in the handshake"
    MISSING_REQUEST_SCHEMES = "missing_extension", "§4.3.2", "CertificateRequest has no signature_algorithms"
    CERTIFICATE_CONTEXT = (
        "illegal_parameter",
        "§4.4.2",
        "certificate_request_context is not the requested one",
    )
    EMPTY_CERTIFICATE = "decode_error", "§4.4.2.4", "the server's Certificate has no certificate"
    SCHEME_NOT_OFFERED = "illegal_parameter", "§4.4.3", "the signature scheme was not offered for CertificateVerify"
    SCHEME_OF_OTHER_KEY = "illegal_parameter", "§4.4.3", "the signature scheme does not go with the certificate's key"
    FINISHED_LENGTH = "decode_error", "§4.4.4", "verify_data is not as long as the hash"

    # After the handshake
    BAD_KEY_UPDATE = "illegal_parameter", "§4.6.3", "request_update is neither 0 nor 1"
    TOO_MANY_KEY_UPDATES = "unexpected_message", "§4.6.3", "too many KeyUpdates without data between them"
