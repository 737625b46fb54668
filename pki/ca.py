"""The public API: a CA for tests and development, and `verify`. EDGE: the default clock, keys and serial numbers.

    CA.create("Example")     a new CA, in memory                 ca.issue("shop.example")  ->  Credential
    CA.open("certs")         the CA in a folder of `pki init`    ca.revoke(credential), ca.crl()  ->  CRLs

Nothing is written to disk, except by `Credential.write`. `pki` exports these names; the pure parts are in
`pki.authority` and `pki.path`.
"""

import ipaddress
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import keys, names
from pki.authority import Authority, Credential, Revoked, Validity, authority_name
from pki.errors import Problem
from pki.keys import KeyType, PrivateKey
from pki.profiles import CLIENT, INTERMEDIATE, ROOT, SERVER, Profile
from pki.verdict import Check, PathProfile, Purpose, Result, Verdict

if TYPE_CHECKING:
    import ssl

NameLike = str | ipaddress.IPv4Address | ipaddress.IPv6Address
"""A host name, wildcard, IP address or mail address."""

DEFAULT_NAME = "pki test CA"
LONGEST_NAME = 50  # bytes of UTF-8: with " intermediate" appended it fits into the 64 of a common name
DAYS, CRL_DAYS = SERVER.days, 90
CLOCK_SKEW = timedelta(hours=1)  # so that peers with a slow clock accept a new certificate
LARGEST_SERIAL = (1 << 159) - 1  # 20 octets, of which the first bit is 0 (RFC 5280 §4.1.2.2)


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class CRLs:
    """The CRLs of a CA: the root's first, then the intermediate's. Iterating yields `cryptography`'s objects."""

    lists: tuple[x509.CertificateRevocationList, ...]

    def __iter__(self) -> Iterator[x509.CertificateRevocationList]:
        return iter(self.lists)

    def __len__(self) -> int:
        return len(self.lists)

    @property
    def pem(self) -> bytes:
        """All of them in PEM, for a file."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.lists)

    @property
    def der(self) -> tuple[bytes, ...]:
        """Each of them in DER, as it is published over HTTP (RFC 5280 §4.2.1.13)."""
        return tuple(each.public_bytes(Encoding.DER) for each in self.lists)

    def configure(self, context: "ssl.SSLContext") -> None:
        """Load them into a context, which then checks every certificate of a chain against them.

        Raises ValueError if OpenSSL does not load them, and TypeError for another kind of context.
        """
        from pki import handover

        handover.load_crls(context, self.pem)


class CA:
    """A certification authority that issues and revokes certificates in memory: `CA.create()` or `CA.open()`.

    All methods may be called from several threads. A CA cannot be pickled; processes that need the same CA write it
    with `pki init` and read it with `CA.open`.
    """

    def __init__(
        self,
        root: x509.Certificate,
        authorities: Sequence[Authority],
        *,
        key_type: KeyType,
        clock: Callable[[], datetime],
        new_key: Callable[[KeyType], PrivateKey],
        new_serial: Callable[[], int],
        folder: Path | None = None,
    ) -> None:
        """For `create` and `open`. The last of the `authorities` issues; the root is among them if its key is known."""
        self._root = root
        self._authorities = {each.certificate: each for each in authorities}
        self._issuing = authorities[-1]
        self._key_type = key_type
        self._clock = clock
        self._new_key = new_key
        self._new_serial = new_serial
        self._folder = folder
        self._lock = threading.Lock()
        self._revocations: dict[x509.Certificate, _Revocations] | None = None

    def __repr__(self) -> str:
        return f"<CA {self._root.subject.rfc4514_string()!r}>"

    @classmethod
    def create(
        cls,
        name: str = DEFAULT_NAME,
        *,
        key_type: KeyType | str = KeyType.EC_P256,
        permit: Iterable[str] = (),
        exclude: Iterable[str] = (),
        intermediate: bool = True,
        clock: Callable[[], datetime] = utc_now,
        new_key: Callable[[KeyType], PrivateKey] = keys.generate,
        new_serial: Callable[[], int] = x509.random_serial_number,
    ) -> "CA":
        """Create a root CA and an intermediate CA, which issues; without the intermediate the root issues.

        `permit` and `exclude` are the names that the CA may issue for, as for `pki init`: hosts (with all names below
        them), networks, or mailboxes. They become name constraints in both certificates (RFC 5280 §4.2.1.10).

        `clock`, `new_key` and `new_serial` are for tests that need the same bytes each time; with Ed25519 and RSA keys,
        signatures are the same, too. Raises InvalidName for `permit` and `exclude`, and ValueError or TypeError for the
        other arguments.
        """
        kind = _member(KeyType, key_type, "key type")
        subject = _ca_name(name)
        limits = _constraints(permit, exclude)
        now = _time(clock(), "the clock")
        root = Authority.self_signed(
            ROOT,
            subject=authority_name(subject, ROOT.name),
            key=new_key(kind),
            validity=_from_now(now, ROOT.days),
            serial=new_serial(),
            extensions=limits,
        )
        authorities = [root]
        if intermediate:
            below = root.subordinate(
                INTERMEDIATE,
                subject=authority_name(subject, INTERMEDIATE.name),
                key=new_key(kind),
                validity=_from_now(now, INTERMEDIATE.days),
                serial=new_serial(),
                extensions=limits,
            )
            authorities.append(below)
        return cls(root.certificate, authorities, key_type=kind, clock=clock, new_key=new_key, new_serial=new_serial)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] = "certs",
        *,
        clock: Callable[[], datetime] = utc_now,
        new_key: Callable[[KeyType], PrivateKey] = keys.generate,
        new_serial: Callable[[], int] = x509.random_serial_number,
    ) -> "CA":
        """Read the CA in a folder of `pki init`. Nothing is written there, so `pki list` does not show what it issues.

        What is revoked in `crl.pem` stays revoked. New keys have the type of the intermediate CA's key. Raises Problem
        if a file is missing or damaged, or if the CA has expired.
        """
        from pki.store.ca import load_authority
        from pki.store.files import read_chain

        directory, now = Path(folder), _time(clock(), "the clock")
        issuing = load_authority(directory, now)
        authorities = [load_authority(directory, now, "root")] if (directory / "root.key").exists() else []
        return cls(
            read_chain(directory / "root.pem")[0],
            [*authorities, issuing],
            key_type=keys.type_of(issuing.credential.key.public_key()) or KeyType.EC_P256,
            clock=clock,
            new_key=new_key,
            new_serial=new_serial,
            folder=directory,
        )

    # Trust ------------------------------------------------------------------------------------------------------------

    @property
    def root(self) -> x509.Certificate:
        """The root certificate, the trust anchor of clients."""
        return self._root

    @property
    def root_pem(self) -> bytes:
        """The root certificate in PEM."""
        return self._root.public_bytes(Encoding.PEM)

    @property
    def intermediate(self) -> x509.Certificate | None:
        """The certificate of the intermediate CA; None if the root issues."""
        return None if self._issuing.certificate == self._root else self._issuing.certificate

    def configure_trust(self, context: "ssl.SSLContext") -> None:
        """Add the root to the trust anchors of a context. Raises TypeError for another kind of context.

        What the context checks does not change. For revocation: `ca.crl().configure(context)`.
        """
        from pki import handover

        handover.load_anchors(context, self._root.public_bytes(Encoding.DER))

    # Issue ------------------------------------------------------------------------------------------------------------

    def issue(
        self,
        *names: NameLike,
        client: bool = False,
        days: float | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key_type: KeyType | str | None = None,
        key: PrivateKey | None = None,
    ) -> Credential:
        """Issue a certificate for all the names, with a new key of the CA's key type unless another is given.

        A name is a host, a wildcard such as `*.example.test`, or an IP address; with `client` also a mail address. The
        certificate is for servers, or with `client` for clients. It is valid from an hour ago for 90 days, at most
        until the CA's own end. An end in the past alone gives an expired certificate, valid for 90 days before it.

        Raises InvalidName for text that is not a name; ValueError without names, for a name that the CA may not issue
        for, and for a validity that cannot be; TypeError for arguments of another type.
        """
        profile = CLIENT if client else SERVER
        wanted = _names(names, profile)
        limits = self._issuing.name_constraints
        if limits:
            _check_permitted(limits, wanted)
        validity = self._validity(days, not_before, not_after)
        if key is not None and key_type is not None:
            raise ValueError("key and key_type exclude each other")
        if key is not None and not isinstance(key, PrivateKey):
            raise TypeError(f"key is a private key that pki can sign with, not {type(key).__name__}")
        kind = self._key_type if key_type is None else _member(KeyType, key_type, "key type")
        return self._issuing.issue(
            profile,
            alternative_names=wanted,
            key=self._new_key(kind) if key is None else key,
            validity=validity,
            serial=self._new_serial(),
        )

    def _validity(self, days: float | None, not_before: datetime | None, not_after: datetime | None) -> Validity:
        if days is not None and not_after is not None:
            raise ValueError("days and not_after both set the end: give one of them")
        length = _days(DAYS if days is None else days)
        now = _time(self._clock(), "the clock")
        try:
            begin = now - CLOCK_SKEW if not_before is None else _time(not_before, "not_before")
            if not_after is not None:
                end = _time(not_after, "not_after")
            else:
                end = (now if not_before is None else begin) + length
            if not_before is None and end <= begin:
                begin = end - length
        except OverflowError:
            raise ValueError("the validity is outside of the years 1 to 9999") from None
        if end <= begin:
            raise ValueError(f"the validity ends before it begins: from {begin} to {end}")
        if begin >= (last := self._issuing.certificate.not_valid_after_utc):
            raise ValueError(f"the validity begins after that of the CA ends: {begin}; the CA is valid until {last}")
        return Validity(begin, end)

    # Revoke -----------------------------------------------------------------------------------------------------------

    def revoke(
        self, certificate: Credential | x509.Certificate | int, *, reason: str | x509.ReasonFlags = "unspecified"
    ) -> None:
        """Revoke a certificate of this CA, given as a credential, a certificate or a serial number.

        `reason` is a value of RFC 5280 §5.3.1, such as `key-compromise`. A serial number is taken as one of the CA that
        issues. A certificate that is already revoked keeps its time and reason. CRLs that `crl` returned before do not
        change.

        Raises ValueError for the certificate of another CA, for the root, and for a reason that is not listed;
        TypeError for another type; Problem if `crl.pem` of an opened folder is missing or damaged.
        """
        flag = _reason(reason)
        issuer, serial = self._issuer_and_serial(certificate)
        entry = Revoked(serial, _time(self._clock(), "the clock"), flag)
        with self._lock:
            self._state()[issuer].entries.setdefault(serial, entry)

    def crl(self, *, days: float = CRL_DAYS) -> CRLs:
        """Sign a new CRL of each CA, valid for `days`, with the next CRL number (§5.2.3).

        If the key of an opened folder's root is missing, the root's CRL is the one in the folder. Raises Problem if
        `crl.pem` of an opened folder is missing or damaged: what is revoked is not known then.
        """
        length = _days(days)
        now = _time(self._clock(), "the clock")
        try:
            begin, end = now - CLOCK_SKEW, now + length
        except OverflowError:
            raise ValueError("the validity of the CRL is outside of the years 1 to 9999") from None
        with self._lock:
            return CRLs(
                tuple(
                    state.signed(self._authorities.get(certificate), begin, end)
                    for certificate, state in self._state().items()
                )
            )

    def _state(self) -> "dict[x509.Certificate, _Revocations]":
        """What is revoked, by CA certificate; an opened folder is read at the first call. The caller has the lock."""
        if self._revocations is None:
            found = {certificate: _Revocations({}) for certificate in (self._root, self._issuing.certificate)}
            if self._folder is not None:
                from pki.store import crls

                for issuer, crl in crls.read_lists(self._folder):
                    if issuer not in found:
                        raise Problem(f"the CA in {self._folder} was replaced", hint="open the folder again")
                    found[issuer].add(crl, crls.number_of(crl))
            self._revocations = found
        return self._revocations

    def _issuer_and_serial(self, certificate: Credential | x509.Certificate | int) -> tuple[x509.Certificate, int]:
        if isinstance(certificate, Credential):
            certificate = certificate.certificate
        if isinstance(certificate, int) and not isinstance(certificate, bool):
            if not 0 < certificate <= LARGEST_SERIAL:
                raise ValueError(f"{certificate} is not a serial number: 1 to 2^159 - 1 (RFC 5280 §4.1.2.2)")
            return self._issuing.certificate, certificate
        if not isinstance(certificate, x509.Certificate):
            raise TypeError(
                f"give a Credential, an x509.Certificate or a serial number (int), not {type(certificate).__name__}"
            )
        from pki.objects.signatures import signed_by

        if certificate == self._root:
            raise ValueError("a root CA cannot be revoked: it would have to sign that itself")
        for issuer in (self._issuing.certificate, self._root):
            if signed_by(certificate, issuer):
                if issuer not in self._authorities:
                    raise ValueError("the key of the root CA is missing, and the root CA must sign its CRL")
                return issuer, certificate.serial_number
        raise ValueError(f"{certificate.subject.rfc4514_string()!r} was not issued by this CA")


@dataclass
class _Revocations:
    """The revoked certificates of one CA, and its last CRL number; the CRL itself if it came from a folder."""

    entries: dict[int, Revoked]
    number: int = 0
    latest: x509.CertificateRevocationList | None = None

    def add(self, crl: x509.CertificateRevocationList, number: int | None) -> None:
        """Add the entries of a CRL."""
        for entry in map(Revoked.of, crl):
            self.entries.setdefault(entry.serial, entry)
        if self.latest is None or (number or 0) >= self.number:
            self.number, self.latest = number or 0, crl

    def signed(
        self, authority: Authority | None, this_update: datetime, next_update: datetime
    ) -> x509.CertificateRevocationList:
        """The next CRL; without the CA's key the latest one."""
        if authority is None:
            assert self.latest is not None  # `read_lists` raises Problem if the CRL of a CA is missing
            return self.latest
        self.number += 1
        return authority.crl(
            number=self.number, this_update=this_update, next_update=next_update, revoked=self.entries.values()
        )


