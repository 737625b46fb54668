"""The DER bytes of an object, element by element: offset, length, type, name, value (RFC 5280 §4.1).

Every line is one element. Together the elements cover all bytes without gap or overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from pki.asn1 import ber, der, schema
from pki.asn1.ber import Fault, Node, Tree
from pki.errors import printable
from pki.objects import blocks, extensions, public_keys, secrecy
from pki.objects.blocks import BlockKind
from pki.show.describe import KeyNumbers

LONGEST = 40  # characters of a value


@dataclass(frozen=True)
class Span:
    """One element, its name in the RFC if it has one, and its value if it is short."""

    element: Node
    name: str
    value: str
    hidden: bool = False
    """True if the value is omitted because it may be part of a private key."""


MOST_LINES = 50_000
"""The most elements of one object; a CRL of 1 MiB has three times as many."""
SHAPES = {BlockKind.CERTIFICATE: schema.CERTIFICATE, BlockKind.REQUEST: schema.REQUEST, BlockKind.CRL: schema.CRL}
SHAPES |= {BlockKind.PUBLIC_KEY: schema.KEY}


@dataclass(frozen=True)
class Dump:
    """The elements of one object, and its faults in the order of the bytes."""

    spans: tuple[Span, ...]
    faults: tuple[Fault, ...] = ()


def of_certificate(data: bytes) -> Iterator[Span]:
    """Yield all elements of a certificate in DER."""
    yield from dump(data, BlockKind.CERTIFICATE).spans


def of_anything(data: bytes) -> Iterator[Span]:
    """Yield all elements of any DER object, without names."""
    yield from dump(data, BlockKind.OTHER).spans


def dump(data: bytes, kind: BlockKind) -> Dump:
    """The elements of one object; they have names if the kind is known. Never raises."""
    shape = SHAPES.get(kind)
    found = schema.read(data, shape) if shape else None
    tree = found.tree if found else ber.parse(data)
    walk = _Walk(tree)
    spans = tuple(islice(walk.spans(), MOST_LINES))
    faults = [*(found.faults if found else tree.faults), *walk.faults]
    if len(spans) == MOST_LINES:
        faults.append(Fault(spans[-1].element.end, f"only the first {MOST_LINES} elements are shown", ""))
    return Dump(spans, tuple(sorted(set(faults))))


class _Walk:
    """Walks a tree in the order of the bytes, into the values of extensions."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.faults: list[Fault] = []

    def spans(self) -> Iterator[Span]:
        waiting = list(reversed(self.tree.roots))
        while waiting:
            node = waiting.pop()
            is_value = node.name == "extnValue"
            if any(each.name == "extnID" for each in node.children):
                node.name = self.label(node)
            yield Span(node, "" if node.name in UNNAMED else node.name, self.value(node))
            inside = self.inside(node) if is_value else node.children
            waiting.extend(reversed(inside))

    def label(self, node: Node) -> str:
        first = node.children[0]
        oid = ber.oid(self.tree.data[first.content])
        return extensions.label(oid) if oid else ""

    def inside(self, node: Node) -> list[Node]:
        """The elements in the value of an extension, which is DER in an OCTET STRING."""
        raw = self.oids.get(node.start)
        shape = schema.EXTENSIONS.get(raw) if raw else None
        roots, faults = schema.read_value(self.tree, node, shape, shape.name if shape else "")
        if shape:
            self.faults += faults
        elif faults:
            return []
        return roots

    @cached_property
    def oids(self) -> dict[int, str]:
        """The object identifier of each extension by the offset of its value."""
        found, waiting = {}, list(self.tree.roots)
        while waiting:
            node = waiting.pop()
            named = {each.name: each for each in node.children}
            if "extnID" in named and "extnValue" in named:
                found[named["extnValue"].start] = ber.oid(self.tree.data[named["extnID"].content]) or ""
            waiting.extend(node.children)
        return found

    def value(self, node: Node) -> str:
        """The value of a primitive element, cut if it is long; empty for a constructed one."""
        if node.constructed:
            return ""
        content = self.tree.data[node.content.start : min(node.content.stop, node.content.start + LONGEST_OID + 1)]
        size = node.content.stop - node.content.start
        match node.tag:
            case der.INTEGER | ber.ENUMERATED if size <= 20:
                return f"{ber.integer(content):x}"
            case der.BOOLEAN:
                return "true" if content == b"\xff" else "false"
            case der.OBJECT_IDENTIFIER:
                oid = ber.oid(content) if size <= LONGEST_OID else None
                known = public_keys.algorithm_name(oid) if oid else ""
                return "" if oid is None else oid if known == oid else f"{oid} {known}"
            case der.UTF8_STRING | der.UTC_TIME | der.GENERALIZED_TIME | 0x13 | 0x16 | 0x82 | 0x86:
                return printable(content.decode("utf-8", "replace"))[:LONGEST]
        return content[: LONGEST // 2].hex() + ("…" if size > LONGEST // 2 else "")


LONGEST_OID = der.LONGEST_OID
UNNAMED = ("extnID", "critical", "extnValue", "list")


def of_file(data: bytes, secrets: KeyNumbers = KeyNumbers.HIDDEN) -> Iterator[tuple[str, Dump | str]]:
    """Yield the label and the elements of each object of a PEM or DER file, or why it has none."""
    for block in blocks.read(data).blocks:
        if block.problem:
            yield block.label or block.kind.value, f"{block.where}: {block.problem}"
        elif block.pem:
            yield block.label, "encrypted (RFC 1421 §4.6.1.1): the bytes are not DER"
        elif not block.der:
            yield block.label, "not in DER"
        elif block.label != "DER" or block.kind is not BlockKind.OTHER or _is_der(block.der):
            found = dump(block.der, block.kind)
            yield block.label, found if secrets is KeyNumbers.SHOWN else _without_secrets(block.der, block.kind, found)


def _is_der(data: bytes) -> bool:
    """Whether the bytes begin with a complete constructed element, unlike random bytes."""
    tree = ber.parse(data, 200)
    cut = any(each.what.startswith("the element is cut off") for each in tree.faults)
    return bool(tree.roots) and tree.roots[0].constructed and not cut


def _without_secrets(data: bytes, kind: BlockKind, found: Dump) -> Dump:
    """The dump without values that may be secret."""
    if _is_public(kind, found):
        return found
    may = secrecy.of_object(data)
    spans = tuple(each if may(each.element) else replace(each, value="", hidden=True) for each in found.spans)
    if may is secrecy.everything or not found.faults:
        return Dump(spans, found.faults)
    # In a damaged private key, a byte that is read as a length may be part of the secret.
    return Dump(spans, (Fault(0, "not valid DER; use --secrets to see where", "X.690"),))


def _is_public(kind: BlockKind, found: Dump) -> bool:
    """Whether the object has the elements that only a public object of that kind has."""
    tags = {each.name: each.element.tag for each in found.spans}
    return kind in PROOF and PROOF[kind].items() <= tags.items()


PROOF: dict[BlockKind, dict[str, int]] = {
    BlockKind.CERTIFICATE: {"serialNumber": der.INTEGER, "subjectPublicKey": der.BIT_STRING},
    BlockKind.REQUEST: {"subject": der.SEQUENCE, "subjectPublicKey": der.BIT_STRING},
}


def table(found: Dump) -> Iterator[str]:
    """Lines: offset, header+content bytes, type, name and value of each element; then the faults."""
    yield " first  bytes"
    for each in found.spans:
        node = each.element
        kind = f"{'  ' * node.depth}{node.type}"
        value = "(hidden; --secrets shows it)" if each.hidden else each.value
        words = "  ".join(part for part in (each.name, value) if part)
        yield f"{node.start:>6}  {node.header}+{node.end - node.start - node.header:<6}{kind:<28}{words}".rstrip()
    for fault in found.faults:
        yield f"malformed {printable(str(fault))}"


def as_data(title: str, found: Dump | str) -> dict[str, Any]:
    """The dump of one object as data for JSON."""
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
            "hidden": each.hidden,
        }
        for each in found.spans
    ]
    faults = [{"byte": each.at, "what": each.what, "rule": each.rule} for each in found.faults]
    return {"title": title, "elements": elements, "malformed": faults}
