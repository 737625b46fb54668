"""Subject, issuer, SANs and validity of a certificate as safe text, however malformed the certificate is.

For certificates of a peer, an anchor or a file, where the library may raise at any field. Text is quoted and escaped,
long values are cut. Never raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import names
from pki.asn1 import ber, der, schema
from pki.asn1.ber import Fault, Node, Tree
from pki.errors import printable

LONGEST_NAME = 200  # characters of a distinguished name in a sentence
SAN = "2.5.29.17"
ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.6": "C",
    "2.5.4.9": "STREET", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}  # fmt: skip
"""The short names of RFC 4514 §3."""


@dataclass(frozen=True)
class Summary:
    """The main fields of a certificate as text for people."""

    subject: str
    """`CN=localhost`: the common name, else the whole subject, else the first SAN."""
    whole_subject: str
    """`CN=localhost,O=Example`, the whole subject as in RFC 4514; empty for an empty subject."""
    issuer: str
    names: tuple[str, ...]
    """SANs with their types, as `names.show` writes them."""
    not_before: str
    """`2026-11-24 12:00:00Z`; the quoted bytes if they are not a time."""
    not_after: str
    faults: tuple[Fault, ...]
    """The faults, in the order of the bytes."""


def of_certificate(certificate: x509.Certificate) -> Summary:
    """The summary of a loaded certificate."""
    return summary(certificate.public_bytes(Encoding.DER))


@lru_cache(maxsize=64)
def summary(certificate_der: bytes) -> Summary:
    """The summary of a certificate in DER, also if the library does not load it."""
    found = schema.read(certificate_der, schema.CERTIFICATE)
    tree = found.tree
    alternatives: tuple[str, ...] = ()
    faults = list(found.faults)
    for extension in extensions(tree, found.get("tbsCertificate.extensions.list")):
        roots, inner = schema.read_value(tree, extension.value, schema.EXTENSIONS.get(extension.oid), extension.oid)
        faults += inner
        if extension.oid == SAN and roots:
            alternatives = tuple(general_name(tree, each) for each in roots[0].children)
    subject_node = found.get("tbsCertificate.subject")
    return Summary(
        _cut(_common_name(tree, subject_node) or distinguished(tree, subject_node))
        or (alternatives[0] if alternatives else "(empty subject)"),
        printable(distinguished(tree, subject_node)),
        _cut(distinguished(tree, found.get("tbsCertificate.issuer"))) or "(empty issuer)",
        alternatives,
        time(tree, found.get("tbsCertificate.validity.notBefore")),
        time(tree, found.get("tbsCertificate.validity.notAfter")),
        tuple(sorted(set(faults))),
    )


def why_unreadable(certificate: x509.Certificate | bytes) -> str | None:
    """The first fault of a certificate, with its byte and rule; None if pki finds none."""
    encoded = certificate if isinstance(certificate, bytes) else certificate.public_bytes(Encoding.DER)
    fault = schema.worst(summary(encoded).faults)
    return str(fault) if fault else None


def reason(*certificates: x509.Certificate) -> str:
    """The first fault of the certificates, for a message that the library cannot read one of them."""
    for each in certificates:
        if fault := why_unreadable(each):
            return fault
    return "the library cannot read it, and pki finds no fault"


def _cut(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}…"


# Extensions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Raw:
    """One extension as encoded: object identifier, criticality, and the element that holds its value."""

    oid: str
    critical: bool
    value: Node
    whole: Node


def extensions(tree: Tree, listed: Node | None) -> Iterator[Raw]:
    """Yield each extension that has an object identifier and a value."""
    for each in listed.children if listed else ():
        parts = {child.tag: child for child in reversed(each.children)}
        first, value = parts.get(der.OBJECT_IDENTIFIER), parts.get(der.OCTET_STRING)
        oid = ber.oid(tree.data[first.content]) if first else None
        if oid is None or value is None:
            continue
        critical = parts.get(der.BOOLEAN)
        yield Raw(oid, critical is not None and any(tree.data[critical.content]), value, each)


# Parts as text ------------------------------------------------------------------------------------------------------


def distinguished(tree: Tree, name: Node | None) -> str:
    """A distinguished name as in RFC 4514, last part first. Empty for an empty or missing name."""
    parts = (
        "+".join(_attribute(tree, each) for each in rdn.children) for rdn in reversed(name.children if name else [])
    )
    return ",".join(parts)


def _attribute(tree: Tree, node: Node) -> str:
    oid = _oid_of(tree, node)
    value = node.children[1] if len(node.children) > 1 else None
    if value is None:
        return f"{ATTRIBUTES.get(oid, oid)}="
    text = ber.text_of(value.tag, tree.content(value))
    if text is None:  # RFC 4514 §2.4
        return f"{ATTRIBUTES.get(oid, oid)}=#{tree.data[value.start : value.end].hex()}"
    return f"{ATTRIBUTES.get(oid, oid)}={_escaped(text)}"


def _oid_of(tree: Tree, node: Node) -> str:
    first = node.children[0] if node.children else None
    return (first and ber.oid(tree.data[first.content])) or "?"


def _escaped(value: str) -> str:
    r"""The value with special characters escaped by `\` (RFC 4514 §2.4)."""
    if not value:
        return ""
    for character in '\\"+,;<>':
        value = value.replace(character, f"\\{character}")
    value = value.replace("\0", "\\00")
    if value[0] in "# ":
        value = f"\\{value}"
    return f"{value[:-1]}\\ " if value[-1] == " " and value != "\\ " else value


def _common_name(tree: Tree, name: Node | None) -> str:
    for rdn in name.children if name else ():
        for each in rdn.children:
            if _oid_of(tree, each) == "2.5.4.3" and len(each.children) > 1:
                text = ber.text_of(each.children[1].tag, tree.content(each.children[1]))
                if text is not None:
                    return common_name(text)
    return ""


def common_name(value: str) -> str:
    """`CN=localhost`; `CN="a, CN=b"` for a value that could look like more than a name; cut if it is long."""
    usual = all(character.isalnum() or character in " ._-*@()'/:&" for character in value)
    shown = value if usual and value and value.strip() == value else names.quoted(value[:LONGEST_NAME])
    return _cut(f"CN={shown}")


KINDS = {
    "dNSName": "DNS", "rfc822Name": "email", "uniformResourceIdentifier": "URI", "iPAddress": "IP",
    "directoryName": "dirName", "registeredID": "RID", "otherName": "othername",
}  # fmt: skip


def general_name(tree: Tree, node: Node) -> str:
    """`DNS:localhost` for one encoded GeneralName; hex if its type is unknown."""
    content = tree.data[node.content]
    kind = KINDS.get(node.name, node.name or node.type)
    match node.name:
        case "dNSName" | "rfc822Name" | "uniformResourceIdentifier":
            return names.labelled(kind, content.decode("latin-1"))
        case "iPAddress":
            return f"{kind}:{schema.address(content)}"
        case "directoryName":
            return names.labelled(kind, distinguished(tree, node.children[0] if node.children else None))
        case "registeredID":
            return f"{kind}:{ber.oid(content) or content.hex()}"
        case "otherName":
            return f"{kind}:{_oid_of(tree, node)}"
    return f"{kind}:{content.hex()}"


def time(tree: Tree, node: Node | None) -> str:
    """`2026-11-24 12:00:00Z`; the quoted bytes if they are not a time; `(missing)` without one."""
    if node is None:
        return "(missing)"
    content = tree.data[node.content]
    if node.tag not in ber.TIMES or ber.time_fault(node.tag, content):
        return ber.quoted_bytes(content)
    digits = content.decode()
    if node.tag == der.UTC_TIME:
        digits = f"{'19' if digits >= '5' else '20'}{digits}"
    year, month, day, hour, minute, second = digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2))
    return f"{year}-{month}-{day} {hour}:{minute}:{second}Z"
