"""Certificate requests (CSR, PKCS #10, RFC 2986): make one, and decide what a CA takes from one. Pure.

    names + key  ->  request       signed with the key, which proves that its author has it
    request      ->  Copied        the extensions that the CA was told to copy, and what it leaves out

A request states what its author wishes. A CA that copies extensions unasked certifies whatever is in there: a request
for `CA:TRUE` would make a new CA. So nothing is copied unless it is named, and some values are never copied.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import keys, names
from pki.authority import subject_for
from pki.keys import PrivateKey
from pki.malformed import read_field
from pki.profiles import KEY_USAGE_BITS, Profile

COPYABLE = {
    "subjectAltName": x509.SubjectAlternativeName,
    "keyUsage": x509.KeyUsage,
    "extendedKeyUsage": x509.ExtendedKeyUsage,
}
"""The values of --copy."""
NEVER = ("key_cert_sign", "crl_sign")
"""keyUsage bits of a CA (§4.2.1.3)."""


def make(
    profile: Profile, wanted: Iterable[x509.GeneralName], key: PrivateKey, subject: x509.Name | None = None
) -> x509.CertificateSigningRequest:
    """A request for all the names, signed with the key. Raises ValueError without names."""
    listed = names.unique(wanted)
    if not listed:
        raise ValueError("a request needs at least one name")
    name = subject_for(listed[0]) if subject is None else subject
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=not list(name))
    builder = builder.add_extension(profile.key_usage(key.public_key()), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(profile.purposes), critical=False)
    return builder.sign(key, keys.signature_hash(key))


@dataclass(frozen=True)
class LeftOut:
    """A part of a request that is not in the certificate, and the reason."""

    what: str
    reason: str


@dataclass(frozen=True)
class Copied:
    """What a CA takes from a request."""

    names: tuple[x509.GeneralName, ...]
    """The names of its subjectAltName that may be in a certificate; empty unless that is copied."""
    extensions: tuple[tuple[x509.ExtensionType, bool], ...]
    """keyUsage and extendedKeyUsage, as far as they are copied; each with `critical`."""
    left_out: tuple[LeftOut, ...]


def copied(request: x509.CertificateSigningRequest, wanted: Collection[str], profile: Profile) -> Copied:
    """What to take from a request; `wanted` are keys of COPYABLE. Raises Malformed if the extensions cannot be read."""
    alternative_names: list[x509.GeneralName] = []
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    left_out: list[LeftOut] = []
    asked = {COPYABLE[each] for each in wanted}
    for each in read_field(lambda: list(request.extensions)):
        value = each.value
        if type(value) not in asked:
            left_out.append(LeftOut(_shown(each), _not_asked(value)))
        elif isinstance(value, x509.SubjectAlternativeName):
            for name in value:
                try:
                    alternative_names.append(_usable(name, profile))
                except names.InvalidName as error:
                    left_out.append(LeftOut(names.show(name), str(error)))
        elif isinstance(value, x509.KeyUsage):
            usage, dropped = _without_ca_bits(value)
            left_out += dropped
            if usage:
                extensions.append((usage, each.critical))
        elif isinstance(value, x509.ExtendedKeyUsage):
            kept = [purpose for purpose in value if purpose not in NEVER_PURPOSES]
            reason = "is never copied: its holder says which certificates are revoked (RFC 6960 §4.2.2.2)"
            left_out += [LeftOut(shown, reason) for purpose, shown in NEVER_PURPOSES.items() if purpose in value]
            if kept:
                extensions.append((x509.ExtendedKeyUsage(kept), each.critical))
    left_out += [
        LeftOut(name, "the request does not have it") for name, kind in COPYABLE.items()
        if name in wanted and not any(isinstance(each.value, kind) for each in request.extensions)
    ]  # fmt: skip
    return Copied(tuple(alternative_names), tuple(extensions), tuple(left_out))


NEVER_PURPOSES = {ExtendedKeyUsageOID.OCSP_SIGNING: "extendedKeyUsage OCSPSigning"}
"""extendedKeyUsage of a delegated OCSP responder."""


def _shown(extension: x509.Extension[x509.ExtensionType]) -> str:
    """The extension, by the name that --copy takes where it has one, and its value if that matters."""
    for name, kind in COPYABLE.items():
        if isinstance(extension.value, kind):
            if isinstance(extension.value, x509.SubjectAlternativeName):
                return f"{name} ({names.cut([names.show(each) for each in extension.value])})"
            return name
    if isinstance(extension.value, x509.BasicConstraints):
        return f"basicConstraints CA:{'TRUE' if extension.value.ca else 'FALSE'}"
    stated = getattr(extension.oid, "_name", "Unknown OID")
    return extension.oid.dotted_string if stated == "Unknown OID" else stated


def _not_asked(value: x509.ExtensionType) -> str:
    if isinstance(value, x509.BasicConstraints):
        return "is never copied: it would make a CA" if value.ca else "is never copied: the CA decides it"
    for name, kind in COPYABLE.items():
        if isinstance(value, kind):
            return f"was not asked for: --copy {name}"
    return "is never copied"


def _usable(name: x509.GeneralName, profile: Profile) -> x509.GeneralName:
    """The name in lower case. Raises InvalidName if this CA does not issue for it."""
    if isinstance(name, x509.RFC822Name) and ExtendedKeyUsageOID.SERVER_AUTH in profile.purposes:
        raise names.InvalidName("is a mail address, which a server certificate does not have")
    if not isinstance(name, x509.DNSName | x509.IPAddress | x509.RFC822Name):
        raise names.InvalidName("is not a host name, IP address or mail address")
    return names.parse(names.plain(name))


def _without_ca_bits(usage: x509.KeyUsage) -> tuple[x509.KeyUsage | None, list[LeftOut]]:
    bits = dict(_bits(usage))
    dropped = [
        LeftOut(f"keyUsage {word}", "is never copied: only a CA signs certificates and CRLs")
        for bit, word in (("key_cert_sign", "keyCertSign"), ("crl_sign", "cRLSign"))
        if bits[bit]
    ]
    bits |= dict.fromkeys(NEVER, False)
    return (x509.KeyUsage(**bits) if any(bits.values()) else None), dropped


def _bits(usage: x509.KeyUsage) -> Iterator[tuple[str, bool]]:
    for bit in KEY_USAGE_BITS:
        agreed = bit not in ("encipher_only", "decipher_only") or usage.key_agreement
        yield bit, bool(agreed and getattr(usage, bit))
