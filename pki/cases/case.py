"""A test certificate is one function: its name is the id, its docstring the documentation, its body the deviation.

    @certificate_case("RFC 5280 §6.1.3 (a)(2)", refused(10))
    def expired(given: CaseBuilder) -> Minted:
        '''The certificate expired yesterday. …'''
        return given.mint(leaf=dated(given.day(-91), given.day(-1)))

Everything that the body does not change is valid. Every case has a control: the same chain without the deviation -
or, where the deviation is the signer, with that signer as trust anchor - which must be accepted. `deviates` names the
fields in which the two differ, so a refusal can have only that reason.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from inspect import cleandoc
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.asn1 import der
from pki.authority import Credential, Validity
from pki.keys import PrivateKey

if TYPE_CHECKING:
    import ssl


class Must(Enum):
    """What a strict client does with the certificate."""

    ACCEPT = "accept"
    REJECT = "reject"


class Severity(Enum):
    """What an attacker gains from a client that accepts the case."""

    MUST = "must"
    """The attacker can impersonate a host that no CA has validated for it."""
    WEAK = "weak"
    """An attacker can exploit it only if a CA or the server also makes a mistake."""
    INFORMATIONAL = "informational"
    """Standards or policies disagree, or the case is about a limit."""


class Mode(Enum):
    """How OpenSSL is configured; its verify codes may depend on it."""

    PYTHON_3_11 = "python_3_11"
    """The default of Python's `ssl` up to 3.12."""
    PYTHON_3_13 = "python_3_13"
    """With VERIFY_X509_STRICT and VERIFY_X509_PARTIAL_CHAIN, the default since Python 3.13."""
    LEVEL_0 = "security_level_0"
    """As in 3.11, at security level 0: any key and any hash."""
    LEVEL_1 = "security_level_1"
    """As in 3.11, at security level 1 (80 bits). The first two modes are at level 2."""


Expected = Mapping[Mode, frozenset[int]]
"""For each mode the verify codes (X509_V_ERR_*) with which OpenSSL refuses; empty if it accepts."""
NO_CODE = 0
"""X509_V_OK: OpenSSL refuses, but not in path validation."""


def refused(*codes: int, strict: int | None = None, accepted_up_to_level: int = -1) -> Expected:
    """Refused by OpenSSL with one of these codes, or with `strict` in Python 3.13; accepted up to a security level."""
    default = frozenset(codes or (NO_CODE,))
    low = [frozenset[int]() if accepted_up_to_level >= level else default for level in (0, 1)]
    return _expected(default, default if strict is None else frozenset({strict}), *low)


def accepted(*, strict: int | None = None) -> Expected:
    """Accepted by OpenSSL, except in Python 3.13 if `strict` is its verify code there."""
    nothing = frozenset[int]()
    return _expected(nothing, nothing if strict is None else frozenset({strict}), nothing, nothing)


def _expected(*of_each_mode: frozenset[int]) -> Expected:
    return dict(zip(Mode, of_each_mode, strict=True))


@dataclass(frozen=True)
class Ingredients:
    """What an attacker has: public data about the victim, new keys and new serial numbers."""

    root: x509.Certificate
    """The victim's trust anchor. It is public, so the attacker can copy all of its fields."""
    alternative_names: tuple[x509.GeneralName, ...]
    validity: Validity
    """The validity of the server certificate that the attacker imitates."""
    new_key: Callable[[], PrivateKey]
    new_serial: Callable[[], int]

    @property
    def name(self) -> x509.GeneralName:
        """The reference identifier: the first name, with `www` in place of a wildcard."""
        first = self.alternative_names[0]
        return x509.DNSName(first.value.replace("*", "www")) if isinstance(first, x509.DNSName) else first


class ServedFiles(NamedTuple):
    """The files of a test certificate."""

    chain: Path
    """What the server presents, in PEM, leaf first."""
    key: Path
    """The server's private key in PEM, not encrypted; mode 0600."""
    anchors: Path
    """What the client trusts, in PEM."""
    crls: Path | None
    """The CRLs of the client in PEM; None if there are none."""


