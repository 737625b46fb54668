"""Names in certificates: what a person types -> GeneralName, and matching the two (RFC 5280 §4.2.1.6, RFC 9525).

The library accepts an empty DNSName, and one with blanks and NULs; what goes into a certificate passes through here.
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

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 §2.1: letters, digits, hyphens inside
# The plain part of RFC 5321's dot-string: no "/", and no "-" in front, since it becomes a file name.
LOCAL_PART = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*")
MAX_LOCAL_PART = 64  # RFC 5321 §4.5.3.1.1
MAX_STEM = 200  # of the 255 bytes that file systems allow; the rest is for ".key" and for us
MAX_HOST = 253  # RFC 1035 §2.3.4: 255 octets on the wire


class InvalidName(ValueError):
    """This text cannot be put into a certificate as a name; the message says why."""


def parse(text: str) -> x509.GeneralName:
    """A host, a wildcard, an IP or a mail address as typed -> the GeneralName that goes into the certificate."""
    if "@" in text:
        local, _, domain = text.rpartition("@")
        if not LOCAL_PART.fullmatch(local) or len(local) > MAX_LOCAL_PART:
            raise InvalidName(
                f"{text!r} is not a mail address: before @ go up to {MAX_LOCAL_PART} plain ASCII characters"
            )
        return x509.RFC822Name(f"{local}@{a_label(domain)}")
    if (address := _address(text)) is not None:
        return x509.IPAddress(address)
    if text.startswith("*."):
        return x509.DNSName(f"*.{a_label(text[2:], MAX_HOST - 2)}")
    if "*" in text:
        raise InvalidName(f"{text!r}: a wildcard is the whole left-most label, as in *.example.test (RFC 9525 §6.3)")
    return x509.DNSName(a_label(text))


def reference(text: str) -> x509.GeneralName:
    """The name that a client asks for: a host or an IP address, never a pattern (RFC 9525 §6.1)."""
    name = parse(text)
    if isinstance(name, x509.RFC822Name) or "*" in text:
        raise InvalidName(f"{text!r} is not the name of one host")
    return name


def a_label(host: str, longest: int = MAX_HOST) -> str:
    """`host` in lower case with every label ASCII (RFC 5891); InvalidName if it is not a host name."""
    if not host:
        raise InvalidName("a host name cannot be empty")
    try:
        ascii_host = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
        for label in ascii_host.split("."):
            if label.startswith("xn--"):
                idna.decode(label)
    except UnicodeError as error:
        raise InvalidName(f"{host!r} is not an internationalised host name: {error}") from None
    if ascii_host.endswith("."):
        raise InvalidName(f"{host!r} ends with a dot; certificates name hosts without it (RFC 5280 §4.2.1.6)")
    if len(ascii_host) > longest:
        raise InvalidName(f"a host name has at most {longest} characters here, this one has {len(ascii_host)}")
    labels = ascii_host.split(".")
    for label in labels:
        if not LABEL.fullmatch(label):
            raise InvalidName(f"{host!r} is not a host name: {_what_is_wrong(label)}")
    if labels[-1].isdigit():
        raise InvalidName(f"{host!r} is neither an IP address nor a host name: its last part is a number")
    return ascii_host


def _what_is_wrong(label: str) -> str:
    if not label:
        return "it has an empty label (two dots in a row, or a dot in front)"
    if len(label) > 63:
        return f"the label {label[:12]!r}… has {len(label)} characters, 63 is the most (RFC 1035 §2.3.4)"
    if "_" in label:
        return f"the label {label!r} has an underscore, which host names do not have (RFC 1123 §2.1)"
    return f"the label {label!r} may have letters, digits and inner hyphens only (RFC 1123 §2.1)"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare and not all(c in "0123456789abcdefABCDEF:." for c in bare):
        raise InvalidName(f"{text!r} is not an IP address, and a host name has no colon (nor port, nor zone)")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        if ":" in bare or bare != text:
            raise InvalidName(f"{text!r} is not an IP address") from None
        return None


def caution(name: x509.GeneralName) -> str | None:
    """What a person should know before using this name, if anything."""
    if isinstance(name, x509.DNSName) and name.value.startswith("*."):
        parent = name.value[2:]
        if "." not in parent:
            return f"{name.value}: clients refuse a wildcard directly under a top-level name (RFC 9525 §7.1)"
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
"""What a name of each kind may hold without being quoted: no separator and no quotation mark."""
OF_TYPE = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
    x509.DirectoryName: "dirName",
    x509.RegisteredID: "RID",
    x509.OtherName: "othername",
}
LONGEST_LIST = 20  # names that are shown on a terminal
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
    r"""The value in double quotes, with `"`, `\` and what is not printable escaped."""
    return '"' + printable(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def display(name: x509.GeneralName) -> str:
    """The name without its kind, for people: as typed, and quoted where that is unusual."""
    value = _text(name)
    plain_set = PLAIN.get(OF_TYPE.get(type(name), ""))
    return value if plain_set and plain_set.fullmatch(value) else quoted(value)


def cut(items: Sequence[str], most: int = LONGEST_LIST) -> str:
    """A list for a terminal: the first `most` items, and how many more there are."""
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
    """The name alone, as a person types it: `localhost`, `127.0.0.1`. Not for display: see `display`."""
    return _text(name)


def matches(presented: x509.GeneralName, wanted: x509.GeneralName) -> bool:
    """Whether a presented identifier covers the reference identifier (RFC 9525 §6.3, §6.4).

    Host names compare without case; a wildcard stands for exactly one whole left-most label, and for none directly
    below a top-level name (§7.1); IP addresses compare as addresses and never match a DNS name; of mail addresses the
    host compares without case.
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
    """The part before @ compares with case, the host without (RFC 5280 §7.5)."""
    local, _, host = address.rpartition("@")
    return local, host.lower()


def of_certificate(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The subject alternative names; empty if there are none. ValueError if the extensions cannot be read."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    except MALFORMED as error:
        raise ValueError(str(error)) from error
    return tuple(extension.value)


def readable(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The same, for showing it: nothing where the extension cannot be read."""
    try:
        return of_certificate(certificate)
    except MALFORMED:
        return ()


def unique(names: Iterable[x509.GeneralName]) -> tuple[x509.GeneralName, ...]:
    """`names` without repetitions, in the order given."""
    return tuple(dict.fromkeys(names))


def file_stem(name: x509.GeneralName) -> str:
    """The file name for a certificate whose first name this is: `*.a.test` -> `_wildcard.a.test`, `::1` -> `__1`.

    No two names share a stem: host names have neither underscores nor tildes nor upper case. Names as long as they get
    are cut and end in a hash, since file systems allow 255 bytes.
    """
    stem = plain(name).replace("*", "_wildcard").replace(":", "_")
    if len(stem) <= MAX_STEM:
        return stem
    return f"{stem[: MAX_STEM - 17]}~{hashlib.sha256(stem.encode()).hexdigest()[:16]}"
