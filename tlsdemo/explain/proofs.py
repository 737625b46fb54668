"""Finished and signatures, computed again from the bytes of the conversation and the secrets of a key log.

A check says whether the computed value is the sent one. Without the secret or the certificate that it needs, a check is
not made, and says why. So a check mark always stands for a computation.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from pki.malformed import MALFORMED
from tlsdemo import peer
from tlsdemo.protocol import Side
from tlsdemo.tls13.signatures import signed_content
from tlsdemo.wire import key_schedule13, tls12
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import HANDSHAKE_LABELS, TLS13, DissectedMessage, Dissection
from tlsdemo.wire.handshake import HEADER, ServerHello
from tlsdemo.wire.key_log import CLIENT_RANDOM
from tlsdemo.wire.messages12 import (
    CertificateTls12,
    FinishedTls12,
    HelloRequest,
    ServerKeyExchangeDhe,
    ServerKeyExchangeEcdhe,
)
from tlsdemo.wire.messages13 import (
    Certificate,
    CertificateVerify,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
)
from tlsdemo.wire.protection13 import SUITES
from tlsdemo.wire.registry import SIGNATURE_SCHEMES, name


@dataclass(frozen=True)
class Proof:
    """A value that was computed again: whether it is the sent one, None if it was not computed; and a sentence."""

    passed: bool | None
    sentence: str


CHECKED = CertificateVerify, Finished, FinishedTls12, ServerKeyExchangeEcdhe, ServerKeyExchangeDhe
"""The messages that have checks."""
MOST = 32
"""Messages of a conversation that are checked: each check reads all messages before it."""
TOO_MANY = Proof(None, f"not computed: {MOST} messages before this one have such a check")


Checks = Mapping[int, tuple[Proof, ...]]
"""The checks of each message that has some, by its number in the dissection."""


def of_messages(found: Dissection, secrets: Mapping[str, bytes]) -> Checks:
    """The checks of each message that has some, by its number in the dissection."""
    numbers = [number for number, each in enumerate(found.messages) if isinstance(each.value, CHECKED)]
    made = {number: tuple(_checks(found, secrets, number)) for number in numbers[:MOST]}
    return made | dict.fromkeys(numbers[MOST:], (TOO_MANY,))


def _checks(found: Dissection, secrets: Mapping[str, bytes], number: int) -> Iterator[Proof]:
    """The checks of one message."""
    message = found.messages[number]
    if isinstance(message.value, (*COVERING_ALL, *KEY_EXCHANGES)) and _is_after_finished(found, number):
        yield Proof(None, "not computed: it belongs to a second authentication of this connection")
        return
    if isinstance(message.value, COVERING_ALL) and _is_incomplete(found, number):
        yield Proof(None, "not computed: a message before this one was not decrypted")
        return
    match message.value:
        case CertificateVerify() as verify if found.version == TLS13:
            yield _certificate_verify(found, number, verify)
        case Finished() as finished if found.version == TLS13:
            yield _finished(found, secrets, number, finished)
        case FinishedTls12() as finished:
            yield _finished12(found, secrets, number, finished)
        case ServerKeyExchangeEcdhe() | ServerKeyExchangeDhe() as exchange:
            yield _key_exchange(found, number, exchange)
        case CertificateVerify() as verify:
            signed = _transcript(found.messages[:number])
            yield _signature(found, number, verify.algorithm, verify.signature, signed, "all messages before this one")


COVERING_ALL = (CertificateVerify, Finished, FinishedTls12)
"""The messages that cover all messages before them."""
KEY_EXCHANGES = (ServerKeyExchangeEcdhe, ServerKeyExchangeDhe)


def _is_after_finished(found: Dissection, number: int) -> bool:
    """Whether the sender has sent Finished before: it authenticates after the handshake (§4.6.2), or renegotiates."""
    sender = found.messages[number].sender
    return any(each.sender == sender and each.header.name == "Finished" for each in found.messages[:number])


def _is_incomplete(found: Dissection, number: int) -> bool:
    """Whether a record before the message may have a handshake message that was not read; 0-RTT data has none."""
    answer = next((each.records[-1] for each in found.messages if type(each.value) is ServerHello), 0)
    before = enumerate(found.records[: found.messages[number].records[0]])
    return any(each.content is None and (place > answer or each.sender == "server") for place, each in before)


# Finished -----------------------------------------------------------------------------------------------------------


def _finished(found: Dissection, secrets: Mapping[str, bytes], number: int, message: Finished) -> Proof:
    sender = found.messages[number].sender
    label = HANDSHAKE_LABELS[sender]
    suite = SUITES.get(found.cipher_suite or 0)
    if suite is None or label not in secrets:
        return Proof(None, f"not computed: the key log does not have {label}")
    transcript_hash = _hash(found, number, suite.hash)
    computed = key_schedule13.verify_data(suite.hash, secrets[label], transcript_hash)
    return _compared(computed, message.verify_data, "the HMAC over the transcript, with the key from " + label)


def _finished12(found: Dissection, secrets: Mapping[str, bytes], number: int, message: FinishedTls12) -> Proof:
    suite = tls12.SUITES.get(found.cipher_suite or 0)
    if suite is None or CLIENT_RANDOM not in secrets:
        return Proof(None, f"not computed: the key log does not have {CLIENT_RANDOM}")
    digest = hashlib.new(suite.hash, _transcript(found.messages[:number])).digest()
    label = f"{found.messages[number].sender} finished"
    computed = tls12.prf(suite, secrets[CLIENT_RANDOM], label, digest, len(message.verify_data))
    return _compared(computed, message.verify_data, "the PRF over the transcript, with the master secret")


def _compared(computed: bytes, sent: bytes, what: str) -> Proof:
    if hmac.compare_digest(computed, sent):
        return Proof(True, f"equals {what}")
    return Proof(False, f"differs from {what}: {computed.hex()[:16]}...")


# Signatures ---------------------------------------------------------------------------------------------------------


def _certificate_verify(found: Dissection, number: int, verify: CertificateVerify) -> Proof:
    suite = SUITES.get(found.cipher_suite or 0)
    if suite is None:
        return Proof(None, "not verified: the hash of the suite is not known")
    side = Side(found.messages[number].sender)
    content = signed_content(side, _hash(found, number, suite.hash))
    return _signature(found, number, verify.algorithm, verify.signature, content, "all messages before this one")


def valid_for(found: Dissection, number: int) -> str:
    """What the signature of a TLS 1.3 CertificateVerify is valid for, if not for what it must be; empty if unknown."""
    message = found.messages[number]
    suite = SUITES.get(found.cipher_suite or 0)
    presented = next((each for each in found.messages[:number][::-1] if chain_of(each)), None)
    if suite is None or presented is None or not isinstance(message.value, CertificateVerify):
        return ""
    scheme, transcript_hash = name(SIGNATURE_SCHEMES, message.value.algorithm), _hash(found, number, suite.hash)
    side = Side(message.sender)
    for place, der in enumerate(chain_of(presented), start=1):
        certificate = peer.load(der)
        if isinstance(certificate, peer.Unreadable):
            continue
        for signer in (side, side.other):
            content = signed_content(signer, transcript_hash)
            if _verifies(certificate, scheme, message.value.signature, content):
                whose = "" if signer is side else f" and the context string of a {signer.value}"
                return f"the key of certificate {place}{whose}"
    return ""


def _key_exchange(found: Dissection, number: int, exchange: ServerKeyExchangeEcdhe | ServerKeyExchangeDhe) -> Proof:
    """RFC 5246 §7.4.3: the signature covers both random numbers and the server's public value."""
    hellos = [each.value for each in found.messages if isinstance(each.value, ClientHello | ServerHello)]
    randoms = b"".join(hello.random for hello in hellos[:2])
    parameters = found.messages[number].raw[HEADER : -len(exchange.signature) - 4]
    what = "both random numbers and the server's public value"
    return _signature(found, number, exchange.algorithm, exchange.signature, randoms + parameters, what)


