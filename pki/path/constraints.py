"""Name constraints: for which names a CA may issue (RFC 5280 §4.2.1.10, §6.1.3 (b), (c), §6.1.4 (g)).

    permitted: example.com        a.example.com   yes        example.org   no
    excluded:  bad.example.com    *.example.com   no: it covers bad.example.com (CVE-2025-61727)

Names of a type that the CA does not constrain are accepted. These are rejected: a name of a constrained type that is
not processed here; a malformed name of a constrained type; and a malformed constraint, since it would exclude nothing.
Names and constraints are parsed once, comparisons are counted.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from pki.asn1 import der
from pki.budget import Budget, Exhausted, WorkKind
from pki.names import MAX_HOST, show
from pki.objects.distinguished_names import MAX_NORMALISED, comparable
from pki.path.request import CertificateFields, Path

MOST = 100_000  # comparisons in one path
LABELS = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(\.{ATOM})*")  # RFC 5321 §4.1.2: a mailbox has one spelling as a dot-string
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")  # RFC 3986 §2
SMTP_UTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")  # RFC 9598 §3


class NotPermitted(Exception):
    """A name is not permitted, or a constraint cannot be applied; the message names it."""


def follow(path: Path) -> int:
    """The number of CAs that constrain names. Raises NotPermitted for the first name that violates a constraint."""
    constraining, compared = 0, 0
    names: dict[int, list[Name]] = {}
    for place, authority in enumerate(path.certificates):
        constraints = authority.value(x509.NameConstraints)
        if place == 0 or constraints is None:
            continue
        constraining += 1
        _check_distances(authority)
        permitted = _prepared(path.budget, constraints.permitted_subtrees)
        excluded = _prepared(path.budget, constraints.excluded_subtrees)
        for lower in _bound(path, place):
            if lower not in names:
                names[lower] = list(_names(path.certificates[lower]))
                path.budget.spend(WorkKind.NAME, len(names[lower]))
            for name in names[lower]:
                allowed, forbidden = permitted.get(name.form, []), excluded.get(name.form, [])
                compared += len(allowed) + len(forbidden)
                if compared > MOST:
                    raise NotPermitted(f"the name constraints need more than {MOST:,} comparisons")
                path.budget.spend(WorkKind.COMPARISON, len(allowed) + len(forbidden))
                _check(name, allowed, forbidden)
    return constraining


def objection(constraints: x509.NameConstraints, name: x509.GeneralName) -> str | None:
    """Why a CA with these constraints must not issue for `name`; None if it may."""
    presented = Name(KINDS.get(type(name), NameForm.OTHER), show(name), name)
    try:
        permitted = _prepared(Budget(), constraints.permitted_subtrees)
        excluded = _prepared(Budget(), constraints.excluded_subtrees)
        _check(presented, permitted.get(presented.form, []), excluded.get(presented.form, []))
    except NotPermitted as refusal:
        return str(refusal)
    except Exhausted:
        return "there are too many name constraints"
    return None


def _bound(path: Path, place: int) -> Iterator[int]:
    """Indices of the certificates below `place`, without self-issued intermediates (§6.1.3 (b))."""
    return (lower for lower in range(place) if lower == 0 or not path.certificates[lower].is_self_issued)


# Name types -------------------------------------------------------------------------------------------------------


class NameForm(Enum):
    """The name types that are processed; OTHER is every other GeneralName."""

    HOST = "host"
    MAIL = "mail"
    URI = "URI"
    ADDRESS = "address"
    DIRECTORY = "directory"
    OTHER = "other"


@dataclass(frozen=True)
class Name:
    """A name of a certificate. Its syntax is checked only if its type is constrained."""

    kind: NameForm
    shown: str
    value: Any

    @property
    def form(self) -> object:
        """The key of the constraints that it is compared with."""
        return _form(self.kind, self.value)


@dataclass(frozen=True)
class Constraint:
    """A well-formed subtree, parsed for comparison."""

    shown: str
    value: Any


def _form(kind: NameForm, name: object) -> object:
    """The key under which names and constraints are compared: the kind, or for OTHER the Python type."""
    return type(name) if kind is NameForm.OTHER else kind


KINDS: Mapping[type[x509.GeneralName], NameForm] = {
    x509.DNSName: NameForm.HOST,
    x509.RFC822Name: NameForm.MAIL,
    x509.UniformResourceIdentifier: NameForm.URI,
    x509.IPAddress: NameForm.ADDRESS,
    x509.DirectoryName: NameForm.DIRECTORY,
}


def _names(certificate: CertificateFields) -> Iterator[Name]:
    """Yield the SANs, the subject, and mail addresses in the subject."""
    for each in certificate.names:
        if isinstance(each, x509.OtherName) and each.type_id == SMTP_UTF8_MAILBOX:
            yield Name(NameForm.MAIL, "SmtpUTF8Mailbox", each)
        yield Name(KINDS.get(type(each), NameForm.OTHER), show(each), each)
    subject = certificate.certificate.subject
    if list(subject):
        yield Name(NameForm.DIRECTORY, f"dirName:{subject.rfc4514_string()}", x509.DirectoryName(subject))
    for attribute in subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS):
        yield Name(NameForm.MAIL, f"email:{attribute.value!s}", attribute.value)


def _prepared(budget: Budget, subtrees: Sequence[x509.GeneralName] | None) -> dict[object, list[Constraint]]:
    """The constraints by `_form`. Raises NotPermitted for a malformed one."""
    found: dict[object, list[Constraint]] = {}
    budget.spend(WorkKind.NAME, len(subtrees or ()))
    for each in subtrees or ():
        kind = KINDS.get(type(each), NameForm.OTHER)
        value = CONSTRAINT[kind](each) if kind in CONSTRAINT else None
        if kind in CONSTRAINT and value is None:
            raise NotPermitted(f"the name constraint {show(each)} is not {MEANT[kind]} (§4.2.1.10)")
        found.setdefault(_form(kind, each), []).append(Constraint(show(each), value))
    return found


def _check(name: Name, allowed: Sequence[Constraint], forbidden: Sequence[Constraint]) -> None:
    """Raises NotPermitted if `allowed` is not empty and does not cover the name, or if `forbidden` covers it."""
    if not (allowed or forbidden):
        return
    if name.kind is NameForm.OTHER:
        raise NotPermitted(f"{name.shown} has a constrained type that this program does not process")
    value = PRESENTED[name.kind](name.value)
    if value is None:
        raise NotPermitted(
            f"{name.shown} is not {NAMED[name.kind]}, so it cannot be compared with the name constraints"
        )
    covers = COVERS[name.kind]
    if allowed and not any(covers(each.value, value) for each in allowed):
        raise NotPermitted(
            f"{name.shown} is not within the permitted names: {', '.join(each.shown for each in allowed[:3])}"
        )
    for each in forbidden:
        if covers(each.value, value) or (name.kind is NameForm.HOST and _could_be(each.value, value)):
            raise NotPermitted(f"{name.shown} is excluded by {each.shown}")


# Hosts --------------------------------------------------------------------------------------------------------------


def _is_host(text: str) -> bool:
    """Whether it is a host name (RFC 1034 §3.5); underscores are allowed, an IP address in any notation is not."""
    last = text.rpartition(".")[2].lower()
    is_number = last.isdigit() or (last.startswith("0x") and all(c in "0123456789abcdef" for c in last[2:]))
    return len(text) <= MAX_HOST and bool(LABELS.fullmatch(text)) and not is_number


def _host_constraint(name: Any) -> str | None:
    """The host in lower case; an empty constraint covers every host. None if it is malformed."""
    return name.value.lower() if not name.value or _is_host(name.value) else None


def _host(name: Any) -> str | None:
    return name.value.lower() if _is_host(name.value.removeprefix("*.")) else None


def _covers_host(base: str, host: str) -> bool:
    if host.startswith("*.") and len(host) - 2 < len(base):
        return False
    return not base or host == base or host.endswith(f".{base}")


def _could_be(base: str, host: str) -> bool:
    """Whether the wildcard `host` covers the excluded host `base`."""
    return host.startswith("*.") and base.partition(".")[2] == host[2:]


# Mail ---------------------------------------------------------------------------------------------------------------


def _mail_constraint(name: Any) -> tuple[str, str] | None:
    """Local part or "", and host, of a mailbox, a host or `.domain`; None if it is malformed."""
    local, at, host = name.value.rpartition("@")
    if at:
        return (local, host.lower()) if LOCAL_PART.fullmatch(local) and _is_host(host) else None
    return ("", host.lower()) if _is_host(host.removeprefix(".")) else None


def _mailbox(name: Any) -> tuple[str, str] | None:
    """Local part and host of an rfc822Name, an emailAddress in the subject, or a SmtpUTF8Mailbox (RFC 9598 §6)."""
    if isinstance(name, x509.OtherName):
        return _international(name.value)
    text = name if isinstance(name, str) else name.value if isinstance(name, x509.RFC822Name) else ""
    local, _, host = text.rpartition("@")
    return (local, host.lower()) if LOCAL_PART.fullmatch(local) and _is_host(host) else None


def _international(value: bytes) -> tuple[str, str] | None:
    """Local part (UTF-8) and host (ASCII) of a SmtpUTF8Mailbox in DER (RFC 9598 §3); None if it is malformed."""
    try:
        found = der.read(value)
        local, _, host = value[found.content].decode("utf-8").rpartition("@")
    except ValueError:
        return None
    good = found.tag == der.UTF8_STRING and found.end == len(value) and LOCAL_PART.fullmatch(_ascii(local))
    return (local, host.lower()) if good and _is_host(host) else None


def _ascii(local: str) -> str:
    """`local` with `x` for each non-ASCII character; a local part may have any of them (RFC 6531 §3.3)."""
    return "".join(c if c.isascii() else "x" for c in local)


def _covers_mail(constraint: tuple[str, str], mailbox: tuple[str, str]) -> bool:
    local, base = constraint
    return _covers_domain(base, mailbox[1]) and local in ("", mailbox[0])


def _covers_domain(base: str, host: str) -> bool:
    """Whether `base` covers `host`: `example.com` is that host alone, `.example.com` every host below it."""
    return host.endswith(base) if base.startswith(".") else host == base


# URIs, addresses, directory names -----------------------------------------------------------------------------------


def _uri_constraint(name: Any) -> str | None:
    return name.value.lower() if _is_host(name.value.removeprefix(".")) else None


def _uri_host(name: Any) -> str | None:
    """The host of a URI; None if it has no host name (§4.2.1.10), or if parsers disagree about it."""
    try:
        host = urlsplit(name.value).hostname if URI.fullmatch(name.value) else None
    except ValueError:
        return None
    return host.lower() if host and _is_host(host) else None


def _network(name: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    return name.value if isinstance(name.value, ipaddress.IPv4Network | ipaddress.IPv6Network) else None


def _address(name: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return name.value if isinstance(name.value, ipaddress.IPv4Address | ipaddress.IPv6Address) else None


def _covers_address(network: Any, address: Any) -> bool:
    return bool(address.version == network.version and address in network)


def _directory(name: Any) -> Any:
    """The name in a comparable form; None if a value is too long to be normalised."""
    for attribute in name.value:
        text = attribute.value
        if isinstance(text, str) and len(text) > MAX_NORMALISED and not text.isascii():
            return None
    return comparable(name.value)


def _covers_directory(base: Any, name: Any) -> bool:
    """Whether `name` begins with `base`."""
    return bool(name[: len(base)] == base)


CONSTRAINT: Mapping[NameForm, Callable[[Any], Any]] = {
    NameForm.HOST: _host_constraint,
    NameForm.MAIL: _mail_constraint,
    NameForm.URI: _uri_constraint,
    NameForm.ADDRESS: _network,
    NameForm.DIRECTORY: _directory,
}
"""Parses a constraint for comparison; None if it is malformed."""
PRESENTED: Mapping[NameForm, Callable[[Any], Any]] = {
    NameForm.HOST: _host,
    NameForm.MAIL: _mailbox,
    NameForm.URI: _uri_host,
    NameForm.ADDRESS: _address,
    NameForm.DIRECTORY: _directory,
}
"""Parses a name of a certificate for comparison; None if it is malformed."""
COVERS: Mapping[NameForm, Callable[[Any, Any], bool]] = {
    NameForm.HOST: _covers_host,
    NameForm.MAIL: _covers_mail,
    NameForm.URI: _covers_domain,
    NameForm.ADDRESS: _covers_address,
    NameForm.DIRECTORY: _covers_directory,
}
MEANT: Mapping[NameForm, str] = {
    NameForm.HOST: "a host name",
    NameForm.MAIL: "a mailbox, a host or a domain",
    NameForm.URI: "a host or a domain",
    NameForm.ADDRESS: "a network",
    NameForm.DIRECTORY: "a name that can be compared",
}
NAMED: Mapping[NameForm, str] = {
    NameForm.HOST: "a host name",
    NameForm.MAIL: "a mailbox of a host",
    NameForm.URI: "a URI with a host name",
    NameForm.ADDRESS: "an IP address",
    NameForm.DIRECTORY: "a name that can be compared",
}


# Distances ----------------------------------------------------------------------------------------------------------

MINIMUM, MAXIMUM = der.CONTEXT | 0, der.CONTEXT | 1


def _check_distances(authority: CertificateFields) -> None:
    """Raises NotPermitted for a minimum other than 0, or a maximum (§4.2.1.10). The library drops both."""
    data = authority.value_der(x509.NameConstraints.oid)
    assert data is not None
    for subtrees in der.children(data, der.read(data)):
        for subtree in der.children(data, subtrees):
            _, *distances = der.children(data, subtree)
            for each in distances:
                if each.tag == MAXIMUM or any(data[each.content]):
                    word = "maximum" if each.tag == MAXIMUM else "minimum"
                    raise NotPermitted(f"a name constraint has a {word}, which RFC 5280 forbids (§4.2.1.10)")
