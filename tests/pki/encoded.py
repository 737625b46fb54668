"""Certificates, requests and CRLs with parts exchanged, for tests of readers: the lengths around a part stay right."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pki.asn1 import ber, der, schema

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
OIDS = {
    "san": "2.5.29.17", "key usage": "2.5.29.15", "purpose": "2.5.29.37", "basic": "2.5.29.19", "ski": "2.5.29.14",
    "aki": "2.5.29.35", "constraints": "2.5.29.30", "aia": "1.3.6.1.5.5.7.1.1", "points": "2.5.29.31",
    "policies": "2.5.29.32", "limits": "2.5.29.36", "any policy": "2.5.29.54", "feature": "1.3.6.1.5.5.7.1.24",
    "mappings": "2.5.29.33", "number": "2.5.29.20", "scope": "2.5.29.28", "reason": "2.5.29.21", "since": "2.5.29.24",
}  # fmt: skip
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tested")])


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """One key for all."""
    return ec.generate_private_key(ec.SECP256R1())


def raw(name: str, value: bytes) -> x509.UnrecognizedExtension:
    """An extension with any value."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(OIDS[name]), value)


def certificate(*extensions: x509.ExtensionType, subject: x509.Name = NAME) -> bytes:
    """A self-signed certificate for localhost with these extensions besides, in DER."""
    builder = x509.CertificateBuilder(subject, subject, key().public_key(), 77, NOW - DAY, NOW + 90 * DAY)
    if not any(each.oid.dotted_string == OIDS["san"] for each in extensions):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(key(), hashes.SHA256()).public_bytes(Encoding.DER)


def request(extension: x509.ExtensionType) -> bytes:
    """A certificate request with this extension, in DER."""
    builder = x509.CertificateSigningRequestBuilder(NAME).add_extension(extension, critical=False)
    return builder.sign(key(), hashes.SHA256()).public_bytes(Encoding.DER)


def crl(*, of_list: x509.ExtensionType | None = None, of_entry: x509.ExtensionType | None = None) -> bytes:
    """A CRL that revokes certificate abc, in DER."""
    entry = x509.RevokedCertificateBuilder(0xABC, NOW - DAY)
    if of_entry is not None:
        entry = entry.add_extension(of_entry, critical=False)
    builder = x509.CertificateRevocationListBuilder(NAME, NOW - DAY, NOW + DAY).add_revoked_certificate(entry.build())
    if of_list is not None:
        builder = builder.add_extension(of_list, critical=False)
    return builder.sign(key(), hashes.SHA256()).public_bytes(Encoding.DER)


def exchanged(data: bytes, path: str, replacement: bytes, shape: schema.SchemaType = schema.CERTIFICATE) -> bytes:
    """The object with the element of that path (`tbsCertificate.serialNumber`) exchanged for other bytes."""
    found = schema.read(data, shape)
    target = found.get(path)
    assert target is not None, path
    return _rebuilt(found.tree, found.tree.roots[0], target, replacement)


def _rebuilt(tree: ber.Tree, node: ber.Node, target: ber.Node, replacement: bytes) -> bytes:
    if node is target:
        return replacement
    if not node.start <= target.start < node.end:
        return tree.data[node.start : node.end]
    return der.element(node.tag, *(_rebuilt(tree, each, target, replacement) for each in node.children))


def resigned(data: bytes) -> bytes:
    """The certificate with a signature that fits again."""
    signed, algorithm, _ = der.children(data, der.read(data))
    tbs = data[signed.start : signed.end]
    signature = key().sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der.sequence(tbs, data[algorithm.start : algorithm.end], der.bit_string(signature))


def pem(*objects: bytes, label: str = "CERTIFICATE") -> bytes:
    """The objects in PEM."""
    return b"".join(der.armoured(label, each) for each in objects)