# Verify -------------------------------------------------------------------------------------------------------------


def verify(
    certificate: Credential | x509.Certificate | bytes,
    *,
    name: NameLike | x509.GeneralName | None,
    trust: CA | bytes | Iterable[x509.Certificate],
    intermediates: Iterable[x509.Certificate] = (),
    crls: Iterable[x509.CertificateRevocationList] = (),
    purpose: Purpose | str = Purpose.SERVER,
    profile: PathProfile | str = PathProfile.TLS,
    at: datetime | None = None,
) -> Verdict:
    """Validate a certificate as a client does: chain, validity, purpose, name (RFC 5280 §6, RFC 9525).

    `certificate` is a credential, a certificate, or a chain in PEM or DER, leaf first. `trust` is a CA, or certificates
    as objects or in PEM. `name` is the host or address that the client asks for; with None, names are not checked.
    Revocation is checked if `crls` are given (`ca.crl()`): one for each CA of the chain. `purpose` is server, client or
    any; `profile` is rfc5280, tls or webpki; `at` is now by default.

    Returns a Verdict for every certificate, however malformed. Raises InvalidName for `name`, ValueError for bytes
    without a certificate, ValueError or TypeError for the other arguments.
    """
    from pki.path import FORM, UNREADABLE
    from pki.path import verify as validate

    anchors = [trust.root] if isinstance(trust, CA) else _certificates(trust, "trust")
    moment = utc_now() if at is None else _aware(at, "at")
    role, rules = _member(Purpose, purpose, "purpose"), _member(PathProfile, profile, "profile")
    wanted = _reference(name)
    extra = _certificates(intermediates, "intermediates")
    lists = _all_of(x509.CertificateRevocationList, crls, "crls")
    if isinstance(certificate, Credential):
        leaf, above = certificate.certificate, certificate.issuers
    elif isinstance(certificate, bytes):
        found, why = _read_chain(certificate)
        if why:
            detail = f"the certificate cannot be read: {why}"
            return Verdict((Check("form", FORM, Result.FAILED, detail, UNREADABLE),))
        leaf, *rest = found
        above = tuple(rest)
    elif isinstance(certificate, x509.Certificate):
        leaf, above = certificate, ()
    else:
        raise TypeError(f"give a Credential, an x509.Certificate or bytes, not {type(certificate).__name__}")
    return validate(
        leaf,
        intermediates=(*above, *extra),
        trust_anchors=anchors,
        name=wanted,
        purpose=role,
        at=moment,
        crls=lists,
        profile=rules,
    )


