"""The values and meanings of extensions, as text (RFC 5280 §4.2, §5.2, and others).

    Raw (object identifier, critical, bytes) -> ExtensionText: items, faults

Extensions are read one by one: the library loads each in an otherwise empty certificate or CRL. If it does not load
one, `pki.asn1.schema` reads its elements. Not here: whether an extension is valid in its place (`pki.path`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID

from pki import names
from pki.asn1 import ber, der, schema
from pki.asn1.ber import Fault, Node, Tree
from pki.malformed import guarded
from pki.objects import public_keys
from pki.objects.summary import Raw, general_name
from pki.objects.summary import time as time_text
from pki.profiles import KEY_USAGE_BITS

PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client",
    ExtendedKeyUsageOID.CODE_SIGNING: "code signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "mail",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}
PURPOSE_NAMES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
"""The names of RFC 5280 §4.2.1.12."""
SHORT = 24  # bytes that are shown whole

MEANINGS: dict[x509.ObjectIdentifier, tuple[str, str]] = {
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: (
        "SANs",
        "subjectAltName: the names that a client compares with its reference identifier (§4.2.1.6)",
    ),
    ExtensionOID.BASIC_CONSTRAINTS: (
        "CA",
        "basicConstraints: whether this is a CA certificate, which may issue others (§4.2.1.9)",
    ),
    ExtensionOID.KEY_USAGE: ("key usage", "what the key may be used for (§4.2.1.3)"),
    ExtensionOID.EXTENDED_KEY_USAGE: (
        "purpose",
        "extendedKeyUsage: the purposes that the certificate is valid for (§4.2.1.12)",
    ),
    ExtensionOID.NAME_CONSTRAINTS: (
        "name constraints",
        "the names that this CA may issue for; types of names that are not listed are not limited (§4.2.1.10)",
    ),
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: (
        "subject key id",
        "a short identifier of this key; anyone can copy it into another certificate (§4.2.1.2)",
    ),
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: (
        "authority key id",
        "the identifier of the key that signed; clients use it to find the issuer (§4.2.1.1)",
    ),
    ExtensionOID.CERTIFICATE_POLICIES: ("policies", "the policies under which it was issued (§4.2.1.4)"),
    ExtensionOID.POLICY_MAPPINGS: (
        "policy mappings",
        "policies of the issuer -> equivalent policies of this CA (§4.2.1.5)",
    ),
    ExtensionOID.POLICY_CONSTRAINTS: (
        "policy limits",
        "after how many further certificates a policy is required, or mapping is forbidden (§4.2.1.11)",
    ),
    ExtensionOID.INHIBIT_ANY_POLICY: (
        "inhibit any policy",
        "after how many further certificates anyPolicy is ignored (§4.2.1.14)",
    ),
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: (
        "issuer access",
        "authorityInfoAccess: where the OCSP responder and the issuer's certificate are (§4.2.2.1)",
    ),
    ExtensionOID.CRL_DISTRIBUTION_POINTS: (
        "CRL locations",
        "where to get the CRL that lists this certificate if it is revoked (§4.2.1.13)",
    ),
    ExtensionOID.FRESHEST_CRL: ("delta CRL locations", "freshestCRL: where to get the delta CRL (§4.2.1.15)"),
    ExtensionOID.ISSUER_ALTERNATIVE_NAME: ("issuer's names", "other names of the issuer (§4.2.1.7)"),
    ExtensionOID.TLS_FEATURE: (
        "must staple",
        "TLS features that the server must support; status_request is OCSP stapling (RFC 7633 §4.2)",
    ),
    ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS: (
        "SCTs",
        "signed promises of public logs to include this certificate (RFC 6962 §3.3)",
    ),
    ExtensionOID.PRECERT_POISON: (
        "poison",
        "this is a precertificate for public logs; clients must reject it (RFC 6962 §3.1)",
    ),
    ExtensionOID.OCSP_NO_CHECK: (
        "OCSP no check",
        "clients need not check whether this OCSP responder is revoked (RFC 6960 §4.2.2.2)",
    ),
    ExtensionOID.CRL_NUMBER: ("CRL number", "increases with every CRL of the issuer (§5.2.3)"),
    ExtensionOID.DELTA_CRL_INDICATOR: (
        "delta CRL of",
        "contains only the changes since the CRL with this number (§5.2.4)",
    ),
    ExtensionOID.ISSUING_DISTRIBUTION_POINT: (
        "scope",
        "issuingDistributionPoint: the certificates and reasons that the CRL covers (§5.2.5)",
    ),
}


def label(oid: str) -> str:
    """The row label of an extension: a short word, else its name, else its object identifier."""
    return BY_OID[oid][0] if oid in BY_OID else public_keys.algorithm_name(oid)


def meaning(oid: str) -> str:
    """The meaning of an extension, with its section (of RFC 5280 unless another is named)."""
    return BY_OID[oid][1] if oid in BY_OID else "no explanation available; see §4.2"


@dataclass(frozen=True)
class ExtensionText:
    """The value of one extension as items, and its faults."""

    items: tuple[str, ...]
    faults: tuple[Fault, ...]


class ExtensionPlace(Enum):
    """Where an extension occurs; the library reads some extensions in one place only."""

    CERTIFICATE = "certificate"
    CRL = "CRL"
    CRL_ENTRY = "CRL entry"


def rank(oid: str) -> int:
    """The position of an extension among the rows; important ones come first."""
    return RANKS.get(oid, len(RANKS))


def read(tree: Tree, raw: Raw, place: ExtensionPlace) -> ExtensionText:
    """Read one extension. Never raises."""
    shape = schema.EXTENSIONS.get(raw.oid)
    roots, faults = schema.read_value(tree, raw.value, shape, shape.name if shape else "")
    if shape is None:
        faults = []  # the syntax of an unknown extension is unknown
    value = tree.content(raw.value)
    found = guarded(lambda: loaded(raw.oid, value, place)) if not faults else None
    known = found is not None and not (shape and isinstance(found, x509.UnrecognizedExtension))
    items = guarded(lambda: _items(found)) if known and found is not None else None
    if items is None:
        items = tuple(_pieces(tree, roots, raw.oid)) if shape else (short_hex(value),)
    return ExtensionText(items or ("none",), tuple(faults))


TEMPLATE_KEY = der.sequence(der.sequence(der.object_identifier("1.3.101.112")), der.bit_string(bytes(32)))
TEMPLATE_ALGORITHM = der.sequence(der.object_identifier("1.3.101.112"))
TEMPLATE_TIME = der.element(der.UTC_TIME, b"260101000000Z")


def loaded(oid: str, value: bytes, place: ExtensionPlace) -> x509.ExtensionType:
    """The extension as the library loads it, alone in an otherwise empty certificate or CRL. Raises MALFORMED."""
    alone = der.sequence(der.sequence(der.object_identifier(oid), der.octet_string(value)))
    name = der.sequence()
    if place is ExtensionPlace.CERTIFICATE:
        dates = der.sequence(TEMPLATE_TIME, TEMPLATE_TIME)
        start = der.explicit(0, der.integer(2)) + der.integer(1) + TEMPLATE_ALGORITHM
        tbs = der.sequence(start, name, dates, name, TEMPLATE_KEY, der.explicit(3, alone))
        holder: Any = x509.load_der_x509_certificate(_signed(tbs))
    else:
        start = der.integer(1) + TEMPLATE_ALGORITHM + name + TEMPLATE_TIME + TEMPLATE_TIME
        entry = der.sequence(der.sequence(der.integer(1), TEMPLATE_TIME, alone))
        tbs = der.sequence(start, der.explicit(0, alone) if place is ExtensionPlace.CRL else entry)
        holder = x509.load_der_x509_crl(_signed(tbs))
        holder = holder if place is ExtensionPlace.CRL else holder[0]
    return next(iter(holder.extensions)).value  # type: ignore[no-any-return]  # of one of three types


def _signed(tbs: bytes) -> bytes:
    return der.sequence(tbs, TEMPLATE_ALGORITHM, der.bit_string(bytes(64)))


def _items(value: x509.ExtensionType) -> tuple[str, ...]:
    read = READ.get(type(value))
    said = read(value) if read else None
    if said is None:
        return (short_hex(value.public_bytes()),)
    return (said,) if isinstance(said, str) else tuple(said)


def _pieces(tree: Tree, nodes: Iterable[Node], oid: str) -> Iterator[str]:
    """One text for each primitive element of an extension that the library does not load."""
    for node in nodes:
        if node.name in schema.NAME_KINDS:
            yield general_name(tree, node)
        elif node.children:
            yield from _pieces(tree, node.children, oid)
        else:
            yield _piece(tree, node, oid)


def _piece(tree: Tree, node: Node, oid: str) -> str:
    content = tree.data[node.content]
    label = f"{node.name} " if node.name and node.tag & 0xC0 else ""
    match node.tag:
        case der.OBJECT_IDENTIFIER:
            dotted = ber.oid(content)
            return PURPOSE_WORDS.get(dotted, dotted) if dotted else short_hex(content)
        case der.INTEGER if oid == TLS_FEATURE:
            return feature(ber.integer(content[:9]))
        case der.INTEGER | ber.ENUMERATED:
            return number(ber.integer(content))
        case der.BOOLEAN:
            return f"{node.name or 'BOOLEAN'} {'true' if any(content) else 'false'}"
        case der.BIT_STRING if oid == KEY_USAGE and len(content) > 1:
            return ", ".join(_bits(content[1:])) or "none"
        case der.UTC_TIME | der.GENERALIZED_TIME:
            return time_text(tree, node)
    return f"{label}{short_hex(content)}" if content or label else "(empty)"


KEY_USAGE, TLS_FEATURE = ExtensionOID.KEY_USAGE.dotted_string, ExtensionOID.TLS_FEATURE.dotted_string
FEATURES = {5: "status_request", 17: "status_request_v2"}


def _bits(octets: bytes) -> Iterator[str]:
    for place, bit in enumerate(KEY_USAGE_BITS):
        if place < len(octets) * 8 and octets[place // 8] >> 7 - place % 8 & 1:
            yield _usage_word(bit)


def feature(value: int) -> str:
    """`status_request` for a TLS extension number in TLSFeature (RFC 7633 §4); `feature 99` for another one."""
    return FEATURES.get(value, f"feature {value}")


def number(value: int) -> str:
    """A number in decimal; in hex if it has more than 64 bits."""
    return str(value) if value.bit_length() <= 64 else f"0x{value:x}" if value > 0 else f"-0x{-value:x}"


def text(value: x509.ExtensionType) -> str:
    """The value of a loaded extension on one line."""
    return ", ".join(_items(value))


def short_hex(data: bytes) -> str:
    """Bytes in hex; of more than SHORT bytes the first 16 and the length."""
    return f"{data[:16].hex()}… ({len(data)} bytes)" if len(data) > SHORT else data.hex()


# A function for each type -------------------------------------------------------------------------------------------


def _each_name(value: Iterable[x509.GeneralName]) -> Iterator[str]:
    return map(names.show, value)


def _names(value: Iterable[x509.GeneralName]) -> str:
    return ", ".join(_each_name(value)) or "none"


def _authority(value: x509.BasicConstraints) -> str:
    if not value.ca:
        return "no"
    if value.path_length is None:
        return "yes"
    return f"yes, with at most {number(value.path_length)} {'CA' if value.path_length == 1 else 'CAs'} below it"


def _key_usage(usage: x509.KeyUsage) -> Iterator[str]:
    for bit in KEY_USAGE_BITS:
        if bit in ("encipher_only", "decipher_only") and not usage.key_agreement:
            continue  # defined only together with key agreement; the library raises
        if getattr(usage, bit):
            yield _usage_word(bit)


def _usage_word(bit: str) -> str:
    return {"key_cert_sign": "sign certificates", "crl_sign": "sign CRLs"}.get(bit, bit.replace("_", " "))


def _constraints(value: x509.NameConstraints) -> str:
    parts = (("permitted", value.permitted_subtrees), ("excluded", value.excluded_subtrees))
    return "; ".join(f"{word} {_names(found)}" for word, found in parts if found) or "none"


def _issuer_key(value: x509.AuthorityKeyIdentifier) -> str:
    if value.key_identifier:
        return value.key_identifier.hex()
    return f"{_names(value.authority_cert_issuer or ())}, serial number {value.authority_cert_serial_number or 0:x}"


def _oid(oid: x509.ObjectIdentifier) -> str:
    return "any" if oid.dotted_string == "2.5.29.32.0" else oid.dotted_string


def _policy_limits(value: x509.PolicyConstraints) -> str:
    limits = (("required", value.require_explicit_policy), ("no mapping", value.inhibit_policy_mapping))
    return ", ".join(f"{word} after {number(count)}" for word, count in limits if count is not None)


SERVICES = {AuthorityInformationAccessOID.OCSP: "OCSP", AuthorityInformationAccessOID.CA_ISSUERS: "issuer"}


def _services(value: x509.AuthorityInformationAccess) -> str:
    return ", ".join(
        f"{SERVICES.get(each.access_method, each.access_method.dotted_string)} at {names.show(each.access_location)}"
        for each in value
    )


def _points(value: Iterable[x509.DistributionPoint]) -> str:
    return "; ".join(_names(each.full_name or each.crl_issuer or ()) for each in value)


def _scope(value: x509.IssuingDistributionPoint) -> str:
    parts = {
        "leaf certificates only": value.only_contains_user_certs,
        "CA certificates only": value.only_contains_ca_certs,
        "attribute certificates only": value.only_contains_attribute_certs,
        "also certificates of other issuers": value.indirect_crl,
        "some reasons only": value.only_some_reasons is not None,
    }
    said = [words for words, holds in parts.items() if holds]
    return ", ".join([*([_names(value.full_name)] if value.full_name else []), *said]) or "everything"


READ: dict[type[x509.ExtensionType], Callable[[Any], str | Iterable[str] | None]] = {
    x509.SubjectAlternativeName: _each_name,
    x509.IssuerAlternativeName: _each_name,
    x509.BasicConstraints: _authority,
    x509.KeyUsage: _key_usage,
    x509.ExtendedKeyUsage: lambda value: (PURPOSES.get(oid, oid.dotted_string) for oid in value),
    x509.NameConstraints: _constraints,
    x509.SubjectKeyIdentifier: lambda value: value.digest.hex(),
    x509.AuthorityKeyIdentifier: _issuer_key,
    x509.CertificatePolicies: lambda value: (_oid(each.policy_identifier) for each in value),
    x509.PolicyConstraints: _policy_limits,
    x509.InhibitAnyPolicy: lambda value: f"after {number(value.skip_certs)}",
    x509.AuthorityInformationAccess: _services,
    x509.CRLDistributionPoints: _points,
    x509.FreshestCRL: _points,
    x509.TLSFeature: lambda value: (each.name for each in value),
    x509.PrecertificateSignedCertificateTimestamps: lambda value: f"{len(list(value))} SCTs",
    x509.PrecertPoison: lambda _: "yes",
    x509.OCSPNoCheck: lambda _: "yes",
    x509.CRLNumber: lambda value: number(value.crl_number),
    x509.DeltaCRLIndicator: lambda value: f"CRL {number(value.crl_number)}",
    x509.IssuingDistributionPoint: _scope,
    x509.CRLReason: lambda value: value.reason.value,
    x509.InvalidityDate: lambda value: f"invalid since {value.invalidity_date_utc:%Y-%m-%d %H:%M:%S}Z",
    x509.CertificateIssuer: _each_name,
}
BY_OID = {oid.dotted_string: meaning for oid, meaning in MEANINGS.items()}
RANKS = {oid: place for place, oid in enumerate(BY_OID)}
PURPOSE_WORDS = {oid.dotted_string: word for oid, word in PURPOSES.items()}
