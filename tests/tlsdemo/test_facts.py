"""Facts about the standards and the attacks, as they are printed. Falsehood caught: each of these was printed once."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import guides
from tests.conftest import ROOT, run
from tests.tlsdemo.conftest import Command
from tests.tlsdemo.edu.parties import error_of, machine
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.compare.protocols import SENTENCES
from tlsdemo.conversation import converse
from tlsdemo.credentials.kinds import ROGUE
from tlsdemo.edu import key_schedule
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.edu.groups import falling
from tlsdemo.edu.logarithms import reaches
from tlsdemo.edu.messages import Record
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.edu.records import CIPHERS, Content, RecordChannel, Rules
from tlsdemo.edu.weak import order
from tlsdemo.key_agreement import FFDHE2048, X25519
from tlsdemo.protocol import Protection, Side

WORLD = world_of(edu(RUNGS["ca"]).key_type)
SECRETS = key_schedule.schedule(bytes(32), bytes(32), bytes(32))

# Protections --------------------------------------------------------------------------------------------------------


def sealed(said: bytes, rules: Rules | None = None, cipher: str = "ChaCha20-Poly1305") -> bytes:
    record = RecordChannel(Side.CLIENT, SECRETS, CIPHERS[cipher], rules or Rules()).seal(Content.DATA, said)
    assert isinstance(record, Record)
    return record.sealed


@settings(max_examples=50)
@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8), st.binary(max_size=7))
def test_the_length_of_a_record_depends_on_the_length_of_its_content_alone(
    one: bytes, two: bytes, shorter: bytes
) -> None:
    """§E.3: a length tells something, namely a length. "Tells nothing of what is in it" was false."""
    assert len(sealed(one)) == len(sealed(two)) > len(sealed(shorter))
    assert "alone" in Protection.COMPRESSION_SAFETY.meaning


def test_nonce_reuse_gives_the_xor_of_two_plaintexts() -> None:
    one, two = b"PAY 0100 to Alice", b"the key is hidden"
    first, second = (sealed(each, Rules(number=order.all_alike)) for each in (one, two))
    xor = bytes(a ^ b for a, b in zip(first, second, strict=True))[: len(one)]
    assert xor == bytes(a ^ b for a, b in zip(one, two, strict=True))
    assert "XOR" in str(order.__doc__)


def test_the_sections_are_those_that_say_so() -> None:
    assert Protection.POST_QUANTUM.section == "RFC 9794 §5"
    assert {"§4.1.2", "§4.1.3", "§4.2.8"} == set(Protection.FRESHNESS.section.split(", "))


def test_a_hybrid_is_not_said_to_protect_more_than_recordings() -> None:
    """The signatures are ECDSA here: a quantum computer forges them."""
    assert WORLD.server.credential
    assert isinstance(WORLD.server.credential.key, EllipticCurvePrivateKey)
    assert "signatures are not protected" in Protection.POST_QUANTUM.meaning
    assert "signatures" in SENTENCES["hybrid"]


# Attacks ------------------------------------------------------------------------------------------------------------


def test_what_is_compromised_is_named() -> None:
    threats = {name: BY_ID[name].threat for name in ("stolen-key", "stolen-ca", "installed-root", "quantum")}
    assert "end system" in threats["stolen-key"]
    assert "a CA " in threats["stolen-ca"]
    assert "lost" not in threats["quantum"]
    assert "quantum computer" in threats["quantum"]


def test_an_invalid_certificate_signature_is_bad_certificate() -> None:
    """RFC 8446 §6.2: "contained signatures that did not verify correctly"."""
    protocol = edu(RUNGS["ca"])
    rogue = replace(WORLD.server, credential=WORLD.mint.credential(ROGUE))
    outcome = converse(protocol.client(WORLD.client), protocol.server(rogue))
    assert error_of(outcome.server).detail.startswith("bad_certificate: ")


# Groups -------------------------------------------------------------------------------------------------------------


def test_dh_is_x25519_unless_a_group_is_named() -> None:
    client = machine(edu(RUNGS["dh"]).client(WORLD.client))
    assert client.parts.group == X25519()
    assert "`--protocol dh` uses the curve X25519 by default" in guides.text("tlsdemo/edu/README.md")


def test_a_long_prime_is_not_enough() -> None:
    smooth = falling("smooth")
    assert smooth.p.bit_length() >= FFDHE2048.bit_length() - 1
    assert reaches(smooth.p)


def test_an_eavesdropper_on_the_leaky_group_says_who_gets_the_secret() -> None:
    claims = RUNGS["dh"] - {Protection.STRONG_GROUP}
    protocol = edu(claims, group=falling("leaky"))
    outcome = converse(protocol.client(WORLD.client), protocol.server(WORLD.server))
    listener = LineEavesdropper()
    notes = [note for flight in outcome.tape for heard in listener.hear(flight) for note in heard.notes]
    assert "`tlsdemo attack computed-secret --group leaky`" in " ".join(notes)


# Roots --------------------------------------------------------------------------------------------------------------


def test_arithmetic_finds_no_fault_in_either_root(certs: Path, openssl: str) -> None:
    """Which is why nothing printed may say that only arithmetic can tell them apart."""
    for root in (certs / "root.pem", certs / "rogue/ca.pem"):
        assert run(openssl, "verify", "-CAfile", root, root).returncode == 0


def test_the_tour_says_what_tells_the_two_roots_apart(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(certs.parent)
    out = " ".join(cli("tour").out.split())
    assert "Only prior knowledge tells them apart" in out
    assert "The attacker can still delay records, cut the connection, and see the length of each record." in out


FALSE = {
    "only arithmetic can": "openssl verify accepts both roots",
    "always so; ": "a first ClientHello may say 0x0301 (§5.1)",
    "RFC 9162": "the logs in use follow RFC 6962",
    "and unpredictable": "a rule of the CA/Browser Forum, not of RFC 5280",
    "give away both plaintexts": "they give an XOR",
    "gives the plaintexts away": "it gives an XOR",
    "mixes the whole transcript": "the schedule takes the transcript as far as it has got",
    "if the prime is large": "smooth is as long as ffdhe2048",
    "apart (POODLE": "POODLE is a padding that is not checked",
    "signs no more than this": "ServerKeyExchange does not; a client's CertificateVerify does",
    "a rogue lives next door": "its key is another",
    "nobody could be fooled": "perhaps nobody was asked",
    "The attacker copied all of the root that can be copied": "a signature can be copied; it cannot be made",
    "imitator cannot copy": "a signature can be copied; it cannot be made",
    "wrong in one way and no other": "18 of them are valid",
}


@pytest.mark.parametrize("phrase", FALSE)
def test_what_was_false_is_not_printed_again(phrase: str) -> None:
    files = [
        *(ROOT / "pki").rglob("*.py"),
        *(ROOT / "tlsdemo").rglob("*.py"),
        *(ROOT / page for page in guides.PAGES),
        ROOT / "certs/README.md",
    ]
    found = [path.name for path in files if phrase in re.sub(r"\s+", " ", path.read_text())]
    assert found == [], FALSE[phrase]
