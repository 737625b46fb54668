"""The structures of extensions (RFC 8446 §4.2), by the message that carries them.

    extension_type(2)  length(2)  extension_data(length)
    '- a number below -'          '- EXTENSIONS[message][extension_type], or opaque -'

The same number has another structure in another message: key_share is a list in ClientHello, one entry in ServerHello
and a group in HelloRetryRequest. An extension that is not in the table stays opaque, since unknown ones are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import decode, opaque, rest, struct, uint, vector
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.messages13 import (
    CertificateEntry,
    CertificateRequest,
    EncryptedExtensions,
    HelloRetryRequest,
    NewSessionTicket,
)

SERVER_NAME = 0
MAX_FRAGMENT_LENGTH = 1
STATUS_REQUEST = 5
SUPPORTED_GROUPS = 10
EC_POINT_FORMATS = 11
SIGNATURE_ALGORITHMS = 13
ALPN = 16
SIGNED_CERTIFICATE_TIMESTAMP = 18
CLIENT_CERTIFICATE_TYPE = 19
SERVER_CERTIFICATE_TYPE = 20
PADDING = 21
ENCRYPT_THEN_MAC = 22
EXTENDED_MASTER_SECRET = 23
COMPRESS_CERTIFICATE = 27
RECORD_SIZE_LIMIT = 28
DELEGATED_CREDENTIAL = 34
SESSION_TICKET = 35
PRE_SHARED_KEY = 41
EARLY_DATA = 42
SUPPORTED_VERSIONS = 43
COOKIE = 44
PSK_KEY_EXCHANGE_MODES = 45
CERTIFICATE_AUTHORITIES = 47
OID_FILTERS = 48
POST_HANDSHAKE_AUTH = 49
SIGNATURE_ALGORITHMS_CERT = 50
KEY_SHARE = 51
APPLICATION_SETTINGS_OLD = 17513
APPLICATION_SETTINGS = 17613
ENCRYPTED_CLIENT_HELLO = 0xFE0D
RENEGOTIATION_INFO = 0xFF01

HOST_NAME = 0
"""The only name_type of server_name (RFC 6066 §3)."""


def decode_extension(message: type, number: int, data: bytes) -> object | None:
    """The content of an extension in that message; None for an unknown extension, WireError for invalid content."""
    structure = EXTENSIONS.get(message, {}).get(number)
    return None if structure is None else decode(structure, data)


# Which server, and which protocol follows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerName:
    """One name of the server (RFC 6066 §3)."""

    name_type: Annotated[int, uint(1), "The kind of name; host_name is the only one that is defined (RFC 6066 §3)."]
    name: Annotated[bytes, vector(1, 2**16 - 1), "The host name that the client asks for, in the clear (RFC 6066 §3)."]


@dataclass(frozen=True)
class ServerNameList:
    """Tells the server which host name the client asks for (RFC 6066 §3)."""

    server_name_list: Annotated[
        tuple[ServerName, ...],
        vector(1, 2**16 - 1, of=struct(ServerName)),
        "Selects the server's certificate; a list, but with one entry in practice (RFC 6066 §3).",
    ]


@dataclass(frozen=True)
class ServerNameAcknowledgement:
    """The server used the server_name of the client, for example to select its certificate (RFC 6066 §3)."""


@dataclass(frozen=True)
class ProtocolName:
    """The name of one application protocol (RFC 7301 §3.1)."""

    name: Annotated[bytes, vector(1, 2**8 - 1), "An application protocol such as h2 or http/1.1 (RFC 7301 §3.1)."]


@dataclass(frozen=True)
class ProtocolNameList:
    """Negotiates the protocol of the application in the handshake, without a round trip (RFC 7301 §3.1)."""

    protocol_name_list: Annotated[
        tuple[ProtocolName, ...],
        vector(2, 2**16 - 1, of=struct(ProtocolName)),
        "A client offers its application protocols, best first; a server answers with one (RFC 7301 §3.1).",
    ]


@dataclass(frozen=True)
class ApplicationSettingsSupport:
    """Offers to exchange settings of the application protocol in the handshake (draft-vvv-tls-alps §3)."""

    supported_protocols: Annotated[
        tuple[ProtocolName, ...],
        vector(2, 2**16 - 1, of=struct(ProtocolName)),
        "The protocols whose settings the client can send in the handshake (draft-vvv-tls-alps §3).",
    ]


@dataclass(frozen=True)
class ApplicationSettings:
    """The settings of the application protocol that the server sends (draft-vvv-tls-alps §3)."""

    settings: Annotated[bytes, rest(), "The application protocol defines the content (draft-vvv-tls-alps §3)."]


@dataclass(frozen=True)
class EncryptedClientHello:
    """Hides a second ClientHello, with the real server name, in this one; or is a decoy (RFC 9849 §5, §6.2)."""

    type: Annotated[int, uint(1), "outer: this is the ClientHello that everyone can read (RFC 9849 §5)."]
    kdf_id: Annotated[int, uint(2), "The key derivation function of HPKE (RFC 9849 §5, RFC 9180 §7.2)."]
    aead_id: Annotated[int, uint(2), "The encryption of HPKE (RFC 9849 §5, RFC 9180 §7.3)."]
    config_id: Annotated[int, uint(1), "Selects the server's key; in a decoy, a random number (RFC 9849 §5, §6.2)."]
    enc: Annotated[
        bytes, vector(0, 2**16 - 1), "The client's key share for HPKE; empty after a HelloRetryRequest (RFC 9849 §5)."
    ]
    payload: Annotated[
        bytes, vector(1, 2**16 - 1), "The encrypted inner ClientHello, or random bytes as a decoy (RFC 9849 §5, §6.2)."
    ]


@dataclass(frozen=True)
class EncryptedClientHelloRetry:
    """The server answers an encrypted ClientHello in a HelloRetryRequest (RFC 9849 §5)."""

    confirmation: Annotated[bytes, opaque(8), "Tells the client whether the server could decrypt (RFC 9849 §7.2.1)."]


@dataclass(frozen=True)
class EncryptedClientHelloConfigurations:
    """The server could not decrypt the inner ClientHello, and sends its current keys (RFC 9849 §5)."""

    retry_configs: Annotated[
        bytes, vector(4, 2**16 - 1), "The server's current keys, for another connection (RFC 9849 §5, §7.1)."
    ]


# Version and key exchange -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SupportedVersions:
    """Offers the versions of TLS; legacy_version cannot offer TLS 1.3 (RFC 8446 §4.2.1)."""

    versions: Annotated[
        tuple[int, ...], vector(2, 254, of=uint(2)), "The versions that the client supports, best first (§4.2.1)."
    ]


@dataclass(frozen=True)
class SelectedVersion:
    """Selects the version of TLS (RFC 8446 §4.2.1)."""

    selected_version: Annotated[int, uint(2), "The version of this connection, one of those offered (§4.2.1)."]


@dataclass(frozen=True)
class NamedGroupList:
    """Tells the peer which groups the sender supports for the key exchange (RFC 8446 §4.2.7)."""

    named_group_list: Annotated[
        tuple[int, ...],
        vector(2, 2**16 - 1, of=uint(2)),
        "The groups that the sender supports, best first (§4.2.7).",
    ]


@dataclass(frozen=True)
class KeyShareEntry:
    """What one side sends for the key exchange in one group (RFC 8446 §4.2.8)."""

    group: Annotated[int, uint(2), "The group that key_exchange belongs to (§4.2.7)."]
    key_exchange: Annotated[
        bytes,
        vector(1, 2**16 - 1),
        "What the sender contributes to the key exchange; an eavesdropper can read it (§4.2.8).",
    ]


@dataclass(frozen=True)
class KeyShareClientHello:
    """The client's part of the key exchange, in the groups that it expects the server to choose (RFC 8446 §4.2.8)."""

    client_shares: Annotated[
        tuple[KeyShareEntry, ...],
        vector(0, 2**16 - 1, of=struct(KeyShareEntry)),
        "One entry for each group. If the server selects one of them, no HelloRetryRequest is needed (§4.2.8).",
    ]


