"""Test certificates under the root of a folder, for the name that a client asks for. EDGE: reads files.

    under a root made for the case            ->  the checks that fail: for the case, for its control
    under the folder's root.pem, for a name   ->  the same checks, or the case is not presented

A case has exactly one fault if root and names are made for it. Here they are given: the root may allow fewer CAs below
itself, and a host name may be too short for a wildcard. So each case is minted and verified twice.
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
from pki.cases.minting import case_builder
from pki.cli.case_text import judge
from pki.console import day
from pki.errors import Problem
from pki.keys import KeyType
from pki.malformed import MALFORMED, why
from pki.store.files import read_credential
from pki.verdict import Result, Verdict
from tlsdemo import peer
from tlsdemo.findings import GOOD

ORDER = tuple(Severity)
LONGEST_DETAIL = 160  # characters
AT_HOME = tuple(map(names.parse, ("localhost", "127.0.0.1")))
"""The names of a case under a root that is made for it."""


@dataclass(frozen=True)
class AskedName:
    """The name that a client asks for."""

    name: x509.GeneralName
    others: tuple[x509.GeneralName, ...] = ()
    """Other names that the client may mean, if it sends no server_name."""

    def __str__(self) -> str:
        return names.plain(self.name)


@dataclass(frozen=True)
class VerifiedCase:
    """A test certificate, and the checks that fail if root and names are made for it."""

    certificate: CertificateCase[CaseBuilder]
    name: x509.GeneralName
    """The reference identifier of its client under that root."""
    faults: frozenset[str]
    control_faults: frozenset[str]

    @property
    def id(self) -> str:
        return self.certificate.id


def chosen(options: Sequence[str]) -> list[CertificateCase[CaseBuilder]]:
    """The cases with these ids or aliases; a value may be comma-separated. Raises Problem for an unknown case."""
    return [find(each.strip()) for option in options for each in option.split(",")]


def to_be_refused() -> list[CertificateCase[CaseBuilder]]:
    """All cases that a strict client refuses, the most severe first."""
    found = [each for each in CATALOGUE.values() if each.must is Must.REJECT]
    return sorted(found, key=lambda each: ORDER.index(each.severity))


def open_authority(certs: Path, now: datetime) -> Authority:
    """The root CA of the folder. Raises Problem if no certificate that it issues is valid at `now`."""
    file = certs / "root.pem"
    where = shlex.quote(str(certs))
    hint = f"the root's key signs the test certificates; `pki init --dir {where}` creates both"
    authority = Authority(read_credential(file, certs / "root.key", hint))
    dates = peer.attempt(lambda: Validity.of(authority.certificate))
    if isinstance(dates, peer.Unreadable):
        raise Problem(f"{file} cannot be read", dates.why, hint=hint)
    if not dates.not_before <= now <= dates.not_after:
        fact = f"{file} is valid from {day(dates.not_before)} to {day(dates.not_after)}, and today is {day(now)}"
        raise Problem(
            fact, hint=f"`pki init --force --dir {where}` creates new certificates and moves the old ones aside"
        )
    try:
        key_identifier(authority.certificate)  # every test certificate contains it
        mint(verified(CATALOGUE[GOOD], now), AskedName(AT_HOME[0]), authority, now)
    except x509.ExtensionNotFound:
        raise Problem(f"{file} has no subject key identifier, which test certificates need", hint=hint) from None
    except MALFORMED as error:
        raise Problem(f"{file} cannot be read", why(error), hint=hint) from None
    except Problem as problem:
        raise Problem(f"{file} cannot issue server certificates", problem.fact, hint=hint) from None
    return authority


def verified(certificate: CertificateCase[CaseBuilder], now: datetime) -> VerifiedCase:
    """The case, minted under its own root and verified."""
    minted = certificate.mint(case_builder(AT_HOME, now))
    faults, control = (_faults(judge(each, now)) for each in (minted.served, minted.control))
    return VerifiedCase(certificate, minted.served.name, faults, control)


def mint_for_own_name(case: VerifiedCase, authority: Authority, now: datetime) -> Served:
    """The case for the name that it was verified with. Raises Problem if this root cannot issue it at all."""
    return _mint(case, case.name, _builder(authority, AT_HOME, now))


def mint(case: VerifiedCase, asked: AskedName, authority: Authority, now: datetime) -> Served:
    """The case for this name. Raises Problem if the certificate would have another fault, or none."""
    first: Problem | None = None
    for wanted in ((asked.name, *asked.others), *_below(asked.name)):
        try:
            return _mint(case, asked.name, _builder(authority, wanted, now))
        except Problem as problem:
            first = first or problem
    assert first
    raise first


def _below(name: x509.GeneralName) -> Iterator[Sequence[x509.GeneralName]]:
    """Hosts below the name, for cases about the domain above a host."""
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
        raise Problem(f"this root cannot issue it: {why(error)}") from None
    served = minted.served
    if served.anchors != (builder.trusted.certificate,):
        raise Problem("the fault of this case is in the root certificate, and root.pem is valid")
    if served.crls:
        raise Problem("the fault of this case is in a CRL, which is not published here")
    if served.name not in (name, *builder.alternative_names):
        raise Problem(
            f"it needs a client that asks for {names.plain(served.name)}; this one asks for {names.plain(name)}"
        )
    without = judge(replace(minted.control, name=name), builder.now)
    if further := _further(without, case.control_faults):
        raise Problem(f"its control would have a fault: {further}")
    found = judge(replace(served, name=name), builder.now)
    if further := _further(found, case.faults):
        raise Problem(f"it would have another fault: {further}")
    if case.faults - _faults(found):
        raise Problem(f"it would be valid for {names.plain(name)} under this root")
    return served


def _faults(verdict: Verdict) -> frozenset[str]:
    return frozenset(check.name for check in verdict.checks if check.result is Result.FAILED)


def _further(verdict: Verdict, expected: frozenset[str]) -> str | None:
    """The first check that fails unexpectedly, shortened: a certificate may have ten thousand names."""
    failed = (check for check in verdict.checks if check.result is Result.FAILED and check.name not in expected)
    return next((shorten(check.detail, LONGEST_DETAIL, placeholder=" …") for check in failed), None)