def _read_chain(data: bytes) -> tuple[list[x509.Certificate], str]:
    """The readable certificates of PEM or DER, or why the first cannot be read. Raises ValueError without any."""
    from pki.objects import blocks

    present = blocks.read(data).of(blocks.BlockKind.CERTIFICATE)
    if not present:
        raise ValueError("the bytes contain no certificate in PEM or DER")
    found = []
    for place, block in enumerate(present):
        try:
            found.append(blocks.certificate(block))
        except blocks.UnreadableBlock as error:
            if place == 0:
                return [], str(error)
    return found, ""


# Arguments ----------------------------------------------------------------------------------------------------------

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


def _member(kind: type[E], value: E | str, word: str) -> E:
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise TypeError(f"the {word} is a {kind.__name__} or a str, not {type(value).__name__}")
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(each.value) for each in kind)
        raise ValueError(f"unknown {word} {value!r}: choose one of {known}") from None


def _ca_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a CA is a str, not {type(name).__name__}")
    length = len(name.encode("utf-8", "surrogatepass"))
    if not name.strip() or length > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{name!r} is not a valid CA name: use 1 to {LONGEST_NAME} bytes of printable UTF-8")
    return name


def _constraints(permit: Iterable[str], exclude: Iterable[str]) -> list[tuple[x509.ExtensionType, bool]]:
    from pki.name_constraints import constraints

    found = constraints(*(_all_of(str, each, word) for each, word in ((permit, "permit"), (exclude, "exclude"))))
    return [(found, True)] if found else []  # critical (RFC 5280 §4.2.1.10)


