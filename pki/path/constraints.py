"""Name constraints: which names an authority may vouch for (RFC 5280 §4.2.1.10, §6.1.3 (b), (c), §6.1.4 (g)).

    permitted: example.com        a.example.com   yes        example.org   no
    excluded:  bad.example.com    *.example.com   no: it could be bad.example.com (CVE-2025-61727)

Of a kind of name that an authority does not speak of, everything is allowed; of a kind that we do not understand and
it does speak of, nothing. Comparisons are counted: thousands of names by thousands of constraints are an attack.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from cryptography import x509

from pki.names import show
from pki.path.reading import Path, Reading
from pki.signed import comparable

MOST = 50_000  # comparisons for one path
LABELS = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
Constraint = x509.GeneralName


class Refused(Exception):
    """A name that is not allowed, or a constraint that cannot be followed; the message says which."""


def follow(path: Path) -> int:
    """How many authorities set constraints; Refused at the first name that one of them does not allow."""
    constraining, compared = 0, 0
    for place, authority in enumerate(path.certificates):
        constraints = authority.value(x509.NameConstraints)
        if place == 0 or constraints is None:
            continue
        constraining += 1
        permitted, excluded = tuple(constraints.permitted_subtrees or ()), tuple(constraints.excluded_subtrees or ())
        for each in (*permitted, *excluded):
            _check_form(each)
        for below in _bound(path, place):
            names = tuple(_names(below))
            compared += len(names) * (len(permitted) + len(excluded))
            if compared > MOST:
                raise Refused(f"more than {MOST:,} comparisons would be needed: that is an attack, or a mistake")
            for name in names:
                _check(name, permitted, excluded)
    return constraining


def _bound(path: Path, place: int) -> Iterator[Reading]:
    """Those below: not a change of keys, unless it is the leaf itself (§6.1.3 (b))."""
    for lower in range(place):
        if lower == 0 or not path.certificates[lower].is_self_issued:
            yield path.certificates[lower]


def _names(certificate: Reading) -> Iterator[x509.GeneralName]:
    """The alternative names, the subject, and mail addresses in the subject."""
    yield from certificate.names
    if list(certificate.certificate.subject):
        yield x509.DirectoryName(certificate.certificate.subject)
    for attribute in certificate.certificate.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS):
        if isinstance(attribute.value, str) and attribute.value.isascii():
            yield x509.RFC822Name(attribute.value)


def _check(name: x509.GeneralName, permitted: Iterable[Constraint], excluded: Iterable[Constraint]) -> None:
    covers = COVERS.get(type(name))
    allowed = [each for each in permitted if type(each) is type(name)]
    forbidden = [each for each in excluded if type(each) is type(name)]
    if covers is None and (allowed or forbidden):
        raise Refused(f"{show(name)} is of a kind that is constrained, and that this verifier does not understand")
    if covers is None:
        return
    if allowed and not any(covers(each, name) for each in allowed):
        raise Refused(f"{show(name)} is outside of what is permitted: {', '.join(map(show, allowed[:3]))}")
    for each in forbidden:
        if covers(each, name) or _could_be(each, name):
            raise Refused(f"{show(name)} is excluded by {show(each)}")


# What a constraint covers -------------------------------------------------------------------------------------------


def _host(constraint: Constraint, name: x509.GeneralName) -> bool:
    assert isinstance(constraint, x509.DNSName)
    assert isinstance(name, x509.DNSName)
    base, host = constraint.value.lower(), name.value.lower()
    if not LABELS.fullmatch(host.removeprefix("*.")):
        raise Refused(f"{show(name)} is no host name, so that nobody can tell whether it is permitted")
    if host.startswith("*.") and len(host) - 2 < len(base):
        return False
    return not base or host == base or host.endswith(f".{base}")


def _could_be(constraint: Constraint, name: x509.GeneralName) -> bool:
    """Whether a wildcard stands for an excluded host, among others."""
    if not (isinstance(constraint, x509.DNSName) and isinstance(name, x509.DNSName)):
        return False
    base, host = constraint.value.lower(), name.value.lower()
    return host.startswith("*.") and base.partition(".")[2] == host[2:]


def _mailbox(constraint: Constraint, name: x509.GeneralName) -> bool:
    assert isinstance(constraint, x509.RFC822Name)
    assert isinstance(name, x509.RFC822Name)
    wanted, (local, at, host) = constraint.value, name.value.rpartition("@")
    if not (at and local and host) or "@" in local:
        raise Refused(f"{show(name)} is no mailbox, so that nobody can tell whether it is permitted")
    if "@" in wanted:
        box, _, domain = wanted.rpartition("@")
        return box == local and domain.lower() == host.lower()
    return _domain(wanted, host)


def _domain(constraint: str, host: str) -> bool:
    """`example.com` is that host alone, `.example.com` every host below it."""
    base, host = constraint.lower(), host.lower()
    return host.endswith(base) if base.startswith(".") else host == base


def _uri(constraint: Constraint, name: x509.GeneralName) -> bool:
    assert isinstance(constraint, x509.UniformResourceIdentifier)
    assert isinstance(name, x509.UniformResourceIdentifier)
    try:
        host = urlsplit(name.value).hostname
    except ValueError:
        host = None
    if not host or not LABELS.fullmatch(host) or host.rpartition(".")[2].isdigit():
        raise Refused(f"{show(name)} names no host, so that nobody can tell whether it is permitted")
    return _domain(constraint.value, host)


def _address(constraint: Constraint, name: x509.GeneralName) -> bool:
    assert isinstance(constraint, x509.IPAddress)
    assert isinstance(name, x509.IPAddress)
    network, address = constraint.value, name.value
    assert isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
    if not isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address):
        raise Refused(f"{show(name)} is no address, so that nobody can tell whether it is permitted")
    return address.version == network.version and address in network


def _directory(constraint: Constraint, name: x509.GeneralName) -> bool:
    """Everything below: the constraint is how the name begins."""
    assert isinstance(constraint, x509.DirectoryName)
    assert isinstance(name, x509.DirectoryName)
    base = comparable(constraint.value)
    return comparable(name.value)[: len(base)] == base


COVERS: Mapping[type[x509.GeneralName], Callable[[Constraint, x509.GeneralName], bool]] = {
    x509.DNSName: _host,
    x509.RFC822Name: _mailbox,
    x509.UniformResourceIdentifier: _uri,
    x509.IPAddress: _address,
    x509.DirectoryName: _directory,
}


def _check_form(constraint: Constraint) -> None:
    """A constraint that means nothing must not be taken for one that allows everything."""
    match constraint:
        case x509.DNSName(value=value) if value and not LABELS.fullmatch(value):
            raise Refused(f"the constraint {show(constraint)} is no host name")
        case x509.RFC822Name(value=value) if value.count("@") > 1 or value.endswith("@"):
            raise Refused(f"the constraint {show(constraint)} is no mailbox and no domain")
        case x509.IPAddress(value=value) if not isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            raise Refused(f"the constraint {show(constraint)} is no network")
