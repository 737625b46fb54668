"""Which case comes next: the cases in their order, without those that do not fit the name that is asked for. EDGE."""

import ipaddress
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509

from pki import names
from pki.authority import Authority
from pki.cases import Served
from pki.errors import ExitCode, Problem, printable
from tlsdemo.cli import case_minting
from tlsdemo.cli.case_minting import AskedName, VerifiedCase
from tlsdemo.cli.position import Position
from tlsdemo.lab.case import obstacle
from tlsdemo.lab.context import lab_context
from tlsdemo.lab.dh_groups import good_group
from tlsdemo.lab.presented import newest


@dataclass
class Rotation:
    """The cases in their order: each connection gets the next one that fits its name, and after the last the first.

    Clients cannot be told apart here: which case a client gets depends on the connections before it.
    """

    cases: Sequence[VerifiedCase]
    left_out: Mapping[str, str]
    """The cases that cannot be presented here to any client, and why."""
    authority: Authority
    _turn: int = 0
    _told: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, cases: Iterable[VerifiedCase], authority: Authority) -> "Rotation":
        """Those of these cases that can be minted under this root and loaded by this OpenSSL."""
        possible, left_out = [], {}
        for case in cases:
            try:
                _context(case_minting.mint_for_own_name(case, authority, datetime.now(UTC)))
                possible.append(case)
            except Problem as problem:
                left_out[case.id] = obstacle(problem)
        return cls(possible, left_out, authority)

    def next_for(self, asked: AskedName) -> tuple[VerifiedCase, ssl.SSLContext, list[str]]:
        """The next case, a context that presents it, and why others were passed over; each reason is returned once.

        Raises Problem where no case fits that name.
        """
        passed_over: list[str] = []
        for _ in self.cases:
            case = self._next()
            try:
                context = _context(case_minting.mint(case, asked, self.authority, datetime.now(UTC)))
            except Problem as problem:
                passed_over.append(f"{case.id} is passed over: {printable(problem.fact)}")
            else:
                return case, context, self._untold(passed_over)
        raise Problem("nothing was shown, since no case is left", *passed_over, hint=NAMES)

    def _next(self) -> VerifiedCase:
        with self._lock:
            self._turn += 1
            return self.cases[(self._turn - 1) % len(self.cases)]

    def _untold(self, lines: Sequence[str]) -> list[str]:
        with self._lock:
            untold = [line for line in lines if line not in self._told]
            if len(self._told) > REMEMBERED:  # the lines hold names that clients choose
                self._told.clear()
            self._told |= set(untold)
        return untold


REMEMBERED = 1000
"""Lines that are not printed again."""
NAMES = "wildcards want a host like shop.example.com, and cases about addresses one who asks for 127.0.0.1"


def _context(served: Served) -> ssl.SSLContext:
    return lab_context((served.chain_pem, served.key_pem), newest(served), dh_parameters=good_group())


def asked_for(said: str | None, peer: str, where: Position) -> AskedName:
    """By the ClientHello; where that has no server_name, the address of the connection, or the upstream host."""
    if said is None:
        return AskedName(names.reference(_dialled(peer, where)), tuple(_reference(where.upstream.host)))
    for name in _reference(said):
        return AskedName(name)
    raise Problem(f"nothing was shown: it asks for {printable(repr(said))}, and that is no name", code=ExitCode.NO)


def _reference(text: str) -> Iterator[x509.GeneralName]:
    with suppress(names.InvalidName):
        yield names.reference(text)


def _dialled(peer: str, where: Position) -> str:
    """The address that the client came to, as far as one can tell."""
    own = where.hosts[0] if where.hosts else ""
    with suppress(ValueError):  # a host, or nothing
        if not ipaddress.ip_address(own).is_unspecified:
            return own
    return "::1" if peer.startswith("[") else "127.0.0.1"
