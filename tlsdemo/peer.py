"""What a certificate says about itself, as text that is safe to print: of a peer, of a trust anchor or of a file.

    describe(der) -> Description      the names, subject, issuer and validity; or why they cannot be read

A certificate from another party is untrusted bytes. The library reads it late and may raise at any field, and
OpenSSL accepts certificates that the library does not load. Nothing here raises. `listed` joins names so that one name
cannot look like two. Not here: any judgement of a certificate.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import malformed, names
from pki.errors import printable
from pki.objects import distinguished_names

MOST_NAMES = 20
"""Names that are shown on the terminal; JSON has all of them."""
LONGEST = 200
"""Characters that are shown of one name."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Unreadable:
    """A value that the library does not read, and the reason."""

    why: str


@dataclass(frozen=True)
class Description:
    """A certificate in text; every field is escaped for the terminal except `names`, for which `listed` is."""

    names: tuple[str, ...]
    """The subject alternative names: `DNS:localhost`; empty where there are none, or where they cannot be read."""
    unreadable: str
    """Why the names cannot be read; empty where they were read."""
    subject: str
    """A short name for its subject, as `pki.objects.distinguished_names.subject` chooses it."""
    issuer: str
    not_after: str
    """`2027-11-26`."""
    validity: str
    """`valid 2026-11-25 to 2027-11-26`."""

    @property
    def shown(self) -> str:
        """The names on one line; the subject where there are none; or why they cannot be read."""
        if self.unreadable:
            return f"a certificate whose names cannot be read: {self.unreadable}"
        return listed(self.names) or f"{self.subject}, without a subject alternative name"

    @property
    def identity(self) -> tuple[str, ...]:
        """What a server knows its client by: the names, or the subject where there are none; empty if unreadable."""
        return self.names if self.names or self.unreadable else (self.subject,)


def load(der: bytes) -> x509.Certificate | Unreadable:
    """A certificate from its DER; Unreadable with the rule that it breaks, as far as that is known."""
    found = attempt(lambda: x509.load_der_x509_certificate(der))
    return Unreadable(_fault(der) or _rule(der) or found.why) if isinstance(found, Unreadable) else found


def describe(certificate: x509.Certificate | bytes) -> Description:
    """A certificate, loaded or in DER, in text. Never raises."""
    loaded = load(certificate) if isinstance(certificate, bytes) else certificate
    if isinstance(loaded, Unreadable):
        return Description((), loaded.why, *(f"{what} that cannot be read" for what in WHAT))
    found = attempt(lambda: tuple(map(names.show, names.of_certificate(loaded))))
    start, end = (attempt(read) for read in (lambda: loaded.not_valid_before_utc, lambda: loaded.not_valid_after_utc))
    days = [
        f"({each.why})" if isinstance(each, Unreadable) else f"{each.year:04}-{each:%m-%d}" for each in (start, end)
    ]
    return Description(
        names=() if isinstance(found, Unreadable) else found,
        unreadable=found.why if isinstance(found, Unreadable) else "",
        subject=_text(lambda: distinguished_names.subject(loaded), lambda: _fault_of(loaded), "a subject"),
        issuer=_text(lambda: distinguished_names.issuer(loaded), lambda: _fault_of(loaded), "an issuer"),
        not_after=days[1],
        validity=f"valid {days[0]} to {days[1]}",
    )


def alternative_names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The subject alternative names; empty where they cannot be read."""
    found = attempt(lambda: names.of_certificate(certificate))
    return () if isinstance(found, Unreadable) else found


WHAT = ("a subject", "an issuer", "a date", "a validity")


def attempt(read: Callable[[], Value]) -> Value | Unreadable:
    """What `read` returns; Unreadable for whatever the library raises, a panic of its Rust code included."""
    try:
        return read()
    except Exception as error:  # foreign bytes: the library raises ValueError, KeyError, OverflowError and its own
        return Unreadable(_reason(error))
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of pyo3_runtime, a module that cannot be imported
            raise
        return Unreadable("the library broke off")


def shares_an_organization(certificate: bytes, anchors: Iterable[x509.Certificate]) -> bool:
    """Whether the certificate's issuer has an organization that one of the anchors has; False if it cannot be read."""

    def organizations(name: x509.Name) -> set[x509.NameAttribute[str | bytes]]:
        return set(name.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME))

    issuer = attempt(lambda: organizations(x509.load_der_x509_certificate(certificate).issuer))
    subjects = [attempt(partial(organizations, anchor.subject)) for anchor in anchors]
    return not isinstance(issuer, Unreadable) and any(
        issuer & each for each in subjects if not isinstance(each, Unreadable)
    )


