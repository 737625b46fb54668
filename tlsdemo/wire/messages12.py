"""The handshake messages of TLS 1.2 that TLS 1.3 does not have, or has with another structure (RFC 5246 §7.4).

    client                                             server
    ClientHello                           --------->
                                                       ServerHello  Certificate  ServerKeyExchange
                                          <---------   [CertificateRequest]  ServerHelloDone
    [Certificate]  ClientKeyExchange  [CertificateVerify]
    (ChangeCipherSpec)  Finished          --------->
                                          <---------   [NewSessionTicket]  (ChangeCipherSpec)  Finished

Everything before ChangeCipherSpec is sent in the clear, the certificates included. The structure of both KeyExchange
messages depends on the cipher suite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from tlsdemo.wire.extensions import CertificateStatus
from tlsdemo.wire.fields import rest, uint, vector
from tlsdemo.wire.messages13 import CertificateVerify
from tlsdemo.wire.registry import CIPHER_SUITES


@dataclass(frozen=True)
class HelloRequest:
    """The server asks for a new handshake (RFC 5246 §7.4.1.1)."""


@dataclass(frozen=True)
class NewSessionTicketTls12:
    """Lets the client resume the session (RFC 5077 §3.3)."""

    ticket_lifetime_hint: Annotated[
        int, uint(4), "The seconds for which the ticket can be used; 0 if the server does not say (RFC 5077 §3.3)."
    ]
    ticket: Annotated[bytes, vector(0, 2**16 - 1), "The state of the session, encrypted by the server (RFC 5077 §3.3)."]


@dataclass(frozen=True)
class CertificateTls12:
    """The sender's certificate chain, in the clear (RFC 5246 §7.4.2)."""

    certificate_list: Annotated[
        tuple[bytes, ...],
        vector(0, 2**24 - 1, of=vector(1, 2**24 - 1)),
        "X.509 in DER: the sender's certificate, then its issuers (RFC 5246 §7.4.2).",
    ]


@dataclass(frozen=True)
class ServerKeyExchangeEcdhe:
    """The server's public value on a curve, signed (RFC 8422 §5.4)."""

    curve_type: Annotated[int, uint(1), "How the curve is given; named_curve is the only way in use (RFC 8422 §5.4)."]
    named_curve: Annotated[int, uint(2), "The curve, one of the client's supported_groups (RFC 8422 §5.4)."]
    public: Annotated[bytes, vector(1, 2**8 - 1), "The server's public value for the key exchange (RFC 8422 §5.4)."]
    algorithm: Annotated[int, uint(2), "The hash and the signature algorithm (RFC 5246 §7.4.1.4.1)."]
    signature: Annotated[
        bytes, vector(0, 2**16 - 1), "A signature over both randoms and the three fields before (RFC 8422 §5.4)."
    ]


@dataclass(frozen=True)
class ServerKeyExchangeDhe:
    """The server's Diffie-Hellman group and public value, signed (RFC 5246 §7.4.3)."""

    dh_p: Annotated[bytes, vector(1, 2**16 - 1), "The prime modulus, which the server chooses (RFC 5246 §7.4.3)."]
    dh_g: Annotated[bytes, vector(1, 2**16 - 1), "The generator (RFC 5246 §7.4.3)."]
    dh_ys: Annotated[bytes, vector(1, 2**16 - 1), "The server's public value (RFC 5246 §7.4.3)."]
    algorithm: Annotated[int, uint(2), "The hash and the signature algorithm (RFC 5246 §7.4.1.4.1)."]
    signature: Annotated[
        bytes, vector(0, 2**16 - 1), "A signature over both randoms and the three fields before (RFC 5246 §7.4.3)."
    ]


@dataclass(frozen=True)
class ServerKeyExchangeEcdhAnon:
    """The server's public value on a curve, not signed: a man in the middle can replace it (RFC 8422 §2.3)."""

    curve_type: Annotated[int, uint(1), "How the curve is given; named_curve is the only way in use (RFC 8422 §5.4)."]
    named_curve: Annotated[int, uint(2), "The curve, one of the client's supported_groups (RFC 8422 §5.4)."]
    public: Annotated[bytes, vector(1, 2**8 - 1), "The server's public value for the key exchange (RFC 8422 §5.4)."]


