"""Which names a CA may issue for: NameConstraints from `--permit` and `--exclude`, and in words (RFC 5280 §4.2.1.10).

    --permit test --permit 127.0.0.0/8    ->    permitted: DNS:test, IP:127.0.0.0/8, email:invalid, URI:invalid

A name may have any value if its type is not constrained. So a type without a permit is closed: mail addresses, URIs and
DNS names are permitted only below `invalid`, a top-level domain that never exists (RFC 6761 §6.4), and all IP addresses
are excluded. An empty constraint would say the same, but some verifiers reject or ignore it.

Whether a name is permitted is decided in `pki.path.constraints`.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from cryptography import x509

from pki import names
from pki.names import InvalidName

NOWHERE = "invalid"
EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def constraints(permit: Sequence[str], exclude: Sequence[str]) -> x509.NameConstraints | None:
    """The constraints for these options; None without any. Raises InvalidName.

    With at least one permit, every type of name that has none is closed. With excludes alone, all other names remain
    permitted.
    """
    permitted, excluded = [subtree(text) for text in permit], [subtree(text) for text in exclude]
    if permitted:
        present = {type(each) for each in permitted}
        for kind in (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier):
            if kind not in present:
                permitted.append(kind(NOWHERE))
        if x509.IPAddress not in present:
            excluded += [x509.IPAddress(each) for each in EVERYWHERE]
    if not permitted and not excluded:
        return None
    return x509.NameConstraints(names.unique(permitted) or None, names.unique(excluded) or None)


def subtree(text: str) -> x509.GeneralName:
    """One constraint: a host and all names below it, a network or address, or mailboxes. Raises InvalidName.

    Mailboxes are written `ann@example.test` (one), `@example.test` (of that host) or `@.example.test` (of the hosts
    below it).
    """
    if text.startswith("@."):
        return x509.RFC822Name(f".{names.a_label(text[2:])}")
    if text.startswith("@"):
        return x509.RFC822Name(names.a_label(text[1:]))
    if "*" in text or text.startswith("."):
        raise InvalidName(
            f"{text!r} is not a name constraint: write {text.lstrip('*.')!r}, which covers every name below it as well"
        )
    if "/" in text:
        try:
            return x509.IPAddress(ipaddress.ip_network(text))
        except ValueError as error:
            raise InvalidName(f"{text!r} is not a network: {error}") from None
    name = names.parse(text)
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(name.value))
    return name


def words(found: x509.NameConstraints) -> Iterator[str]:
    """A sentence for each constraint: what it covers."""
    for word, subtrees in (("permitted", found.permitted_subtrees), ("excluded", found.excluded_subtrees)):
        for each in subtrees or ():
            yield f"{word}: {covered(each)}"
    stated = {type(each) for each in (*(found.permitted_subtrees or ()), *(found.excluded_subtrees or ()))}
    free = [word for kind, word in KINDS.items() if kind not in stated]
    if free:
        yield f"not constrained: {', '.join(free)}"


KINDS: dict[type[x509.GeneralName], str] = {
    x509.DNSName: "host names",
    x509.IPAddress: "IP addresses",
    x509.RFC822Name: "mail addresses",
    x509.UniformResourceIdentifier: "URIs",
    x509.DirectoryName: "subject names",
}


def covered(constraint: x509.GeneralName) -> str:
    """What one constraint covers."""
    value = constraint.value
    match constraint:
        case x509.DNSName(value=""):
            return "every host name"
        case x509.DNSName() | x509.UniformResourceIdentifier() | x509.RFC822Name() if value == NOWHERE:
            return f"no {KINDS[type(constraint)]} (only below .{NOWHERE}, which never exists)"
        case x509.DNSName():
            return f"the host {names.display(constraint)} and every name below it"
        case x509.UniformResourceIdentifier() if value.startswith("."):
            return f"URIs of every host below {_text(value[1:])}, but not of that host itself"
        case x509.UniformResourceIdentifier():
            return f"URIs of the host {_text(value)}, but not of hosts below it"
        case x509.RFC822Name() if "@" in value:
            return f"the mailbox {_text(value)} alone"
        case x509.RFC822Name() if value.startswith("."):
            return f"mailboxes at every host below {_text(value[1:])}, but not at that host itself"
        case x509.RFC822Name():
            return f"mailboxes at {_text(value)}, but not at hosts below it"
        case x509.IPAddress() if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            if value.num_addresses == 1:
                return f"the address {value.network_address} alone"
            if value.prefixlen == 0:
                return f"every IPv{value.version} address"
            return f"the addresses {value[0]} to {value[-1]}"
    return names.show(constraint)


def _text(value: str) -> str:
    """`value`, quoted if it is unusual; a certificate may contain any characters."""
    return names.display(x509.RFC822Name(value)) if "@" in value else names.display(x509.DNSName(value))


def examples(found: x509.NameConstraints) -> Iterator[x509.GeneralName]:
    """Three names to try, made from the first constraint: the host, a name below it, and another name.

    For a network: its first address, the address after its last, and a host.
    """
    subtrees = [*(found.permitted_subtrees or ()), *(found.excluded_subtrees or ())]
    first = next((each for each in subtrees if each.value not in (NOWHERE, "")), None)
    match first:
        case x509.DNSName(value=host):
            yield from (x509.DNSName(host), x509.DNSName(f"www.{host}"), x509.DNSName(f"{host}.example"))
        case x509.RFC822Name(value=text):
            host = text.rpartition("@")[2].removeprefix(".")
            local = text.rpartition("@")[0] or "ann"
            yield from (x509.RFC822Name(f"{local}@{each}") for each in (host, f"mail.{host}", "example.com"))
        case x509.IPAddress(value=ipaddress.IPv4Network() | ipaddress.IPv6Network() as network):
            yield x509.IPAddress(network[0])
            if int(network[-1]) + 1 < 1 << network.max_prefixlen:
                yield x509.IPAddress(network[-1] + 1)
            yield x509.DNSName("www.example.com")
        case _:
            return