# Text ---------------------------------------------------------------------------------------------------------------


def listed(shown: Sequence[str], most: int = MOST_NAMES) -> str:
    """Names on one line, joined so that one name cannot look like two; at most `most`, and how many there are."""
    line = ", ".join(map(quoted, shown[:most]))
    return line if len(shown) <= most else f"{line}, … ({len(shown)} in all)"


KINDS = ("DNS", "IP", "email", "URI")
LITERAL = r'"(?:[^"\\]|\\.)*"'
CLEAR = re.compile(rf"(?:\S(?<![,;\"'\\])|{LITERAL})*")
CLEAR_TEXT = re.compile(rf"(?:[^\s,;\"'\\]| (?=\S)|{LITERAL})*")
"""What needs no quotation marks: a name of one of KINDS, and other text. Quoted parts may hold anything."""


def quoted(shown: str) -> str:
    """`DNS:localhost` as it is; in quotes, with escapes, what could be taken for more: `DNS:"a, DNS:b"`."""
    kind, colon, value = shown.partition(":")
    if kind not in KINDS:
        kind, colon, value = "", "", shown
    more = f"… ({len(value)} characters)" if len(value) > LONGEST else ""
    clear = CLEAR if kind else CLEAR_TEXT
    if value.isprintable() and clear.fullmatch(value) and not (more and '"' in value):
        return f"{kind}{colon}{value[:LONGEST]}{more}"
    cut = value[:LONGEST].replace("\\", "\\\\").replace('"', '\\"')
    return f'{kind}{colon}"{printable(cut)}"{more}'


def _text(read: Callable[[], str], fault: Callable[[], str], what: str) -> str:
    found = attempt(read)
    if isinstance(found, Unreadable):
        return f"{what} that cannot be read: {fault() or found.why}"
    return printable(found[:LONGEST]) + ("…" if len(found) > LONGEST else "")


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):  # of one of the library's tables
        return printable(f"the library does not know the value {error}")[:LONGEST]
    return printable(malformed.why(error))


# Strings that their type does not allow, which is why the library does not load most of what OpenSSL accepts


NAMES_OF_ATTRIBUTES = {"2.5.4.3": "common name", "2.5.4.10": "organization", "2.5.4.11": "organizational unit"}


def _rule(der: bytes) -> str:
    """The first rule of RFC 5280 that the encoding breaks, with its byte; empty if none is found."""
    from pki.objects.summary import why_unreadable  # here, since few certificates are so

    found = attempt(lambda: why_unreadable(der))
    return "" if isinstance(found, Unreadable) or found is None else printable(found)[:LONGEST]


def _fault_of(certificate: x509.Certificate) -> str:
    der = attempt(lambda: certificate.public_bytes(Encoding.DER))
    return "" if isinstance(der, Unreadable) else _fault(der)


def _fault(der: bytes) -> str:
    """The first string in issuer or subject that its type does not allow, and the rule; empty if there is none."""
    found = attempt(lambda: next(_faults(der), ""))
    return "" if isinstance(found, Unreadable) else found


def _faults(certificate: bytes) -> Iterator[str]:
    from pki.show import dump  # here, since few certificates are so

    attribute, whose = "", ""
    for each in dump.of_certificate(certificate):
        if each.name in ("issuer", "subject"):
            whose = each.name
        elif each.name == "subjectPublicKeyInfo":
            return
        elif each.element.tag == 0x06:
            oid = each.value.split(" ")[0]
            attribute = NAMES_OF_ATTRIBUTES.get(oid, f"attribute {oid}")
        elif rule := _broken_rule(each.element.tag, certificate[each.element.content]):
            yield f"the {attribute} of the {whose} is {rule}"


def _broken_rule(tag: int, content: bytes) -> str:
    match tag:
        case 0x13 if strange := re.search(rb"[^A-Za-z0-9 '()+,./:=?-]", content):
            return f"a PrintableString with {ascii(strange[0])[1:]} (X.680 §41.4 lists the allowed characters)"
        case 0x16 if not content.isascii():
            return "an IA5String with a byte that is not ASCII (X.680 §41.3)"
        case 0x14 | 0x0C:
            try:
                content.decode()
            except UnicodeDecodeError as error:
                byte = f"the byte 0x{content[error.start]:02x}"
                if tag == 0x0C:
                    return f"a UTF8String with {byte}, which is not UTF-8 there (RFC 3629)"
                return f"a TeletexString with {byte}; which character that is, programs disagree (RFC 5280 §4.1.2.4)"
    return ""