def _signature(found: Dissection, number: int, scheme: int, signature: bytes, content: bytes, what: str) -> Proof:
    certificate = certificate_of(found, number)
    if certificate is None:
        return Proof(None, f"not verified: no certificate of the {found.messages[number].sender} was read")
    scheme_name = name(SIGNATURE_SCHEMES, scheme)
    verified = _verifies(certificate, scheme_name, signature, content)
    if verified is None:
        return Proof(
            None, f"not verified: {scheme_name} does not go with the certificate's key, or is not supported here"
        )
    is_valid = "valid" if verified else "NOT valid"
    return Proof(verified, f"{is_valid} for the certificate's key and {what} ({scheme_name})")


def certificate_of(found: Dissection, number: int) -> x509.Certificate | None:
    """The certificate that the sender of a message presented before it; None if there is none that can be read."""
    sender = found.messages[number].sender
    ders = [der for each in found.messages[:number] if each.sender == sender for der in _leaf(each)]
    certificate = peer.load(ders[-1]) if ders else None
    return None if isinstance(certificate, peer.Unreadable) else certificate


def _leaf(message: DissectedMessage) -> tuple[bytes, ...]:
    """The sender's own certificate in a message; empty for other messages."""
    return chain_of(message)[:1]


def chain_of(message: DissectedMessage) -> tuple[bytes, ...]:
    """The certificates in a message, in DER, the sender's own first; empty for other messages."""
    match message.value:
        case Certificate(_, entries):
            return tuple(entry.cert_data for entry in entries)
        case CertificateTls12(ders):
            return ders
    return ()


HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def _verifies(certificate: x509.Certificate, scheme: str, signature: bytes, content: bytes) -> bool | None:
    """Whether the signature verifies; None if the scheme does not go with the key, or is not known."""
    algorithm = HASHES.get(scheme.rpartition("_")[2])
    try:
        match certificate.public_key():
            case ec.EllipticCurvePublicKey() as key if scheme.startswith("ecdsa_") and algorithm:
                key.verify(signature, content, ec.ECDSA(algorithm))
            case rsa.RSAPublicKey() as key if scheme.startswith("rsa_pss_") and algorithm:
                pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
                key.verify(signature, content, pss, algorithm)
            case rsa.RSAPublicKey() as key if scheme.startswith("rsa_pkcs1_") and algorithm:
                key.verify(signature, content, padding.PKCS1v15(), algorithm)
            case ed25519.Ed25519PublicKey() as key if scheme == "ed25519":
                key.verify(signature, content)
            case ed448.Ed448PublicKey() as key if scheme == "ed448":
                key.verify(signature, content)
            case _:
                return None
    except InvalidSignature:
        return False
    except MALFORMED:
        return None
    return True


# The transcript -----------------------------------------------------------------------------------------------------


def _hash(found: Dissection, number: int, hash_name: str) -> bytes:
    """The transcript hash before that message of TLS 1.3 (§4.4.1)."""
    return key_schedule13.transcript_hash(hash_name, transcript13(found.messages[:number], hash_name))


def transcript13(messages: Sequence[DissectedMessage], hash_name: str) -> bytes:
    """The messages; after a HelloRetryRequest, the first ClientHello is replaced by its hash.

    Messages after the handshake do not count, although a server may send tickets before the client's Finished (§4.6.1).
    """
    parts: list[bytes] = []
    for message in messages:
        if isinstance(message.value, NewSessionTicket | KeyUpdate):
            continue
        if isinstance(message.value, HelloRetryRequest):
            parts = [key_schedule13.message_hash(hash_name, b"".join(parts))]
        parts.append(message.raw)
    return b"".join(parts)


def _transcript(messages: Sequence[DissectedMessage]) -> bytes:
    """The messages of TLS 1.2 (RFC 5246 §7.4.9)."""
    return b"".join(each.raw for each in messages if not isinstance(each.value, HelloRequest))
