"""Describe the objects in a file, PEM or DER: certificates, requests, CRLs, keys, PKCS #7, PKCS #12.

Never raises for any bytes: the description of an unreadable object is the reason. `pki.objects.blocks` finds the
objects.
"""

from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from pki.errors import printable
from pki.malformed import guarded
from pki.objects import blocks, private_keys, public_keys
from pki.objects.blocks import Block, BlockKind
from pki.show.describe import (
    Description,
    KeyNumbers,
    Row,
    certificate,
    private_key,
    public_key,
    request,
    revocation_list,
)


def everything(
    data: bytes, *, secrets: KeyNumbers = KeyNumbers.HIDDEN, passphrase: bytes | None = None
) -> Iterator[Description]:
    """Yield the description of each object in the bytes, in order; none if no object is recognised.

    `passphrase` decrypts keys and PKCS #12 files.
    """
    for block in blocks.read(data).blocks:
        if block.label == "DER" and block.kind is BlockKind.OTHER:
            continue
        yield from described(block, secrets, passphrase)


def described(
    block: Block, secrets: KeyNumbers = KeyNumbers.HIDDEN, passphrase: bytes | None = None
) -> Iterator[Description]:
    """Yield the descriptions of one object and of those inside it."""
    if block.problem:
        where = f"{block.where}: " if block.where else ""
        because = Row("because", printable(f"{where}{block.problem}"), "RFC 7468 §2 and §3 define PEM")
        yield Description(f"{_title(block)}: unreadable", (because,))
        return
    for each in _described(block, secrets, passphrase):
        remark = (Row("remark", printable(block.remark), "RFC 7468 §2"),) if block.remark else ()
        yield Description(each.title, (*each.rows, *remark))
    for inside in block.inside:
        yield from described(inside, secrets, passphrase)


def _title(block: Block) -> str:
    return printable(block.label.lower()) if block.label and block.label != "DER" else block.kind.value


def _described(block: Block, secrets: KeyNumbers, passphrase: bytes | None) -> Iterator[Description]:
    match block.kind:
        case BlockKind.CERTIFICATE:
            yield certificate(block.der, block.trust_settings)
        case BlockKind.REQUEST:
            yield request(block.der)
        case BlockKind.CRL:
            yield revocation_list(block.der)
        case BlockKind.PUBLIC_KEY:
            yield _public_key(block)
        case BlockKind.PRIVATE_KEY | BlockKind.ENCRYPTED_KEY:
            yield _private_key(block, secrets, passphrase)
        case BlockKind.PKCS7:
            yield _pkcs7(block)
        case BlockKind.PKCS12:
            yield from _pkcs12(block, secrets, passphrase)
        case _:
            hint = HINTS.get(block.kind)
            rows = (Row("hint", hint, "it is not a certificate, request, CRL or TLS key"),) if hint else ()
            yield Description(f"{_title(block)}: no explanation available", rows)


HINTS: Mapping[BlockKind, str] = {
    BlockKind.OPENSSH_KEY: "an OpenSSH private key; convert it with `ssh-keygen -p -m PKCS8 -f FILE`",
    BlockKind.PGP: "PGP (RFC 9580); a PGP key is not a certificate",
    BlockKind.PARAMETERS: "parameters for keys; not a key",
    BlockKind.OCSP: "an OCSP message (RFC 6960); `openssl ocsp -respin FILE -text` shows it",
}


def _public_key(block: Block) -> Description:
    """A public key in PKCS #1 (`RSA PUBLIC KEY`) or SubjectPublicKeyInfo."""
    key = guarded(lambda: load_der_public_key(block.der))
    if key is None:
        row = Row("type", public_keys.describe_spki(block.der), "the algorithm, as far as it is readable")
        return Description("public key: unreadable", (row,))
    is_info = blocks.is_key_info(block.der)
    return public_key(key, block.der if is_info else None)


def _private_key(block: Block, secrets: KeyNumbers, passphrase: bytes | None) -> Description:
    try:
        key = private_keys.any_private_key(block, passphrase)
    except private_keys.Locked as error:
        title = "private key, encrypted" if block.kind is BlockKind.ENCRYPTED_KEY else "private key: unreadable"
        return Description(title, _refusal(error))
    encoded = block.der if block.kind is BlockKind.PRIVATE_KEY else b""
    return private_key(key, secrets, guarded(lambda: public_keys.spki_of_private(encoded, key)))


def _refusal(error: private_keys.Locked) -> tuple[Row, ...]:
    return (
        Row("because", printable(str(error)), "RFC 5958 and RFC 7292 define the encryption of keys"),
        Row("hint", printable(error.hint), "what to do"),
    )


def _pkcs7(block: Block) -> Description:
    counts = [
        (kind, sum(1 for each in block.inside if each.kind is kind)) for kind in (BlockKind.CERTIFICATE, BlockKind.CRL)
    ]
    words = [blocks.a(kind, count) for kind, count in counts if count] or ["no certificates or CRLs"]
    row = Row("contains", " and ".join(words), "a set: the order has no meaning (RFC 2315 §9.1, RFC 7468 §8)")
    return Description("PKCS #7, signed data", (row,))


def _pkcs12(block: Block, secrets: KeyNumbers, passphrase: bytes | None) -> Iterator[Description]:
    try:
        found = private_keys.open_pkcs12(block.der, passphrase)
    except private_keys.Locked as error:
        yield Description("PKCS #12, closed", _refusal(error))
        return
    if found.key is not None:
        yield private_key(found.key, secrets)
    for each in found.certificates:
        yield certificate(each.public_bytes(Encoding.DER))
