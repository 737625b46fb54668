"""Names in certificates: parse them, match presented and reference identifiers (RFC 5280 §4.2.1.6, RFC 9525).

The library accepts empty DNSNames, and spaces and NULs in them, so names for certificates are validated here.
Internationalised names become A-labels (RFC 5890): `bücher.example` is `xn--bcher-kva.example` in the certificate.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence

import idna
from cryptography import x509

from pki.errors import printable
from pki.malformed import MALFORMED

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 §2.1: letters, digits, inner hyphens
# A subset of RFC 5321's dot-string: without "/" and leading "-", since it becomes a file name.
LOCAL_PART = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*")
MAX_LOCAL_PART = 64  # RFC 5321 §4.5.3.1.1
MAX_STEM = 200  # of the 255 bytes that file systems allow, leaving room for suffixes
MAX_HOST = 253  # RFC 1035 §2.3.4: 255 octets on the wire


class InvalidName(ValueError):
    """The text is not a valid name; the message is the reason."""


def parse(text: str) -> x509.GeneralName:
    """The GeneralName for a host, wildcard, IP or mail address as typed. Raises InvalidName."""
    if "@" in text:
        local, _, domain = text.rpartition("@")
        if not LOCAL_PART.fullmatch(local) or len(local) > MAX_LOCAL_PART:
            raise InvalidName(
                f"{text!r} is not a valid mail address: use at most {MAX_LOCAL_PART} plain ASCII characters before @"
            )
        return x509.RFC822Name(f"{local}@{a_label(domain)}")
    if (address := _address(text)) is not None:
        return x509.IPAddress(address)
    if text.startswith("*."):
        return x509.DNSName(f"*.{a_label(text[2:], MAX_HOST - 2)}")
    if "*" in text:
        raise InvalidName(
            f"{text!r}: a wildcard must be the whole left-most label, as in *.example.test (RFC 9525 §6.3)"
        )
    return x509.DNSName(a_label(text))


def reference(text: str) -> x509.GeneralName:
    """The reference identifier: a host or an IP address (RFC 9525 §6.1). Raises InvalidName."""
    name = parse(text)
    if isinstance(name, x509.RFC822Name) or "*" in text:
        raise InvalidName(f"{text!r} is not one host name or IP address")
    return name


def a_label(host: str, longest: int = MAX_HOST) -> str:
    """`host` in lower case with A-labels (RFC 5891). Raises InvalidName if it is not a host name."""
    if not host:
        raise InvalidName("a host name cannot be empty")
    try:
        ascii_host = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
        for label in ascii_host.split("."):
            if label.startswith("xn--"):
                idna.decode(label)
    except UnicodeError as error:
        raise InvalidName(f"{host!r} is not a valid internationalised host name: {error}") from None
    if ascii_host.endswith("."):
        raise InvalidName(f"{host!r} ends with a dot, which certificates do not contain (RFC 5280 §4.2.1.6)")
    if len(ascii_host) > longest:
        raise InvalidName(f"the host name has {len(ascii_host)} characters; at most {longest} are allowed")
    labels = ascii_host.split(".")
    for label in labels:
        if not LABEL.fullmatch(label):
            raise InvalidName(f"{host!r} is not a host name: {_what_is_wrong(label)}")
    if labels[-1].isdigit():
        raise InvalidName(f"{host!r} is neither an IP address nor a host name: its last label is a number")
    return ascii_host


def _what_is_wrong(label: str) -> str:
    if not label:
        return "it has an empty label (a leading dot, or two dots in a row)"
    if len(label) > 63:
        return f"the label {label[:12]!r}… has {len(label)} characters; at most 63 are allowed (RFC 1035 §2.3.4)"
    if "_" in label:
        return f"the label {label!r} has an underscore, which host names must not have (RFC 1123 §2.1)"
    return f"the label {label!r} must consist of letters, digits and inner hyphens (RFC 1123 §2.1)"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare and not all(c in "0123456789abcdefABCDEF:." for c in bare):
        raise InvalidName(f"{text!r} is not an IP address, and a host name has no colon; leave out port and zone")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        if ":" in bare or bare != text:
            raise InvalidName(f"{text!r} is not an IP address") from None
        return None


def caution(name: x509.GeneralName) -> str | None:
    """A caution for the user about this name; None if there is none."""
    if isinstance(name, x509.DNSName) and name.value.startswith("*."):
        parent = name.value[2:]
        if "." not in parent:
            return f"{name.value}: clients reject a wildcard directly below a top-level domain (RFC 9525 §7.1)"
        return f"{name.value} covers exactly one label: not {parent}, not a.b.{parent} (RFC 9525 §6.3)"
    return None


# For display --------------------------------------------------------------------------------------------------------

PLAIN = {
    "DNS": re.compile(r"[A-Za-z0-9.*_-]+"),
    "IP": re.compile(r"[0-9a-f.:/]+"),
    "email": re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~@-]+"),
    "URI": re.compile(r"[A-Za-z0-9.:/?#@!$&*+=_~%-]+"),
    "dirName": re.compile(r"[A-Za-z0-9 .=_-]+"),
    "RID": re.compile(r"[0-9.]+"),
    "othername": re.compile(r"[0-9a-f.:]+"),
}
"""Characters that are shown without quotes, by kind of name: no separator and no quotation mark."""
OF_TYPE = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
    x509.DirectoryName: "dirName",
    x509.RegisteredID: "RID",
    x509.OtherName: "othername",
}
LONGEST_LIST = 20  # names in a list on a terminal
LONGEST_VALUE = 400  # characters of one name in a sentence


def show(name: x509.GeneralName) -> str:
    """`DNS:localhost`, `IP:127.0.0.1`, `URI:…`, as OpenSSL writes them; `DNS:"a, DNS:b"` for an unusual value.

    A value with any character outside its PLAIN set is quoted and escaped, so that one name never looks like two.
    """
    kind = OF_TYPE.get(type(name), type(name).__name__)
    return labelled(kind, _text(name))


def labelled(kind: str, value: str) -> str:
    """`DNS:localhost`: the kind and the value, which is quoted unless it is plain."""
    plain_set = PLAIN.get(kind)
    return f"{kind}:{value if plain_set and plain_set.fullmatch(value) else quoted(value)}"


def quoted(value: str) -> str:
    r"""The value in double quotes, with `"`, `\` and non-printable characters escaped."""
    return '"' + printable(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def display(name: x509.GeneralName) -> str:
    """The name without its kind, for display: as typed, or quoted if it is unusual."""
    value = _text(name)
    plain_set = PLAIN.get(OF_TYPE.get(type(name), ""))
    return value if plain_set and plain_set.fullmatch(value) else quoted(value)


def cut(items: Sequence[str], most: int = LONGEST_LIST) -> str:
    """The first `most` items of a list, and the number of further ones."""
    shown = [each if len(each) <= LONGEST_VALUE else f"{each[:LONGEST_VALUE]}…" for each in items[:most]]
    more = len(items) - most
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _text(name: x509.GeneralName) -> str:
    match name:
        case x509.DirectoryName(value=directory):
            return directory.rfc4514_string()
        case x509.RegisteredID(value=oid):
            return oid.dotted_string
        case x509.OtherName(type_id=oid, value=value):
            return f"{oid.dotted_string}:{value.hex()}"
    return str(name.value)


def plain(name: x509.GeneralName) -> str:
    """The name without its kind, unescaped: `localhost`, `127.0.0.1`. For display use `display`."""
    return _text(name)


def matches(presented: x509.GeneralName, wanted: x509.GeneralName) -> bool:
    """Whether a presented identifier matches the reference identifier (RFC 9525 §6.3, §6.4).

    Host names are compared without case. A wildcard covers exactly one whole left-most label, and none directly below a
    top-level domain (§7.1). IP addresses are compared as addresses and never match a DNS name. Of mail addresses the
    host is compared without case.
    """
    match presented, wanted:
        case x509.DNSName(value=pattern), x509.DNSName(value=host):
            pattern, host = pattern.lower(), host.lower()
            if pattern.startswith("*."):
                first, _, rest = host.partition(".")
                return bool(first) and "." in rest and rest == pattern[2:]
            return pattern == host
        case x509.IPAddress(value=one), x509.IPAddress(value=other):
            return bool(one == other)
        case x509.RFC822Name(value=one), x509.RFC822Name(value=other):
            return _mailbox(one) == _mailbox(other)
    return False


def _mailbox(address: str) -> tuple[str, str]:
    """Local part, and host in lower case (RFC 5280 §7.5)."""
    local, _, host = address.rpartition("@")
    return local, host.lower()


def of_certificate(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The SANs; empty if there are none. Raises ValueError if the extensions cannot be read."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    except MALFORMED as error:
        raise ValueError(str(error)) from error
    return tuple(extension.value)


def readable(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The SANs, for display; empty if the extension cannot be read."""
    try:
        return of_certificate(certificate)
    except MALFORMED:
        return ()


def unique(names: Iterable[x509.GeneralName]) -> tuple[x509.GeneralName, ...]:
    """`names` without repetitions, in the order given."""
    return tuple(dict.fromkeys(names))


def file_stem(name: x509.GeneralName) -> str:
    """The file name for a certificate with this first name: `*.a.test` -> `_wildcard.a.test`, `::1` -> `__1`.

    No two names share a stem: host names have no underscores, tildes or upper case. Long names are cut and end in a
    hash, since file systems allow 255 bytes.
    """
    stem = plain(name).replace("*", "_wildcard").replace(":", "_")
    if len(stem) <= MAX_STEM:
        return stem
    return f"{stem[: MAX_STEM - 17]}~{hashlib.sha256(stem.encode()).hexdigest()[:16]}"