@dataclass(frozen=True)
class ServerKeyExchangeDhAnon:
    """The server's group and public value, not signed: a man in the middle can replace them (RFC 5246 §F.1.1.1)."""

    dh_p: Annotated[bytes, vector(1, 2**16 - 1), "The prime modulus, which the server chooses (RFC 5246 §7.4.3)."]
    dh_g: Annotated[bytes, vector(1, 2**16 - 1), "The generator (RFC 5246 §7.4.3)."]
    dh_ys: Annotated[bytes, vector(1, 2**16 - 1), "The server's public value (RFC 5246 §7.4.3)."]


@dataclass(frozen=True)
class CertificateRequestTls12:
    """The server asks for the client's certificate (RFC 5246 §7.4.4)."""

    certificate_types: Annotated[
        bytes, vector(1, 2**8 - 1), "The kinds of keys that a certificate may have (RFC 5246 §7.4.4, RFC 8422 §5.5)."
    ]
    supported_signature_algorithms: Annotated[
        tuple[int, ...],
        vector(2, 2**16 - 2, of=uint(2)),
        "The signatures that the server can verify, best first (RFC 5246 §7.4.4).",
    ]
    certificate_authorities: Annotated[
        tuple[bytes, ...],
        vector(0, 2**16 - 1, of=vector(1, 2**16 - 1)),
        "The names of the CAs that the server accepts, each in DER (RFC 5246 §7.4.4).",
    ]


@dataclass(frozen=True)
class ServerHelloDone:
    """The end of the server's first flight (RFC 5246 §7.4.5)."""


@dataclass(frozen=True)
class ClientKeyExchangeEcdhe:
    """The client's public value on the server's curve (RFC 8422 §5.7)."""

    ecdh_yc: Annotated[bytes, vector(1, 2**8 - 1), "The client's public value; not signed (RFC 8422 §5.7)."]


@dataclass(frozen=True)
class ClientKeyExchangeDhe:
    """The client's public value in the server's group (RFC 5246 §7.4.7.2)."""

    dh_yc: Annotated[bytes, vector(1, 2**16 - 1), "The client's public value; not signed (RFC 5246 §7.4.7.2)."]


@dataclass(frozen=True)
class ClientKeyExchangeRsa:
    """The premaster secret, in static RSA (RFC 5246 §7.4.7.1)."""

    encrypted_pre_master_secret: Annotated[
        bytes, vector(0, 2**16 - 1), "48 bytes, encrypted to the server's RSA key (RFC 5246 §7.4.7.1)."
    ]


@dataclass(frozen=True)
class FinishedTls12:
    """Proves that the sender has the same master secret and saw the same messages (RFC 5246 §7.4.9)."""

    verify_data: Annotated[
        bytes, rest(), "12 bytes of the PRF over the hash of all handshake messages before (RFC 5246 §7.4.9)."
    ]


TYPES: Mapping[int, type] = {
    0: HelloRequest,
    4: NewSessionTicketTls12,
    11: CertificateTls12,
    13: CertificateRequestTls12,
    14: ServerHelloDone,
    15: CertificateVerify,
    20: FinishedTls12,
    22: CertificateStatus,
}
"""The structure for each msg_type, without both hellos and both KeyExchange messages."""

SERVER_KEY_EXCHANGE, CLIENT_KEY_EXCHANGE = 12, 16

KEY_EXCHANGES: Mapping[str, Mapping[int, type]] = {
    "TLS_ECDHE_": {SERVER_KEY_EXCHANGE: ServerKeyExchangeEcdhe, CLIENT_KEY_EXCHANGE: ClientKeyExchangeEcdhe},
    "TLS_DHE_": {SERVER_KEY_EXCHANGE: ServerKeyExchangeDhe, CLIENT_KEY_EXCHANGE: ClientKeyExchangeDhe},
    "TLS_ECDH_anon_": {SERVER_KEY_EXCHANGE: ServerKeyExchangeEcdhAnon, CLIENT_KEY_EXCHANGE: ClientKeyExchangeEcdhe},
    "TLS_DH_anon_": {SERVER_KEY_EXCHANGE: ServerKeyExchangeDhAnon, CLIENT_KEY_EXCHANGE: ClientKeyExchangeDhe},
    "TLS_RSA_": {CLIENT_KEY_EXCHANGE: ClientKeyExchangeRsa},
}
"""The same by the beginning of the suite's name."""


def structure(msg_type: int, cipher_suite: int) -> type | None:
    """The structure of a message in a connection with that suite; None for an unknown type or key exchange."""
    suite = CIPHER_SUITES.get(cipher_suite, "")
    exchange = next((each for start, each in KEY_EXCHANGES.items() if suite.startswith(start)), {})
    return TYPES.get(msg_type) or exchange.get(msg_type)
