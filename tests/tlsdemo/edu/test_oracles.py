"""The educational handshake against the standards' own numbers, and against OpenSSL."""

import json
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.keys import KeyType
from pki.store.files import read_credential
from tests.conftest import mint, run, tool
from tests.tlsdemo.edu.parties import parties
from tlsdemo.conversation import converse
from tlsdemo.edu import key_schedule
from tlsdemo.edu.protocol import CA, MUTUAL, SIGNED, edu
from tlsdemo.key_agreement import FFDHE2048, X25519, FiniteField, Multiplication
from tlsdemo.protocol import Flight, Party, Protocol, Side

# Key agreement ------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_story() -> None:
    client, server = Multiplication(secret=5), Multiplication(secret=7)
    assert (client.public(5), server.public(7)) == ("1500", "2100")
    assert client.shared(5, "2100") == server.shared(7, "1500") == (10500).to_bytes(16)


def test_x25519_as_in_rfc_7748_section_6_1() -> None:
    alice = int("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", 16)
    bob = int("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", 16)
    alice_public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bob_public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert (X25519().public(alice), X25519().public(bob)) == (alice_public, bob_public)
    assert X25519().shared(alice, bob_public).hex() == X25519().shared(bob, alice_public).hex() == shared


def test_ffdhe2048_has_the_digits_of_e_as_rfc_7919_says() -> None:
    e, term, number = 0, 1 << (1918 + 64), 0
    while term:
        e, number = e + term, number + 1
        term //= number
    assert 2**2048 - 2**1984 + ((e >> 64) + 560316) * 2**64 - 1 == FFDHE2048


@pytest.mark.parametrize("leading_zero", [False, True], ids=["as it comes", "a secret that begins with zero"])
def test_ffdhe2048_gives_the_secret_that_openssl_gives(tmp_path: Path, leading_zero: bool) -> None:
    openssl, group = tool("openssl"), FiniteField(FFDHE2048, 2)
    theirs, public, ours, derived = (tmp_path / name for name in ("theirs.pem", "theirs.der", "ours.der", "derived"))
    run(openssl, "genpkey", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", theirs)
    run(openssl, "pkey", "-in", theirs, "-pubout", "-outform", "DER", "-out", public)
    der = public.read_bytes()  # it ends with the public value: an INTEGER, and so with a zero byte before a high bit
    length = 257 if der[-260:-256] == bytes.fromhex("82010100") else 256
    y = int.from_bytes(der[-256:])
    secret = next(
        secret
        for secret in count(group.draw(Random(1).randbytes))
        if int(group.public(secret), 16).bit_length() // 8 == length - 1
        and (pow(y, secret, FFDHE2048) >> 2040 == 0) is leading_zero
    )
    ours.write_bytes(der[:-length] + int(group.public(secret), 16).to_bytes(length))
    form = ("-peerform", "DER", "-pkeyopt", "dh_pad:1")
    done = run(openssl, "pkeyutl", "-derive", "-inkey", theirs, "-peerkey", ours, *form, "-out", derived)
    assert done.returncode == 0, done.stderr
    assert group.shared(secret, f"{y:0512x}") == derived.read_bytes()
    assert len(derived.read_bytes()) == 256
    assert (derived.read_bytes()[0] == 0) is leading_zero


# HKDF ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("salt", "ikm", "info", "prk", "okm"),
    [
        (
            bytes(range(13)), b"\x0b" * 22, bytes(range(0xF0, 0xFA)),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            b"", b"\x0b" * 22, b"",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["test case 1", "test case 3"],
)  # fmt: skip
def test_hkdf_as_in_rfc_5869_appendix_a(salt: bytes, ikm: bytes, info: bytes, prk: str, okm: str) -> None:
    assert key_schedule.extract(salt, ikm).hex() == prk
    assert key_schedule.expand(bytes.fromhex(prk), info, 42).hex() == okm


# The signature over the transcript ----------------------------------------------------------------------------------


def tape_of(protocol: Protocol, client: Party, server: Party) -> list[Flight]:
    outcome = converse(protocol.client(client), protocol.server(server), lines=[(Side.CLIENT, b"hello\n")])
    assert outcome.server.delivered == b"hello\n", (outcome.client.error, outcome.server.error)
    return outcome.tape


CHECKS = {
    KeyType.EC_P256: ("dgst", "-sha256"),
    KeyType.EC_P384: ("dgst", "-sha384"),
    KeyType.RSA_2048: ("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"),
    KeyType.ED25519: ("pkeyutl", "-rawin"),
}


@pytest.mark.parametrize("key_type", CHECKS, ids=lambda key_type: key_type.value)
def test_openssl_accepts_the_signature_over_all_that_was_said(tmp_path: Path, key_type: KeyType) -> None:
    openssl = tool("openssl")
    client, server = parties(mint(tmp_path / "certs", key_type))
    lines = b"".join(flight.data for flight in tape_of(edu(SIGNED), client, server)).splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if json.loads(line)["type"] == "certificate_verify")
    before = sha256(b"".join(lines[:place])).digest()
    (tmp_path / "content").write_bytes(b" " * 64 + b"tlsdemo, server CertificateVerify\0" + before)
    (tmp_path / "signature").write_bytes(bytes.fromhex(json.loads(lines[place])["signature"]))
    assert server.credential
    key = server.credential.certificate.public_key()
    (tmp_path / "key.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def check(content: Path) -> int:
        words: list[str | Path]
        if key_type is KeyType.ED25519:
            words = ["-verify", "-pubin", "-inkey", tmp_path / "key.pem", "-sigfile", tmp_path / "signature", "-in"]
        else:
            words = ["-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature"]
        return run(openssl, *CHECKS[key_type], *words, content).returncode

    assert check(tmp_path / "content") == 0
    (tmp_path / "other").write_bytes(b"!" + (tmp_path / "content").read_bytes()[1:])
    assert check(tmp_path / "other") != 0


def test_a_seeded_run_is_the_same_to_the_byte(certs: Path) -> None:
    first, again, other = (tape_of(edu(MUTUAL), *parties(certs, seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_key_of_another_server_does_not_sign_for_this_one(certs: Path, tmp_path: Path) -> None:
    client, server = parties(certs)
    assert server.credential
    other = read_credential(certs / "rogue/server.pem", certs / "rogue/server.key")
    thief = replace(server, credential=replace(server.credential, key=other.key))
    outcome = converse(edu(CA).client(client), edu(CA).server(thief), lines=[(Side.CLIENT, b"hello\n")])
    assert "the signature over the handshake does not verify" in str(outcome.client.error)
    assert outcome.server.delivered == b""
