"""FORWARD_SECRECY removed: the server's secret is the private key of its certificate.

All conversations depend on one key, which is stored for years. An attacker that records conversations today and gets
the key later (stolen, found on an old disk, demanded by a court) decrypts all of them. TLS up to 1.2 has this as static
(EC)DH and as RSA key transport (RFC 5246 §7.4.7.1); TLS 1.3 removed both. Attack: `recorded-today`.
"""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.key_agreement import P256
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation


def of_the_certificate(machine: Machine) -> int:
    """The private key of the server's certificate, also on a rung that does not present it.

    ValueError if it is not a P-256 key.
    """
    if machine.party.credential is None:
        raise ProtocolError(Violation.NO_CERTIFICATE, "without FORWARD_SECRECY its private key is the server's secret")
    key = machine.party.credential.key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != 256:
        raise ValueError("without FORWARD_SECRECY the server's certificate needs a P-256 key")
    return key.private_numbers().private_value


def weaken(parts: Parts) -> Parts:
    """Use P-256, and the certificate's key as the server's secret. The client still draws a new one."""
    return replace(parts, group=P256(), secret={**parts.secret, Side.SERVER: of_the_certificate})
