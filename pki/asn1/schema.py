"""The ASN.1 of certificates, requests and CRLs as tables, and faults (RFC 5280 §4, §5 and appendix A).

    Tree + CERTIFICATE -> the name of each element, the elements by path (`tbsCertificate.serialNumber`), more faults

A field that is missing or of the wrong type is a fault, and the fields after it are still read. The same declarations
name the elements for `pki show --der`. Not here: validation of a certificate (`pki.path`).
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.x509.oid import ExtensionOID

from pki.asn1 import ber, der
from pki.asn1.ber import Fault, Node, Tree

Wrong = Iterator[tuple[str, str]]
Check = Callable[[Tree, Node], Wrong]
BOOLEAN, INTEGER, OID, NULL = der.BOOLEAN, der.INTEGER, der.OBJECT_IDENTIFIER, der.NULL
CONTEXT, CONSTRUCTED, SEQUENCE, SET = der.CONTEXT, der.CONSTRUCTED, der.SEQUENCE, der.SET
MAX_SERIAL = 20  # octets, RFC 5280 §4.1.2.2


@dataclass(frozen=True)
class SchemaType:
    """A type: its allowed tags (any if empty), its contents, and a check of the value."""

    tags: tuple[int, ...] = ()
    fields: "tuple[SchemaField, ...] | None" = None
    """Of a SEQUENCE: its fields in their order."""
    each: "SchemaType | None" = None
    """Of a SEQUENCE OF or SET OF: the type of each element."""
    choice: "Mapping[int, tuple[str, SchemaType]] | None" = None
    """Of a CHOICE: name and type of each alternative, by tag."""
    least: int = 0
    name: str = ""
    rule: str = ""
    """The section that defines the type; empty if it is that of the enclosing type."""
    universal: int = 0
    """The type behind an implicit tag, whose content must be right."""
    check: Check | None = None

    def takes(self, tag: int) -> bool:
        """Whether an element with that tag can be of this type."""
        if self.choice is not None:
            return tag in self.choice
        return not self.tags or tag in self.tags


@dataclass(frozen=True)
class SchemaField:
    """One field of a SEQUENCE."""

    name: str
    shape: SchemaType
    optional: bool = False
    default: bytes | None = None
    """The content octets of the default, which DER omits (X.690 §11.5)."""


@dataclass
class Found:
    """The recognised elements by path, and the faults of their values."""

    tree: Tree
    at: dict[str, Node] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def get(self, path: str) -> Node | None:
        """The element at that path (`tbsCertificate.validity.notBefore`); None if it is missing."""
        return self.at.get(path)

    def content(self, path: str) -> bytes:
        """The content octets of the element; empty if it is missing."""
        node = self.at.get(path)
        return self.tree.content(node) if node else b""

    def whole(self, path: str) -> bytes:
        """The element with its header, as encoded; empty if it is missing."""
        node = self.at.get(path)
        return self.tree.data[node.start : node.end] if node else b""

    def match(self, node: Node, shape: SchemaType, name: str) -> None:
        """Match an element that the type of the object leaves open."""
        _Matcher(self).match(node, shape, None, name, shape.rule)


def read(data: bytes, shape: SchemaType) -> Found:
    """Read one object of that type. Never raises; the faults of the encoding and of the values are in `faults`."""
    tree = ber.parse(data)
    found = Found(tree)
    if not tree.roots:
        found.faults = [*tree.faults] or [Fault(0, f"{shape.name} is empty", shape.rule)]
        return found
    _Matcher(found).match(tree.roots[0], shape, "", shape.name, shape.rule)
    found.faults = _with_rest(found, len(data), f"the end of {shape.name}", f"{shape.rule}: one SEQUENCE")
    return found


def _with_rest(found: Found, end: int, what: str, rule: str) -> list[Fault]:
    """All faults in the order of the bytes; bytes after the element are one fault."""
    last = found.tree.roots[0].end
    faults = {*found.faults, *(each for each in found.tree.faults if each.at < last or last == end)}
    if last < end:
        faults.add(Fault(last, f"bytes after {what}", rule))
    return sorted(faults)


def read_value(tree: Tree, node: Node, shape: SchemaType | None, name: str) -> tuple[list[Node], list[Fault]]:
    """Read the content of an OCTET STRING that holds one element: the elements in it and their faults."""
    content = node.content
    inner = ber.parse_within(tree.data, content.start, content.stop, node.depth + 1)
    found = Found(inner)
    if shape is None:
        return inner.roots, inner.faults
    if not inner.roots:
        return [], [Fault(node.start, f"{name} has no readable value", shape.rule), *inner.faults]
    _Matcher(found).match(inner.roots[0], shape, None, name, shape.rule)
    return inner.roots, _with_rest(found, content.stop, f"the end of {name}", shape.rule)


class _Matcher:
    def __init__(self, found: Found) -> None:
        self.found = found
        self.tree = found.tree

    def fault(self, at: int, what: str, rule: str) -> None:
        if len(self.found.faults) < ber.MOST_FAULTS:
            self.found.faults.append(Fault(at, what, rule))

    def match(self, node: Node, shape: SchemaType, path: str | None, name: str, around: str) -> None:
        """Name the element and check its contents. Without a path (in a list), it is not kept in `at`.

        `around` is the section that defines the enclosing type.
        """
        rule = shape.rule or around
        if name and not node.name:
            node.name = name
        if path:
            self.found.at.setdefault(path, node)
        if shape.choice is not None:
            if node.tag not in shape.choice:
                self.fault(node.start, f"{name or shape.name} has the type {node.type}", rule)
                return
            alternative, inner = shape.choice[node.tag]
            if alternative:
                node.name = alternative
            self.match(node, inner, None, "", rule)
        elif not shape.takes(node.tag):
            wanted = " or ".join(der.type_name(tag) for tag in shape.tags)
            self.fault(node.start, f"{name or shape.name} is {node.type}; it must be {wanted}", rule)
            if (shape.fields is None and shape.each is None) or not node.children:
                return  # with elements inside, they are still read
        elif shape.universal:
            for at, what, broken in ber.primitive_faults(shape.universal, self.tree.data[node.content]):
                self.fault(node.start + node.header + at, what, broken)
        if shape.fields is not None:
            self.sequence(node, shape, path, rule)
        elif shape.each is not None:
            if len(node.children) < shape.least:
                self.fault(node.start, f"{name or shape.name} is empty; it must have at least one element", rule)
            for child in node.children:
                self.match(child, shape.each, None, shape.each.name, rule)
        if shape.check is not None:
            for what, broken in shape.check(self.tree, node):
                self.fault(node.start, what, broken)

    def sequence(self, node: Node, shape: SchemaType, path: str | None, rule: str) -> None:
        waiting, children = list(shape.fields or ()), list(node.children)
        while waiting and children:
            field, child = waiting[0], children[0]
            if field.shape.takes(child.tag):
                self.field(child, field, path, rule)
                waiting.pop(0)
                children.pop(0)
            elif field.optional or field.default is not None:
                waiting.pop(0)
            elif len(waiting) > 1 and waiting[1].shape.takes(child.tag) and len(children) < len(waiting):
                self.fault(child.start, f"{field.name} is missing in {node.name or shape.name}", rule)
                waiting.pop(0)
            else:  # of the wrong type
                self.match(child, field.shape, _joined(path, field.name), field.name, rule)
                waiting.pop(0)
                children.pop(0)
        for field in waiting:
            if not field.optional and field.default is None:
                self.fault(node.end, f"{field.name} is missing in {node.name or shape.name}", rule)
                break
        for child in children[:1]:
            self.fault(child.start, f"unexpected element in {node.name or shape.name}: {child.type}", rule)

    def field(self, child: Node, field: SchemaField, path: str | None, rule: str) -> None:
        inner = child
        if field.default is not None:
            if child.tag == CONTEXT | CONSTRUCTED and child.children:  # [0] EXPLICIT
                inner = child.children[0]
            content = self.tree.data[inner.content]
            if content == field.default:
                self.fault(child.start, _written(field, content), "X.690 §11.5")
        self.match(child, field.shape, _joined(path, field.name), field.name, rule)


def _joined(path: str | None, name: str) -> str | None:
    return f"{path}.{name}" if path else None if path is None else name


def _written(field: SchemaField, content: bytes) -> str:
    value = {b"\0": "FALSE" if field.shape.tags == (BOOLEAN,) or field.shape.universal == BOOLEAN else "0"}
    word = value.get(content, content.hex())
    if field.name == "critical":
        return f"an extension encodes `critical` {word}, the default; DER omits default values"
    return f"`{field.name}` is encoded with its default {word}; DER omits default values"


TOLERATED = frozenset(
    {
        "RFC 5280 §4.1.2.2", "RFC 5280 §4.1.1.2", "RFC 5280 §4.1.2.5", "RFC 5480 §2.1.1", "RFC 3279 §2.3.1",
        "RFC 8410 §3", "RFC 5280 appendix A.1",
    }
)  # fmt: skip
"""Rules whose violation seldom prevents reading; they are named last as a reason why a library rejects an object."""


def worst(faults: Iterable[Fault]) -> Fault | None:
    """The fault that most likely prevents reading: the first that is not TOLERATED, else the first."""
    return min(faults, key=lambda fault: (fault.rule in TOLERATED, fault), default=None)


# Shorthand ----------------------------------------------------------------------------------------------------------


def _prim(*tags: int, name: str = "", rule: str = "", check: Check | None = None) -> SchemaType:
    return SchemaType(tags, name=name, rule=rule, check=check)


def _sequence(name: str, rule: str, *fields: SchemaField, check: Check | None = None) -> SchemaType:
    return SchemaType((SEQUENCE,), fields=fields, name=name, rule=rule, check=check)


def _list(name: str, rule: str, each: SchemaType, least: int = 1, check: Check | None = None) -> SchemaType:
    return SchemaType((SEQUENCE,), each=each, name=name, rule=rule, least=least, check=check)


def _implicit(number: int, universal: int, rule: str, check: Check | None = None) -> SchemaType:
    return SchemaType((CONTEXT | number,), universal=universal, rule=rule, check=check)


def _retagged(number: int, shape: SchemaType) -> SchemaType:
    """`shape` with the implicit tag [number]."""
    return SchemaType(
        (CONTEXT | CONSTRUCTED | number,),
        shape.fields, shape.each, None, shape.least, shape.name, shape.rule, 0, shape.check,
    )  # fmt: skip


def _explicit(number: int, name: str, shape: SchemaType) -> SchemaType:
    """`shape` with the explicit tag [number]."""
    return SchemaType((CONTEXT | CONSTRUCTED | number,), fields=(SchemaField(name, shape),), rule=shape.rule)


ANY = SchemaType()


# Names (RFC 5280 §4.1.2.4, §4.2.1.6) --------------------------------------------------------------------------------


def _attribute(tree: Tree, node: Node) -> Wrong:
    if len(node.children) < 2:
        return
    oid, value = ber.oid(tree.data[node.children[0].content]), node.children[1]
    if oid in ATTRIBUTE_NAMES and value.tag & 0xDF not in STRING_TAGS:
        yield f"{ATTRIBUTE_NAMES[oid]} is {value.type}; it must be a character string", "RFC 5280 §4.1.2.4"
    elif not tree.content(value):
        yield "an attribute of the name is empty", "RFC 5280 appendix A.1"
    elif value.tag == ber.TELETEX and not (content := tree.content(value)).isascii():
        shown = ber.quoted_bytes(content)
        yield f"TeletexString {shown} is not ASCII; programs decode it differently", "RFC 5280 §4.1.2.4"


def _distinct(tree: Tree, node: Node) -> Wrong:
    types = [tree.data[each.children[0].content] for each in node.children if each.children]
    if len(set(types)) < len(types):
        yield "two attributes of one RelativeDistinguishedName have the same type", "X.501 §9.3"


STRING_TAGS = ber.STRINGS - {der.BIT_STRING, der.OCTET_STRING}
ATTRIBUTE_NAMES = {
    "2.5.4.3": "commonName", "2.5.4.4": "surname", "2.5.4.5": "serialNumber", "2.5.4.6": "countryName",
    "2.5.4.7": "localityName", "2.5.4.8": "stateOrProvinceName", "2.5.4.9": "streetAddress",
    "2.5.4.10": "organizationName", "2.5.4.11": "organizationalUnitName", "2.5.4.12": "title",
    "2.5.4.42": "givenName", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym", "0.9.2342.19200300.100.1.25": "domainComponent", "1.2.840.113549.1.9.1": "emailAddress",
}  # fmt: skip
"""Attributes whose values are character strings (RFC 5280 appendix A.1)."""


ATTRIBUTE = _sequence(
    "AttributeTypeAndValue",
    "RFC 5280 §4.1.2.4",
    SchemaField("type", _prim(OID)),
    SchemaField("value", ANY),
    check=_attribute,
)
RDN = SchemaType(
    (SET,), each=ATTRIBUTE, least=1, name="RelativeDistinguishedName", rule="RFC 5280 §4.1.2.4", check=_distinct
)
NAME = _list("Name", "RFC 5280 §4.1.2.4", RDN, least=0)
SAN = "RFC 5280 §4.2.1.6"
SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")


def _dns(tree: Tree, node: Node) -> Wrong:
    host = tree.data[node.content]
    if not host:
        yield "dNSName is empty", SAN
    elif wrong := [byte for byte in host if byte <= 32 or byte == 127]:
        yield f"dNSName {ber.quoted_bytes(host)} has the invalid character {ber.quoted_bytes(bytes(wrong[:1]))}", SAN


def _mail(tree: Tree, node: Node) -> Wrong:
    mail = tree.data[node.content]
    if mail.count(b"@") != 1 or mail.startswith(b"@") or mail.endswith(b"@"):
        yield f"rfc822Name {ber.quoted_bytes(mail)} is not of the form local@host", SAN


def _uri(tree: Tree, node: Node) -> Wrong:
    uri = tree.data[node.content]
    if not SCHEME.match(uri):
        yield f"uniformResourceIdentifier {ber.quoted_bytes(uri)} has no scheme; it must be absolute", SAN


def _address(tree: Tree, node: Node) -> Wrong:
    size = node.end - node.start - node.header
    if size not in (4, 16):
        yield f"iPAddress has {size} bytes; it must have 4 or 16", SAN


def _range(tree: Tree, node: Node) -> Wrong:
    content = tree.data[node.content]
    if len(content) not in (8, 32):
        yield f"iPAddress has {len(content)} bytes; in name constraints it must have 8 or 32", "RFC 5280 §4.2.1.10"
        return
    mask = int.from_bytes(content[len(content) // 2 :])
    inverted = mask ^ ((1 << len(content) * 4) - 1)
    if inverted & (inverted + 1):
        yield f"the mask {content[len(content) // 2 :].hex()} of an iPAddress has gaps", "RFC 5280 §4.2.1.10, RFC 4632"


def _general_name(rule: str, dns: Check | None, mail: Check | None, uri: Check | None, address: Check) -> SchemaType:
    other = SchemaType(
        fields=(SchemaField("type-id", _prim(OID)), SchemaField("value", _explicit(0, "value", ANY))),
        name="otherName",
        rule=rule,
    )
    return SchemaType(
        choice={
            0xA0: ("otherName", other),
            0x81: ("rfc822Name", _implicit(1, ber.IA5, rule, mail)),
            0x82: ("dNSName", _implicit(2, ber.IA5, rule, dns)),
            0xA3: ("x400Address", ANY),
            0xA4: ("directoryName", _explicit(4, "directoryName", NAME)),
            0xA5: ("ediPartyName", ANY),
            0x86: ("uniformResourceIdentifier", _implicit(6, ber.IA5, rule, uri)),
            0x87: ("iPAddress", _implicit(7, der.OCTET_STRING, rule, address)),
            0x88: ("registeredID", _implicit(8, OID, rule)),
        },
        name="GeneralName",
        rule=rule,
    )


NAME_KINDS = frozenset(
    {
        "otherName", "rfc822Name", "dNSName", "x400Address", "directoryName", "ediPartyName",
        "uniformResourceIdentifier", "iPAddress", "registeredID",
    }
)  # fmt: skip
"""The alternatives of GeneralName."""
GENERAL_NAME = _general_name(SAN, _dns, _mail, _uri, _address)
GENERAL_NAMES = _list("GeneralNames", SAN, GENERAL_NAME)
CONSTRAINED_NAME = _general_name("RFC 5280 §4.2.1.10", None, None, None, _range)


# Extensions (RFC 5280 §4.2, §5.2, §5.3) -----------------------------------------------------------------------------


def _not_negative(what: str, rule: str) -> Check:
    def check(tree: Tree, node: Node) -> Wrong:
        content = tree.data[node.content]
        if content and content[0] & 0x80:
            yield f"{what} is negative: {_number(content)}", rule

    return check


def _number(content: bytes) -> str:
    return str(ber.integer(content)) if len(content) <= 8 else f"a number of {len(content)} bytes"


def _number_of_list(tree: Tree, node: Node) -> Wrong:
    content = tree.data[node.content]
    yield from _not_negative("the CRL number", "RFC 5280 §5.2.3")(tree, node)
    if len(content) > MAX_SERIAL:
        yield f"the CRL number has {len(content)} bytes; at most {MAX_SERIAL} are allowed", "RFC 5280 §5.2.3"


def _flags(rule: str, least: int = 0) -> Check:
    """A check of a named bit list: DER omits zero bits at the end (X.690 §11.2.2)."""

    def check(tree: Tree, node: Node) -> Wrong:
        content = tree.data[node.content]
        bits = content[1:]
        if not any(bits):
            if least:
                yield "no bit is set; at least one must be", rule
            if bits:
                yield "a named bit list ends in zero bits", "X.690 §11.2.2"
        elif content[0] < 8 and not bits[-1] >> content[0] & 1:
            yield "a named bit list ends in zero bits", "X.690 §11.2.2"

    return check


def _basic(tree: Tree, node: Node) -> Wrong:
    named = {each.name: tree.data[each.content] for each in node.children}
    if "pathLenConstraint" in named and named.get("cA", b"\0") == b"\0":
        yield "pathLenConstraint is present, but cA is not TRUE", "RFC 5280 §4.2.1.9"


def _issuer_and_serial(tree: Tree, node: Node) -> Wrong:
    named = {each.name for each in node.children}
    if ("authorityCertIssuer" in named) is not ("authorityCertSerialNumber" in named):
        yield "authorityCertIssuer and authorityCertSerialNumber must both be present or absent", "RFC 5280 §4.2.1.1"


def _subtrees(tree: Tree, node: Node) -> Wrong:
    if not node.children:
        yield "name constraints are empty; permitted or excluded subtrees must be present", "RFC 5280 §4.2.1.10"


def _limits(tree: Tree, node: Node) -> Wrong:
    if not node.children:
        yield "policy constraints are empty", "RFC 5280 §4.2.1.11"


def _reason(tree: Tree, node: Node) -> Wrong:
    number = ber.integer(tree.data[node.content][:8])
    if number not in {0, 1, 2, 3, 4, 5, 6, 8, 9, 10}:
        yield f"the reason code {number} is not defined", "RFC 5280 §5.3.1"


def _keyid(rule: str) -> Check:
    def check(tree: Tree, node: Node) -> Wrong:
        if not tree.content(node):
            yield "the key identifier is empty", rule

    return check


REASONS = _flags("RFC 5280 §4.2.1.13")
POINT_NAME = _explicit(
    0,
    "distributionPoint",
    SchemaType(
        choice={
            0xA0: ("fullName", _retagged(0, GENERAL_NAMES)),
            0xA1: ("nameRelativeToCRLIssuer", _retagged(1, RDN)),
        },
        name="DistributionPointName",
        rule="RFC 5280 §4.2.1.13",
    ),
)
POINTS = _list(
    "CRLDistributionPoints",
    "RFC 5280 §4.2.1.13",
    _sequence(
        "DistributionPoint",
        "RFC 5280 §4.2.1.13",
        SchemaField("distributionPoint", POINT_NAME, optional=True),
        SchemaField("reasons", _implicit(1, der.BIT_STRING, "RFC 5280 §4.2.1.13", REASONS), optional=True),
        SchemaField("cRLIssuer", _retagged(2, GENERAL_NAMES), optional=True),
    ),
)
ACCESS = _list(
    "AuthorityInfoAccessSyntax",
    "RFC 5280 §4.2.2.1",
    _sequence(
        "AccessDescription",
        "RFC 5280 §4.2.2.1",
        SchemaField("accessMethod", _prim(OID)),
        SchemaField("accessLocation", GENERAL_NAME),
    ),
)
SUBTREES = _list(
    "GeneralSubtrees",
    "RFC 5280 §4.2.1.10",
    _sequence(
        "GeneralSubtree",
        "RFC 5280 §4.2.1.10",
        SchemaField("base", CONSTRAINED_NAME),
        SchemaField("minimum", _implicit(0, INTEGER, "RFC 5280 §4.2.1.10"), default=b"\0"),
        SchemaField("maximum", _implicit(1, INTEGER, "RFC 5280 §4.2.1.10"), optional=True),
    ),
)
POLICY = "RFC 5280 §4.2.1.4"
SCOPE = "RFC 5280 §5.2.5"


def _scope_flag(name: str, number: int) -> SchemaField:
    return SchemaField(name, _implicit(number, BOOLEAN, SCOPE), default=b"\0")


KEY_IDENTIFIER = _prim(
    der.OCTET_STRING, name="KeyIdentifier", rule="RFC 5280 §4.2.1.2", check=_keyid("RFC 5280 §4.2.1.2")
)
EXTENSIONS: Mapping[str, SchemaType] = {
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string: GENERAL_NAMES,
    ExtensionOID.ISSUER_ALTERNATIVE_NAME.dotted_string: GENERAL_NAMES,
    "2.5.29.29": GENERAL_NAMES,  # certificateIssuer
    ExtensionOID.BASIC_CONSTRAINTS.dotted_string: _sequence(
        "BasicConstraints",
        "RFC 5280 §4.2.1.9",
        SchemaField("cA", _prim(BOOLEAN), default=b"\0"),
        SchemaField(
            "pathLenConstraint",
            _prim(INTEGER, check=_not_negative("pathLenConstraint", "RFC 5280 §4.2.1.9")),
            optional=True,
        ),
        check=_basic,
    ),
    ExtensionOID.KEY_USAGE.dotted_string: _prim(
        der.BIT_STRING, name="KeyUsage", rule="RFC 5280 §4.2.1.3", check=_flags("RFC 5280 §4.2.1.3", least=1)
    ),
    ExtensionOID.EXTENDED_KEY_USAGE.dotted_string: _list("ExtKeyUsageSyntax", "RFC 5280 §4.2.1.12", _prim(OID)),
    ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string: KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string: _sequence(
        "AuthorityKeyIdentifier",
        "RFC 5280 §4.2.1.1",
        SchemaField(
            "keyIdentifier",
            _implicit(0, der.OCTET_STRING, "RFC 5280 §4.2.1.1", _keyid("RFC 5280 §4.2.1.1")),
            optional=True,
        ),
        SchemaField("authorityCertIssuer", _retagged(1, GENERAL_NAMES), optional=True),
        SchemaField("authorityCertSerialNumber", _implicit(2, INTEGER, "RFC 5280 §4.2.1.1"), optional=True),
        check=_issuer_and_serial,
    ),
    ExtensionOID.NAME_CONSTRAINTS.dotted_string: _sequence(
        "NameConstraints",
        "RFC 5280 §4.2.1.10",
        SchemaField("permittedSubtrees", _retagged(0, SUBTREES), optional=True),
        SchemaField("excludedSubtrees", _retagged(1, SUBTREES), optional=True),
        check=_subtrees,
    ),
    ExtensionOID.CERTIFICATE_POLICIES.dotted_string: _list(
        "CertificatePolicies",
        POLICY,
        _sequence(
            "PolicyInformation",
            POLICY,
            SchemaField("policyIdentifier", _prim(OID)),
            SchemaField(
                "policyQualifiers",
                _list(
                    "policyQualifiers",
                    POLICY,
                    _sequence(
                        "PolicyQualifierInfo",
                        POLICY,
                        SchemaField("policyQualifierId", _prim(OID)),
                        SchemaField("qualifier", ANY),
                    ),
                ),
                optional=True,
            ),
        ),
    ),
    ExtensionOID.POLICY_MAPPINGS.dotted_string: _list(
        "PolicyMappings",
        "RFC 5280 §4.2.1.5",
        _sequence(
            "PolicyMapping",
            "RFC 5280 §4.2.1.5",
            SchemaField("issuerDomainPolicy", _prim(OID)),
            SchemaField("subjectDomainPolicy", _prim(OID)),
        ),
    ),
    ExtensionOID.POLICY_CONSTRAINTS.dotted_string: _sequence(
        "PolicyConstraints",
        "RFC 5280 §4.2.1.11",
        SchemaField(
            "requireExplicitPolicy",
            _implicit(0, INTEGER, "RFC 5280 §4.2.1.11", _not_negative("requireExplicitPolicy", "RFC 5280 §4.2.1.11")),
            optional=True,
        ),
        SchemaField(
            "inhibitPolicyMapping",
            _implicit(1, INTEGER, "RFC 5280 §4.2.1.11", _not_negative("inhibitPolicyMapping", "RFC 5280 §4.2.1.11")),
            optional=True,
        ),
        check=_limits,
    ),
    ExtensionOID.INHIBIT_ANY_POLICY.dotted_string: _prim(
        INTEGER,
        name="InhibitAnyPolicy",
        rule="RFC 5280 §4.2.1.14",
        check=_not_negative("SkipCerts", "RFC 5280 §4.2.1.14"),
    ),
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS.dotted_string: ACCESS,
    ExtensionOID.SUBJECT_INFORMATION_ACCESS.dotted_string: ACCESS,
    ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string: POINTS,
    ExtensionOID.FRESHEST_CRL.dotted_string: POINTS,
    ExtensionOID.TLS_FEATURE.dotted_string: _list("Features", "RFC 7633 §4.1", _prim(INTEGER)),
    ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS.dotted_string: _prim(
        der.OCTET_STRING, name="SignedCertificateTimestampList", rule="RFC 6962 §3.3"
    ),
    ExtensionOID.PRECERT_POISON.dotted_string: _prim(NULL, name="the poison extension", rule="RFC 6962 §3.1"),
    ExtensionOID.OCSP_NO_CHECK.dotted_string: _prim(NULL, name="id-pkix-ocsp-nocheck", rule="RFC 6960 §4.2.2.2.1"),
    ExtensionOID.CRL_NUMBER.dotted_string: _prim(
        INTEGER, name="CRLNumber", rule="RFC 5280 §5.2.3", check=_number_of_list
    ),
    ExtensionOID.DELTA_CRL_INDICATOR.dotted_string: _prim(
        INTEGER, name="BaseCRLNumber", rule="RFC 5280 §5.2.4", check=_number_of_list
    ),
    ExtensionOID.ISSUING_DISTRIBUTION_POINT.dotted_string: _sequence(
        "IssuingDistributionPoint",
        SCOPE,
        SchemaField("distributionPoint", POINT_NAME, optional=True),
        _scope_flag("onlyContainsUserCerts", 1),
        _scope_flag("onlyContainsCACerts", 2),
        SchemaField("onlySomeReasons", _implicit(3, der.BIT_STRING, SCOPE, REASONS), optional=True),
        _scope_flag("indirectCRL", 4),
        _scope_flag("onlyContainsAttributeCerts", 5),
    ),
    "2.5.29.21": _prim(ber.ENUMERATED, name="CRLReason", rule="RFC 5280 §5.3.1", check=_reason),
    "2.5.29.24": _prim(der.GENERALIZED_TIME, name="InvalidityDate", rule="RFC 5280 §5.3.2"),
}
"""The type of the value of each known extension, by object identifier."""


# Certificates (RFC 5280 §4.1) ---------------------------------------------------------------------------------------


def _serial(tree: Tree, node: Node) -> Wrong:
    content, rule = tree.data[node.content], "RFC 5280 §4.1.2.2"
    if content and content[0] & 0x80:
        yield f"the serial number is negative: {_number(content)}", rule
    elif content and not any(content):
        yield "the serial number is 0; it must be positive", rule
    if len(content) > MAX_SERIAL:
        yield f"the serial number has {len(content)} bytes; at most {MAX_SERIAL} are allowed", rule


def _time(tree: Tree, node: Node) -> Wrong:
    """UTCTime through 2049, GeneralizedTime from 2050 on."""
    if node.tag not in ber.TIMES or ber.time_fault(node.tag, tree.data[node.content]):
        return  # that fault is reported elsewhere
    year = tree.data[node.content][:4]
    if node.tag == der.GENERALIZED_TIME and year.isdigit() and 1950 <= int(year) < 2050:
        yield f"the year {year.decode()} is in GeneralizedTime; until 2049 it must be UTCTime", "RFC 5280 §4.1.2.5"


def _version(tree: Tree, node: Node) -> Wrong:
    content = tree.data[node.children[0].content] if node.children else b""
    if content not in (b"\0", b"\1", b"\2"):
        yield f"the version is {_number(content)}; 0, 1 and 2 are defined", "RFC 5280 §4.1.2.1"


def _unique(tree: Tree, node: Node) -> Wrong:
    """No extension occurs twice."""
    seen = set()
    for each in node.children:
        first = each.children[0] if each.children else None
        if first is not None and first.tag == OID:
            content = tree.data[first.content]
            if content in seen:
                yield f"the extension {ber.oid(content) or content.hex()} occurs twice", "RFC 5280 §4.2"
            seen.add(content)


def _key_info(tree: Tree, node: Node) -> Wrong:
    """Check the parameters of the key algorithm."""
    algorithm = node.children[0] if node.children else None
    if algorithm is None or not algorithm.children or algorithm.children[0].tag != OID:
        return
    oid = ber.oid(tree.data[algorithm.children[0].content])
    parameters = algorithm.children[1] if len(algorithm.children) > 1 else None
    if oid == "1.2.840.10045.2.1":
        if parameters is not None and parameters.tag == SEQUENCE:
            yield "the curve parameters are explicit; the curve must be named", "RFC 5480 §2.1.1"
        elif parameters is None or parameters.tag != OID:
            kind = "missing" if parameters is None else parameters.type
            yield f"the curve parameters are {kind}; the curve must be named", "RFC 5480 §2.1.1"
    elif oid in NO_PARAMETERS and parameters is not None:
        yield f"the key algorithm {oid} has parameters; they must be absent", NO_PARAMETERS[oid]
    elif oid == "1.2.840.113549.1.1.1" and (parameters is None or parameters.tag != NULL):
        kind = "missing" if parameters is None else parameters.type
        yield f"the parameters of rsaEncryption are {kind}; they must be NULL", "RFC 3279 §2.3.1"


NO_PARAMETERS = {f"1.3.101.{number}": "RFC 8410 §3" for number in (110, 111, 112, 113)}

ALGORITHM = _sequence(
    "AlgorithmIdentifier",
    "RFC 5280 §4.1.1.2",
    SchemaField("algorithm", _prim(OID)),
    SchemaField("parameters", ANY, optional=True),
)
TIME = SchemaType(
    choice={der.UTC_TIME: ("", ANY), der.GENERALIZED_TIME: ("", ANY)},
    name="Time",
    rule="RFC 5280 §4.1.2.5",
    check=_time,
)
VALIDITY = _sequence("Validity", "RFC 5280 §4.1.2.5", SchemaField("notBefore", TIME), SchemaField("notAfter", TIME))
KEY = _sequence(
    "SubjectPublicKeyInfo",
    "RFC 5280 §4.1.2.7",
    SchemaField("algorithm", ALGORITHM),
    SchemaField("subjectPublicKey", _prim(der.BIT_STRING)),
    check=_key_info,
)
EXTENSION = _sequence(
    "Extension",
    "RFC 5280 §4.1",
    SchemaField("extnID", _prim(OID)),
    SchemaField("critical", _prim(BOOLEAN), default=b"\0"),
    SchemaField("extnValue", _prim(der.OCTET_STRING)),
)
EXTENSION_LIST = _list("Extensions", "RFC 5280 §4.2", EXTENSION, check=_unique)
TBS = _sequence(
    "tbsCertificate",
    "RFC 5280 §4.1",
    SchemaField(
        "version",
        SchemaType((0xA0,), fields=(SchemaField("version", _prim(INTEGER)),), name="version", check=_version),
        default=b"\0",
    ),
    SchemaField("serialNumber", _prim(INTEGER, rule="RFC 5280 §4.1.2.2", check=_serial)),
    SchemaField("signature", ALGORITHM),
    SchemaField("issuer", NAME),
    SchemaField("validity", VALIDITY),
    SchemaField("subject", NAME),
    SchemaField("subjectPublicKeyInfo", KEY),
    SchemaField("issuerUniqueID", _implicit(1, der.BIT_STRING, "RFC 5280 §4.1.2.8"), optional=True),
    SchemaField("subjectUniqueID", _implicit(2, der.BIT_STRING, "RFC 5280 §4.1.2.8"), optional=True),
    SchemaField("extensions", _explicit(3, "list", EXTENSION_LIST), optional=True),
)


def _algorithms_agree(tree: Tree, node: Node) -> Wrong:
    if len(node.children) < 2:
        return
    inside = next((each for each in node.children[0].children if each.name == "signature"), None)
    outside = node.children[1]
    if inside is not None and tree.data[inside.start : inside.end] != tree.data[outside.start : outside.end]:
        yield "the signature algorithm differs from the one in the signed part", "RFC 5280 §4.1.1.2"


SIGNED = (SchemaField("signatureAlgorithm", ALGORITHM), SchemaField("signature", _prim(der.BIT_STRING)))
CERTIFICATE = _sequence(
    "certificate", "RFC 5280 §4.1", SchemaField("tbsCertificate", TBS), *SIGNED, check=_algorithms_agree
)


# Requests (RFC 2986 §4) ---------------------------------------------------------------------------------------------

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
CSR_ATTRIBUTE = _sequence(
    "Attribute",
    "RFC 2986 §4.1",
    SchemaField("type", _prim(OID)),
    SchemaField("values", SchemaType((SET,), rule="RFC 2986 §4.1")),
)
REQUEST = _sequence(
    "certificate request",
    "RFC 2986 §4",
    SchemaField(
        "certificationRequestInfo",
        _sequence(
            "certificationRequestInfo",
            "RFC 2986 §4.1",
            SchemaField("version", _prim(INTEGER)),
            SchemaField("subject", NAME),
            SchemaField("subjectPublicKeyInfo", KEY),
            SchemaField(
                "attributes",
                SchemaType((0xA0,), each=CSR_ATTRIBUTE, name="attributes", rule="RFC 2986 §4.1"),
                optional=True,
            ),
        ),
    ),
    *SIGNED,
)


# CRLs (RFC 5280 §5.1) -----------------------------------------------------------------------------------------------

ENTRY = _sequence(
    "revoked certificate",
    "RFC 5280 §5.1.2.6",
    SchemaField("userCertificate", _prim(INTEGER)),
    SchemaField("revocationDate", TIME),
    SchemaField("crlEntryExtensions", EXTENSION_LIST, optional=True),
)
CRL = _sequence(
    "CRL",
    "RFC 5280 §5.1",
    SchemaField(
        "tbsCertList",
        _sequence(
            "tbsCertList",
            "RFC 5280 §5.1",
            SchemaField("version", _prim(INTEGER), optional=True),
            SchemaField("signature", ALGORITHM),
            SchemaField("issuer", NAME),
            SchemaField("thisUpdate", TIME),
            SchemaField("nextUpdate", TIME, optional=True),
            SchemaField("revokedCertificates", _list("revokedCertificates", "RFC 5280 §5.1.2.6", ENTRY), optional=True),
            SchemaField("crlExtensions", _explicit(0, "list", EXTENSION_LIST), optional=True),
        ),
    ),
    *SIGNED,
    check=_algorithms_agree,
)


def address(content: bytes) -> str:
    """An iPAddress as text: `192.0.2.1`, `192.0.2.0/24` for a range; hex for another length."""
    match len(content):
        case 4 | 16:
            return str(ipaddress.ip_address(content))
        case 8 | 32:
            half = len(content) // 2
            mask = int.from_bytes(content[half:])
            return f"{ipaddress.ip_address(content[:half])}/{mask.bit_count()}"
    return content.hex()