@dataclass(frozen=True)
class KeyShareServerHello:
    """What the server sends for the key exchange: both sides can now compute the secret (RFC 8446 §4.2.8)."""

    server_share: Annotated[
        KeyShareEntry, struct(KeyShareEntry), "Its group is that of one of the client's entries (§4.2.8)."
    ]


@dataclass(frozen=True)
class KeyShareHelloRetryRequest:
    """Asks the client for a key share in another group (RFC 8446 §4.2.8)."""

    selected_group: Annotated[int, uint(2), "The client supports this group, but sent no key share for it (§4.2.8)."]


@dataclass(frozen=True)
class Cookie:
    """Lets a server keep no state between the two ClientHellos (RFC 8446 §4.2.2)."""

    cookie: Annotated[
        bytes,
        vector(1, 2**16 - 1),
        "The server chooses it in HelloRetryRequest, and the second ClientHello repeats it (§4.2.2).",
    ]


@dataclass(frozen=True)
class EcPointFormats:
    """Tells the peer how points on a curve may be encoded in TLS 1.2 (RFC 8422 §5.1.2)."""

    ec_point_format_list: Annotated[
        bytes, vector(1, 2**8 - 1), "The formats that the sender can read; uncompressed is required (RFC 8422 §5.1.2)."
    ]


