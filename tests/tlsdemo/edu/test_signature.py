"""CertificateVerify, the proof of possession: OpenSSL judges it, over bytes that are put together from the tape."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from pki import Credential, keys
from pki.keys import KeyType
from tests.conftest import mint, run, tool
from tests.tlsdemo.edu.parties import LINES, Editor, believed, error_of, fault, machine, parties, said_by, seeded, talk
from tlsdemo import trust
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu import authentication
from tlsdemo.edu.handshake import Client, Server
from tlsdemo.edu.machine import Machine, Parts
from tlsdemo.edu.messages import Certificate, CertificateVerify
from tlsdemo.edu.protocol import CA, MUTUAL, RUNGS, SIGNED, assemble
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.violations import Violation

BOTH_SIGN = MUTUAL - {Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION}
"""Nobody vouches for anybody here, so that every type of key will do."""
PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
OPENSSL: dict[KeyType, tuple[str, ...]] = {
    KeyType.EC_P256: ("dgst", "-sha256"),
    KeyType.EC_P384: ("dgst", "-sha384"),
    KeyType.RSA_2048: ("dgst", "-sha256", *PSS),
    KeyType.ED25519: ("pkeyutl", "-rawin"),
}
Minted = Callable[[KeyType], Path]


@pytest.fixture(scope="module")
def minted(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Minted:
    """A PKI of the key type asked for, minted once."""

    @cache
    def of(key_type: KeyType) -> Path:
        if key_type is KeyType.EC_P256:
            return certs
        return mint(tmp_path_factory.mktemp(key_type.value) / "certs", key_type)

    return of


def content(outcome: Outcome, signer: Side, label: str = "") -> bytes:
    """What is to be signed, out of what passed the line: 64 blanks, whose it is, a zero byte, a hash of all before."""
    words = label or f"tlsdemo, {signer.value} CertificateVerify"
    before = said_by(outcome, signer, "certificate_verify").before
    return b" " * 64 + words.encode() + b"\0" + sha256(before).digest()


def openssl_accepts(folder: Path, key_type: KeyType, outcome: Outcome, signer: Side, signed: bytes) -> bool:
    """The judgement of `openssl` on the signature that passed the line, by the certificate that passed it."""
    der = bytes.fromhex(said_by(outcome, signer, "certificate").entries["chain"][0])
    key = load_der_x509_certificate(der).public_key()
    public, signature, data = (folder / name for name in ("public.pem", "signature", "content"))
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature.write_bytes(bytes.fromhex(said_by(outcome, signer, "certificate_verify").entries["signature"]))
    data.write_bytes(signed)
    if key_type is KeyType.ED25519:
        words = ("-verify", "-pubin", "-inkey", public, "-sigfile", signature, "-in", data)
        done = run(tool("openssl"), *OPENSSL[key_type], *words)
    else:
        done = run(tool("openssl"), *OPENSSL[key_type], "-verify", public, "-signature", signature, data)
    verified = "Verified OK" in done.stdout or "Signature Verified Successfully" in done.stdout
    assert verified is (done.returncode == 0), done.stderr
    return verified


@pytest.mark.parametrize("signer", Side, ids=lambda side: side.value)
@pytest.mark.parametrize("key_type", OPENSSL, ids=lambda key_type: key_type.value)
def test_openssl_accepts_the_signature_over_what_passed_the_line(
    minted: Minted, tmp_path: Path, key_type: KeyType, signer: Side
) -> None:
    outcome = talk(*parties(minted(key_type)), BOTH_SIGN)
    assert believed(outcome)
    assert openssl_accepts(tmp_path, key_type, outcome, signer, content(outcome, signer))


@pytest.mark.parametrize("key_type", OPENSSL, ids=lambda key_type: key_type.value)
def test_openssl_does_not_accept_it_for_the_other_side_nor_over_other_words(
    minted: Minted, tmp_path: Path, key_type: KeyType
) -> None:
    outcome = talk(*parties(minted(key_type)), SIGNED)
    good = content(outcome, Side.SERVER)
    others = {
        "the client's": content(outcome, Side.SERVER, "tlsdemo, client CertificateVerify"),
        "that of TLS": content(outcome, Side.SERVER, "TLS 1.3, server CertificateVerify"),
        "one blank less": good[1:],
        "another transcript": good[:-1] + bytes([good[-1] ^ 1]),
    }
    assert {
        name: openssl_accepts(tmp_path, key_type, outcome, Side.SERVER, other) for name, other in others.items()
    } == dict.fromkeys(others, False)


@pytest.mark.parametrize(
    ("key_type", "kind"),
    [
        (KeyType.EC_P256, ec.EllipticCurvePublicKey),
        (KeyType.EC_P384, ec.EllipticCurvePublicKey),
        (KeyType.RSA_2048, rsa.RSAPublicKey),
        (KeyType.ED25519, ed25519.Ed25519PublicKey),
    ],
    ids=lambda each: getattr(each, "value", ""),
)
def test_control_the_certificates_are_of_the_type_that_is_tried(minted: Minted, key_type: KeyType, kind: type) -> None:
    credential = parties(minted(key_type))[1].credential
    assert credential
    assert isinstance(credential.certificate.public_key(), kind)


@pytest.mark.parametrize("rung", ["signed", "ca", "mutual"])
def test_the_signature_comes_after_the_certificate_and_covers_it(certs: Path, rung: str) -> None:
    outcome = talk(*parties(certs), RUNGS[rung])
    shown, signed = (said_by(outcome, Side.SERVER, kind) for kind in ("certificate", "certificate_verify"))
    assert signed.before == shown.before + shown.line


# Whose, and when ----------------------------------------------------------------------------------------------------


def sides(certs: Path, claims: frozenset[Protection], prove: Callable[[Machine], None], liar: Side) -> Outcome:
    """A conversation in which one side shows who it is in its own way."""
    honest = assemble(claims, None)
    lying: Parts = replace(honest, prove={**honest.prove, liar: (prove,)})
    client, server = parties(certs)
    rung = next(name for name, full in RUNGS.items() if claims <= full)
    return converse(
        Client(rung, lying if liar is Side.CLIENT else honest, client),
        Server(rung, lying if liar is Side.SERVER else honest, server),
        lines=LINES,
    )


def showing(label: Side) -> Callable[[Machine], None]:
    """Shows a good certificate, and signs in the name of that side."""

    def prove(peer: Machine) -> None:
        credential = peer.party.credential
        assert credential
        peer.say(Certificate(trust.ders(credential)))
        signed = b" " * 64 + f"tlsdemo, {label.value} CertificateVerify".encode() + b"\0" + peer.transcript_hash()
        peer.say(CertificateVerify(authentication.sign(credential.key, signed)))

    return prove


@pytest.mark.parametrize("liar", Side, ids=lambda side: side.value)
def test_a_signature_of_one_side_is_not_taken_for_the_others(certs: Path, liar: Side) -> None:
    outcome = sides(certs, MUTUAL, showing(liar.other), liar)
    assert fault(outcome[liar.other]) is Violation.BAD_SIGNATURE
    assert outcome.server.delivered == b""
    assert believed(sides(certs, MUTUAL, showing(liar), liar))  # the control


@pytest.mark.parametrize("signer", Side, ids=lambda side: side.value)
def test_a_signature_of_yesterday_is_refused(certs: Path, signer: Side) -> None:
    yesterday = said_by(talk(*seeded(certs, 1), MUTUAL), signer, "certificate_verify").entries
    outcome = talk(*seeded(certs, 2), MUTUAL, Editor(signer, "certificate_verify", lambda _: [yesterday]))
    assert fault(outcome[signer.other]) is Violation.BAD_SIGNATURE
    assert (outcome.client.delivered, outcome.server.delivered) == (b"", b"")


def test_control_where_both_draw_the_same_again_yesterdays_signature_fits(certs: Path) -> None:
    yesterday = said_by(talk(*seeded(certs, 1), MUTUAL), Side.SERVER, "certificate_verify").entries
    editor = Editor(Side.SERVER, "certificate_verify", lambda _: [yesterday])
    assert believed(talk(*seeded(certs, 1), MUTUAL, editor))
    assert editor.done


@pytest.mark.parametrize("drawn_again", Side, ids=lambda side: side.value)
def test_one_side_that_draws_afresh_is_enough(certs: Path, drawn_again: Side) -> None:
    yesterday = said_by(talk(*seeded(certs, 1), MUTUAL), Side.SERVER, "certificate_verify").entries
    today = dict(zip(Side, zip(seeded(certs, 1), seeded(certs, 2), strict=True), strict=True))
    client, server = (today[side][side is drawn_again] for side in Side)
    outcome = talk(client, server, MUTUAL, Editor(Side.SERVER, "certificate_verify", lambda _: [yesterday]))
    assert fault(outcome.client) is Violation.BAD_SIGNATURE


@pytest.mark.parametrize("thief", Side, ids=lambda side: side.value)
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048, KeyType.ED25519, KeyType.EC_P384])
def test_who_has_the_certificate_and_not_its_key_proves_nothing(certs: Path, key_type: KeyType, thief: Side) -> None:
    party = dict(zip(Side, parties(certs), strict=True))
    party[thief] = without_the_key(party[thief], keys.generate(key_type))
    outcome = talk(party[Side.CLIENT], party[Side.SERVER], MUTUAL)
    assert fault(outcome[thief.other]) is Violation.BAD_SIGNATURE
    assert error_of(outcome[thief]).detail.startswith("decrypt_error: ")
    assert outcome.server.delivered == b""


def without_the_key(party: Party, key: keys.PrivateKey) -> Party:
    assert isinstance(party.credential, Credential)
    return replace(party, credential=replace(party.credential, key=key))


@pytest.mark.parametrize("claims", [SIGNED, CA], ids=["signed", "ca"])
def test_a_signature_is_made_once_for_each_conversation(certs: Path, claims: frozenset[Protection]) -> None:
    first, second = (
        said_by(talk(*parties(certs), claims), Side.SERVER, "certificate_verify").entries["signature"] for _ in range(2)
    )
    assert first != second


def test_whose_certificate_was_believed_is_known_afterwards(certs: Path) -> None:
    client, server = parties(certs)
    outcome = talk(client, server, MUTUAL)
    assert client.credential
    assert server.credential
    assert machine(outcome.client).peer_chain == server.credential.chain
    assert machine(outcome.server).peer_chain == client.credential.chain
