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

    name_type: Annotated[int, uint(1), "0: host_name, the only type that is defined (RFC 6066 §3)."]
    name: Annotated[bytes, vector(1, 2**16 - 1), "The host name that the client asks for, in the clear (RFC 6066 §3)."]


@dataclass(frozen=True)
class ServerNameList:
    """server_name of a client (RFC 6066 §3)."""

    server_name_list: Annotated[
        tuple[ServerName, ...],
        vector(1, 2**16 - 1, of=struct(ServerName)),
        "Selects the server's certificate; a list, but with one entry in practice (RFC 6066 §3).",
    ]


@dataclass(frozen=True)
class ServerNameAcknowledgement:
    """server_name of a server: it used the name (RFC 6066 §3)."""


@dataclass(frozen=True)
class ProtocolName:
    """The name of one application protocol (RFC 7301 §3.1)."""

    name: Annotated[bytes, vector(1, 2**8 - 1), "An application protocol such as h2 or http/1.1 (RFC 7301 §3.1)."]


@dataclass(frozen=True)
class ProtocolNameList:
    """application_layer_protocol_negotiation (RFC 7301 §3.1)."""

    protocol_name_list: Annotated[
        tuple[ProtocolName, ...],
        vector(2, 2**16 - 1, of=struct(ProtocolName)),
        "A client offers its application protocols, best first; a server answers with one (RFC 7301 §3.1).",
    ]


@dataclass(frozen=True)
class ApplicationSettingsSupport:
    """application_settings of a client (draft-vvv-tls-alps §3)."""

    supported_protocols: Annotated[
        tuple[ProtocolName, ...],
        vector(2, 2**16 - 1, of=struct(ProtocolName)),
        "The protocols whose settings the client can send in the handshake (draft-vvv-tls-alps §3).",
    ]


@dataclass(frozen=True)
class ApplicationSettings:
    """application_settings of a server (draft-vvv-tls-alps §3)."""

    settings: Annotated[bytes, rest(), "Defined by the application protocol (draft-vvv-tls-alps §3)."]


@dataclass(frozen=True)
class EncryptedClientHello:
    """encrypted_client_hello of the unencrypted ClientHello (RFC 9849 §5)."""

    type: Annotated[int, uint(1), "0: outer, the ClientHello that everyone can read (RFC 9849 §5)."]
    kdf_id: Annotated[int, uint(2), "The key derivation function of HPKE (RFC 9849 §5, RFC 9180 §7.2)."]
    aead_id: Annotated[int, uint(2), "The encryption of HPKE (RFC 9849 §5, RFC 9180 §7.3)."]
    config_id: Annotated[int, uint(1), "Selects the server's key; random in a decoy (RFC 9849 §5, §6.2)."]
    enc: Annotated[
        bytes, vector(0, 2**16 - 1), "The client's key share for HPKE; empty after a HelloRetryRequest (RFC 9849 §5)."
    ]
    payload: Annotated[
        bytes, vector(1, 2**16 - 1), "The encrypted inner ClientHello, or random bytes as a decoy (RFC 9849 §5, §6.2)."
    ]


@dataclass(frozen=True)
class EncryptedClientHelloRetry:
    """encrypted_client_hello of a HelloRetryRequest (RFC 9849 §5)."""

    confirmation: Annotated[bytes, opaque(8), "Tells the client whether the server could decrypt (RFC 9849 §7.2.1)."]


@dataclass(frozen=True)
class EncryptedClientHelloConfigurations:
    """encrypted_client_hello of a server that could not decrypt (RFC 9849 §5)."""

    retry_configs: Annotated[
        bytes, vector(4, 2**16 - 1), "The server's current keys, for another connection (RFC 9849 §5, §7.1)."
    ]


# Version and key exchange -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SupportedVersions:
    """supported_versions of a client (RFC 8446 §4.2.1)."""

    versions: Annotated[
        tuple[int, ...], vector(2, 254, of=uint(2)), "The versions that the client supports, best first (§4.2.1)."
    ]


@dataclass(frozen=True)
class SelectedVersion:
    """supported_versions of a server (RFC 8446 §4.2.1)."""

    selected_version: Annotated[int, uint(2), "The version of this connection, one of those offered (§4.2.1)."]


@dataclass(frozen=True)
class NamedGroupList:
    """supported_groups (RFC 8446 §4.2.7)."""

    named_group_list: Annotated[
        tuple[int, ...],
        vector(2, 2**16 - 1, of=uint(2)),
        "The groups for key exchange that the sender supports, best first (§4.2.7).",
    ]


@dataclass(frozen=True)
class KeyShareEntry:
    """A public value for the key exchange (RFC 8446 §4.2.8)."""

    group: Annotated[int, uint(2), "The group of the public value (§4.2.7)."]
    key_exchange: Annotated[
        bytes, vector(1, 2**16 - 1), "The public value; an eavesdropper can read it (§4.2.8.1, §4.2.8.2)."
    ]


