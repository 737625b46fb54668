"""The catalogue's rogues under a root that was there before, for whatever name is asked for. EDGE: reads files.

    catalogue, under a root of its own   ->  which checks fail: of the rogue, of its control
    here, under root.pem, for that name  ->  the same ones, or it is not shown

A rogue promises one fault where root and names were made for it. Here neither was: the root may allow for fewer
authorities below itself, a host may leave no room for a wildcard. So each is minted and judged twice.
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

ORDER = tuple(Severity)
GOOD = "good"
LONGEST_DETAIL = 160  # characters
AT_HOME = tuple(map(names.parse, ("localhost", "127.0.0.1")))
"""The names under which the catalogue is looked at by itself."""


@dataclass(frozen=True)
class AskedName:
    """What a client asks for."""

    name: x509.GeneralName
    others: tuple[x509.GeneralName, ...] = ()
    """What else it may mean, where it does not say."""

    def __str__(self) -> str:
        return names.plain(self.name)


@dataclass(frozen=True)
class Case:
    """A rogue, and the checks that fail where root and names are made for it: its own, and those of its control."""

    rogue: CertificateCase[CaseBuilder]
    name: x509.GeneralName
    """Whom its client asks for there."""
    faults: frozenset[str]
    control_faults: frozenset[str]

    @property
    def id(self) -> str:
        """As in the catalogue."""
        return self.rogue.id


def chosen(options: Sequence[str]) -> list[CertificateCase[CaseBuilder]]:
    """By ids or aliases, separated by commas or one by one; a Problem for what is none."""
    return [find(each.strip()) for option in options for each in option.split(",")]


def to_be_refused() -> list[CertificateCase[CaseBuilder]]:
    """All that a strict client refuses: first what every client must, last what is disputed."""
    found = [each for each in CATALOGUE.values() if each.must is Must.REJECT]
    return sorted(found, key=lambda each: ORDER.index(each.severity))


def open_authority(certs: Path, now: datetime) -> Authority:
    """The root of the folder, with its key; a Problem where it cannot sign what a client believes at `now`."""
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
        key_identifier(authority.certificate)  # every rogue names it
        mint(measured(CATALOGUE[GOOD], now), AskedName(AT_HOME[0]), authority, now)
    except x509.ExtensionNotFound:
        raise Problem(f"{file} has no subject key identifier, and a chain wants one", hint=hint) from None
    except MALFORMED as error:
        raise Problem(f"{file} cannot be read", why(error), hint=hint) from None
    except Problem as problem:
        raise Problem(f"{file} cannot vouch for a server", problem.fact, hint=hint) from None
    return authority


def measured(rogue: CertificateCase[CaseBuilder], now: datetime) -> Case:
    """As it is by itself."""
    specimen = rogue.mint(case_files.case_builder(AT_HOME, now))
    faults, control = (_faults(judge(each, now)) for each in (specimen.served, specimen.control))
    return Case(rogue, specimen.served.name, faults, control)


def anyhow(case: Case, authority: Authority, now: datetime) -> Served:
    """For the name that it likes best; a Problem where it cannot be shown under this root to anybody."""
    return _mint(case, case.name, _room(authority, AT_HOME, now))


def mint(case: Case, asked: AskedName, authority: Authority, now: datetime) -> Served:
    """For the name that is asked for; a Problem where that would not be the case's one fault."""
    first: Problem | None = None
    for wanted in ((asked.name, *asked.others), *_below(asked.name)):
        try:
            return _mint(case, asked.name, _room(authority, wanted, now))
        except Problem as problem:
            first = first or problem
    assert first
    raise first


def _below(name: x509.GeneralName) -> Iterator[Sequence[x509.GeneralName]]:
    """Some cases are about the domain above a host: then this is the domain."""
    if isinstance(name, x509.DNSName) and "." in name.value:
        yield (x509.DNSName(f"www.{name.value}"),)


def _room(authority: Authority, wanted: Sequence[x509.GeneralName], now: datetime) -> CaseBuilder:
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


def _mint(case: Case, name: x509.GeneralName, room: CaseBuilder) -> Served:
    try:
        specimen = case.rogue.mint(room)
    except ValueError as error:
        raise Problem(f"this root cannot make it: {why(error)}") from None
    served, control = specimen.served, specimen.control
    if served.anchors != (room.trusted.certificate,):
        raise Problem("its fault is in the root itself, and root.pem is as it is")
    if served.crls:
        raise Problem("its fault is told in a revocation list, and nobody publishes that here")
    if served.name not in (name, *room.alternative_names):
        raise Problem(f"it is for who asks for {names.plain(served.name)}, and not for {names.plain(name)}")
    without = judge(replace(control, name=name), room.now)
    if further := _further(without, case.control_faults):
        raise Problem(f"it would have another fault besides: {further}")
    found = judge(replace(served, name=name), room.now)
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
