"""The objects in a file, PEM or DER: each with its kind and its bytes, or the reason why it cannot be read.

    bytes -> Contents: Block, Block, ...      Block -> certificate(), crl(): loaded, or UnreadableBlock

An unreadable object does not affect the others, and text around a PEM block is skipped (RFC 7468 §2). PKCS #7 (RFC 2315
§9.1) is unpacked; the trust settings of OpenSSL's TRUSTED CERTIFICATE are kept with the certificate. The work is linear
in the size of the input. Not here: private keys (`pki.objects.private_keys`), opening files (`pki.store.files`).
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from cryptography import x509

from pki.asn1 import ber, der, schema
from pki.asn1.ber import Node, Tree
from pki.errors import printable
from pki.malformed import guarded
from pki.objects import foreign, summary
from pki.objects.foreign import Foreign

MOST_BLOCKS = 5_000
MOST_REASONS = 5
PEM = "RFC 7468 §2"


class BlockKind(Enum):
    """The kind of an object."""

    CERTIFICATE = "certificate"
    REQUEST = "certificate request"
    CRL = "CRL"
    PRIVATE_KEY = "private key"
    ENCRYPTED_KEY = "encrypted private key"
    PUBLIC_KEY = "public key"
    PKCS7 = "PKCS #7"
    PKCS12 = "PKCS #12"
    OPENSSH_KEY = "OpenSSH private key"
    PGP = "PGP block"
    PARAMETERS = "set of parameters"
    OCSP = "OCSP message"
    ATTRIBUTE_CERTIFICATE = "attribute certificate"
    OTHER = "other object"


@dataclass(frozen=True)
class Block:
    """One object: its kind, PEM label (`DER` without PEM), bytes and place, and what is wrong with it."""

    kind: BlockKind
    label: str
    der: bytes
    where: str = ""
    """`line 14`, `certificate 2 in PKCS #7`; empty for the only object of a DER file."""
    problem: str = ""
    """Why there are no bytes: how the PEM is damaged."""
    remark: str = ""
    """A deviation that does not prevent reading: the label names another kind."""
    trust_settings: bytes = b""
    inside: "tuple[Block, ...]" = ()
    pem: bytes = field(default=b"", repr=False)
    """The whole PEM block, if its headers are needed (RFC 1421 encryption)."""


@dataclass(frozen=True)
class Contents:
    """The objects of a file in their order, or the other format of the file."""

    blocks: tuple[Block, ...]
    foreign: Foreign | None = None

    def flat(self) -> Iterator[Block]:
        """Yield every object; those inside a PKCS #7 replace it."""
        for block in self.blocks:
            yield from block.inside or (block,)

    def of(self, *kinds: BlockKind) -> tuple[Block, ...]:
        """The objects of these kinds."""
        return tuple(block for block in self.flat() if block.kind in kinds)


class UnreadableBlock(ValueError):
    """An object cannot be read; the message has the reason and the rule."""


# PEM (RFC 7468) -----------------------------------------------------------------------------------------------------