@dataclass(frozen=True)
class KeyShareClientHello:
    """key_share of a client (RFC 8446 §4.2.8)."""

    client_shares: Annotated[
        tuple[KeyShareEntry, ...],
        vector(0, 2**16 - 1, of=struct(KeyShareEntry)),
        "Saves a round trip if the server supports one of these groups; empty to ask for its choice (§4.2.8).",
    ]


@dataclass(frozen=True)
class KeyShareServerHello:
    """key_share of a server (RFC 8446 §4.2.8)."""

    server_share: Annotated[KeyShareEntry, struct(KeyShareEntry), "In a group of one of the client's shares (§4.2.8)."]


@dataclass(frozen=True)
class KeyShareHelloRetryRequest:
    """key_share of a HelloRetryRequest (RFC 8446 §4.2.8)."""

    selected_group: Annotated[
        int, uint(2), "The group that the client must use: it supports it, but sent no share for it (§4.2.8)."
    ]


@dataclass(frozen=True)
class Cookie:
    """cookie (RFC 8446 §4.2.2)."""

    cookie: Annotated[
        bytes, vector(1, 2**16 - 1), "The second ClientHello repeats it, so that the server can be stateless (§4.2.2)."
    ]


@dataclass(frozen=True)
class EcPointFormats:
    """ec_point_formats of TLS 1.2 (RFC 8422 §5.1.2)."""

    ec_point_format_list: Annotated[bytes, vector(1, 2**8 - 1), "0: uncompressed, which is required (RFC 8422 §5.1.2)."]


# Certificates and signatures ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignatureSchemeList:
    """signature_algorithms, or the like for other signatures (RFC 8446 §4.2.3)."""

    supported_signature_algorithms: Annotated[
        tuple[int, ...],
        vector(2, 2**16 - 2, of=uint(2)),
        "The signatures that the sender can verify, best first (§4.2.3).",
    ]


@dataclass(frozen=True)
class CertificateAuthorities:
    """certificate_authorities (RFC 8446 §4.2.4)."""

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
    """oid_filters (RFC 8446 §4.2.5)."""

    filters: Annotated[
        tuple[OidFilter, ...],
        vector(0, 2**16 - 1, of=struct(OidFilter)),
        "Conditions that the client's certificate must satisfy (§4.2.5).",
    ]


@dataclass(frozen=True)
class PostHandshakeAuth:
    """post_handshake_auth: the client accepts a CertificateRequest after the handshake (RFC 8446 §4.2.6)."""


@dataclass(frozen=True)
class CertificateStatusRequest:
    """status_request of a client (RFC 6066 §8)."""

    status_type: Annotated[int, uint(1), "1: ocsp, the only type that is defined (RFC 6066 §8)."]
    responder_id_list: Annotated[
        bytes, vector(0, 2**16 - 1), "OCSP responders that the client trusts; empty in practice (RFC 6066 §8)."
    ]
    request_extensions: Annotated[
        bytes, vector(0, 2**16 - 1), "Extensions for the OCSP request; empty in practice (RFC 6066 §8)."
    ]


@dataclass(frozen=True)
class CertificateStatusWanted:
    """status_request of a server: it wants an OCSP response, or in TLS 1.2 sends one (RFC 8446 §4.4.2.1)."""


@dataclass(frozen=True)
class CertificateStatus:
    """status_request of a certificate: a stapled OCSP response (RFC 6066 §8, RFC 8446 §4.4.2.1)."""

    status_type: Annotated[int, uint(1), "1: ocsp, the only type that is defined (RFC 6066 §8)."]
    response: Annotated[
        bytes, vector(1, 2**24 - 1), "The OCSP response in DER: whether the certificate is revoked (RFC 6066 §8)."
    ]


@dataclass(frozen=True)
class SignedCertificateTimestampsWanted:
    """signed_certificate_timestamp of the receiver of certificates (RFC 6962 §3.3.1)."""


@dataclass(frozen=True)
class SignedCertificateTimestamps:
    """signed_certificate_timestamp of a certificate (RFC 6962 §3.3)."""

    sct_list: Annotated[
        tuple[bytes, ...],
        vector(1, 2**16 - 1, of=vector(1, 2**16 - 1)),
        "Promises of public logs to list the certificate (RFC 6962 §3.3).",
    ]


@dataclass(frozen=True)
class CertificateTypes:
    """client_certificate_type or server_certificate_type of a client (RFC 7250 §3)."""

    certificate_types: Annotated[bytes, vector(1, 2**8 - 1), "0: X.509; 2: a raw public key (RFC 7250 §3)."]


@dataclass(frozen=True)
class CertificateType:
    """client_certificate_type or server_certificate_type of a server (RFC 7250 §3)."""

    certificate_type: Annotated[int, uint(1), "0: X.509; 2: a raw public key (RFC 7250 §3)."]


