"""The next case for a connection: the cases in order, without those that do not fit the client's name. EDGE."""

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
    """The cases in order: each connection gets the next case that fits its name; the first follows the last.

    Clients cannot be distinguished, so the case that a client gets depends on the connections before it.
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
        """A rotation of the cases that this root can issue and this OpenSSL can load."""
        possible, left_out = [], {}
        for case in cases:
            try:
                _context(case_minting.mint_for_own_name(case, authority, datetime.now(UTC)))
                possible.append(case)
            except Problem as problem:
                left_out[case.id] = obstacle(problem)
        return cls(possible, left_out, authority)

    def next_for(self, asked: AskedName) -> tuple[VerifiedCase, ssl.SSLContext, list[str]]:
        """The next case, a context that presents it, and why other cases were skipped. Each reason is returned once.

        Raises Problem if no case fits the name.
        """
        skipped: list[str] = []
        for _ in self.cases:
            case = self._next()
            try:
                context = _context(case_minting.mint(case, asked, self.authority, datetime.now(UTC)))
            except Problem as problem:
                skipped.append(f"{case.id} is skipped: {printable(problem.fact)}")
            else:
                return case, context, self._untold(skipped)
        raise Problem(f"no case fits the name {printable(str(asked))}", *skipped, hint=NAMES)

    def _next(self) -> VerifiedCase:
        with self._lock:
            self._turn += 1
            return self.cases[(self._turn - 1) % len(self.cases)]

    def _untold(self, lines: Sequence[str]) -> list[str]:
        with self._lock:
            untold = [line for line in lines if line not in self._told]
            if len(self._told) > REMEMBERED:  # the lines contain names that clients choose
                self._told.clear()
            self._told |= set(untold)
        return untold


REMEMBERED = 1000
"""The number of lines that are not printed again."""
NAMES = (
    "cases about wildcards need a host like shop.example.com, cases about addresses a client that asks for 127.0.0.1"
)


def _context(served: Served) -> ssl.SSLContext:
    return lab_context((served.chain_pem, served.key_pem), newest(served), dh_parameters=good_group())


def asked_for(server_name: str | None, peer: str, where: Position) -> AskedName:
    """The name in the ClientHello; without one, the address of the connection or the upstream host."""
    if server_name is None:
        return AskedName(names.reference(_dialled(peer, where)), tuple(_reference(where.upstream.host)))
    for name in _reference(server_name):
        return AskedName(name)
    raise Problem(f"no certificate was presented: {printable(repr(server_name))} is not a host name", code=ExitCode.NO)


def _reference(text: str) -> Iterator[x509.GeneralName]:
    with suppress(names.InvalidName):
        yield names.reference(text)


def _dialled(peer: str, where: Position) -> str:
    """The address that the client connected to, as far as it is known."""
    own = where.hosts[0] if where.hosts else ""
    with suppress(ValueError):  # a host name, or empty
        if not ipaddress.ip_address(own).is_unspecified:
            return own
    return "::1" if peer.startswith("[") else "127.0.0.1"
