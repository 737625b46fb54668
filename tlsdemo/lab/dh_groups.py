"""Groups of finite-field Diffie-Hellman for the servers of the lab, as PEM (PKCS #3)."""

from functools import cache

from pki.asn1 import der
from tlsdemo.key_agreement import FFDHE2048

OAKLEY_2 = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece65381ffffffffffffffff",
    16,
)
"""The 1024-bit prime that most servers shared (RFC 2409 §6.2)."""


def good_group() -> bytes:
    """ffdhe2048 (RFC 7919 appendix A.1)."""
    return dh_parameters(FFDHE2048)


def weak_group() -> bytes:
    """The second Oakley group."""
    return dh_parameters(OAKLEY_2)


@cache
def dh_parameters(prime: int, generator: int = 2) -> bytes:
    """A group as PEM (PKCS #3)."""
    return der.armoured("DH PARAMETERS", der.sequence(der.integer(prime), der.integer(generator)))
