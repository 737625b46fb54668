"""Test certificates under the root of a folder, for the name that a client asks for. EDGE: reads files.

    under a root made for the case            ->  which checks fail: for the case, for its control
    under the folder's root.pem, for a name   ->  the same checks, or the case is not presented

A case has exactly one fault where root and names are made for it. Here they are not: the root may allow fewer CAs below
itself, and a host name may leave no room for a wildcard. So each case is minted and verified twice.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from textwrap import shorten

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pki import keys, names
from pki.authority import Authority, Validity, key_identifier
from pki.cases import CATALOGUE, CaseBuilder, CertificateCase, Must, Served, Severity, find
from pki.cli.case_text import judge
from pki.console import day
from pki.errors import Problem
from pki.keys import KeyType
from pki.malformed import MALFORMED, why
from pki.store import case_files
from pki.store.files import read_credential
from pki.verdict import Result, Verdict
from tlsdemo import peer
from tlsdemo.findings import GOOD

ORDER = tuple(Severity)
LONGEST_DETAIL = 160  # characters
AT_HOME = tuple(map(names.parse, ("localhost", "127.0.0.1")))
"""The names for the root that is made for a case."""


@dataclass(frozen=True)
class AskedName:
    """What a client asks for."""

    name: x509.GeneralName
    others: tuple[x509.GeneralName, ...] = ()
    """What else it may mean, where it does not say."""

    def __str__(self) -> str:
        return names.plain(self.name)


@dataclass(frozen=True)
class VerifiedCase:
    """A test certificate, and the checks that fail where root and names are made for it."""

    certificate: CertificateCase[CaseBuilder]
    name: x509.GeneralName
    """The reference identifier of its client there."""
    faults: frozenset[str]
    control_faults: frozenset[str]

    @property
    def id(self) -> str:
        """As in the catalogue."""
        return self.certificate.id


def chosen(options: Sequence[str]) -> list[CertificateCase[CaseBuilder]]:
    """The cases with these ids or aliases, separated by commas or one by one. Raises Problem for an unknown one."""
    return [find(each.strip()) for option in options for each in option.split(",")]


def to_be_refused() -> list[CertificateCase[CaseBuilder]]:
    """All that a strict client refuses, the most severe first."""
    found = [each for each in CATALOGUE.values() if each.must is Must.REJECT]
    return sorted(found, key=lambda each: ORDER.index(each.severity))


def open_authority(certs: Path, now: datetime) -> Authority:
    """The root of the folder, with its key. Raises Problem where nothing that it signs is valid at `now`."""
    file = certs / "root.pem"
    where = shlex.quote(str(certs))
    hint = f"rogues are signed with the root's key: `pki init --dir {where}` makes both"
    authority = Authority(read_credential(file, certs / "root.key", hint))
    dates = peer.attempt(lambda: Validity.of(authority.certificate))
    if isinstance(dates, peer.Unreadable):
        raise Problem(f"{file} cannot be read", dates.why, hint=hint)
    if not dates.not_before <= now <= dates.not_after:
        fact = f"{file} is valid from {day(dates.not_before)} to {day(dates.not_after)}, and today is {day(now)}"
        raise Problem(fact, hint=f"`pki init --force --dir {where}` mints a new tree and keeps the old one aside")
    try:
        key_identifier(authority.certificate)  # every test certificate names it
        mint(verified(CATALOGUE[GOOD], now), AskedName(AT_HOME[0]), authority, now)
    except x509.ExtensionNotFound:
        raise Problem(f"{file} has no subject key identifier, and a chain wants one", hint=hint) from None
    except MALFORMED as error:
        raise Problem(f"{file} cannot be read", why(error), hint=hint) from None
    except Problem as problem:
        raise Problem(f"{file} cannot vouch for a server", problem.fact, hint=hint) from None
    return authority


def verified(certificate: CertificateCase[CaseBuilder], now: datetime) -> VerifiedCase:
    """The case, minted under a root of its own and verified."""
    minted = certificate.mint(case_files.case_builder(AT_HOME, now))
    faults, control = (_faults(judge(each, now)) for each in (minted.served, minted.control))
    return VerifiedCase(certificate, minted.served.name, faults, control)


def mint_for_own_name(case: VerifiedCase, authority: Authority, now: datetime) -> Served:
    """For the name that it was verified with. Raises Problem where this root cannot make it for any client."""
    return _mint(case, case.name, _builder(authority, AT_HOME, now))


def mint(case: VerifiedCase, asked: AskedName, authority: Authority, now: datetime) -> Served:
    """For the name that is asked for. Raises Problem where the certificate would not have the case's one fault."""
    first: Problem | None = None
    for wanted in ((asked.name, *asked.others), *_below(asked.name)):
        try:
            return _mint(case, asked.name, _builder(authority, wanted, now))
        except Problem as problem:
            first = first or problem
    assert first
    raise first


def _below(name: x509.GeneralName) -> Iterator[Sequence[x509.GeneralName]]:
    """Some cases are about the domain above a host: then this is the domain."""
    if isinstance(name, x509.DNSName) and "." in name.value:
        yield (x509.DNSName(f"www.{name.value}"),)


def _builder(authority: Authority, wanted: Sequence[x509.GeneralName], now: datetime) -> CaseBuilder:
    return CaseBuilder.under_root(
        authority,
        wanted,
        now=now,
        new_key=lambda: keys.generate(KeyType.EC_P256),
        new_serial=x509.random_serial_number,
        rsa_key=_rsa_key,
    )


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _mint(case: VerifiedCase, name: x509.GeneralName, builder: CaseBuilder) -> Served:
    try:
        minted = case.certificate.mint(builder)
    except ValueError as error:
        raise Problem(f"this root cannot make it: {why(error)}") from None
    served = minted.served
    if served.anchors != (builder.trusted.certificate,):
        raise Problem("its fault is in the root itself, and root.pem is as it is")
    if served.crls:
        raise Problem("its fault is told in a revocation list, and nobody publishes that here")
    if served.name not in (name, *builder.alternative_names):
        raise Problem(f"it is for who asks for {names.plain(served.name)}, and not for {names.plain(name)}")
    without = judge(replace(minted.control, name=name), builder.now)
    if further := _further(without, case.control_faults):
        raise Problem(f"it would have another fault besides: {further}")
    found = judge(replace(served, name=name), builder.now)
    if further := _further(found, case.faults):
        raise Problem(f"it would have another fault: {further}")
    if case.faults - _faults(found):
        raise Problem(f"it would not be wrong for {names.plain(name)} under this root")
    return served


def _faults(verdict: Verdict) -> frozenset[str]:
    return frozenset(check.name for check in verdict.checks if check.result is Result.FAILED)


def _further(verdict: Verdict, expected: frozenset[str]) -> str | None:
    """What fails, and should not; a line of it, since a certificate may have ten thousand names."""
    failed = (check for check in verdict.checks if check.result is Result.FAILED and check.name not in expected)
    return next((shorten(check.detail, LONGEST_DETAIL, placeholder=" …") for check in failed), None)