# Certificates and signatures ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignatureSchemeList:
    """Tells the peer which signatures the sender can verify (RFC 8446 §4.2.3)."""

    supported_signature_algorithms: Annotated[
        tuple[int, ...],
        vector(2, 2**16 - 2, of=uint(2)),
        "The signature schemes that the sender can verify, best first (§4.2.3).",
    ]


@dataclass(frozen=True)
class CertificateAuthorities:
    """Tells the peer which CAs the sender accepts (RFC 8446 §4.2.4)."""

    authorities: Annotated[
        tuple[bytes, ...],
        vector(3, 2**16 - 1, of=vector(1, 2**16 - 1)),
        "The names of the CAs that the sender accepts, each in DER (§4.2.4).",
    ]


@dataclass(frozen=True)
class OidFilter:
    """A condition on one certificate extension (RFC 8446 §4.2.5)."""

    certificate_extension_oid: Annotated[bytes, vector(1, 2**8 - 1), "The extension, in DER (§4.2.5)."]
    certificate_extension_values: Annotated[
        bytes, vector(0, 2**16 - 1), "Values that the extension must have, in DER (§4.2.5)."
    ]


@dataclass(frozen=True)
class OidFilterExtension:
    """Restricts which certificates the client may present (RFC 8446 §4.2.5)."""

    filters: Annotated[
        tuple[OidFilter, ...],
        vector(0, 2**16 - 1, of=struct(OidFilter)),
        "Conditions that the client's certificate must satisfy (§4.2.5).",
    ]


@dataclass(frozen=True)
class PostHandshakeAuth:
    """The client accepts a CertificateRequest also after the handshake (RFC 8446 §4.2.6)."""


@dataclass(frozen=True)
class CertificateStatusRequest:
    """Asks the server to send an OCSP response: whether its certificate is revoked (RFC 6066 §8)."""

    status_type: Annotated[int, uint(1), "The kind of status; ocsp is the only one in use (RFC 6066 §8)."]
    responder_id_list: Annotated[
        bytes, vector(0, 2**16 - 1), "OCSP responders that the client trusts; empty in practice (RFC 6066 §8)."
    ]
    request_extensions: Annotated[
        bytes, vector(0, 2**16 - 1), "Extensions for the OCSP request; empty in practice (RFC 6066 §8)."
    ]


@dataclass(frozen=True)
class CertificateStatusWanted:
    """Asks the client to send an OCSP response for its certificate (RFC 8446 §4.4.2.1)."""


