"""The whole collection, minted and ready: what the lab shows, in the order in which it shows it."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cryptography import x509

from pki.authority import authority_name
from pki.cases import CATALOGUE, CaseBuilder
from pki.errors import Problem
from pki.profiles import ROOT
from pki.publish.server import Publisher
from pki.store import case_files
from tlsdemo.edu.key_agreement import FFDHE2048
from tlsdemo.findings import Case
from tlsdemo.lab import certificate_cases, client_certificate_cases, protocol_cases, revocation_cases
from tlsdemo.lab.case import Declared, declared
from tlsdemo.lab.client_certificate_cases import Cloakroom, Papers
from tlsdemo.lab.conversation import Show
from tlsdemo.lab.exhibit import Exhibit
from tlsdemo.lab.protocol_cases import Counter, dh_parameters
from tlsdemo.tls.context import lab_context

GOOD, UNKNOWN_AUTHORITY = "good", "untrusted-root"
"""What every client must accept, and the first thing that it must refuse."""
STALL = "stall"
NAME = "tlsdemo lab"
ROOT_NAME = authority_name(NAME, ROOT.name)
"""The subject of a lab's root. `--ca-out` replaces the certificate of an earlier lab, and no other."""
LASTS = "it lasts as long as --timeout: name it with --case"
ASKS = "it asks for a client's certificate: name it with --case, and give the client one"


@dataclass(frozen=True)
class Collection:
    """Everything that can be shown, under one new root."""

    exhibits: tuple[Exhibit, ...]
    room: CaseBuilder
    papers: Papers

    @property
    def root(self) -> x509.Certificate:
        """What a client has to trust."""
        return self.room.root

    def entrance(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Two contexts with a good certificate."""
        shown = _good(self.room)
        return lab_context(shown), lab_context(shown)


def collect(
    now: datetime, publisher: Publisher, controls: certificate_cases.Controls = certificate_cases.Controls.SERVED
) -> Collection:
    """Mint it all; what revocation there is, goes to the publisher."""
    room = case_files.case_builder(certificate_cases.local_names("lab"), now, NAME)
    papers = Papers(room)
    exhibits = [
        *certificate_cases.exhibits(room, dh_parameters(FFDHE2048), publisher, controls),
        *_revocation(room, publisher),
        *_protocols(room),
        *_clients(room, papers),
    ]
    return Collection(tuple(exhibits), room, papers)


def _good(room: CaseBuilder) -> tuple[bytes, bytes]:
    served = CATALOGUE[GOOD].mint(room).served
    return served.chain_pem, served.key_pem


def _revocation(room: CaseBuilder, publisher: Publisher) -> Iterator[Exhibit]:
    cases: list[Declared[revocation_cases.Office, revocation_cases.Announced]] = declared(revocation_cases)
    for each in cases:
        named = replace(room, alternative_names=certificate_cases.local_names(each.case.id))
        served = revocation_cases.mint(each.case.id, each.make, named, publisher)
        yield certificate_cases.shown(each.case, served, room.trusted.certificate)


def _protocols(room: CaseBuilder) -> Iterator[Exhibit]:
    served = room.serve(leaf_key=room.rsa_key(2048))
    cases: list[Declared[Counter, Show]] = declared(protocol_cases)
    for each in cases:
        counter = Counter((served.chain_pem, served.key_pem), each.case)
        yield _own_port(each.case, partial(each.make, counter), LASTS if each.case.id == STALL else "")


def _clients(room: CaseBuilder, papers: Papers) -> Iterator[Exhibit]:
    cases: list[Declared[Cloakroom, Show]] = declared(client_certificate_cases)
    for each in cases:
        yield _own_port(each.case, partial(each.make, Cloakroom(room, _good(room), each.case, papers)), ASKS)


def _own_port(case: Case, make: Callable[[], Show], only_named: str) -> Exhibit:
    """What has no place on the port that chooses by name."""
    try:
        return Exhibit(case, make(), only_named=only_named)
    except Problem as problem:
        return Exhibit(case, None, "; ".join((problem.fact, *problem.evidence)), only_named=only_named)
