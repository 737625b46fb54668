"""The Online Certificate Status Protocol, the responder's side (RFC 6960; nonces: RFC 9654).

    request   CertID …, nonce?   ->   Responder.answer   ->   response   the status of each, dates, nonce; signed

Pure: who signs, what is revoked and the dates come in as arguments. An answer counts for whoever believes its signer:
the authority itself, or one whom it has certified for id-kp-OCSPSigning (§4.2.2.2). A responder asks nobody whether it
may sign, so an attacker's is one, too. Not here: reading the request (`pki.revocation.ocsp_request`), HTTP
(`pki.publish.server`), and the client's side.

Written with `pki.asn1.der`, not with the library's builder: that takes producedAt from the clock and can write the
status of one certificate only; its reader, too, refuses a request about several.
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
from pki.authority import Credential
from pki.keys import PrivateKey
from pki.objects import public_keys
from pki.profiles import Profile
from pki.revocation.ocsp_request import NONCE, CertId, OcspRequest, parse_request
from pki.revocation.ocsp_request import request_from_path as request_from_path

RESPONDER = Profile("ocsp responder", days=30, authority=False, purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,))
"""A delegated responder (§4.2.2.2), to be certified by the very authority about whose certificates it answers."""
ENUMERATED = 0x0A
BASIC = der.object_identifier("1.3.6.1.5.5.7.48.1.1")  # id-pkix-ocsp-basic, §4.2.1
UNDERSTOOD = {NONCE, der.object_identifier("1.3.6.1.5.5.7.48.1.4")}  # id-pkix-ocsp-response: BASIC always is (§4.4.3)


class Status(Enum):
    """What is said of one certificate (CertStatus, §2.2): the number of its tag, and what it means."""

    GOOD = 0, "it is not revoked; whether it was ever issued, or is valid today, is not said"
    REVOKED = 1, "it is no longer vouched for"
    UNKNOWN = 2, "the responder does not know it, and the client may ask elsewhere"

    def __init__(self, number: int, sentence: str) -> None:
        self.number = number
        self.sentence = sentence


class Refusal(Enum):
    """Why there is no answer (OCSPResponseStatus, §2.3): its number, and what it means. Nobody signs a refusal."""

    MALFORMED_REQUEST = 1, "the request is not in the syntax of OCSP"
    INTERNAL_ERROR = 2, "the responder is out of order"
    TRY_LATER = 3, "the responder cannot answer at the moment"
    SIG_REQUIRED = 5, "only signed requests are answered"
    UNAUTHORIZED = 6, "the responder does not speak for that issuer, or not to that client"

    def __init__(self, number: int, sentence: str) -> None:
        self.number = number
        self.sentence = sentence

    @property
    def response_der(self) -> bytes:
        """The whole OCSPResponse."""
        return der.sequence(der.element(ENUMERATED, bytes([self.number])))


@dataclass(frozen=True)
class Responder:
    """Answers for one issuer; the same request always has the same answer, byte for byte."""

    issuer: x509.Certificate
    """The authority whose certificates are asked about."""
    signer: Credential
    """That authority; one to whom it delegates; or, for an attack, anybody else."""
    status: Callable[[int], Status]
    """By serial number. It is asked about whatever a client writes, numbers below 1 included."""
    this_update: datetime
    """Since when this is known to be right; revocations are dated to it, too."""
    next_update: datetime | None
    """Until when; None says that there is newer information at any time (§4.2.2.1)."""
    produced_at: datetime | None = None
    """When the answer was signed; None: at `this_update`."""

    def __post_init__(self) -> None:
        for moment in (self.this_update, self.next_update, self.produced_at):
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"{moment} is in no time zone: an aware datetime is needed")

    def answer(self, request_der: bytes) -> bytes:
        """OCSPResponse in DER, to any bytes.

        Successful when all certificates asked about are by our issuer: all are answered, in their order, in one
        response. `unauthorized` when one is by another, or asked about by a hash that we do not know, and for a
        critical extension that we do not know (§4.4). `malformedRequest` for what is no request, and for a nonce of
        no bytes or more than 128 (RFC 9654 §2.1). Who the requestor says he is, and his signature, change nothing.
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
        """By both hashes, since a name may have had two keys, and a key may serve two names (§4.1.2)."""
        if asked.hash_name is None:
            return False
        ours = self.issuer.subject.public_bytes(), _public_key(self.issuer)
        return (asked.issuer_name_hash, asked.issuer_key_hash) == tuple(_hashed(asked.hash_name, each) for each in ours)

    def _basic_response(self, request: OcspRequest) -> bytes:
        """BasicOCSPResponse: what is said, signed; and the signer's certificate where the client has none (§4.2.1)."""
        tbs, certificate = self._response_data(request), self.signer.certificate
        sent = der.explicit(0, der.sequence(certificate.public_bytes(Encoding.DER)))
        return der.sequence(tbs, *_signature(self.signer.key, tbs), sent if certificate != self.issuer else b"")

    def _response_data(self, request: OcspRequest) -> bytes:
        """ResponseData (§4.2.1): everything that is signed."""
        extensions = der.sequence(der.sequence(NONCE, der.octet_string(der.octet_string(request.nonce or b""))))
        return der.sequence(
            self._responder_id(),
            _time(self.produced_at or self.this_update),
            der.sequence(*map(self._single_response, request.cert_ids)),
            der.explicit(1, extensions) if request.nonce is not None else b"",
        )

    def _responder_id(self) -> bytes:
        """By name, since GnuTLS finds an authority's certificate only so; by key where there is no name."""
        certificate = self.signer.certificate
        if certificate.subject.rdns:
            return der.explicit(1, certificate.subject.public_bytes())
        return der.explicit(2, der.octet_string(_hashed("sha1", _public_key(certificate))))

    def _single_response(self, asked: CertId) -> bytes:
        """SingleResponse. The CertID goes back as it came, so that the client finds its own."""
        status = self.status(asked.serial_number)
        # Tags are implicit here: [1] stands in place of a SEQUENCE, RevokedInfo; [0] and [2] in place of a NULL.
        form, content = (der.CONSTRUCTED, _time(self.this_update)) if status is Status.REVOKED else (0, b"")
        return der.sequence(
            asked.cert_id_der,
            der.element(der.CONTEXT | form | status.number, content),
            _time(self.this_update),
            der.explicit(0, _time(self.next_update)) if self.next_update else b"",
        )


# Hashes, keys, times ------------------------------------------------------------------------------------------------


def _hashed(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _public_key(certificate: x509.Certificate) -> bytes:
    """What stands in the BIT STRING of its subjectPublicKey, without the number of unused bits (§4.1.1)."""
    spki_der = public_keys.spki_of(certificate.public_bytes(Encoding.DER))
    *_, bits = der.children(spki_der, der.read(spki_der))
    return spki_der[bits.content][1:]


def _signature(key: PrivateKey, tbs: bytes) -> tuple[bytes, bytes]:
    """Algorithm and signature, deterministic; of the algorithms, RSA's has a NULL (RFC 3279, RFC 5758, RFC 8410)."""
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
    """GeneralizedTime in whole seconds, for every year: unlike a certificate, OCSP has no UTCTime (§4.2.2.1)."""
    return der.generalized_time(moment.astimezone(UTC))