@dataclass(frozen=True)
class CertificateStatus:
    """An OCSP response for the certificate, stapled to it (RFC 6066 §8, RFC 8446 §4.4.2.1)."""

    status_type: Annotated[int, uint(1), "The kind of status; ocsp is the only one in use (RFC 6066 §8)."]
    response: Annotated[
        bytes, vector(1, 2**24 - 1), "The OCSP response in DER: whether the certificate is revoked (RFC 6066 §8)."
    ]


@dataclass(frozen=True)
class CertificateStatusFollows:
    """The server answers that it sends a CertificateStatus message, in TLS 1.2 (RFC 6066 §8)."""


@dataclass(frozen=True)
class SignedCertificateTimestampsWanted:
    """Asks for proofs that the certificate is in public logs (RFC 6962 §3.3.1)."""


@dataclass(frozen=True)
class SignedCertificateTimestamps:
    """Proofs that public logs know the certificate (RFC 6962 §3.3)."""

    sct_list: Annotated[
        tuple[bytes, ...],
        vector(1, 2**16 - 1, of=vector(1, 2**16 - 1)),
        "Each is the signed promise of a public log to list the certificate (RFC 6962 §3.3).",
    ]


@dataclass(frozen=True)
class CertificateTypes:
    """Offers to use raw public keys in place of certificates (RFC 7250 §3)."""

    certificate_types: Annotated[
        bytes, vector(1, 2**8 - 1), "The types that the client supports, best first (RFC 7250 §3)."
    ]


@dataclass(frozen=True)
class CertificateType:
    """Selects certificates or raw public keys (RFC 7250 §3)."""

    certificate_type: Annotated[int, uint(1), "The type that the server selects (RFC 7250 §3)."]


@dataclass(frozen=True)
class CompressCertificate:
    """Allows the peer to compress its certificates (RFC 8879 §3)."""

    algorithms: Annotated[
        tuple[int, ...],
        vector(2, 2**8 - 2, of=uint(2)),
        "The algorithms that the sender can decompress (RFC 8879 §3).",
    ]


# Resumption ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PskKeyExchangeModes:
    """Tells the server how it may use a PSK, also one of a later ticket (RFC 8446 §4.2.9)."""

    ke_modes: Annotated[
        bytes,
        vector(1, 255),
        "psk_ke: the PSK alone, without forward secrecy. psk_dhe_ke: the PSK and a key exchange (§4.2.9).",
    ]


@dataclass(frozen=True)
class PskIdentity:
    """Names a PSK (RFC 8446 §4.2.11)."""

    identity: Annotated[
        bytes,
        vector(1, 2**16 - 1),
        "The ticket of a NewSessionTicket, or the name of a PSK that both sides have (§4.2.11).",
    ]
    obfuscated_ticket_age: Annotated[
        int, uint(4), "The age of the ticket in milliseconds, plus its ticket_age_add modulo 2^32 (§4.2.11.1)."
    ]


@dataclass(frozen=True)
class OfferedPsks:
    """Offers to resume with a PSK; it is always the last extension (RFC 8446 §4.2.11)."""

    identities: Annotated[
        tuple[PskIdentity, ...],
        vector(7, 2**16 - 1, of=struct(PskIdentity)),
        "The PSKs that the client offers; an eavesdropper can recognize a repeated one (§4.2.11).",
    ]
    binders: Annotated[
        tuple[bytes, ...],
        vector(33, 2**16 - 1, of=vector(32, 255)),
        "For each PSK a MAC over the ClientHello up to here, which proves that the client has the PSK (§4.2.11.2).",
    ]


@dataclass(frozen=True)
class SelectedIdentity:
    """Selects one of the PSKs that the client offered (RFC 8446 §4.2.11)."""

    selected_identity: Annotated[int, uint(2), "The position of the PSK in the client's list, from 0 (§4.2.11)."]


@dataclass(frozen=True)
class EarlyDataIndication:
    """The client sends 0-RTT data after this message (RFC 8446 §4.2.10)."""


@dataclass(frozen=True)
class EarlyDataAccepted:
    """The server accepts the client's 0-RTT data (RFC 8446 §4.2.10)."""


