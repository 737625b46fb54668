"""Signatures by algorithm, and the limits of RSASSA-PSS keys. Caught: 'did not sign' where that is unknown."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.asn1 import der
from pki.path import SIGNATURE
from pki.verdict import PathProfile, Verdict
from tests.pki.minting import CA, SERVER, Minted, assert_accepted, assert_refused, crl, edited, judge, mint

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_ROOT, ROOT = mint("Root", *CA, own=RSA_KEY), mint("Root", *CA)


def judged(leaf: Minted, root: Minted, **how: Any) -> Verdict:
    return judge(leaf, anchors=[root], **{"profile": PathProfile.TLS, **how})


KEYS = {
    "ML-DSA-44": (mldsa.MLDSA44PrivateKey.generate(), None),
    "ML-DSA-65": (mldsa.MLDSA65PrivateKey.generate(), None),
    "ML-DSA-87": (mldsa.MLDSA87PrivateKey.generate(), None),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), None),
    "Ed448": (ed448.Ed448PrivateKey.generate(), None),
    "P-384": (ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    "RSA": (RSA_KEY, hashes.SHA512()),
}


STRANGERS = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate(),
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate(),
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate(),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_chain_of_each_algorithm_is_verified_crls_included(name: str) -> None:
    own, digest = KEYS[name]
    root = mint("Root", *CA, own=own, digest=digest)
    sub = mint("Sub", *CA, by=root, own=own, digest=digest)
    leaf = mint("localhost", *SERVER, by=sub, own=own, digest=digest)
    lists = [crl(each, digest=digest) for each in (root, sub)]
    assert_accepted(judge(leaf, sub, anchors=[root], crls=lists))
    stranger = mint("Root", *CA, own=STRANGERS.get(name), digest=None if name in STRANGERS else hashes.SHA256())
    assert_refused(judge(leaf, sub, anchors=[stranger]), "chain")


def altered(minted: Minted, algorithm: bytes) -> Minted:
    """The same, with another algorithm inside and outside."""
    old = x509.load_der_x509_certificate(minted.certificate.public_bytes(Encoding.DER))
    known = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
    tbs = old.tbs_certificate_bytes
    place = tbs.index(known)
    content = der.read(tbs).content
    body = tbs[content.start : place] + algorithm + tbs[place + len(known) :]
    whole = der.sequence(der.sequence(body), algorithm, der.bit_string(old.signature))
    return Minted(x509.load_der_x509_certificate(whole), minted.key)


UNKNOWN = {
    "ECDSA with SHA3-256": "2.16.840.1.101.3.4.3.10",
    "GOST R 34.10-2012": "1.2.643.7.1.1.3.2",
    "GOST R 34.10-2001": "1.2.643.2.2.3",
    "RSA with MD2": "1.2.840.113549.1.1.2",
    "a private one": "1.3.6.1.4.1.32473.7",
}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("signer", ["ec", "rsa"])
def test_an_unknown_algorithm_is_called_unknown_and_not_an_imitation(name: str, signer: str) -> None:
    root = {"ec": ROOT, "rsa": RSA_ROOT}[signer]
    genuine = mint("localhost", *SERVER, by=Minted(root.certificate, ROOT.key))
    leaf = altered(genuine, der.sequence(der.object_identifier(UNKNOWN[name])))
    verdict = judged(leaf, root)
    assert_refused(verdict, "chain", "unknown signature algorithm", UNKNOWN[name])
    assert verdict.failure is not None
    assert "did not sign" not in verdict.failure.detail
    assert "imitation" not in (verdict.failure.hint or "")
    assert verdict.failure.section != SIGNATURE, "it is not found to be forged"


def test_ecdsa_with_sha3_as_a_library_makes_it_is_unknown() -> None:
    leaf = mint("localhost", *SERVER, by=ROOT, digest=hashes.SHA3_256())
    assert_refused(judged(leaf, ROOT), "chain", "unknown signature algorithm ECDSA with SHA3-256")
    beside = mint("Root", *CA, own=ROOT.key)
    assert_refused(judge(leaf, beside, anchors=[ROOT]), "chain", "unknown signature algorithm")


def test_a_crl_by_an_unknown_algorithm_is_not_called_forged() -> None:
    leaf = mint("localhost", *SERVER, by=ROOT)
    verdict = judged(leaf, ROOT, crls=[crl(ROOT, digest=hashes.SHA3_256())])
    assert_refused(verdict, "revocation", "unknown signature algorithm")


def test_an_issuer_whose_key_is_of_an_unknown_kind_is_called_that() -> None:
    genuine = mint("Root", *CA, own=ROOT.key)
    ec_key = der.object_identifier("1.2.840.10045.2.1")
    gost = der.object_identifier("1.2.643.7.1.1.1")
    assert len(ec_key) == len(gost)
    odd = edited(genuine, ROOT, lambda tbs: tbs.replace(ec_key, gost))
    leaf = mint("localhost", *SERVER, by=ROOT)
    verdict = judged(leaf, odd)
    assert_refused(verdict, "chain")
    assert "did not sign" not in (verdict.reason or "")


def test_a_true_imitation_is_still_called_one() -> None:
    leaf = mint("localhost", *SERVER, by=mint("Root", *CA))
    verdict = judged(leaf, ROOT)
    assert_refused(verdict, "chain", "did not sign", "the signature does not")
    assert verdict.failure is not None
    assert verdict.failure.section == SIGNATURE


@pytest.mark.parametrize("unused", [1, 4, 7])
def test_unused_bits_in_the_signature_are_refused(unused: int) -> None:
    while True:
        leaf = mint("localhost", *SERVER, by=ROOT)
        data = bytearray(leaf.certificate.public_bytes(Encoding.DER))
        if data[-1] & (2**unused - 1) == 0:  # in DER, unused bits are 0
            break
    data[-len(leaf.certificate.signature) - 1] = unused
    odd = Minted(x509.load_der_x509_certificate(bytes(data)), leaf.key)
    assert odd.certificate.signature == leaf.certificate.signature
    assert_refused(judged(odd, ROOT), "chain", f"{unused} unused bits")
    assert_accepted(judged(leaf, ROOT))


# RSASSA-PSS ----------------------------------------------------------------------------------------------------------

PSS, RSA = der.object_identifier("1.2.840.113549.1.1.10"), der.object_identifier("1.2.840.113549.1.1.1")
OIDS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}


def pss(digest: str, salt: int, mask: str | None = None) -> bytes:
    """RSASSA-PSS-params."""
    of_hash = der.sequence(der.object_identifier(OIDS[digest]), b"\x05\x00")
    of_mask = der.sequence(der.object_identifier(OIDS[mask or digest]), b"\x05\x00")
    mgf1 = der.sequence(der.object_identifier("1.2.840.113549.1.1.8"), of_mask)
    return der.sequence(der.explicit(0, of_hash), der.explicit(1, mgf1), der.explicit(2, der.integer(salt)))


def root_for_pss(limits: bytes) -> Minted:
    """A root whose key says id-RSASSA-PSS; OpenSSL's and our builder write rsaEncryption, so it is exchanged."""
    made = mint("Root", *CA, own=RSA_KEY)
    spki = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    content = spki[list(der.children(spki, der.read(spki)))[1].start :]
    other = der.sequence(der.sequence(PSS, limits), content)
    tbs = made.certificate.tbs_certificate_bytes
    place = tbs.index(spki)
    body = tbs[der.read(tbs).content.start : place] + other + tbs[place + len(spki) :]
    signature = RSA_KEY.sign(der.sequence(body), padding.PKCS1v15(), hashes.SHA256())
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.1.11"), b"\x05\x00")
    whole = der.sequence(der.sequence(body), algorithm, der.bit_string(signature))
    return Minted(x509.load_der_x509_certificate(whole), RSA_KEY)


