"""A certificate on a port: the names that select it, and the TLS versions that its key allows."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import names
from pki.cases import Served
from pki.errors import Problem
from pki.malformed import MALFORMED
from tlsdemo.lab.ca import ADDRESSES, HOME, LabCA
from tlsdemo.lab.case import Case, OpenedCase, obstacle
from tlsdemo.lab.context import LabCiphers, lab_context
from tlsdemo.lab.conversation import facts, over_tls
from tlsdemo.lab.dh_groups import good_group
from tlsdemo.tls.server_name import listen_for_names

SHORTEST_RSA = 528  # bits that RSA-PSS with SHA-256 needs (RFC 8017 §9.1.1), the only RSA signature of TLS 1.3


def present(case: Case, served: Served, ca: LabCA) -> OpenedCase:
    """A case that presents this chain. If OpenSSL does not load the chain, the case has the obstacle."""
    host = names.plain(served.name)
    sni = f"{case.id}.{HOME}" if host in (HOME, *ADDRESSES) else host
    own_root = b"" if served.anchors == (ca.builder.trusted.certificate,) else served.anchors_pem
    ciphers = newest(served)
    try:
        # The group is for suites with DSA, which use finite-field Diffie-Hellman.
        context = lab_context((served.chain_pem, served.key_pem), ciphers, dh_parameters=good_group())
    except Problem as problem:
        return OpenedCase(case, None, obstacle(problem), host, None, sni, own_root)
    listen_for_names(context)
    handler = over_tls(context, lambda visit: facts(case, visit))
    if ciphers is LabCiphers.ANYTHING_OF_1_2:  # by server_name, 1.3 would be negotiated first
        return OpenedCase(case, handler, "", host, anchors_pem=own_root)
    return OpenedCase(case, handler, "", host, context, sni, own_root)


def newest(served: Served) -> LabCiphers:
    """TLS 1.3 if it has a signature scheme for the key (RFC 8446 §4.2.3); otherwise TLS 1.2, which has one."""
    return LabCiphers.ANYTHING if _fits_tls_1_3(_key(served)) else LabCiphers.ANYTHING_OF_1_2


def _key(served: Served) -> CertificatePublicKeyTypes:
    """The public key: from the certificate, which is faster; from the private key if the certificate is malformed."""
    try:
        return x509.load_der_x509_certificate(served.chain[0]).public_key()
    except MALFORMED:
        return load_pem_private_key(served.key_pem, password=None).public_key()  # type: ignore[return-value]  # a server's


def _fits_tls_1_3(key: CertificatePublicKeyTypes) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= SHORTEST_RSA
    return not isinstance(key, dsa.DSAPublicKey)
