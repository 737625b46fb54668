"""The bytes of a certificate, element by element: where each begins, how long it is, and what it is (RFC 5280 §4.1).

Every line is one element of the DER; together the lines are all of the bytes, since elements tile what they are in.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from pki import der, extensions, unpack
from pki.der import Element
from pki.errors import printable

LONGEST = 40  # characters of a value


@dataclass(frozen=True)
class Span:
    """One element: its place, its type, its name where it has one in the standard, and its value if it is short."""

    element: Element
    name: str
    value: str


Names = Mapping[str, "Names"]
"""The elements inside an element, in their order, and what is in each of those."""
TBS: Names = {
    "version": {},
    "serialNumber": {},
    "signature": {},
    "issuer": {},
    "validity": {"notBefore": {}, "notAfter": {}},
    "subject": {},
    "subjectPublicKeyInfo": {"algorithm": {}, "subjectPublicKey": {}},
    "issuerUniqueID": {},
    "subjectUniqueID": {},
    "extensions": {},
}
CERTIFICATE: Names = {"tbsCertificate": TBS, "signatureAlgorithm": {}, "signature": {}}
TAGGED = {0xA0: "version", 0x81: "issuerUniqueID", 0x82: "subjectUniqueID", 0xA3: "extensions"}
"""Parts of tbsCertificate that may be missing, by their tags."""


def of_certificate(data: bytes) -> Iterator[Span]:
    """All elements of a certificate in DER; ValueError where they do not fit into each other."""
    whole = der.read(data)
    if whole.end != len(data):
        raise ValueError(f"the certificate ends at byte {whole.end}, and there are {len(data)}")
    yield from _spans(data, whole, "certificate", CERTIFICATE)


def of_anything(data: bytes) -> Iterator[Span]:
    """All elements of something else in DER, without names."""
    yield from _spans(data, der.read(data), "", {})


def _spans(data: bytes, parent: Element, name: str, names: Names) -> Iterator[Span]:
    if parent.depth > der.DEEPEST:
        raise ValueError(f"more than {der.DEEPEST} elements inside each other")
    yield Span(parent, name, _value(data, parent))
    if not parent.tag & der.CONSTRUCTED:
        return
    waiting = [each for each in names if names is not TBS or each not in TAGGED.values()]
    for child in der.children(data, parent):
        tagged = TAGGED.get(child.tag) if names is TBS else None
        inner = tagged or (waiting.pop(0) if waiting else "")
        if name == "extensions" and child.depth == parent.depth + 1:
            yield from _list_of_extensions(data, child)
        else:
            yield from _spans(data, child, inner, names.get(inner, {}))


def _list_of_extensions(data: bytes, found: Element) -> Iterator[Span]:
    yield Span(found, "", "")
    for each in der.children(data, found):
        first = next(der.children(data, each), None)
        oid = _oid(data[first.content]) if first and first.tag == der.OBJECT_IDENTIFIER else None
        yield Span(each, extensions.label(oid) if oid else "", "")
        for part in der.children(data, each):
            yield from _spans(data, part, "", {})
            if part.tag == der.OCTET_STRING:
                yield from _value_of_extension(data, part)


def _value_of_extension(data: bytes, found: Element) -> Iterator[Span]:
    """An extension's value is DER again, packed into bytes; where it is none, there is nothing to see inside."""
    try:
        inside = der.read(data, found.content.start, found.depth + 1)
        if inside.end == found.end:
            yield from list(_spans(data, inside, "", {}))
    except ValueError:
        return


def _value(data: bytes, found: Element) -> str:
    content = data[found.content]
    match found.tag:
        case der.INTEGER if len(content) <= 20:
            return f"{int.from_bytes(content, signed=True):x}"
        case der.BOOLEAN:
            return "true" if content == b"\xff" else "false"
        case der.OBJECT_IDENTIFIER:
            oid = _oid(content)
            known = getattr(oid, "_name", "Unknown OID")
            return "" if oid is None else oid.dotted_string + ("" if known == "Unknown OID" else f" {known}")
        case der.UTF8_STRING | der.UTC_TIME | der.GENERALIZED_TIME | 0x13 | 0x16 | 0x82 | 0x86:
            return printable(content.decode("utf-8", "replace"))[:LONGEST]
        case tag if not tag & der.CONSTRUCTED:
            return content.hex()[:LONGEST] + ("…" if len(content) > LONGEST // 2 else "")
    return ""


def _oid(content: bytes) -> x509.ObjectIdentifier | None:
    """None for what is none."""
    try:
        return x509.ObjectIdentifier(der.dotted(content))
    except ValueError:
        return None


def of_file(data: bytes) -> Iterator[tuple[str, list[Span] | str]]:
    """What each object of a PEM or DER file is called, and its elements; or why it has none."""
    for label, block in unpack.pem_blocks(data):
        try:
            read = of_certificate if label == "CERTIFICATE" else of_anything
            yield label, list(read(_inside(block)))
        except ValueError as error:
            yield label, f"not in DER: {error}"
        data = b""
    if data:
        try:
            found = list(of_certificate(data))
            yield "DER", found if _looks_like_one(found) else list(of_anything(data))
        except ValueError:
            return


def _looks_like_one(found: list[Span]) -> bool:
    """Whether what a certificate must have is where it should be."""
    kinds = {each.name: each.element.tag for each in found}
    return kinds.get("serialNumber") == der.INTEGER and kinds.get("subjectPublicKey") == der.BIT_STRING


def _inside(pem: bytes) -> bytes:
    """The bytes in one armoured block; ValueError where they are not base64."""
    lines = pem.strip().splitlines()[1:-1]
    return b64decode(b"".join(line.strip() for line in lines if b":" not in line), validate=True)


def table(spans: Iterable[Span]) -> Iterator[str]:
    """A line for each: first byte, header and content in bytes, type, name, value."""
    yield " first  bytes"
    for each in spans:
        found = each.element
        kind = f"{'  ' * found.depth}{found.type}"
        words = "  ".join(part for part in (each.name, each.value) if part)
        yield f"{found.start:>6}  {found.header}+{found.end - found.start - found.header:<6}{kind:<28}{words}".rstrip()


def as_data(title: str, found: list[Span] | str) -> dict[str, Any]:
    """For JSON."""
    if isinstance(found, str):
        return {"title": title, "error": found}
    elements = [
        {
            "first_byte": each.element.start,
            "header_bytes": each.element.header,
            "content_bytes": each.element.end - each.element.start - each.element.header,
            "depth": each.element.depth,
            "type": each.element.type,
            "name": each.name,
            "value": each.value,
        }
        for each in found
    ]
    return {"title": title, "elements": elements}
