"""The Online Certificate Status Protocol, the responder's side (RFC 6960; nonces: RFC 9654).

    request   CertID …, nonce?   ->   Responder.answer   ->   response   status of each, times, nonce; signed

Pure: signer, revoked certificates and times are arguments. A client accepts a response that is signed by the CA itself,
or by a responder that the CA has certified for id-kp-OCSPSigning (§4.2.2.2). A Responder does not check whether its
signer is authorised, so it can also play an attacker. Not here: parsing requests (`pki.revocation.ocsp_request`), HTTP
(`pki.publish.server`), and the client.

Written with `pki.asn1.der` instead of the library's builder, which takes producedAt from the clock and writes the
status of only one certificate.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from pki import keys
from pki.asn1 import der
from pki.authority import Credential, Revoked
from pki.keys import PrivateKey
from pki.objects import public_keys
from pki.profiles import Profile
from pki.revocation.ocsp_request import NONCE, CertId, OcspRequest, parse_request
from pki.revocation.ocsp_request import request_from_path as request_from_path

RESPONDER = Profile("ocsp responder", days=30, authority=False, purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,))
"""A delegated responder (§4.2.2.2); the CA whose certificates it answers for must issue its certificate."""
ENUMERATED = 0x0A
BASIC = der.object_identifier("1.3.6.1.5.5.7.48.1.1")  # id-pkix-ocsp-basic, §4.2.1
UNDERSTOOD = {
    NONCE,
    der.object_identifier("1.3.6.1.5.5.7.48.1.4"),
}  # id-pkix-ocsp-response: the answer is always BASIC (§4.4.3)


class Status(Enum):
    """The status of one certificate (CertStatus, §2.2): its tag number and its meaning."""

    GOOD = 0, "not revoked; it may still be expired, or never have been issued"
    REVOKED = 1, "revoked"
    UNKNOWN = 2, "not known to the responder; the client may ask another one"

    def __init__(self, number: int, sentence: str) -> None:
        self.number = number
        self.sentence = sentence


class Refusal(Enum):
    """An error response (OCSPResponseStatus, §2.3): its number and its meaning. It is not signed."""

    MALFORMED_REQUEST = 1, "the request is not a valid OCSPRequest"
    INTERNAL_ERROR = 2, "the responder has an internal error"
    TRY_LATER = 3, "the responder cannot answer now"
    SIG_REQUIRED = 5, "the request must be signed"
    UNAUTHORIZED = 6, "the responder does not answer for that issuer, or not to that client"

    def __init__(self, number: int, sentence: str) -> None:
        self.number = number
        self.sentence = sentence

    @property
    def response_der(self) -> bytes:
        """The OCSPResponse."""
        return der.sequence(der.element(ENUMERATED, bytes([self.number])))


@dataclass(frozen=True)
class Responder:
    """Answers requests for one issuer. Deterministic: equal requests have equal responses."""

    issuer: x509.Certificate
    """The CA whose certificates the requests name."""
    signer: Credential
    """That CA, a delegated responder, or, for an attack, any other key."""
    status: Callable[[int], Status]
    """The status by serial number. The number comes from the client and may be below 1."""
    this_update: datetime
    """The time at which the status is known to be correct; also the revocation time without an `entry`."""
    next_update: datetime | None
    """The time of the next update; None means that newer information is always available (§4.2.2.1)."""
    produced_at: datetime | None = None
    """The time of signing; None is `this_update`."""
    entry: Callable[[int], Revoked | None] = lambda serial: None
    """The CRL entry by serial number: when a certificate was revoked, and why."""

    def __post_init__(self) -> None:
        for moment in (self.this_update, self.next_update, self.produced_at):
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"{moment} has no time zone; an aware datetime is required")

    def answer(self, request_der: bytes) -> bytes:
        """The OCSPResponse in DER for any bytes.

        Successful if all certificates in the request are from our issuer; one response has all of them, in order.
        `unauthorized` if one is from another issuer or named by an unknown hash, or for an unknown critical extension
        (§4.4). `malformedRequest` for an invalid request, and for a nonce that is empty or longer than 128 bytes
        (RFC 9654 §2.1). The requestor's name and signature are ignored.
        """
        try:
            request = parse_request(request_der)
        except ValueError:
            return Refusal.MALFORMED_REQUEST.response_der
        if request.critical - UNDERSTOOD or not all(map(self._is_ours, request.cert_ids)):
            return Refusal.UNAUTHORIZED.response_der
        response_bytes = der.sequence(BASIC, der.octet_string(self._basic_response(request)))
        return der.sequence(der.element(ENUMERATED, b"\x00"), der.explicit(0, response_bytes))

    def _is_ours(self, asked: CertId) -> bool:
        """Whether both hashes match: a name may have had two keys, and a key two names (§4.1.2)."""
        if asked.hash_name is None:
            return False
        ours = self.issuer.subject.public_bytes(), _public_key(self.issuer)
        return (asked.issuer_name_hash, asked.issuer_key_hash) == tuple(_hashed(asked.hash_name, each) for each in ours)

    def _basic_response(self, request: OcspRequest) -> bytes:
        """BasicOCSPResponse (§4.2.1), with the certificate of a delegated signer."""
        tbs, certificate = self._response_data(request), self.signer.certificate
        sent = der.explicit(0, der.sequence(certificate.public_bytes(Encoding.DER)))
        return der.sequence(tbs, *_signature(self.signer.key, tbs), sent if certificate != self.issuer else b"")

    def _response_data(self, request: OcspRequest) -> bytes:
        """ResponseData (§4.2.1), the signed part."""
        extensions = der.sequence(der.sequence(NONCE, der.octet_string(der.octet_string(request.nonce or b""))))
        return der.sequence(
            self._responder_id(),
            _time(self.produced_at or self.this_update),
            der.sequence(*map(self._single_response, request.cert_ids)),
            der.explicit(1, extensions) if request.nonce is not None else b"",
        )

    def _responder_id(self) -> bytes:
        """By name, since GnuTLS finds a CA certificate only by name; by key if the subject is empty."""
        certificate = self.signer.certificate
        if certificate.subject.rdns:
            return der.explicit(1, certificate.subject.public_bytes())
        return der.explicit(2, der.octet_string(_hashed("sha1", _public_key(certificate))))

    def _single_response(self, asked: CertId) -> bytes:
        """SingleResponse, with the CertID of the request unchanged, so that the client recognises it."""
        status = self.status(asked.serial_number)
        # Implicit tags: [1] replaces the SEQUENCE RevokedInfo; [0] and [2] replace NULL.
        form, content = (der.CONSTRUCTED, self._revoked_info(asked)) if status is Status.REVOKED else (0, b"")
        return der.sequence(
            asked.cert_id_der,
            der.element(der.CONTEXT | form | status.number, content),
            _time(self.this_update),
            der.explicit(0, _time(self.next_update)) if self.next_update else b"",
        )

    def _revoked_info(self, asked: CertId) -> bytes:
        """RevokedInfo (§4.2.1) without its tag: the time, and the reason if there is one."""
        entry = self.entry(asked.serial_number)
        if entry is None:
            return _time(self.this_update)
        number = REASON_NUMBERS.get(entry.reason) if entry.reason else None
        reason = der.explicit(0, der.element(ENUMERATED, bytes([number]))) if number else b""
        return _time(entry.date) + reason


REASON_NUMBERS = {
    x509.ReasonFlags.key_compromise: 1, x509.ReasonFlags.ca_compromise: 2, x509.ReasonFlags.affiliation_changed: 3,
    x509.ReasonFlags.superseded: 4, x509.ReasonFlags.cessation_of_operation: 5,
    x509.ReasonFlags.certificate_hold: 6, x509.ReasonFlags.privilege_withdrawn: 9, x509.ReasonFlags.aa_compromise: 10,
}  # fmt: skip
"""CRLReason (RFC 5280 §5.3.1)."""


# Hashes, keys, times ------------------------------------------------------------------------------------------------


def _hashed(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _public_key(certificate: x509.Certificate) -> bytes:
    """The content of the BIT STRING subjectPublicKey, without the count of unused bits (§4.1.1)."""
    spki_der = public_keys.spki_of(certificate.public_bytes(Encoding.DER))
    *_, bits = der.children(spki_der, der.read(spki_der))
    return spki_der[bits.content][1:]


def _signature(key: PrivateKey, tbs: bytes) -> tuple[bytes, bytes]:
    """AlgorithmIdentifier and signature, both deterministic. RSA has NULL parameters (RFC 3279, 5758, 8410)."""
    digest, null = keys.signature_hash(key) or hashes.SHA256(), b""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        oid, signature = SignatureAlgorithmOID.ED25519, key.sign(tbs)
    elif isinstance(key, rsa.RSAPrivateKey):
        oid, null = SignatureAlgorithmOID.RSA_WITH_SHA256, der.element(der.NULL)
        signature = key.sign(tbs, padding.PKCS1v15(), digest)
    else:
        oid, signature = ECDSA[digest.name], key.sign(tbs, ec.ECDSA(digest, deterministic_signing=True))
    return der.sequence(der.object_identifier(oid.dotted_string), null), der.bit_string(signature)


ECDSA = {"sha256": SignatureAlgorithmOID.ECDSA_WITH_SHA256, "sha384": SignatureAlgorithmOID.ECDSA_WITH_SHA384}


def _time(moment: datetime) -> bytes:
    """GeneralizedTime in whole seconds for every year; OCSP does not use UTCTime (§4.2.2.1)."""
    return der.generalized_time(moment.astimezone(UTC))