def _all_of(kind: type[T], values: Iterable[T], word: str) -> tuple[T, ...]:
    """The values as a tuple. Raises TypeError for a single str or bytes, and for an element of another type."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{word} is a list of {kind.__name__}, not {type(values).__name__}")
    found = tuple(values)
    for each in found:
        if not isinstance(each, kind):
            raise TypeError(f"{word} is a list of {kind.__name__}, and one element is of type {type(each).__name__}")
    return found


def _certificates(values: bytes | Iterable[x509.Certificate], word: str) -> tuple[x509.Certificate, ...]:
    if isinstance(values, bytes):
        found, why = _read_chain(values)
        if why:
            raise ValueError(f"{word}: the first certificate cannot be read: {why}")
        return tuple(found)
    return _all_of(x509.Certificate, values, word)


def _names(given: Sequence[NameLike], profile: Profile) -> list[x509.GeneralName]:
    if not given:
        raise ValueError("a certificate needs at least one name")
    wanted = [_parsed(each) for each in given]
    for each in wanted:
        if profile is SERVER and isinstance(each, x509.RFC822Name):
            raise ValueError(f"{each.value!r} is a mail address; for a client certificate: client=True")
    return wanted


def _parsed(name: NameLike) -> x509.GeneralName:
    if not isinstance(name, NameLike):
        hint = "; give several names as separate arguments" if isinstance(name, Iterable) else ""
        raise TypeError(f"a name is a str or an IP address, not {type(name).__name__}{hint}")
    return names.parse(str(name))


def _reference(name: NameLike | x509.GeneralName | None) -> x509.GeneralName | None:
    if name is None or isinstance(name, x509.GeneralName):
        return name
    parsed = _parsed(name)
    return parsed if isinstance(parsed, x509.RFC822Name) else names.reference(str(name))


def _check_permitted(limits: x509.NameConstraints, wanted: Iterable[x509.GeneralName]) -> None:
    from pki.path.constraints import objection

    for name in wanted:
        if why := objection(limits, name):
            raise ValueError(f"the name constraints of this CA do not permit {names.display(name)}: {why}")


def _aware(moment: datetime, word: str) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError(f"{word} is a datetime, not {type(moment).__name__}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"{word} needs a time zone, such as datetime.now(UTC)")
    return moment


def _time(moment: datetime, word: str) -> datetime:
    """The time in UTC and whole seconds, as certificates have it."""
    try:
        return _aware(moment, word).astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"{word} is outside of the years 1 to 9999 in UTC") from None


def _from_now(now: datetime, days: int) -> Validity:
    try:
        return Validity(now - CLOCK_SKEW, now + timedelta(days))
    except OverflowError:
        raise ValueError("the clock is too near to the years 1 or 9999") from None


def _days(days: float) -> timedelta:
    if isinstance(days, bool) or not isinstance(days, int | float):
        raise TypeError(f"days is a number, not {type(days).__name__}")
    try:
        length = timedelta(days=days)
    except (OverflowError, ValueError):
        raise ValueError(f"{days} is not a number of days that a validity can have") from None
    if length < timedelta(seconds=1):
        raise ValueError(f"{days} days are too few: a validity lasts for a second or more")
    return length


def _reason(reason: str | x509.ReasonFlags) -> x509.ReasonFlags:
    from pki.store.crls import REASONS

    if isinstance(reason, x509.ReasonFlags):
        if reason not in REASONS.values():
            raise ValueError(f"the reason {reason.value} is not supported: an entry is final")
        return reason
    if not isinstance(reason, str):
        raise TypeError(f"the reason is a str or an x509.ReasonFlags, not {type(reason).__name__}")
    if reason not in REASONS:
        raise ValueError(f"unknown reason {reason!r}: choose one of {', '.join(REASONS)}")
    return REASONS[reason]
