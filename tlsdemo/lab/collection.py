"""The whole collection, minted and ready: what the lab shows, in the order in which it shows it."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from pki import gallery
from pki.errors import Problem
from pki.rogues import CATALOGUE, Workshop
from tlsdemo.edu.agreement import FFDHE2048
from tlsdemo.lab import certificates, protocols
from tlsdemo.lab.declare import Declared, declared
from tlsdemo.lab.exhibit import Exhibit
from tlsdemo.lab.protocols import Counter, dh_parameters
from tlsdemo.lab.stage import Show
from tlsdemo.tls.context import lab_context

GOOD, UNKNOWN_AUTHORITY = "good", "untrusted-root-sent"
"""What every client must accept, and the first thing that it must refuse."""
ONLY_NAMED = {"stall": "it lasts as long as --timeout"}


@dataclass(frozen=True)
class Collection:
    """Everything that can be shown, under one new root."""

    exhibits: tuple[Exhibit, ...]
    root: x509.Certificate
    room: Workshop

    def entrance(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Two contexts with a good certificate."""
        served = CATALOGUE[GOOD].mint(replace(self.room, alternative_names=certificates.local_names("lab"))).served
        shown = served.chain_pem, served.key_pem
        return lab_context(shown), lab_context(shown)


def collect(now: datetime) -> Collection:
    """Mint it all."""
    room = gallery.workshop(certificates.local_names("lab"), now)
    group = dh_parameters(FFDHE2048)
    exhibits = [*certificates.exhibits(room, group), *_protocols(room)]
    return Collection(tuple(exhibits), room.root, room)


def _protocols(room: Workshop) -> Sequence[Exhibit]:
    served = room.serve(leaf_key=room.rsa_key(2048))
    found: list[Declared[Counter, Show]] = declared(protocols)
    return [_protocol(each, Counter((served.chain_pem, served.key_pem), each.case)) for each in found]


def _protocol(each: Declared[Counter, Show], counter: Counter) -> Exhibit:
    only_named = ONLY_NAMED.get(each.case.id, "")
    try:
        return Exhibit(each.case, each.make(counter), only_named=only_named)
    except Problem as problem:
        return Exhibit(each.case, None, "; ".join((problem.fact, *problem.evidence)), only_named=only_named)
