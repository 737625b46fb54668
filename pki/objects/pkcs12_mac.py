"""The MAC of a PKCS #12 file with more iterations (RFC 7292 §4, appendix B.2).

    PFX = SEQUENCE { 3, ContentInfo { data, [0] OCTET STRING authSafe }, MacData { DigestInfo, salt, iterations } }

The library computes the MAC with 2,048 iterations and has no parameter for them. An attacker who has the file would
then guess the password with the MAC, however many iterations the encryption has. So the MAC is computed again here.
"""

import hmac
from hashlib import sha1, sha256

from pki.asn1 import der

DIGESTS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha1": "1.3.14.3.2.26"}
BLOCK = 64  # bytes: v of appendix B.2, for SHA-1 and SHA-256
MAC_KEY = b"\x03"  # the ID of appendix B.3


def with_mac(pfx: bytes, password: str, *, digest: str, salt: bytes, iterations: int) -> bytes:
    """The same PKCS #12 file in DER with a new MAC. `digest` is "sha256" or "sha1"."""
    version, content = list(der.children(pfx, der.read(pfx)))[:2]
    _, wrapper = der.children(pfx, content)
    octets = next(der.children(pfx, wrapper))
    key = mac_key(password, digest, salt, iterations)
    algorithm = der.sequence(der.object_identifier(DIGESTS[digest]), der.element(der.NULL))
    mac = der.sequence(
        der.sequence(algorithm, der.octet_string(hmac.digest(key, pfx[octets.content], digest))),
        der.octet_string(salt),
        der.integer(iterations),
    )
    return der.sequence(pfx[version.start : version.end], pfx[content.start : content.end], mac)


def mac_key(password: str, digest: str, salt: bytes, iterations: int) -> bytes:
    """The key of the MAC (appendix B.2): one block, since the key is as long as the digest."""
    secret = password.encode("utf-16-be") + b"\0\0"  # a BMPString with its NUL, appendix B.1
    key = MAC_KEY * BLOCK + _filled(salt) + _filled(secret)
    function = {"sha256": sha256, "sha1": sha1}[digest]
    for _ in range(iterations):
        key = function(key).digest()
    return key


def _filled(data: bytes) -> bytes:
    """`data` repeated to the next multiple of BLOCK bytes."""
    length = -(-len(data) // BLOCK) * BLOCK
    return (data * (length // max(len(data), 1) + 1))[:length]
