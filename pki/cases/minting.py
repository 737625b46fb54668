"""Mints test certificates: `mint("expired", "example.test")`. EDGE: the default clock, keys and serial numbers."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pki import keys, names
from pki.cases.builder import CA_NAME, CaseBuilder
from pki.cases.case import CertificateCase, Minted, Must, Served
from pki.errors import ExitCode, Problem
from pki.keys import KeyType, PrivateKey

LONGEST = 64
"""Characters of a host name: some cases have it as common name, which is limited (RFC 5280 appendix A.1)."""
DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, repr=False)
class MintedCase(Served):
    """A minted test certificate: what its server presents, what its client trusts, and what a strict client does."""

    case: CertificateCase[CaseBuilder] = field(kw_only=True)
    minted: Minted = field(kw_only=True)

    def __repr__(self) -> str:
        return f"<test certificate {self.case.id} for {self.host}: {self.expected.value}>"

    @property
    def expected(self) -> Must:
        """What a strict client does with it: Must.ACCEPT or Must.REJECT."""
        return self.case.must

    @property
    def control(self) -> Served:
        """The same without the deviation; minted when it is first read. If a client refuses it, too, it refuses both
        for another reason.
        """
        with _quiet():
            return self.minted.control


def mint(
    case: str,
    *host_names: str,
    now: datetime | None = None,
    new_key: Callable[[], PrivateKey] = lambda: keys.generate(KeyType.EC_P256),
    new_serial: Callable[[], int] = x509.random_serial_number,
) -> MintedCase:
    """Mint the test certificate with this id or alias for these names, under a new root.

    The names are hosts, wildcards and IP addresses; by default localhost, 127.0.0.1 and ::1. The validity is relative
    to `now`, by default the time of this machine. Raises InvalidName for text that is not a name; ValueError for an
    unknown case, a mail address, a time without a zone and a host of more than 64 characters; TypeError for values of
    another type.
    """
    if not isinstance(case, str):
        raise TypeError(f"a case is a str, not {type(case).__name__}")
    from pki.cases import find  # here: the package imports this module

    moment = datetime.now(UTC) if now is None else now
    if not isinstance(moment, datetime):
        raise TypeError(f"now is a datetime, not {type(moment).__name__}")
    if moment.tzinfo is None:
        raise ValueError("now needs a time zone, such as datetime.now(UTC)")
    try:
        found = find(case)
    except Problem as problem:
        raise ValueError(f"{problem.fact}; {problem.hint}") from None
    try:
        builder = case_builder(_parsed(host_names or DEFAULT_NAMES), moment, new_key=new_key, new_serial=new_serial)
    except Problem as problem:
        raise ValueError(problem.fact) from None
    except OverflowError:
        raise ValueError("now is too near to the years 1 or 9999") from None
    with _quiet():
        minted = found.mint(builder)
    served = minted.served
    return MintedCase(served.chain, served.key_pem, served.anchors, served.name, served.crls, case=found, minted=minted)


def _parsed(texts: Sequence[str]) -> list[x509.GeneralName]:
    wanted = []
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"a name is a str, not {type(text).__name__}")
        wanted.append(names.parse(text))
        if isinstance(wanted[-1], x509.RFC822Name):
            raise ValueError(f"{text!r} is a mail address; a server certificate needs a host name or an IP address")
    return wanted


@contextmanager
def _quiet() -> Iterator[None]:
    """The library warns about certificates that are broken on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def case_builder(
    wanted: Sequence[x509.GeneralName],
    now: datetime,
    name: str = CA_NAME,
    *,
    new_key: Callable[[], PrivateKey] = lambda: keys.generate(KeyType.EC_P256),
    new_serial: Callable[[], int] = x509.random_serial_number,
) -> CaseBuilder:
    """A builder with a new root, whose subject has `name`, for certificates with the names `wanted`.

    Raises Problem (usage) for a host of more than LONGEST characters.
    """
    for each in wanted:
        if isinstance(each, x509.DNSName) and len(each.value) > LONGEST:
            raise Problem(
                f"{each.value[:20]}… has {len(each.value)} characters; the limit for test certificates is {LONGEST}",
                hint="some cases have the host as common name (RFC 5280 appendix A.1); choose a shorter --name",
                code=ExitCode.USAGE,
            )
    return CaseBuilder.with_new_root(
        _askable(wanted),
        now=now,
        new_key=new_key,
        new_serial=new_serial,
        rsa_key=_rsa_key,
        name=name,
    )


def _askable(wanted: Sequence[x509.GeneralName]) -> Sequence[x509.GeneralName]:
    """The names, with a host added if the first is a wildcard that clients refuse, such as *.com (RFC 9525 §7.1)."""
    first = next((name for name in wanted if isinstance(name, x509.DNSName)), None)
    if first is None or names.matches(first, host := x509.DNSName(first.value.replace("*", "www"))):
        return wanted
    return (host, *wanted)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
