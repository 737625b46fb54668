"""A certificate as rows for its DER elements, as `pki.show` names and explains them (RFC 5280 §4.1, X.690 §8).

    30 82 01 92         tbsCertificate (SEQUENCE): 402 bytes        a constructed element: its header; its parts follow
    02 14 7e 81 ...     serialNumber (INTEGER): 7e81...             a primitive element: one row

The rows tile the bytes, also of a damaged certificate: bytes that are not an element have a row that says so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pki.asn1 import ber, schema
from pki.asn1.ber import Fault, Node
from pki.errors import printable
from pki.objects import public_keys
from pki.objects.blocks import BlockKind
from pki.show import describe, dump
from pki.show.dump import Span
from tlsdemo.explain import values
from tlsdemo.explain.rows import Row

LENGTH = 3  # bytes before each certificate of a list (RFC 8446 §4.4.2, RFC 5246 §7.4.2)
CERTIFICATE = re.compile(r"cert_data|certificate_list\[\d+\]")
"""The names of the rows that are certificates, in TLS 1.3 and in TLS 1.2."""

MOST = 2_000
"""Elements of one certificate that have rows; usual certificates have at most 200."""
MOST_FAULTS = 3  # of one row


def opened(tiles: Iterable[Row], message: bytes) -> Iterator[Row]:
    """The rows of a message, with the elements inside those that are certificates."""
    for row in tiles:
        if CERTIFICATE.fullmatch(row.name) and row.end - row.start > LENGTH:
            start = row.start + LENGTH
            yield replace(row, inside=tuple(elements(message[start : row.end], start, row.depth + 1)))
        else:
            yield row


def elements(der: bytes, start: int, depth: int) -> Iterator[Row]:
    """The rows of one certificate, which begins at byte `start` of its message. Never raises."""
    found = dump.dump(der, BlockKind.CERTIFICATE)
    faults = list(found.faults)
    for row in _tiles(der, found.spans[:MOST]):
        wrong = [each for each in faults if each.at < row.end or row.end == len(der)]
        faults = faults[len(wrong) :]
        value = values.cut(row.value) + "".join(map(_wrong, wrong[:MOST_FAULTS]))
        yield replace(row, start=start + row.start, end=start + row.end, depth=depth + row.depth, value=value)


def _wrong(fault: Fault) -> str:
    rule = f" ({fault.rule})" if fault.rule else ""
    return values.cut(f"; malformed: {printable(fault.what)}{rule}")


def _tiles(der: bytes, spans: Sequence[Span]) -> Iterator[Row]:
    """Rows that tile the certificate. A constructed element has the bytes up to the first element inside it."""
    meanings = _Meanings(der)
    position = 0
    for number, span in enumerate(spans):
        node = span.element
        if node.start > position:
            yield _unread(position, node.start)
        after = spans[number + 1].element.start if number + 1 < len(spans) else node.end
        position = min(node.end, max(after, node.start))
        yield meanings.row(span, position)
    if position < len(der):
        yield _unread(position, len(der))


def _unread(start: int, end: int) -> Row:
    reason = f"Not an element of DER that can be read (X.690 §8.1), or after the first {MOST:,} elements."
    return Row(start, end, 0, "not read", values.amount(end - start), reason)


# Meanings -----------------------------------------------------------------------------------------------------------

LABELS = {
    ("version", 3): "version",
    ("serialNumber", 2): "serial number",
    ("signatureAlgorithm", 1): "signature algorithm",
    ("issuer", 2): "issuer",
    ("notBefore", 3): "not before",
    ("notAfter", 3): "not after",
    ("subject", 2): "subject",
    ("subjectPublicKeyInfo", 2): "public key",
    ("signature", 1): "signature",
}
"""The row of `pki.show.describe` for an element, by its name and depth."""

NAMES = {"list": "Extensions"}
"""The type of an element, where the name of its field is ours."""

REASONS = {
    "certificate": "What is signed, the algorithm, and the signature (RFC 5280 §4.1).",
    "tbsCertificate": "The part that the issuer signs (RFC 5280 §4.1.1.1).",
    "version": "Marks the version, since it may be absent: then it is 1 (RFC 5280 §4.1).",
    "signature": "The signature algorithm again, in the part that is signed (RFC 5280 §4.1.2.3).",
    "validity": "The time in which the CA maintains the status of the certificate (RFC 5280 §4.1.2.5).",
    "RelativeDistinguishedName": "One step of a distinguished name, from the root to the subject (RFC 5280 §4.1.2.4).",
    "AttributeTypeAndValue": "A part of a name: its type and its value (RFC 5280 §4.1.2.4).",
    "type": "The type of the value that follows (RFC 5280 §4.1.2.4).",
    "algorithm": "An algorithm, by its object identifier, with its parameters (RFC 5280 §4.1.1.2).",
    "parameters": "What the algorithm leaves open, such as the curve (RFC 5280 §4.1.1.2, RFC 5480 §2.1.1).",
    "subjectPublicKey": "The public key, as its algorithm encodes it (RFC 5280 §4.1.2.7).",
    "extensions": "What is not in the fields of version 1 (RFC 5280 §4.1.2.9).",
    "list": "The extensions; none may occur twice (RFC 5280 §4.2).",
    "extnID": "The type of the extension, by its object identifier (RFC 5280 §4.1).",
    "critical": "TRUE: a client that does not process the extension must reject the certificate (RFC 5280 §4.2).",
    "extnValue": "The value of the extension: DER within an OCTET STRING (RFC 5280 §4.1).",
}
"""Reasons for elements that `pki.show.describe` has no row for."""


class _Meanings:
    """What `pki.show` says about the fields and the extensions of a certificate."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        described = describe.certificate(der).rows
        self.fields = {each.label: each for each in reversed(described)}
        self.extensions = {(each.label, each.exact): each for each in described if each.exact}
        self.attribute = ""
        """The type of the part of a name that is being read."""

    def row(self, span: Span, end: int) -> Row:
        """The row of an element up to `end`."""
        node = span.element
        name, value, reason = NAMES.get(node.name, node.name), self.value(span), REASONS.get(node.name, "")
        if any(each.name == "extnID" for each in node.children):
            name = self.oid_name(node.children[0]) or name
            said = self.extensions.get((node.name, self.exact(node)))
            value = _extension(said) if said else value
            reason = _sentence(said.reason, name) if said else ""
        elif (node.name, node.depth) in LABELS:
            said = self.fields.get(LABELS[node.name, node.depth])
            value = said.value if said else value
            reason = _sentence(said.reason, name) if said else reason
        elif node.name == "type":
            self.attribute = self.oid_name(node)
        elif node.name == "value":
            name, self.attribute = self.attribute or name, ""
        title = f"{name} ({node.type})" if name else node.type
        return Row(node.start, end, node.depth, title, value, reason)

    def oid_name(self, node: Node) -> str:
        """The name of an object identifier in its standard; empty if it has none here."""
        oid = ber.oid(self.der[node.content])
        name = public_keys.algorithm_name(oid) if oid else ""
        return "" if name == oid else name

    def exact(self, node: Node) -> str:
        """The criticality and the value of an extension, as `pki.show.describe` keeps them."""
        parts = {each.name: self.der[each.content] for each in node.children}
        return (bytes([any(parts.get("critical", b""))]) + parts.get("extnValue", b"")).hex()

    def value(self, span: Span) -> str:
        """The value of an element that is not explained as a whole."""
        node, content = span.element, self.der[span.element.content]
        if node.constructed:
            return values.amount(len(content))
        if node.name in ("dNSName", "rfc822Name", "uniformResourceIdentifier"):
            return values.text(content)
        if node.name == "iPAddress":
            return schema.address(content)
        text = ber.text_of(node.tag, content)
        if text is not None:
            return values.text(text.encode())
        return span.value if span.value and not span.value.endswith("…") else values.of_bytes(content)


def _extension(said: describe.Row) -> str:
    """`SANs: DNS:localhost`, `CA: no (critical)`. A fault has the row of its element."""
    critical = " (critical)" if said.exact.startswith("01") else ""
    return f"{said.label}: {', '.join(said.items)}{critical}"


def _sentence(reason: str, name: str) -> str:
    """A reason of `pki.show` as a sentence; its sections are those of RFC 5280."""
    words = re.sub(r"(?<!\d )§", "RFC 5280 §", reason.removeprefix(f"{name}: "))
    return f"{words[:1].upper()}{words[1:]}."
