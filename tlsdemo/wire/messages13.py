"""The handshake messages of TLS 1.3 (RFC 8446 §4), declared.

    client                                server
    ClientHello              --------->
                             <---------   ServerHello, or HelloRetryRequest and a second ClientHello
                                          EncryptedExtensions     this and all that follows is encrypted
                                          CertificateRequest      if the server wants the client's certificate
                                          Certificate
                                          CertificateVerify
                             <---------   Finished
    Certificate
    CertificateVerify
    Finished                 --------->
                             <---------   NewSessionTicket
                             <-------->   KeyUpdate

`client_hello` has ClientHello and `handshake` has ServerHello, because TLS 1.2 has the same structures. The content of
extensions stays opaque here: see `extensions`. Whether a message may be sent now is the receiver's decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import WireError, decode, encode, rest, struct, uint, vector
from tlsdemo.wire.handshake import Extended, Extension, Handshake, ServerHello

HELLO_RETRY_REQUEST_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""SHA-256 of "HelloRetryRequest" (§4.1.3)."""


@dataclass(frozen=True)
class HelloRetryRequest(ServerHello):
    """Asks for a second ClientHello; a ServerHello with a fixed random (RFC 8446 §4.1.4)."""


@dataclass(frozen=True)
class EncryptedExtensions(Extended):
    """The server's answers to extensions that do not select the keys (RFC 8446 §4.3.1)."""

    extensions: Annotated[
        tuple[Extension, ...],
        vector(0, 2**16 - 1, of=struct(Extension)),
        "Only answers to extensions of the ClientHello; protected by the handshake keys (§4.3.1).",
    ] = ()


@dataclass(frozen=True)
class CertificateRequest(Extended):
    """The server asks for the client's certificate (RFC 8446 §4.3.2)."""

    certificate_request_context: Annotated[
        bytes, vector(0, 2**8 - 1), "Empty in the handshake; the client's Certificate repeats it (§4.3.2)."
    ]
    extensions: Annotated[
        tuple[Extension, ...],
        vector(2, 2**16 - 1, of=struct(Extension)),
        "Describes acceptable certificates; signature_algorithms is required (§4.3.2).",
    ]


@dataclass(frozen=True)
class CertificateEntry(Extended):
    """One certificate of the chain (RFC 8446 §4.4.2)."""

    cert_data: Annotated[bytes, vector(1, 2**24 - 1), "X.509 in DER: subject, public key and issuer (§4.4.2)."]
    extensions: Annotated[
        tuple[Extension, ...],
        vector(0, 2**16 - 1, of=struct(Extension)),
        "Evidence for this certificate, such as an OCSP response (§4.4.2.1).",
    ] = ()


@dataclass(frozen=True)
class Certificate:
    """The sender's certificate chain, its own certificate first (RFC 8446 §4.4.2)."""

    certificate_request_context: Annotated[
        bytes, vector(0, 2**8 - 1), "Empty, or the context of the CertificateRequest that this answers (§4.4.2)."
    ]
    certificate_list: Annotated[
        tuple[CertificateEntry, ...],
        vector(0, 2**24 - 1, of=struct(CertificateEntry)),
        "The sender's certificate, then its issuers; a client without a certificate sends an empty list (§4.4.2).",
    ]


@dataclass(frozen=True)
class CertificateVerify:
    """Proves possession of the private key of the certificate (RFC 8446 §4.4.3)."""

    algorithm: Annotated[int, uint(2), "The signature scheme, one of the peer's signature_algorithms (§4.4.3)."]
    signature: Annotated[
        bytes,
        vector(0, 2**16 - 1),
        "A signature over the transcript hash and a context string that names the signer (§4.4.3).",
    ]


@dataclass(frozen=True)
class Finished:
    """Proves that the sender has the same keys and saw the same messages (RFC 8446 §4.4.4)."""

    verify_data: Annotated[bytes, rest(), "HMAC over the transcript hash; as long as the hash of the suite (§4.4.4)."]


@dataclass(frozen=True)
class NewSessionTicket(Extended):
    """Lets the client resume: a PSK for a later handshake (RFC 8446 §4.6.1)."""

    ticket_lifetime: Annotated[
        int, uint(4), "The seconds for which the client may use it; at most 604800, which is 7 days (§4.6.1)."
    ]
    ticket_age_add: Annotated[
        int, uint(4), "A random number. The client adds it to the ticket's age, so that the age is hidden (§4.6.1)."
    ]
    ticket_nonce: Annotated[
        bytes, vector(0, 255), "Unique to the ticket, so that each ticket has a different PSK (§4.6.1)."
    ]
    ticket: Annotated[bytes, vector(1, 2**16 - 1), "The identity of the PSK; opaque to the client (§4.6.1)."]
    extensions: Annotated[
        tuple[Extension, ...],
        vector(0, 2**16 - 2, of=struct(Extension)),
        "Only early_data is defined here: how much 0-RTT data the server accepts (§4.6.1).",
    ] = ()


@dataclass(frozen=True)
class KeyUpdate:
    """The sender changes its traffic key after this message (RFC 8446 §4.6.3)."""

    request_update: Annotated[int, uint(1), "Whether the peer must change its key, too (§4.6.3)."]


@dataclass(frozen=True)
class EndOfEarlyData:
    """The end of 0-RTT data: the client's handshake keys are next (RFC 8446 §4.5)."""


@dataclass(frozen=True)
class MessageHash:
    """Stands for the first ClientHello in the transcript after a HelloRetryRequest; never sent (RFC 8446 §4.4.1)."""

    hash: Annotated[bytes, rest(), "The hash of the first ClientHello, header included (§4.4.1)."]


Message = (
    ClientHello
    | ServerHello
    | HelloRetryRequest
    | NewSessionTicket
    | EndOfEarlyData
    | EncryptedExtensions
    | Certificate
    | CertificateRequest
    | CertificateVerify
    | Finished
    | KeyUpdate
    | MessageHash
)

TYPES: Mapping[int, type[Message]] = {
    1: ClientHello,
    2: ServerHello,
    4: NewSessionTicket,
    5: EndOfEarlyData,
    8: EncryptedExtensions,
    11: Certificate,
    13: CertificateRequest,
    15: CertificateVerify,
    20: Finished,
    24: KeyUpdate,
    254: MessageHash,
}
"""The structure for each msg_type (§4); HelloRetryRequest has the number of ServerHello."""

NUMBERS: Mapping[type[Message], int] = {structure: number for number, structure in TYPES.items()} | {
    HelloRetryRequest: 2
}


def decode_message(raw: bytes) -> Message:
    """One whole message with its header of 4 bytes; WireError if it is invalid or its type is unknown."""
    message = decode(Handshake, raw)
    return decode(structure(message), message.body)


def encode_message(message: Message) -> bytes:
    """The message with its header; ValueError if a value does not fit."""
    return encode(Handshake(NUMBERS[type(message)], encode(message)))


def structure(message: Handshake) -> type[Message]:
    """The structure of the body; WireError if the type of the message is unknown."""
    found = TYPES.get(message.msg_type)
    if found is None:
        raise WireError(f"msg_type {message.msg_type} is not a handshake message of TLS 1.3")
    # §4.1.3: only the random, after two bytes of legacy_version, tells the two apart.
    if found is ServerHello and message.body[2:34] == HELLO_RETRY_REQUEST_RANDOM:
        return HelloRetryRequest
    return found