@dataclass(frozen=True)
class TicketEarlyDataIndication:
    """The ticket allows 0-RTT data (RFC 8446 §4.6.1)."""

    max_early_data_size: Annotated[
        int, uint(4), "The most bytes of 0-RTT data that the server accepts with this ticket (§4.6.1)."
    ]


@dataclass(frozen=True)
class SessionTicketTls12:
    """The client asks for a ticket to resume a session of TLS 1.2, or sends one (RFC 5077 §3.2)."""

    ticket: Annotated[bytes, rest(), "The ticket with which the client resumes (RFC 5077 §3.2)."]


@dataclass(frozen=True)
class SessionTicketFollows:
    """The server answers that it sends a NewSessionTicket, in TLS 1.2 (RFC 5077 §3.2)."""


# Records, and repairs of TLS 1.2 ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MaxFragmentLength:
    """Negotiates shorter records (RFC 6066 §4)."""

    max_fragment_length: Annotated[int, uint(1), "The most bytes of plaintext that a record may have (RFC 6066 §4)."]


@dataclass(frozen=True)
class RecordSizeLimit:
    """Tells the peer how long the records may be that the sender receives (RFC 8449 §4)."""

    record_size_limit: Annotated[
        int, uint(2), "The most bytes of plaintext that a record to the sender may have (RFC 8449 §4)."
    ]


@dataclass(frozen=True)
class Padding:
    """Makes ClientHello longer: some servers fail at some lengths (RFC 7685 §1, §3)."""

    zeros: Annotated[bytes, rest(), "Bytes without a meaning; they must be zero (RFC 7685 §3)."]


@dataclass(frozen=True)
class EncryptThenMac:
    """Asks that in CBC suites of TLS 1.2 the MAC covers the ciphertext, not the plaintext (RFC 7366 §2)."""


@dataclass(frozen=True)
class ExtendedMasterSecret:
    """Asks that the master secret of TLS 1.2 depends on the messages before it (RFC 7627 §5.1)."""


@dataclass(frozen=True)
class EncryptThenMacAccepted:
    """The server agrees: in a CBC suite of TLS 1.2, the MAC covers the ciphertext (RFC 7366 §2)."""


@dataclass(frozen=True)
class ExtendedMasterSecretAccepted:
    """The server agrees: the master secret of TLS 1.2 depends on the messages before it (RFC 7627 §5.1)."""


@dataclass(frozen=True)
class RenegotiationInfo:
    """Binds a later handshake of TLS 1.2 to the one before it (RFC 5746 §3.2)."""

    renegotiated_connection: Annotated[
        bytes,
        vector(0, 255),
        "Empty in the first handshake; in a later one, verify_data of the one before (RFC 5746 §3.2).",
    ]


# Which structure is where -------------------------------------------------------------------------------------------

