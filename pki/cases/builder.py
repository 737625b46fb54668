"""Builds test certificates: a valid chain in which one change breaks one rule.

    root  ->  any intermediates  ->  leaf        given.mint(leaf=but(serial=0))

A change takes a Draft and returns another. Fields that are not changed are as in the certificates that `pki` issues.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from pki import keys, names
from pki.asn1 import der
from pki.authority import Authority, Credential, Validity, authority_name, key_identifier, subject_for
from pki.cases.case import Ingredients, Minted, Served
from pki.cases.demo_keys import DemoKey
from pki.cases.tbs_certificate import Draft
from pki.keys import PrivateKey
from pki.profiles import INTERMEDIATE, KEY_USAGE_BITS, ROOT, SERVER

Change = Callable[[Draft], Draft]
ServerKey = PrivateKey | DemoKey
DAY = timedelta(days=1)
SKEW = timedelta(hours=1)
LOCALHOST = x509.DNSName("localhost")
CA_NAME = "test CA"
"""In the common name of each CA that issues test certificates."""
EMPTY_NAME = x509.Name([]).public_bytes()
PROFILE = replace(ROOT, path_length=2)
DER = Encoding.DER


def as_is(draft: Draft) -> Draft:
    """No change."""
    return draft


def but(**different: Any) -> Change:
    """Replace these fields of the draft."""
    return lambda draft: draft.but(**different)


def having(value: x509.ExtensionType, *, critical: bool = False) -> Change:
    """Add this extension, or replace the one with the same OID."""
    return lambda draft: draft.having(value, critical=critical)


def without(*kinds: x509.ObjectIdentifier) -> Change:
    """Remove the extensions with these OIDs."""
    return lambda draft: draft.without(*kinds)


def dated(not_before: datetime, not_after: datetime) -> Change:
    """Set the validity."""
    return lambda draft: draft.but(not_before=der.time(not_before), not_after=der.time(not_after))


def named(*wanted: str | IPv4Address) -> Change:
    """Set the subjectAltName to these names."""
    value = x509.SubjectAlternativeName(map(general_name, wanted))
    return lambda draft: draft.having(value, critical=draft.subject == EMPTY_NAME)


def called(common_name: bytes) -> Change:
    """Set the subject to this common name, any bytes; the subjectAltName becomes non-critical (§4.2.1.6)."""
    attribute = der.sequence(
        der.object_identifier(NameOID.COMMON_NAME.dotted_string), der.element(der.UTF8_STRING, common_name)
    )
    subject = der.sequence(der.element(der.SET, attribute))

    def change(draft: Draft) -> Draft:
        extensions = (
            replace(each, critical=False) if each.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME else each
            for each in draft.extensions
        )
        return draft.but(subject=subject, extensions=tuple(extensions))

    return change


NEUTRAL = called(b"test certificate")
"""A common name that is not a host, for cases about the subjectAltName: no comparison finds the host in it."""


def usage(*bits: str) -> Change:
    """Set the key usage to these bits."""
    return having(x509.KeyUsage(**{bit: bit in bits for bit in KEY_USAGE_BITS}), critical=True)


@dataclass(frozen=True)
class Signer:
    """An issuer: its name in DER, its key, and the identifier of the key."""

    subject: bytes
    key: PrivateKey
    key_identifier: bytes


@dataclass(frozen=True)
class Root(Signer):
    """A root CA with its certificate in DER."""

    certificate: bytes

    @cached_property
    def authority(self) -> Authority:
        """The root CA as an `Authority`."""
        return Authority(Credential(self.key, x509.load_der_x509_certificate(self.certificate)))


@dataclass(frozen=True)
class CaseBuilder(Ingredients):
    """Builds chains under one root CA, with validity relative to `now`."""

    root_key: PrivateKey
    now: datetime
    rsa_key: Callable[[int], rsa.RSAPrivateKey]
    """An RSA key of this many bits. Generating takes long, so it may return the same key again."""
    locations: tuple[x509.ExtensionType, ...] = ()
    """Extensions that name the CRL and the OCSP responder, for cases about revocation (§4.2.1.13, §4.2.2.1)."""

    @classmethod
    def with_new_root(
        cls,
        wanted: Sequence[x509.GeneralName],
        *,
        now: datetime,
        new_key: Callable[[], PrivateKey],
        new_serial: Callable[[], int],
        rsa_key: Callable[[int], rsa.RSAPrivateKey],
        name: str = CA_NAME,
    ) -> "CaseBuilder":
        """A builder with a new root, whose subject has `name`, for certificates with the names `wanted`."""
        now, key = now.replace(microsecond=0), new_key()
        root = Authority.self_signed(
            PROFILE,
            subject=authority_name(name, ROOT.name),
            key=key,
            validity=Validity(now - 400 * DAY, now + 3650 * DAY),
            serial=new_serial(),
        )
        return cls.under_root(root, wanted, now=now, new_key=new_key, new_serial=new_serial, rsa_key=rsa_key)

    @classmethod
    def under_root(
        cls,
        authority: Authority,
        wanted: Sequence[x509.GeneralName],
        *,
        now: datetime,
        new_key: Callable[[], PrivateKey],
        new_serial: Callable[[], int],
        rsa_key: Callable[[int], rsa.RSAPrivateKey],
    ) -> "CaseBuilder":
        """A builder under an existing root CA. Its path length may allow fewer CAs than the cases need."""
        now = now.replace(microsecond=0)
        hosts = any(isinstance(name, x509.DNSName) for name in wanted)
        return cls(
            root=authority.certificate,
            alternative_names=names.unique(wanted if hosts else (*wanted, LOCALHOST)),
            validity=Validity(now - SKEW, now + SERVER.days * DAY),
            new_key=new_key,
            new_serial=new_serial,
            root_key=authority.credential.key,
            now=now,
            rsa_key=rsa_key,
        )

    def day(self, number: float) -> datetime:
        """`now` plus this many days."""
        return self.now + number * DAY

    # Names -----------------------------------------------------------------------------------------------------------

    @cached_property
    def host(self) -> str:
        """The host that the client asks for: the first dNSName, with `www` in place of a wildcard."""
        hosts = (name.value for name in self.alternative_names if isinstance(name, x509.DNSName))
        return next(hosts).replace("*", "www")

    @cached_property
    def long_host(self) -> str:
        """The host if it has three labels or more, else a host below it: cases about wildcards need three labels."""
        if self.host.count(".") >= 2:
            return self.host
        hosts = (name.value for name in self.alternative_names if isinstance(name, x509.DNSName))
        return f"good.lab.{max(hosts, key=lambda each: each.count('.')).replace('*', 'www')}"

    @cached_property
    def domain(self) -> str:
        """`long_host` without its first label."""
        return self.long_host.partition(".")[2]

    @cached_property
    def address(self) -> IPv4Address:
        """The first IPv4 address of the names, or 127.0.0.1."""
        addresses = (name.value for name in self.alternative_names if isinstance(name, x509.IPAddress))
        return next((each for each in addresses if isinstance(each, IPv4Address)), IPv4Address("127.0.0.1"))

    def wanted(self) -> tuple[x509.GeneralName, ...]:
        """All names of a valid certificate."""
        return names.unique((x509.DNSName(self.host), *self.alternative_names))

    # Roots ------------------------------------------------------------------------------------------------------------

    @cached_property
    def trusted(self) -> Root:
        """The root that the client trusts."""
        return _root(self.root, self.root_key)

    @cached_property
    def untrusted_ca(self) -> Root:
        """A root that the client does not trust."""
        return self._new_root(authority_name("untrusted", ROOT.name))

    @cached_property
    def same_name_ca(self) -> Root:
        """A root that the client does not trust, with the subject of the trusted one."""
        return self._new_root(self.root.subject)

    def _new_root(self, subject: x509.Name) -> Root:
        key = self.new_key()
        dates = Validity.of(self.root)
        root = Authority.self_signed(PROFILE, subject=subject, key=key, validity=dates, serial=self.new_serial())
        return _root(root.certificate, key)

    # Certificates ----------------------------------------------------------------------------------------------------

    def mint(self, *, control: Callable[[], Served] | None = None, **changes: Any) -> Minted:
        """The result of `serve` with the changes, and its control.

        The default control has none of the changes, but as many intermediates, the same reference identifier and the
        same subject.
        """
        kept = {word: changes[word] for word in ("name", "subject") if word in changes}
        unchanged = tuple(as_is for _ in changes.get("intermediates", ()))
        return Minted(self.serve(**changes), control or (lambda: self.serve(intermediates=unchanged, **kept)))

    def mint_under(self, root: Root, **changes: Any) -> Minted:
        """The result of `serve` under this root instead of the trusted one; the client of the control trusts it."""
        served = self.serve(signer=root, **changes)
        return Minted(served, lambda: replace(served, anchors=(root.certificate,)))

    def serve(
        self,
        *,
        subject: Change = as_is,
        leaf: Change = as_is,
        intermediates: Sequence[Change] = (),
        root: Change = as_is,
        signer: Root | None = None,
        leaf_key: ServerKey | None = None,
        authority_key: PrivateKey | None = None,
        name: str | IPv4Address | None = None,
        sent: Callable[[tuple[bytes, ...]], tuple[bytes, ...]] = lambda chain: chain,
    ) -> Served:
        """A chain with these changes, and the client that it is presented to.

        `name` is the reference identifier; the certificate has it as common name and in the subjectAltName. `subject`
        replaces the common name, also in the control; `leaf` is the deviation. `sent` maps the chain (leaf first,
        without the root) to the certificates that the server sends. `authority_key` is the key of the lowest
        intermediate.
        """
        wanted = general_name(self.host if name is None else name)
        above: Signer = signer or self.trusted
        issuers: list[bytes] = []
        for place, change in enumerate(intermediates):
            below = len(intermediates) - place - 1
            key = authority_key if authority_key is not None and below == 0 else self.new_key()
            issuers.insert(0, change(self._intermediate(above, key, place, below)).sign(above.key))
            above = Signer(_intermediates_name(place).public_bytes(), key, _identifier(key))
        server_key = leaf_key or self.new_key()
        end = leaf(subject(self._leaf(above, server_key, wanted))).sign(above.key)
        pem = server_key.pem if isinstance(server_key, DemoKey) else keys.to_pem(server_key)
        return Served(sent((end, *issuers)), pem, (self._anchor(root),), wanted)

    def _anchor(self, change: Change) -> bytes:
        if change is as_is:
            return self.trusted.certificate
        correct = Draft.of(
            PROFILE,
            subject=self.root.subject,
            issuer=self.trusted.subject,
            public_key=self.root_key.public_key(),
            alternative_names=(),
            validity=Validity.of(self.root),
            serial=self.new_serial(),
            key_identifier=self.trusted.key_identifier,
            authority_key_identifier=self.trusted.key_identifier,
        )
        return change(correct).sign(self.root_key)

    def _intermediate(self, issuer: Signer, key: PrivateKey, place: int, below: int) -> Draft:
        return Draft.of(
            replace(INTERMEDIATE, path_length=below),
            subject=_intermediates_name(place),
            issuer=issuer.subject,
            public_key=key.public_key(),
            alternative_names=(),
            validity=Validity(self.day(-200), self.day(INTERMEDIATE.days)),
            serial=self.new_serial(),
            key_identifier=_identifier(key),
            authority_key_identifier=issuer.key_identifier,
        )

    def _leaf(self, issuer: Signer, key: ServerKey, wanted: x509.GeneralName) -> Draft:
        draft = Draft.of(
            SERVER,
            subject=subject_for(wanted),
            issuer=issuer.subject,
            public_key=self._alike(key).public_key() if isinstance(key, DemoKey) else key.public_key(),
            alternative_names=names.unique((wanted, *self.alternative_names)),
            validity=self.validity,
            serial=self.new_serial(),
            key_identifier=_identifier(key),
            authority_key_identifier=issuer.key_identifier,
        )
        return draft.but(public_key=key.spki) if isinstance(key, DemoKey) else draft

    def _alike(self, key: DemoKey) -> PrivateKey:
        """A key of the same type, which decides the key usage: `cryptography` cannot parse every demo key."""
        return self.rsa_key(2048) if key.is_rsa else self.new_key()


def _root(certificate: x509.Certificate, key: PrivateKey) -> Root:
    return Root(certificate.subject.public_bytes(), key, key_identifier(certificate), certificate.public_bytes(DER))


def _intermediates_name(place: int) -> x509.Name:
    return authority_name(CA_NAME, INTERMEDIATE.name if place == 0 else f"{INTERMEDIATE.name} {place + 1}")


def _identifier(key: ServerKey) -> bytes:
    if isinstance(key, DemoKey):
        return key.identifier
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest


def general_name(name: str | IPv4Address) -> x509.GeneralName:
    """A dNSName or an iPAddress."""
    return x509.IPAddress(name) if isinstance(name, IPv4Address) else x509.DNSName(name)
