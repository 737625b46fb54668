"""Which web sites a root can certify: what its name constraints leave open (RFC 5280 §4.2.1.10).

    permitted: DNS:test, IP:127.0.0.0/8    only these
    excluded:  DNS:bank.example            every other site
    permitted: DNS:com                     every site in .com

A root in a browser's store can certify all that its constraints leave open, for everyone who has its key.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import cache

from cryptography import x509
from publicsuffixlist import PublicSuffixList

from pki import names


def open_sites(constraints: x509.NameConstraints | None) -> str | None:
    """Why the constraints do not limit a root to names that are the user's own; None if they do."""
    if constraints is None:
        return "it has no name constraints"
    permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
    hosts = [each for each in permitted if isinstance(each, x509.DNSName)]
    if not hosts and not any(isinstance(each, x509.DNSName) and each.value == "" for each in excluded):
        return "its name constraints permit every host name that they do not exclude"
    for host in hosts:
        if host.value in ("", "."):
            return "its name constraints permit every host name"
        if _is_public_suffix(host.value):
            return f"its name constraints permit every host name in {names.display(host)}"
    networks = list(_networks(permitted))
    for version in (4, 6):
        same = [each for each in networks if each.version == version]
        if not networks and not _is_everything(each for each in _networks(excluded) if each.version == version):
            return f"its name constraints permit every IPv{version} address that they do not exclude"
        if _is_everything(same):
            return f"its name constraints permit every IPv{version} address"
        if public := [each for each in same if not _is_local(each)]:
            return f"its name constraints permit public addresses: {public[0]}"
    return None


def _networks(subtrees: Iterable[x509.GeneralName]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for each in subtrees:
        value = each.value
        if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            yield value


def _is_local(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether it is one address, or has no public ones: loopback, link-local, private or for documentation."""
    return network.num_addresses == 1 or network.is_private or network.is_loopback or network.is_link_local


def _is_everything(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether the networks, all of one version, cover all addresses, together or alone."""
    return any(each.prefixlen == 0 for each in ipaddress.collapse_addresses(networks))  # type: ignore[type-var]  # one version


def _is_public_suffix(host: str) -> bool:
    """Whether public CAs issue for strangers below `host`, such as com, co.uk and github.io."""
    return _suffixes().is_public(host.strip(".").lower())


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)