MARKER = re.compile(rb"-----(BEGIN|END) ([^\r\n-]{0,80}(?:-[^\r\n-]{1,80}){0,4})-----")
LABELS = {
    "CERTIFICATE": BlockKind.CERTIFICATE,
    "X509 CERTIFICATE": BlockKind.CERTIFICATE,
    "TRUSTED CERTIFICATE": BlockKind.CERTIFICATE,
    "CERTIFICATE REQUEST": BlockKind.REQUEST,
    "NEW CERTIFICATE REQUEST": BlockKind.REQUEST,
    "X509 CRL": BlockKind.CRL,
    "PRIVATE KEY": BlockKind.PRIVATE_KEY,
    "EC PRIVATE KEY": BlockKind.PRIVATE_KEY,
    "RSA PRIVATE KEY": BlockKind.PRIVATE_KEY,
    "DSA PRIVATE KEY": BlockKind.PRIVATE_KEY,
    "ENCRYPTED PRIVATE KEY": BlockKind.ENCRYPTED_KEY,
    "PUBLIC KEY": BlockKind.PUBLIC_KEY,
    "RSA PUBLIC KEY": BlockKind.PUBLIC_KEY,
    "PKCS7": BlockKind.PKCS7,
    "PKCS #7 SIGNED DATA": BlockKind.PKCS7,
    "CMS": BlockKind.PKCS7,
    "PKCS12": BlockKind.PKCS12,
    "OPENSSH PRIVATE KEY": BlockKind.OPENSSH_KEY,
    "EC PARAMETERS": BlockKind.PARAMETERS,
    "DH PARAMETERS": BlockKind.PARAMETERS,
    "X9.42 DH PARAMETERS": BlockKind.PARAMETERS,
    "DSA PARAMETERS": BlockKind.PARAMETERS,
    "OCSP RESPONSE": BlockKind.OCSP,
    "OCSP REQUEST": BlockKind.OCSP,
    "ATTRIBUTE CERTIFICATE": BlockKind.ATTRIBUTE_CERTIFICATE,
    **{f"PGP {what}": BlockKind.PGP for what in ("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK", "MESSAGE", "SIGNATURE")},
}
ENCRYPTED = re.compile(rb"Proc-Type:\s*4\s*,\s*ENCRYPTED")


def read(data: bytes) -> Contents:
    """The objects in the bytes. Never raises."""
    if instead := foreign.what_is(data):
        return Contents((), instead)
    found = tuple(_of_pem(data))
    if found or b"-----BEGIN " in data:
        return Contents(found)
    return Contents(tuple(_of_der(data, "DER", "")))


def _of_pem(data: bytes) -> Iterator[Block]:
    """Yield each block. A BEGIN without an END counts only if it is alone on its line; else it is text."""
    opened: re.Match[bytes] | None = None
    line = counted = unfinished = count = 0
    for marker in MARKER.finditer(data):
        if marker[1] == b"BEGIN":
            if opened and _alone(data, opened):
                unfinished += 1
                if unfinished <= MOST_REASONS:
                    yield _broken(opened, line, "it has no END line")
            opened = marker
            line += data.count(b"\n", counted, marker.start())
            counted = marker.start()
        elif opened:
            label, where = _label(opened), f"line {line + 1}"
            count += 1
            if count > MOST_BLOCKS:
                yield Block(BlockKind.OTHER, label, b"", where, f"more than {MOST_BLOCKS} blocks; the rest is not read")
                return
            yield from _block(data, opened, marker, label, where)
            opened = None
    if opened and _alone(data, opened):
        unfinished += 1
        if unfinished <= MOST_REASONS:
            yield _broken(opened, line, "it has no END line")
    if unfinished > MOST_REASONS:
        words = f"{unfinished - MOST_REASONS} more blocks have no END line"
        yield Block(BlockKind.OTHER, "", b"", "further down", words)


def _broken(opened: re.Match[bytes], line: int, why: str) -> Block:
    label = _label(opened)
    return Block(LABELS.get(label, BlockKind.OTHER), label, b"", f"line {line + 1}", f"{why} ({PEM})")


def _label(marker: re.Match[bytes]) -> str:
    return printable(marker[2].decode("ascii", "replace"))


def _alone(data: bytes, marker: re.Match[bytes]) -> bool:
    """Whether the marker is alone on its line."""
    before, after = data[max(marker.start() - 80, 0) : marker.start()], data[marker.end() : marker.end() + 80]
    before = re.split(rb"[\r\n]", before)[-1].strip(b" \t\xef\xbb\xbf")
    return not before and not re.split(rb"[\r\n]", after)[0].strip()