@dataclass(frozen=True)
class Served:
    """What a server presents, and the trust anchors, name and CRLs of its client."""

    chain: tuple[bytes, ...]
    """In DER, leaf first. `cryptography` cannot parse all of them."""
    key_pem: bytes
    anchors: tuple[bytes, ...]
    name: x509.GeneralName
    """The reference identifier of the client."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()

    @classmethod
    def of(cls, credential: Credential, name: x509.GeneralName, *anchors: x509.Certificate) -> "Served":
        """What a server with this credential presents to a client that trusts `anchors`."""
        chain, trusted = (
            tuple(each.public_bytes(Encoding.DER) for each in found) for found in (credential.chain, anchors)
        )
        return cls(chain, credential.key_pem, trusted, name)

    @property
    def chain_pem(self) -> bytes:
        """The chain in PEM, in the order in which the server sends it."""
        return _pem(self.chain)

    @property
    def anchors_pem(self) -> bytes:
        """The trust anchors in PEM."""
        return _pem(self.anchors)

    @property
    def crls_pem(self) -> bytes:
        """The CRLs in PEM; empty if there are none."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.crls)

    @property
    def host(self) -> str:
        """The reference identifier as text: `example.test`, `127.0.0.1`."""
        return names.plain(self.name)

    def configure(self, context: "ssl.SSLContext") -> None:
        """Load the chain and the key into the context of a server. Raises ValueError if OpenSSL does not load them.

        OpenSSL loads weak keys and hashes only after `context.set_ciphers("ALL:@SECLEVEL=0")`, and a certificate with a
        malformed extension not at all.
        """
        from pki import handover

        handover.load_chain(context, self.chain_pem, self.key_pem)

    def configure_trust(self, context: "ssl.SSLContext") -> None:
        """Add the trust anchors, and the CRLs if the case has any, to the context of a client."""
        from pki import handover

        handover.load_anchors(context, b"".join(self.anchors))
        if self.crls:
            handover.load_crls(context, self.crls_pem)

    def write(self, folder: "str | os.PathLike[str]") -> "ServedFiles":
        """Write server.pem, server.key, root.pem and, if there are any, the CRLs to crl.pem.

        The folder is created if needed, and the key file has mode 0600. Raises FileExistsError if one of the files
        exists, and OSError if one cannot be written; then none is left.
        """
        from pki import handover

        files = {
            "server.key": (self.key_pem, 0o600),
            "server.pem": (self.chain_pem, 0o644),
            "root.pem": (self.anchors_pem, 0o644),
        }
        if self.crls:
            files["crl.pem"] = (self.crls_pem, 0o644)
        key, chain, anchors, *rest = handover.write_new(folder, files)
        return ServedFiles(chain, key, anchors, rest[0] if rest else None)

    @cached_property
    def credential(self) -> Credential:
        """Key and chain as objects. Raises ValueError if `cryptography` cannot parse the certificate or the key."""
        leaf, *issuers = map(x509.load_der_x509_certificate, self.chain)
        return Credential(keys.from_pem(self.key_pem), leaf, tuple(issuers))


def _pem(certificates: tuple[bytes, ...]) -> bytes:
    return b"".join(der.armoured("CERTIFICATE", each) for each in certificates)


@dataclass(frozen=True)
class Minted:
    """A minted case, and its control: the same chain without the deviation."""

    served: Served
    mint_control: Callable[[], Served]
    """Called at most once, when `control` is first read: most callers do not need it."""

    @cached_property
    def control(self) -> Served:
        return self.mint_control()

    @property
    def credential(self) -> Credential:
        return self.served.credential


Given = TypeVar("Given", bound=Ingredients, contravariant=True)


@dataclass(frozen=True, eq=False)  # one function, one case
class CertificateCase(Generic[Given]):
    """A test certificate as declared in the catalogue; `Given` is what `mint` takes."""

    id: str
    story: str
    clause: str
    theme: str
    """The name of its module, with hyphens."""
    must: Must
    severity: Severity
    disputed: bool
    deviates: tuple[str, ...]
    """The fields in which it differs from its control: `leaf subjectAltName`, `trust anchor`, `certificates sent`."""
    openssl: Expected
    aliases: tuple[str, ...]
    """Other names, such as those of badssl.com."""
    cve: tuple[str, ...]
    """Vulnerabilities in which a client accepted such a certificate."""
    mint: Callable[[Given], Minted]

    @property
    def summary(self) -> str:
        """The first paragraph of the story, on one line."""
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
    """The decorator that declares a case; the function's name, with hyphens, is the id.

    The default `severity` is MUST, and INFORMATIONAL for disputed cases. The decorator raises ValueError for a function
    without a docstring.
    """
    grave = severity or (Severity.INFORMATIONAL if disputed else Severity.MUST)

    def declare(mint: Callable[[Given], Minted]) -> CertificateCase[Given]:
        if not mint.__doc__:
            raise ValueError(f"{mint.__name__} has no docstring; the docstring is the story of the case")
        case_id = mint.__name__.replace("_", "-")
        theme = theme_of(mint.__module__)
        return CertificateCase(
            case_id, cleandoc(mint.__doc__), clause, theme, must, grave, disputed, deviates, openssl, aliases, cve, mint
        )

    return declare


def theme_of(module: str) -> str:
    """The theme of the cases in a module: the module's name, with hyphens."""
    return module.rpartition(".")[2].replace("_", "-")


def collect(*themes: ModuleType) -> dict[str, CertificateCase[Given]]:
    """All cases of these modules by id, in the order of declaration. Raises ValueError if two cases have one id."""
    catalogue: dict[str, CertificateCase[Given]] = {}
    for theme in themes:
        for value in vars(theme).values():
            if isinstance(value, CertificateCase):
                if value.id in catalogue:
                    raise ValueError(f"two cases have the id {value.id}")
                catalogue[value.id] = value
    return catalogue