@dataclass(frozen=True)
class CompressCertificate:
    """compress_certificate (RFC 8879 §3)."""

    algorithms: Annotated[
        tuple[int, ...],
        vector(2, 2**8 - 2, of=uint(2)),
        "How the sender can decompress certificates: 1 zlib, 2 brotli, 3 zstd (RFC 8879 §3).",
    ]


# Resumption ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PskKeyExchangeModes:
    """psk_key_exchange_modes (RFC 8446 §4.2.9)."""

    ke_modes: Annotated[
        bytes, vector(1, 255), "0: the PSK alone, without forward secrecy; 1: also a key exchange (§4.2.9)."
    ]


@dataclass(frozen=True)
class PskIdentity:
    """Names a PSK (RFC 8446 §4.2.11)."""

    identity: Annotated[bytes, vector(1, 2**16 - 1), "The ticket of a NewSessionTicket, or another name (§4.2.11)."]
    obfuscated_ticket_age: Annotated[
        int, uint(4), "Milliseconds since the ticket, plus its ticket_age_add modulo 2^32 (§4.2.11.1)."
    ]


@dataclass(frozen=True)
class OfferedPsks:
    """pre_shared_key of a client, always the last extension (RFC 8446 §4.2.11)."""

    identities: Annotated[
        tuple[PskIdentity, ...],
        vector(7, 2**16 - 1, of=struct(PskIdentity)),
        "The PSKs that the client offers; an eavesdropper can recognize a repeated one (§4.2.11).",
    ]
    binders: Annotated[
        tuple[bytes, ...],
        vector(33, 2**16 - 1, of=vector(32, 255)),
        "For each PSK, a MAC over the ClientHello up to here: the client knows the PSK (§4.2.11.2).",
    ]


@dataclass(frozen=True)
class SelectedIdentity:
    """pre_shared_key of a server (RFC 8446 §4.2.11)."""

    selected_identity: Annotated[int, uint(2), "The position of the PSK in the client's list, from 0 (§4.2.11)."]


@dataclass(frozen=True)
class EarlyDataIndication:
    """early_data: the client sends 0-RTT data, or the server accepts it (RFC 8446 §4.2.10)."""


@dataclass(frozen=True)
class TicketEarlyDataIndication:
    """early_data of a NewSessionTicket (RFC 8446 §4.6.1)."""

    max_early_data_size: Annotated[int, uint(4), "The bytes of 0-RTT data that the server accepts (§4.6.1)."]


@dataclass(frozen=True)
class SessionTicketTls12:
    """session_ticket of TLS 1.2 (RFC 5077 §3.2)."""

    ticket: Annotated[bytes, rest(), "The ticket to resume with; empty to ask for one (RFC 5077 §3.2)."]


# Records, and repairs of TLS 1.2 ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MaxFragmentLength:
    """max_fragment_length (RFC 6066 §4)."""

    max_fragment_length: Annotated[
        int, uint(1), "The longest record: 1 is 2^9 bytes, 2 is 2^10, 3 is 2^11, 4 is 2^12 (RFC 6066 §4)."
    ]


@dataclass(frozen=True)
class RecordSizeLimit:
    """record_size_limit (RFC 8449 §4)."""

    record_size_limit: Annotated[
        int, uint(2), "The bytes of plaintext that a record for the sender may have (RFC 8449 §4)."
    ]


@dataclass(frozen=True)
class Padding:
    """padding (RFC 7685 §3)."""

    zeros: Annotated[bytes, rest(), "Makes ClientHello longer: some servers fail at some lengths (RFC 7685 §1, §3)."]


@dataclass(frozen=True)
class EncryptThenMac:
    """encrypt_then_mac: in TLS 1.2 with CBC, the MAC covers the ciphertext (RFC 7366 §2)."""


@dataclass(frozen=True)
class ExtendedMasterSecret:
    """extended_master_secret: in TLS 1.2, the transcript enters the master secret (RFC 7627 §5.1)."""


@dataclass(frozen=True)
class RenegotiationInfo:
    """renegotiation_info of TLS 1.2 (RFC 5746 §3.2)."""

    renegotiated_connection: Annotated[
        bytes, vector(0, 255), "Empty in a first handshake; later the Finished of the one before (RFC 5746 §3.2)."
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
        STATUS_REQUEST: CertificateStatusWanted,
        ALPN: ProtocolNameList,
        SIGNED_CERTIFICATE_TIMESTAMP: SignedCertificateTimestamps,
        RECORD_SIZE_LIMIT: RecordSizeLimit,
        EC_POINT_FORMATS: EcPointFormats,
        ENCRYPT_THEN_MAC: EncryptThenMac,
        EXTENDED_MASTER_SECRET: ExtendedMasterSecret,
        SESSION_TICKET: SessionTicketTls12,
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
        EARLY_DATA: EarlyDataIndication,
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