def _block(data: bytes, opened: re.Match[bytes], closed: re.Match[bytes], label: str, where: str) -> Iterator[Block]:
    body = data[opened.end() : closed.start()]
    kind = LABELS.get(label, BlockKind.OTHER)
    if label != _label(closed):
        problem = f"its BEGIN line names {label}, its END line {_label(closed)} ({PEM})"
        yield Block(kind, label, b"", where, problem)
        return
    if kind is BlockKind.PGP or kind is BlockKind.OPENSSH_KEY:
        yield Block(kind, label, b"", where)
        return
    headers, encoded = _without_headers(body)
    pem = data[opened.start() : closed.end()] + b"\n"
    if ENCRYPTED.search(headers):
        yield Block(BlockKind.ENCRYPTED_KEY, label, _decoded(encoded)[0], where, _decoded(encoded)[1], pem=pem)
        return
    content, problem = _decoded(encoded)
    if problem:
        if _is_text_line(data, opened):
            return
        yield Block(kind, label, b"", where, problem)
        return
    yield from _of_der(content, label, where)


def _is_text_line(data: bytes, opened: re.Match[bytes]) -> bool:
    """Whether the marker is part of a sentence, as in `the line -----BEGIN CERTIFICATE----- begins ...`."""
    before = re.split(rb"[\r\n]", data[max(opened.start() - 80, 0) : opened.start()])[-1].strip(b" \t\xef\xbb\xbf\"'")
    return bool(before)


def _without_headers(body: bytes) -> tuple[bytes, bytes]:
    """RFC 1421 headers, and the text after the empty line; no headers if no line has a colon."""
    if b":" not in body:
        return b"", body
    headers, content = list[bytes](), list[bytes]()
    for line in body.splitlines():
        if b":" in line or (headers and not content and line[:1] in b" \t" and line.strip()):
            headers.append(line)
        else:
            content.append(line)
    return b"\n".join(headers), b"\n".join(content)


NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")


def _decoded(encoded: bytes) -> tuple[bytes, str]:
    """The bytes, or why they are not base64 (RFC 4648 §4)."""
    if wrong := NOT_BASE64.search(encoded):
        return b"", f"it is not base64: it contains {ber.quoted_bytes(wrong[0])} (RFC 7468 §3)"
    packed = b"".join(encoded.split())
    if not packed:
        return b"", "it is empty"
    try:
        return b64decode(packed, validate=True), ""
    except (binascii.Error, ValueError):
        count = len(packed.rstrip(b"="))
        return (
            b"",
            f"it is not base64: {count} characters and {len(packed) - count} `=` are not whole groups (RFC 4648 §4)",
        )


# DER ----------------------------------------------------------------------------------------------------------------


def _of_der(data: bytes, label: str, where: str) -> Iterator[Block]:
    """Yield the object in DER; a PKCS #7 with the objects inside it."""
    shape = kind_of(data)
    labelled = LABELS.get(label)
    kind = shape or labelled or BlockKind.OTHER
    remark = ""
    if (
        shape
        and labelled
        and shape is not labelled
        and (shape, labelled) != (BlockKind.ENCRYPTED_KEY, BlockKind.PRIVATE_KEY)
    ):
        remark = f"the label is {label}, but the block contains {a(shape)}"
    settings = b""
    if kind is BlockKind.CERTIFICATE:
        data, settings = _trust_settings(data, label)
    if kind is BlockKind.PKCS7:
        inside = tuple(_of_pkcs7(data, where))
        yield Block(kind, label, data, where, remark=remark, inside=inside)
        return
    yield Block(kind, label, data, where, remark=remark, trust_settings=settings)


def a(kind: BlockKind, count: int = 1) -> str:
    """`a certificate`, `two CRLs`, `3 certificates`: that many of a kind."""
    if count == 1:
        article = "an" if kind.value[0] in "aeioO" else "a"
        return f"{article} {kind.value}" if kind not in (BlockKind.PKCS7, BlockKind.PKCS12) else f"{kind.value} data"
    plural = {
        BlockKind.PKCS7: "PKCS #7 blocks",
        BlockKind.PKCS12: "PKCS #12 blocks",
        BlockKind.PARAMETERS: "sets of parameters",
    }
    number = {2: "two", 3: "three"}.get(count, str(count))
    return f"{number} {plural.get(kind, kind.value + 's')}"


