"""The catalogue's certificates as exhibits, minted for this machine, relative to now.

Each names `localhost`, CASE.localhost, 127.0.0.1 and ::1, unless the name is what is wrong with it. Where a case is
about another name, that name ends in CASE.localhost, too.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import names
from pki.cases import CATALOGUE, CaseBuilder, CertificateCase, Mode, Must, Served
from pki.errors import Problem
from pki.malformed import MALFORMED
from pki.publish.server import Publisher
from tlsdemo.findings import Case
from tlsdemo.lab import revocation_cases
from tlsdemo.lab.case import of_rogue
from tlsdemo.lab.conversation import facts, over_tls
from tlsdemo.lab.exhibit import HOME, Exhibit
from tlsdemo.tls.context import Ciphers, lab_context
from tlsdemo.tls.server_name import listen_for_names

ADDRESSES = ("127.0.0.1", "::1")
STRICT = Mode.PYTHON_3_13 if sys.version_info >= (3, 13) else Mode.PYTHON_3_11
"""How this Python verifies."""
SHORTEST_RSA = 528  # bits that RSA-PSS with SHA-256 takes (RFC 8017 §9.1.1); TLS 1.3 has no other signature for RSA


class Controls(Enum):
    """Whether each rogue's control is minted, too."""

    SERVED = "served"
    LEFT_OUT = "left out"


def local_names(case_id: str) -> tuple[x509.GeneralName, ...]:
    """The names of a correct certificate of the lab."""
    return tuple(map(names.parse, (HOME, f"{case_id}.{HOME}", *ADDRESSES)))


def exhibits(
    room: CaseBuilder,
    dh_parameters: bytes,
    publisher: Publisher,
    controls: Controls = Controls.SERVED,
    rogues: Sequence[CertificateCase[CaseBuilder]] = tuple(CATALOGUE.values()),
) -> list[Exhibit]:
    """All of them, under the room's root. `dh_parameters` are for the suites that go with DSA."""
    return [_exhibit(each, room, dh_parameters, publisher, controls) for each in rogues]


def _exhibit(
    rogue: CertificateCase[CaseBuilder],
    room: CaseBuilder,
    dh_parameters: bytes,
    publisher: Publisher,
    controls: Controls,
) -> Exhibit:
    room = replace(
        room,
        alternative_names=local_names(rogue.id),
        locations=revocation_cases.locations(publisher, rogue.id, dict.fromkeys(revocation_cases.Where)),
    )
    specimen, root_der, case = rogue.mint(room), room.trusted.certificate, of_rogue(rogue, STRICT)
    exhibit = shown(case, specimen.served, root_der, dh_parameters)
    if specimen.served.crls:  # only what its authority says of it is wrong; its control would have the same name
        revocation_cases.also_revoked(specimen.served, rogue.id, room, publisher)
        return exhibit
    if controls is Controls.LEFT_OUT or rogue.must is Must.ACCEPT or not exhibit.show:
        return exhibit
    control = shown(control_of(case), specimen.control, root_der, dh_parameters)
    return replace(exhibit, control=replace(control, context=None, sni=None))


def control_of(case: Case) -> Case:
    """The words of a control."""
    summary = f"The control of {case.id}: the same without the fault."
    return replace(
        case,
        id=f"{case.id}.control",
        aliases=(),
        summary=summary,
        story=summary,
        must=Must.ACCEPT.value,
        verify_codes=(),
    )


def shown(case: Case, served: Served, root_der: bytes, dh_parameters: bytes = b"") -> Exhibit:
    """A minted certificate as an exhibit; with the reason, if OpenSSL does not load it."""
    host = names.plain(served.name)
    sni = f"{case.id}.{HOME}" if host in (HOME, *ADDRESSES) else host
    own_root = b"" if served.anchors == (root_der,) else served.anchors_pem
    ciphers = newest(served)
    try:
        context = lab_context((served.chain_pem, served.key_pem), ciphers, dh_parameters=dh_parameters)
    except Problem as problem:
        return Exhibit(case, None, "; ".join((problem.fact, *problem.evidence)), host, None, sni, own_root)
    listen_for_names(context)
    show = over_tls(context, lambda visit: facts(case, visit))
    if ciphers is Ciphers.ANYTHING_OF_1_2_FOR_THE_LAB:  # by name, 1.3 would be agreed on before the name is looked at
        return Exhibit(case, show, "", host, anchors_pem=own_root)
    return Exhibit(case, show, "", host, context, sni, own_root)


def newest(served: Served) -> Ciphers:
    """TLS 1.3 where it has a signature for such a key (RFC 8446 §4.2.3); else 1.2, so that it can be shown at all."""
    return Ciphers.ANYTHING_FOR_THE_LAB if _fits_tls_1_3(_key(served)) else Ciphers.ANYTHING_OF_1_2_FOR_THE_LAB


def _key(served: Served) -> CertificatePublicKeyTypes:
    """The public half: from the certificate, which takes a tenth of the time; from the key where that is broken."""
    try:
        return x509.load_der_x509_certificate(served.chain[0]).public_key()
    except MALFORMED:
        return load_pem_private_key(served.key_pem, password=None).public_key()  # type: ignore[return-value]  # a server's


def _fits_tls_1_3(key: CertificatePublicKeyTypes) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= SHORTEST_RSA
    return not isinstance(key, dsa.DSAPublicKey)