def signed_by_pss(digest: Any, salt: int) -> Minted:
    how = padding.PSS(padding.MGF1(digest), salt)
    return mint("localhost", *SERVER, by=Minted(RSA_ROOT.certificate, RSA_KEY), digest=digest, rsa_padding=how)


@pytest.mark.parametrize(
    ("limits", "digest", "salt", "accepted"),
    [
        (b"", hashes.SHA256(), 32, True),
        (b"", hashes.SHA384(), 10, True),
        (pss("sha256", 32), hashes.SHA256(), 32, True),
        (pss("sha256", 32), hashes.SHA256(), 40, True),
        (pss("sha256", 32), hashes.SHA256(), 31, False),
        (pss("sha256", 0), hashes.SHA384(), 48, False),
        (pss("sha256", 32, mask="sha512"), hashes.SHA256(), 32, False),
        (pss("sha512", 21), hashes.SHA256(), 32, False),
    ],
)
def test_a_pss_key_restricts_hash_and_salt(limits: bytes, digest: Any, salt: int, accepted: bool) -> None:
    verdict = judged(signed_by_pss(digest, salt), root_for_pss(limits))
    if accepted:
        assert_accepted(verdict)
    else:
        assert_refused(verdict, "chain", "RFC 4055 §1.2")


@pytest.mark.parametrize("limits", [b"", pss("sha256", 32)])
def test_a_pss_key_signs_with_pss_alone(limits: bytes) -> None:
    leaf = mint("localhost", *SERVER, by=RSA_ROOT)
    assert_refused(judged(leaf, root_for_pss(limits)), "chain", "only for RSASSA-PSS")
    assert_accepted(judged(leaf, RSA_ROOT))
    assert_accepted(judged(signed_by_pss(hashes.SHA256(), 32), RSA_ROOT))


def test_a_pss_key_restricts_crls_too() -> None:
    root = root_for_pss(pss("sha256", 32))
    leaf = signed_by_pss(hashes.SHA256(), 32)
    assert_refused(judged(leaf, root, crls=[crl(root)]), "revocation", "only for RSASSA-PSS")
