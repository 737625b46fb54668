"""FORWARD_SECRECY removed: the server's secret is the private key of its certificate.

TLS 1.3 has no static key exchange, but a server can still reuse a secret: its key share looks like any other, and the
client does not notice. ETSI TS 103 523-3 (2018) specifies static key shares for data centers that record their traffic.
An attacker that gets the key of the certificate later decrypts every recording. Attack: `recorded-today`.
"""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from tlsdemo.protocol import Side
from tlsdemo.tls13.key_agreement import SECP256R1, NamedGroup
from tlsdemo.tls13.machine import Machine, Parts


def of_the_certificate(machine: Machine, group: NamedGroup) -> int:
    """The private key of the server's certificate; ValueError if it is not a P-256 key."""
    key = machine.party.credential.key if machine.party.credential else None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != 256:
        raise ValueError("without FORWARD_SECRECY the server's certificate needs a P-256 key")
    return key.private_numbers().private_value


def weaken(parts: Parts) -> Parts:
    """Use P-256 alone, and the certificate's key as the server's secret. The client still draws a new one."""
    return replace(
        parts,
        groups={SECP256R1: parts.groups[SECP256R1]},
        shares=(SECP256R1,),
        secret={**parts.secret, Side.SERVER: of_the_certificate},
    )
