"""A test certificate is one function: its name is the id, its docstring the documentation, its body the deviation.

    @certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10))
    def expired(given: CaseBuilder) -> Minted:
        '''It was good, until yesterday. …'''
        return given.mint(leaf=dated(given.day(-91), given.day(-1)))

Everything that the body does not mention is correct. Every case has a control: the same chain without the deviation -
or, where the deviation is the signer, under the attacker's own trust anchor - which must be accepted. `deviates` names
the fields in which the two differ, so that a refusal has that one reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from inspect import cleandoc
from types import ModuleType
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys
from pki.asn1 import der
from pki.authority import Credential, Validity
from pki.keys import PrivateKey


class Must(Enum):
    """What a strict client does with the certificate."""

    ACCEPT = "accept"
    REJECT = "reject"


class Severity(Enum):
    """What an attacker gains from a client that accepts the case."""

    MUST = "must"
    """The attacker can impersonate a host that no CA has validated for it."""
    WEAK = "weak"
    """The attacker gains nothing unless a CA or the server makes a mistake, too."""
    INFORMATIONAL = "informational"
    """Standards or policies disagree, or the case is about a limit."""


class Mode(Enum):
    """The way in which OpenSSL verifies; codes may differ."""

    PYTHON_3_11 = "python_3_11"
    """As Python's ssl does by default, up to 3.12."""
    PYTHON_3_13 = "python_3_13"
    """With the strict flags that Python 3.13 turned on."""
    LEVEL_0 = "security_level_0"
    """As in 3.11, and any key and hash will do."""
    LEVEL_1 = "security_level_1"
    """As in 3.11, with 80 bits of security; the default of most builds is 1 or 2, here it is 2."""


Expected = Mapping[Mode, frozenset[int]]
"""X509_V_ERR_* with which OpenSSL refuses it, a set for each mode; empty where it accepts."""
NO_CODE = 0
"""X509_V_OK: it is refused, though not by the path validation."""


def refused(*codes: int, strict: int | None = None, accepted_up_to_level: int = -1) -> Expected:
    """By OpenSSL, with one of these codes: `strict` is the one of 3.13; some faults pass at low security levels."""
    default = frozenset(codes or (NO_CODE,))
    low = [frozenset[int]() if accepted_up_to_level >= level else default for level in (0, 1)]
    return _expected(default, default if strict is None else frozenset({strict}), *low)


def accepted(*, strict: int | None = None) -> Expected:
    """By OpenSSL; `strict`: not under the flags of 3.13."""
    nothing = frozenset[int]()
    return _expected(nothing, nothing if strict is None else frozenset({strict}), nothing, nothing)


def _expected(*of_each_mode: frozenset[int]) -> Expected:
    return dict(zip(Mode, of_each_mode, strict=True))


@dataclass(frozen=True)
class Ingredients:
    """What an attacker has: public knowledge about the victim, and keys and serials of his own."""

    root: x509.Certificate
    """The victim's trust anchor: public, so he may copy whatever stands in it."""
    alternative_names: tuple[x509.GeneralName, ...]
    validity: Validity
    """The dates of the server certificate that he imitates."""
    new_key: Callable[[], PrivateKey]
    new_serial: Callable[[], int]

    @property
    def name(self) -> x509.GeneralName:
        """What a client asks for: the first name, and `www` where that is a wildcard."""
        first = self.alternative_names[0]
        return x509.DNSName(first.value.replace("*", "www")) if isinstance(first, x509.DNSName) else first