EXTENSIONS: Mapping[type, Mapping[int, type]] = {
    ClientHello: {
        SERVER_NAME: ServerNameList,
        MAX_FRAGMENT_LENGTH: MaxFragmentLength,
        STATUS_REQUEST: CertificateStatusRequest,
        SUPPORTED_GROUPS: NamedGroupList,
        EC_POINT_FORMATS: EcPointFormats,
        SIGNATURE_ALGORITHMS: SignatureSchemeList,
        ALPN: ProtocolNameList,
        SIGNED_CERTIFICATE_TIMESTAMP: SignedCertificateTimestampsWanted,
        CLIENT_CERTIFICATE_TYPE: CertificateTypes,
        SERVER_CERTIFICATE_TYPE: CertificateTypes,
        PADDING: Padding,
        ENCRYPT_THEN_MAC: EncryptThenMac,
        EXTENDED_MASTER_SECRET: ExtendedMasterSecret,
        COMPRESS_CERTIFICATE: CompressCertificate,
        RECORD_SIZE_LIMIT: RecordSizeLimit,
        DELEGATED_CREDENTIAL: SignatureSchemeList,
        SESSION_TICKET: SessionTicketTls12,
        PRE_SHARED_KEY: OfferedPsks,
        EARLY_DATA: EarlyDataIndication,
        SUPPORTED_VERSIONS: SupportedVersions,
        COOKIE: Cookie,
        PSK_KEY_EXCHANGE_MODES: PskKeyExchangeModes,
        CERTIFICATE_AUTHORITIES: CertificateAuthorities,
        POST_HANDSHAKE_AUTH: PostHandshakeAuth,
        SIGNATURE_ALGORITHMS_CERT: SignatureSchemeList,
        KEY_SHARE: KeyShareClientHello,
        APPLICATION_SETTINGS_OLD: ApplicationSettingsSupport,
        APPLICATION_SETTINGS: ApplicationSettingsSupport,
        ENCRYPTED_CLIENT_HELLO: EncryptedClientHello,
        RENEGOTIATION_INFO: RenegotiationInfo,
    },
    ServerHello: {
        PRE_SHARED_KEY: SelectedIdentity,
        SUPPORTED_VERSIONS: SelectedVersion,
        KEY_SHARE: KeyShareServerHello,
        # TLS 1.2 has these here, and TLS 1.3 has the first six of them in EncryptedExtensions or Certificate.
        SERVER_NAME: ServerNameAcknowledgement,
        MAX_FRAGMENT_LENGTH: MaxFragmentLength,
        STATUS_REQUEST: CertificateStatusFollows,
        ALPN: ProtocolNameList,
        SIGNED_CERTIFICATE_TIMESTAMP: SignedCertificateTimestamps,
        RECORD_SIZE_LIMIT: RecordSizeLimit,
        EC_POINT_FORMATS: EcPointFormats,
        ENCRYPT_THEN_MAC: EncryptThenMacAccepted,
        EXTENDED_MASTER_SECRET: ExtendedMasterSecretAccepted,
        SESSION_TICKET: SessionTicketFollows,
        RENEGOTIATION_INFO: RenegotiationInfo,
    },
    HelloRetryRequest: {
        SUPPORTED_VERSIONS: SelectedVersion,
        COOKIE: Cookie,
        KEY_SHARE: KeyShareHelloRetryRequest,
        ENCRYPTED_CLIENT_HELLO: EncryptedClientHelloRetry,
    },
    EncryptedExtensions: {
        SERVER_NAME: ServerNameAcknowledgement,
        MAX_FRAGMENT_LENGTH: MaxFragmentLength,
        SUPPORTED_GROUPS: NamedGroupList,
        ALPN: ProtocolNameList,
        CLIENT_CERTIFICATE_TYPE: CertificateType,
        SERVER_CERTIFICATE_TYPE: CertificateType,
        RECORD_SIZE_LIMIT: RecordSizeLimit,
        EARLY_DATA: EarlyDataAccepted,
        APPLICATION_SETTINGS_OLD: ApplicationSettings,
        APPLICATION_SETTINGS: ApplicationSettings,
        ENCRYPTED_CLIENT_HELLO: EncryptedClientHelloConfigurations,
    },
    CertificateRequest: {
        STATUS_REQUEST: CertificateStatusWanted,
        SIGNATURE_ALGORITHMS: SignatureSchemeList,
        SIGNED_CERTIFICATE_TIMESTAMP: SignedCertificateTimestampsWanted,
        COMPRESS_CERTIFICATE: CompressCertificate,
        CERTIFICATE_AUTHORITIES: CertificateAuthorities,
        OID_FILTERS: OidFilterExtension,
        SIGNATURE_ALGORITHMS_CERT: SignatureSchemeList,
    },
    CertificateEntry: {
        STATUS_REQUEST: CertificateStatus,
        SIGNED_CERTIFICATE_TIMESTAMP: SignedCertificateTimestamps,
    },
    NewSessionTicket: {
        EARLY_DATA: TicketEarlyDataIndication,
    },
}
"""Message, number -> structure, for the table of §4.2 and for later extensions that clients of today send."""