def _trust_settings(data: bytes, label: str) -> tuple[bytes, bytes]:
    """The certificate, and the trust settings that OpenSSL appends; empty if there are none."""
    try:
        end = der.read(data).end
    except ValueError:
        return data, b""
    rest = data[end:]
    if not rest or (label != "TRUSTED CERTIFICATE" and not _is_trust_settings(rest)):
        return data, b""
    return data[:end], rest


def _is_trust_settings(data: bytes) -> bool:
    tree = ber.parse(data, 64)
    if len(tree.roots) != 1 or tree.faults or tree.roots[0].tag != der.SEQUENCE:
        return False
    return all(
        each.tag in (der.SEQUENCE, 0xA0, der.UTF8_STRING, der.OCTET_STRING, 0xA1) for each in tree.roots[0].children
    )


S, B, D = der.SEQUENCE, der.BIT_STRING, der.OBJECT_IDENTIFIER
I, O = der.INTEGER, der.OCTET_STRING  # noqa: E741  # the letters of these types
TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
SIGNED_DATA = "1.2.840.113549.1.7.2"


def kind_of(data: bytes) -> BlockKind | None:
    """The kind of a DER object by the types of its first elements; None if it is unknown."""
    tree = ber.parse(data, 400)
    if not tree.roots or tree.roots[0].tag != S:
        return None
    outer = tree.roots[0].children
    tags = [each.tag for each in outer]
    inner = [each.tag for each in outer[0].children] if outer else []
    match tags:
        case [0x30, 0x30, 0x03, *_] | [0x30]:
            return _signed_kind(inner, outer)
        case [0x06, 0xA0, *_]:
            return BlockKind.PKCS7
        case [0x02, 0x30, 0x04, *_]:
            return BlockKind.PRIVATE_KEY
        case [0x02, 0x30, *_] if tree.data[outer[0].content] == b"\3":
            return BlockKind.PKCS12
        case [0x02, 0x04, *_]:
            return BlockKind.PRIVATE_KEY
        case [0x02, 0x02, 0x02, 0x02, 0x02, 0x02, *_]:
            return BlockKind.PRIVATE_KEY
        case [0x02, 0x02]:
            return BlockKind.PUBLIC_KEY
        case [0x30, 0x04]:
            return BlockKind.ENCRYPTED_KEY if inner[:1] == [D] else None
        case [0x30, 0x03]:
            return BlockKind.PUBLIC_KEY if inner[:1] == [D] else _signed_kind(inner, outer)
        case [0x0A, *_]:
            return BlockKind.OCSP
    return _signed_kind(inner, outer) if outer and outer[0].tag == S else None


def _signed_kind(inner: list[int], outer: list[Node]) -> BlockKind | None:
    """Certificate, request or CRL by the first elements of the signed part, even if one of them is wrong."""
    if not outer:
        return None
    parts = outer[0].children
    if inner[:1] == [0xA0]:
        return BlockKind.CERTIFICATE if len(inner) >= 4 else None
    match inner:
        case [0x02, 0x30, 0x30, 0xA0 | 0x30, *_] if inner[3:] in ([0xA0], []) and _is_key_info(parts[2]):
            return BlockKind.REQUEST
        case [0x02, 0x30, 0x30] if _is_key_info(parts[2]):
            return BlockKind.REQUEST
        case [0x02, 0x30, 0x30, time, *_] if time in TIMES:
            return BlockKind.CRL
        case [0x30, 0x30, time, *_] if time in TIMES:
            return BlockKind.CRL
        case [0x02, 0x30, 0x30, 0x30, 0x30, 0x30, *_]:
            return BlockKind.CERTIFICATE
    return BlockKind.CERTIFICATE if len(inner) >= 6 and inner.count(S) >= 4 else None