@dataclass(frozen=True)
class Served:
    """What a server shows to a client, and what that client knows beforehand."""

    chain: tuple[bytes, ...]
    """In DER, the leaf first: the library cannot read all of them."""
    key_pem: bytes
    anchors: tuple[bytes, ...]
    name: x509.GeneralName
    """The name that the client asks for."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()

    @classmethod
    def of(cls, credential: Credential, name: x509.GeneralName, *anchors: x509.Certificate) -> "Served":
        """A credential, for a client that trusts `anchors`."""
        chain, trusted = (
            tuple(each.public_bytes(Encoding.DER) for each in found) for found in (credential.chain, anchors)
        )
        return cls(chain, credential.key_pem, trusted, name)

    @property
    def chain_pem(self) -> bytes:
        """The chain in PEM, in the order of the wire."""
        return _pem(self.chain)

    @property
    def anchors_pem(self) -> bytes:
        """The trust anchors in PEM."""
        return _pem(self.anchors)

    @cached_property
    def credential(self) -> Credential:
        """The same for the library; ValueError where it cannot read the certificate or the key."""
        leaf, *issuers = map(x509.load_der_x509_certificate, self.chain)
        return Credential(keys.from_pem(self.key_pem), leaf, tuple(issuers))


def _pem(certificates: tuple[bytes, ...]) -> bytes:
    return b"".join(der.armoured("CERTIFICATE", each) for each in certificates)


@dataclass(frozen=True)
class Minted:
    """A minted case, and its control: the same chain without the deviation."""

    served: Served
    mint_control: Callable[[], Served]
    """Called at most once, when the control is first asked for: most clients are never shown it."""

    @cached_property
    def control(self) -> Served:
        """The control."""
        return self.mint_control()

    @property
    def credential(self) -> Credential:
        """What to serve, read."""
        return self.served.credential


Given = TypeVar("Given", bound=Ingredients, contravariant=True)


@dataclass(frozen=True, eq=False)  # one function, one case
class CertificateCase(Generic[Given]):
    """A test certificate as the catalogue declares it; `Given` is what it is minted from."""

    id: str
    story: str
    clause: str
    theme: str
    """The module that it stands in."""
    must: Must
    severity: Severity
    disputed: bool
    deviates: tuple[str, ...]
    """The fields in which it differs from its control: `leaf subjectAltName`, `trust anchor`, `certificates sent`."""
    openssl: Expected
    aliases: tuple[str, ...]
    """What badssl.com calls it, and others."""
    cve: tuple[str, ...]
    """Where it was famous."""
    mint: Callable[[Given], Minted]

    @property
    def summary(self) -> str:
        """The first sentence of its story."""
        return self.story.split("\n\n")[0].replace("\n", " ")


def certificate_case(
    clause: str,
    openssl: Expected,
    *,
    deviates: tuple[str, ...] = (),
    must: Must = Must.REJECT,
    severity: Severity | None = None,
    disputed: bool = False,
    aliases: tuple[str, ...] = (),
    cve: tuple[str, ...] = (),
) -> Callable[[Callable[[Given], Minted]], CertificateCase[Given]]:
    """Declare a function as a catalogue entry; its name, with hyphens, is the id.

    `severity` is MUST unless told otherwise, and INFORMATIONAL for what is disputed.
    """
    grave = severity or (Severity.INFORMATIONAL if disputed else Severity.MUST)

    def declare(mint: Callable[[Given], Minted]) -> CertificateCase[Given]:
        if not mint.__doc__:
            raise ValueError(f"{mint.__name__} has no docstring: a case without a story teaches nothing")
        case_id = mint.__name__.replace("_", "-")
        theme = theme_of(mint.__module__)
        return CertificateCase(
            case_id, cleandoc(mint.__doc__), clause, theme, must, grave, disputed, deviates, openssl, aliases, cve, mint
        )

    return declare


THEMES = {"valid": "correct", "ca_certificates": "authorities", "host_names": "hosts"}
"""Themes that are called otherwise than the module."""


def theme_of(module: str) -> str:
    """The theme of the cases in a module."""
    name = module.rpartition(".")[2]
    return THEMES.get(name, name)


def collect(*themes: ModuleType) -> dict[str, CertificateCase[Given]]:
    """All cases of the theme modules by id, in the order of declaration. Raises ValueError for a repeated id."""
    catalogue: dict[str, CertificateCase[Given]] = {}
    for theme in themes:
        for value in vars(theme).values():
            if isinstance(value, CertificateCase):
                if value.id in catalogue:
                    raise ValueError(f"two cases are called {value.id}")
                catalogue[value.id] = value
    return catalogue
