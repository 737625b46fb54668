"""What an extension says, and what it is for (RFC 5280 §4.2, §5.2, and others): a line and a sentence for each.

Not here: whether it is right (`pki.path`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID

from pki import names
from pki.profiles import KEY_USAGE_BITS

PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client",
    ExtendedKeyUsageOID.CODE_SIGNING: "code signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "mail",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}
SHORT = 24  # bytes that are shown in full

MEANINGS: dict[x509.ObjectIdentifier, tuple[str, str]] = {
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: (
        "names",
        "what a client compares with the name that it asked for (§4.2.1.6)",
    ),
    ExtensionOID.BASIC_CONSTRAINTS: ("authority", "whether this key may sign other certificates (§4.2.1.9)"),
    ExtensionOID.KEY_USAGE: ("key usage", "what the key may do (§4.2.1.3)"),
    ExtensionOID.EXTENDED_KEY_USAGE: ("purpose", "for which side of a conversation it is good (§4.2.1.12)"),
    ExtensionOID.NAME_CONSTRAINTS: (
        "name constraints",
        "for which names this authority may vouch; kinds of names that it does not speak of are free (§4.2.1.10)",
    ),
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: (
        "subject key id",
        "a short name for this key, for finding it; copied as easily as any name (§4.2.1.2)",
    ),
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: (
        "authority key id",
        "the short name of the key that signed: which issuer to try (§4.2.1.1)",
    ),
    ExtensionOID.CERTIFICATE_POLICIES: ("policies", "under which rules it was issued (§4.2.1.4)"),
    ExtensionOID.POLICY_MAPPINGS: ("policy mappings", "which rules of others count as its own (§4.2.1.5)"),
    ExtensionOID.POLICY_CONSTRAINTS: (
        "policy limits",
        "from how many certificates further down a policy is demanded, or none may be mapped (§4.2.1.11)",
    ),
    ExtensionOID.INHIBIT_ANY_POLICY: ("any policy", "from where on 'any policy' counts for nothing (§4.2.1.14)"),
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: (
        "issuer's service",
        "where to ask whether it is revoked, and where to fetch its issuer (§4.2.2.1)",
    ),
    ExtensionOID.CRL_DISTRIBUTION_POINTS: (
        "revocation lists",
        "where the list is that would name it if it were revoked (§4.2.1.13)",
    ),
    ExtensionOID.FRESHEST_CRL: ("freshest list", "where the list of the latest changes is (§4.2.1.15)"),
    ExtensionOID.ISSUER_ALTERNATIVE_NAME: ("issuer's names", "other names of the issuer (§4.2.1.7)"),
    ExtensionOID.TLS_FEATURE: (
        "must staple",
        "what its server has to do, most often to show fresh proof of not being revoked (RFC 7633 §4.2)",
    ),
    ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS: (
        "public logs",
        "promises of public logs that it can be found there (RFC 6962 §3.3)",
    ),
    ExtensionOID.PRECERT_POISON: (
        "poison",
        "a draft for the logs: nobody may take it for a certificate (RFC 6962 §3.1)",
    ),
    ExtensionOID.OCSP_NO_CHECK: (
        "never revoked",
        "whoever says what is revoked is believed unasked (RFC 6960 §4.2.2.2)",
    ),
    ExtensionOID.CRL_NUMBER: ("CRL number", "grows with every list (§5.2.3)"),
    ExtensionOID.DELTA_CRL_INDICATOR: ("changes since", "only what is new after the list of that number (§5.2.4)"),
    ExtensionOID.ISSUING_DISTRIBUTION_POINT: ("scope", "of which certificates and reasons the list speaks (§5.2.5)"),
}


def label(oid: x509.ObjectIdentifier) -> str:
    """What to call it: by its meaning, its name, or else its number."""
    if oid in MEANINGS:
        return MEANINGS[oid][0]
    name = getattr(oid, "_name", "")
    return name if name and name != "Unknown OID" else oid.dotted_string


def meaning(oid: x509.ObjectIdentifier) -> str:
    """What it is for, with its section (RFC 5280 where none is named)."""
    return MEANINGS[oid][1] if oid in MEANINGS else "not explained here: see §4.2"


def in_order(found: Iterable[x509.Extension[x509.ExtensionType]]) -> list[x509.Extension[x509.ExtensionType]]:
    """The ones that matter most first."""
    order = list(MEANINGS)
    return sorted(found, key=lambda each: order.index(each.oid) if each.oid in MEANINGS else len(order))


def text(value: x509.ExtensionType) -> str:
    """What it says, in a line."""
    read = READ.get(type(value))
    return read(value) if read else short_hex(value.public_bytes())


def short_hex(data: bytes) -> str:
    """Bytes, and of many the first ones."""
    return f"{data[:16].hex()}… ({len(data)} bytes)" if len(data) > SHORT else data.hex()


# A function for each kind -------------------------------------------------------------------------------------------


def _names(value: Iterable[x509.GeneralName]) -> str:
    return ", ".join(map(names.show, value)) or "none"


def _authority(value: x509.BasicConstraints) -> str:
    if not value.ca:
        return "no"
    return "yes" if value.path_length is None else f"yes, with at most {value.path_length} below it"


def _key_usage(usage: x509.KeyUsage) -> Iterator[str]:
    for bit in KEY_USAGE_BITS:
        if bit in ("encipher_only", "decipher_only") and not usage.key_agreement:
            continue  # defined only together with key agreement; the library raises
        if getattr(usage, bit):
            yield {"key_cert_sign": "sign certificates", "crl_sign": "sign CRLs"}.get(bit, bit.replace("_", " "))


def _constraints(value: x509.NameConstraints) -> str:
    parts = (("only", value.permitted_subtrees), ("never", value.excluded_subtrees))
    return "; ".join(f"{word} {_names(found)}" for word, found in parts if found) or "none"


def _issuer_key(value: x509.AuthorityKeyIdentifier) -> str:
    if value.key_identifier:
        return value.key_identifier.hex()
    return f"{_names(value.authority_cert_issuer or ())}, serial number {value.authority_cert_serial_number or 0:x}"


def _oid(oid: x509.ObjectIdentifier) -> str:
    return "any" if oid.dotted_string == "2.5.29.32.0" else oid.dotted_string


def _policy_limits(value: x509.PolicyConstraints) -> str:
    limits = (("demanded", value.require_explicit_policy), ("no mapping", value.inhibit_policy_mapping))
    return ", ".join(f"{word} after {count}" for word, count in limits if count is not None)


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
        "users' certificates only": value.only_contains_user_certs,
        "authorities' certificates only": value.only_contains_ca_certs,
        "attribute certificates only": value.only_contains_attribute_certs,
        "also of other issuers": value.indirect_crl,
        "some reasons only": value.only_some_reasons is not None,
    }
    said = [words for words, holds in parts.items() if holds]
    return ", ".join([*([_names(value.full_name)] if value.full_name else []), *said]) or "everything"


READ: dict[type[x509.ExtensionType], Callable[[Any], str]] = {
    x509.SubjectAlternativeName: _names,
    x509.IssuerAlternativeName: _names,
    x509.BasicConstraints: _authority,
    x509.KeyUsage: lambda value: ", ".join(_key_usage(value)),
    x509.ExtendedKeyUsage: lambda value: ", ".join(PURPOSES.get(oid, oid.dotted_string) for oid in value),
    x509.NameConstraints: _constraints,
    x509.SubjectKeyIdentifier: lambda value: value.digest.hex(),
    x509.AuthorityKeyIdentifier: _issuer_key,
    x509.CertificatePolicies: lambda value: ", ".join(_oid(each.policy_identifier) for each in value),
    x509.PolicyConstraints: _policy_limits,
    x509.InhibitAnyPolicy: lambda value: f"after {value.skip_certs}",
    x509.AuthorityInformationAccess: _services,
    x509.CRLDistributionPoints: _points,
    x509.FreshestCRL: _points,
    x509.TLSFeature: lambda value: ", ".join(each.name for each in value),
    x509.PrecertificateSignedCertificateTimestamps: lambda value: f"{len(list(value))} promises",
    x509.PrecertPoison: lambda _: "yes",
    x509.OCSPNoCheck: lambda _: "yes",
    x509.CRLNumber: lambda value: str(value.crl_number),
    x509.DeltaCRLIndicator: lambda value: f"list {value.crl_number}",
    x509.IssuingDistributionPoint: _scope,
}
