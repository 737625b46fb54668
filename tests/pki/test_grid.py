"""Name constraints and path building over whole grids, as in BetterTLS. Caught: an untested combination.

Every way to permit and exclude hosts and addresses is put to certificates with either or both; the expected verdict is
a rule in one line, and cryptography's verifier is asked as well.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from itertools import product

import pytest
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import names
from pki.authority import Validity, authority_name, subject_for
from pki.cases.builder import CaseBuilder, Change, as_is, dated, having, named, usage, without
from pki.cases.case import Served
from pki.cases.tbs_certificate import Draft
from pki.keys import PrivateKey
from pki.path import verify
from pki.profiles import INTERMEDIATE, SERVER, Profile
from tests.pki.cases.test_cases import case_builder

HOST, ADDRESS = "www.shop.example", IPv4Address("192.0.2.7")
AROUND = {
    "host": (x509.DNSName("shop.example"), x509.DNSName("other.example")),
    "address": (x509.IPAddress(IPv4Network("192.0.2.0/24")), x509.IPAddress(IPv4Network("198.51.100.0/24"))),
}
"""For each kind of name: what it is within, and what it is not."""
WITHIN, ELSEWHERE, NOWHERE = "within", "elsewhere", "nowhere"
PLACES = (NOWHERE, WITHIN, ELSEWHERE)
GRID = list(product(PLACES, PLACES, PLACES, PLACES, (("host",), ("address",), ("host", "address"))))


def subtrees(host: str, address: str) -> list[x509.GeneralName] | None:
    """The names of a constraint: of hosts, of addresses, or of both."""
    chosen = [
        AROUND[kind][place == ELSEWHERE] for kind, place in (("host", host), ("address", address)) if place != NOWHERE
    ]
    return chosen or None


def constrained(permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None) -> Change:
    """A CA with these name constraints, or without any."""
    return having(x509.NameConstraints(permitted, excluded), critical=True) if permitted or excluded else as_is


def is_accepted(served: Served, given: CaseBuilder) -> tuple[bool, bool]:
    """By us, and by cryptography's verifier."""
    leaf, *others = map(x509.load_der_x509_certificate, served.chain)
    anchors = [x509.load_der_x509_certificate(each) for each in served.anchors]
    ours = verify(leaf, intermediates=others, trust_anchors=anchors, name=served.name, at=given.now).accepted
    assert isinstance(served.name, x509.DNSName | x509.IPAddress)
    builder = verification.PolicyBuilder().store(verification.Store(anchors)).time(given.now)
    try:
        builder.build_server_verifier(served.name).verify(leaf, others)
    except verification.VerificationError:
        return ours, False
    return ours, True


def test_every_combination_of_constraints_is_judged_by_the_rule() -> None:
    given = case_builder("measured")
    assert len(GRID) == 243
    for permitted_host, permitted_address, excluded_host, excluded_address, kinds in GRID:
        fence = constrained(subtrees(permitted_host, permitted_address), subtrees(excluded_host, excluded_address))
        wanted = [{"host": HOST, "address": ADDRESS}[kind] for kind in kinds]
        served = given.serve(intermediates=(fence,), leaf=named(*wanted), name=wanted[0])  # type: ignore[arg-type]  # a host or an address
        permitted = {"host": permitted_host, "address": permitted_address}
        excluded = {"host": excluded_host, "address": excluded_address}
        expected = all(permitted[kind] != ELSEWHERE and excluded[kind] != WITHIN for kind in kinds)
        assert is_accepted(served, given) == (expected, expected), (permitted, excluded, kinds)


# Ways -----------------------------------------------------------------------------------------------------------------

FAULTS: dict[str, Change] = {
    "expired": lambda draft: dated(case_builder("measured").day(-90), case_builder("measured").day(-1))(draft),
    "not an authority": without(x509.BasicConstraints.oid),
    "for mail alone": having(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])),
    "may not sign": usage("digital_signature"),
    "fenced in": having(x509.NameConstraints([x509.DNSName("other.example")], None), critical=True),
    "unknown and critical": having(
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.9"), b"\x05\x00"), critical=True
    ),
}  # fmt: skip


UNLIMITED = replace(INTERMEDIATE, path_length=None)


def certified(subject: x509.Name, key: PrivateKey, issuer: x509.Name, profile: Profile, *wanted: str) -> Draft:
    """A correct certificate, before it is signed."""
    given = case_builder("measured")
    return Draft.of(
        profile,
        subject=subject,
        issuer=issuer.public_bytes(),
        public_key=key.public_key(),
        alternative_names=tuple(map(names.parse, wanted)),
        validity=Validity(given.day(-1), given.day(30)),
        serial=given.new_serial(),
        key_identifier=x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest,
        authority_key_identifier=b"anybody",
    ).without(x509.AuthorityKeyIdentifier.oid)


def signed(draft: Draft, by: PrivateKey) -> x509.Certificate:
    """Signed, and read."""
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    return x509.load_der_x509_certificate(draft.having(aki).sign(by))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("good", range(8))
def test_the_one_good_way_of_eight_is_found(fault: str, good: int) -> None:
    """Three layers, each authority certified twice for the same key: once well, and once with a fault."""
    given = case_builder("measured")
    name, above = authority_name("grid", "root"), given.new_key()
    root = signed(certified(name, above, name, UNLIMITED), above)
    sound: list[x509.Certificate] = []
    broken: list[x509.Certificate] = []
    pool: list[x509.Certificate] = []
    for layer in range(3):
        key, subject = given.new_key(), authority_name("grid", f"layer {layer}")
        correct = certified(subject, key, name, UNLIMITED)
        sound.append(signed(correct, above))
        broken.append(signed(FAULTS[fault](correct), above))
        pool += [sound[-1], broken[-1]] if good >> layer & 1 else [broken[-1], sound[-1]]
        name, above = subject, key
    leaf = signed(certified(subject_for(names.parse(HOST)), given.new_key(), name, SERVER, HOST), above)

    def accepted(*intermediates: x509.Certificate) -> bool:
        asked = {"trust_anchors": [root], "name": names.parse(HOST), "at": given.now}
        return verify(leaf, intermediates=intermediates, **asked).accepted  # type: ignore[arg-type]  # as `verify` has them

    assert accepted(*pool)
    for layer in range(3):
        assert not accepted(*(each for each in pool if each is not sound[layer]))
