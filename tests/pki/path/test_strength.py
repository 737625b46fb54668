"""Public keys that reveal the private key, and CAs without critical basic constraints. Caught: an accept."""

from functools import cache
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.asn1 import der
from pki.path.strength import weakness
from pki.verdict import PathProfile
from tests.pki.minting import (
    CA,
    SERVER,
    Minted,
    assert_accepted,
    assert_refused,
    edited,
    judge,
    mint,
    noncritical,
    usage,
)

GOOD = rsa.generate_private_key(public_exponent=65537, key_size=2048)
N = GOOD.public_key().public_numbers().n
P = GOOD.private_numbers().p
ROOT = mint("Root", *CA)


def spki(modulus: int, exponent: int) -> bytes:
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"), b"\x05\x00")
    return der.sequence(algorithm, der.bit_string(der.sequence(der.integer(modulus), der.integer(exponent))))


def with_key(made: Minted, signer: Minted, modulus: int, exponent: int) -> Minted:
    old = GOOD.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def change(tbs: bytes) -> bytes:
        place = tbs.index(old)
        return der.sequence(tbs[der.read(tbs).content.start : place], spki(modulus, exponent), tbs[place + len(old) :])

    return edited(made, signer, change)


@cache
def a_prime(bits: int) -> int:
    """Found from a fixed start, which has the two highest bits; three Fermat tests are enough here."""
    number = Random(bits).getrandbits(bits) | 3 << (bits - 2) | 1
    while any(pow(base, number - 1, number) != 1 for base in (2, 3, 5)) or number % 65537 == 1:
        number += 2
    return number


PRIME = a_prime(2048)
WEAK = {
    "even": (N + 1, 65537, "the modulus is even"),
    "a prime": (PRIME, 65537, "the modulus is a prime"),
    "divisible by 3": (3 * (N >> 1 | 1), 65537, "the modulus is divisible by"),
    "divisible by 65521": (65521 * (N >> 15 | 1), 65537, "the modulus is divisible by"),
    "a square": (P * P, 65537, "equal or close together"),
    "exponent 1": (N, 1, "the public exponent is 1"),
    "exponent 2": (N, 2, "the public exponent is even"),
    "exponent 65536": (N, 65536, "the public exponent is even"),
    "exponent 0": (N, 0, "not positive"),
    "exponent -3": (N, -3, "not positive"),
    "too long": ((1 << 20_000) + 1, 65537, "20,001 bits"),
    "far too long": ((1 << 2_000_000) + 1, 3, "2,000,001 bits"),
    "a huge exponent of 1 kB, even": (N, 1 << 2000, "the public exponent is even"),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_rsa_key_is_refused_in_a_leaf(name: str) -> None:
    modulus, exponent, words = WEAK[name]
    leaf = with_key(mint("localhost", *SERVER, by=ROOT, public=GOOD.public_key()), ROOT, modulus, exponent)
    assert_refused(judge(leaf, anchors=[ROOT]), "strength", words)


@pytest.mark.parametrize("name", ["even", "a prime", "divisible by 3", "exponent 1", "too long"])
def test_a_weak_rsa_key_is_refused_in_a_ca(name: str) -> None:
    modulus, exponent, _ = WEAK[name]
    sub = mint("Sub", *CA, by=ROOT, own=GOOD)
    weak = with_key(sub, ROOT, modulus, exponent)
    leaf = mint("localhost", *SERVER, by=sub)
    assert judge(leaf, weak, anchors=[ROOT]).failure is not None


def test_a_weak_ca_that_signs_is_refused_by_strength() -> None:
    """An attacker who factors the modulus can sign; here the two factors are adjacent primes."""
    p = a_prime(1024)
    q = next(each for each in range(p + 2, p + 100_000, 2) if pow(2, each - 1, each) == 1 and each % 65537 != 1)
    numbers = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(65537, -1, (p - 1) * (q - 1))
    key = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), numbers).private_key()
    sub = mint("Sub", *CA, by=ROOT, own=key)
    leaf = mint("localhost", *SERVER, by=sub)
    assert_refused(judge(leaf, sub, anchors=[ROOT]), "strength", "close together")
    assert_accepted(judge(leaf, sub, anchors=[ROOT], profile=PathProfile.RFC5280))


def test_good_keys_are_strong() -> None:
    assert weakness(N) is None
    assert_accepted(judge(mint("localhost", *SERVER, by=ROOT, own=GOOD), anchors=[ROOT]))


@pytest.mark.parametrize("profile", PathProfile)
def test_basic_constraints_of_a_ca_are_critical_except_for_rfc_5280(profile: PathProfile) -> None:
    lax = (noncritical(x509.BasicConstraints(True, None)), usage("key_cert_sign", "crl_sign"))
    lax_root, lax_sub = mint("Root", *lax), mint("Sub", *lax, by=ROOT)
    under_root = mint("localhost", *SERVER, by=lax_root)
    under_sub = mint("localhost", *SERVER, by=lax_sub)
    for verdict in (
        judge(under_root, anchors=[lax_root], profile=profile),
        judge(under_sub, lax_sub, anchors=[ROOT], profile=profile),
    ):
        if profile is PathProfile.RFC5280:
            assert_accepted(verdict)
            assert "not critical" in verdict.remarks[0].detail
        else:
            assert_refused(verdict, "authorities", "not critical")


def test_a_ca_whose_only_key_usage_is_that_of_a_ca_signs_no_handshake() -> None:
    """Bug kind 12: a CA certificate as leaf is checked like every other leaf (RFC 8446 §4.4.2.2)."""
    own = mint("localhost", *CA, SERVER[0])
    assert_refused(judge(own, anchors=[own]), "signing", "digitalSignature")
    assert_accepted(judge(own, anchors=[own], profile=PathProfile.RFC5280))
    both = mint("localhost", CA[0], usage("key_cert_sign", "digital_signature"), SERVER[0])
    assert_accepted(judge(both, anchors=[both]))
    misplaced = mint("Sub", *CA, by=ROOT)
    assert_refused(judge(misplaced, anchors=[ROOT]), "name")