def _is_key_info(node: Node) -> bool:
    return [each.tag for each in node.children] == [S, B]


def is_key_info(data: bytes) -> bool:
    """Whether the bytes have the shape of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
    tree = ber.parse(data, 200)
    return bool(tree.roots) and _is_key_info(tree.roots[0])


def _of_pkcs7(data: bytes, where: str) -> Iterator[Block]:
    """Yield the certificates and CRLs in SignedData (RFC 2315 §9.1, RFC 5652 §5.1)."""
    tree = ber.parse(data)
    wrapper = tree.roots[0].children if tree.roots else []
    if len(wrapper) < 2 or ber.oid(tree.data[wrapper[0].content]) != SIGNED_DATA or not wrapper[1].children:
        return
    signed = wrapper[1].children[0]
    for tag, kind in ((0xA0, BlockKind.CERTIFICATE), (0xA1, BlockKind.CRL)):
        holders = [each for each in signed.children if each.tag == tag]
        found = [each for holder in holders for each in holder.children if each.tag == S]
        for number, each in enumerate(found, start=1):
            place = f"{kind.value} {number} in PKCS #7" + (f", {where}" if where else "")
            yield Block(kind, "PKCS7", tree.data[each.start : each.end], place)


# Loading ------------------------------------------------------------------------------------------------------------


def certificate(block: Block) -> x509.Certificate:
    """The certificate of a block; its names and validity are readable. Raises UnreadableBlock with the fault."""
    loaded = None if block.problem else guarded(lambda: probed(x509.load_der_x509_certificate(block.der)))
    if loaded is None:
        raise UnreadableBlock(block.problem or why(block.der, schema.CERTIFICATE))
    return loaded


def probed(loaded: x509.Certificate) -> x509.Certificate:
    """`loaded`, after reading the fields that every command prints: the library parses them only now."""
    for name in (loaded.subject, loaded.issuer):
        name.rfc4514_string()
    _ = loaded.serial_number, loaded.not_valid_before_utc, loaded.not_valid_after_utc, loaded.version
    return loaded


def crl(block: Block) -> x509.CertificateRevocationList:
    """The CRL of a block; every entry is readable. Raises UnreadableBlock with the fault."""
    loaded = None if block.problem else guarded(lambda: _probed_crl(x509.load_der_x509_crl(block.der)))
    if loaded is None:
        raise UnreadableBlock(block.problem or why(block.der, schema.CRL))
    return loaded


def _probed_crl(loaded: x509.CertificateRevocationList) -> x509.CertificateRevocationList:
    loaded.issuer.rfc4514_string()
    _ = loaded.last_update_utc, loaded.next_update_utc, loaded.signature_algorithm_oid
    list(loaded.extensions)
    for entry in loaded:
        _ = entry.serial_number, entry.revocation_date_utc, list(entry.extensions)
    return loaded


def why(encoded: bytes, shape: schema.SchemaType) -> str:
    """The first fault of an object that the library does not load, with its byte and the rule."""
    found = schema.read(encoded, shape)
    fault = schema.worst([*found.faults, *_in_extensions(found.tree, found)])
    return str(fault or "the library does not load it, and pki finds no fault")


def _in_extensions(tree: Tree, found: schema.Found) -> Iterator[ber.Fault]:
    lists = [found.get("tbsCertificate.extensions.list"), found.get("tbsCertList.crlExtensions.list")]
    entries = found.get("tbsCertList.revokedCertificates")
    lists += [each.children[2] for each in (entries.children if entries else ()) if len(each.children) > 2]
    for listed in lists:
        for raw in summary.extensions(tree, listed):
            yield from schema.read_value(tree, raw.value, schema.EXTENSIONS.get(raw.oid), raw.oid)[1]
