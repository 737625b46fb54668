"""The numbers of --by-hand and the key schedule, repeated with the library alone. Caught: a number that is not true."""

import hmac
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.tlsdemo.explain.parties import talk
from tests.tlsdemo.explain.prolonged import KEY_UPDATE, prolonged
from tlsdemo.explain.by_hand import numbers
from tlsdemo.explain.conversation import Explanation, Kind, explain
from tlsdemo.wire.records import APPLICATION_DATA


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    return talk(lambda: rsa.generate_private_key(65537, 2048))


def by_name(explanation: Explanation, record: int) -> dict[str, str]:
    found = dict(numbers(explanation.dissection, explanation.secrets, record))
    return {name.partition(" =")[0].partition(":")[0]: value for name, value in found.items()}


def test_every_encrypted_record_opens_with_its_numbers(explanation: Explanation) -> None:
    opened = 0
    for record, each in enumerate(explanation.dissection.records):
        if each.protection:
            found = {name: bytes.fromhex(value) for name, value in list(by_name(explanation, record).items())[:8]}
            sealed = found["ciphertext"] + found["tag"]
            plain = AESGCM(found["key"]).decrypt(found["nonce"], sealed, found["additional data"])
            assert plain == found["plaintext, then the content type"]
            opened += 1
    assert opened > 6


def test_the_number_in_the_title_of_a_record_is_the_one_of_by_hand(explanation: Explanation) -> None:
    records = [each for each in explanation.entries if each.kind is Kind.RECORD]
    assert len(records) > 9
    for entry in records:
        number = int(entry.title.partition(",")[0].removeprefix("record "))
        assert explanation.dissection.records[number - 1].raw == entry.data


def test_a_record_after_a_key_update_opens_with_its_numbers() -> None:
    chunks, log = prolonged([KEY_UPDATE, (APPLICATION_DATA, b"more")])
    found = explain(chunks, log, datetime(2026, 11, 27, tzinfo=UTC))
    numbers_of_it = by_name(found, len(found.dissection.records) - 1)
    key, nonce, header, sealed, tag = (
        bytes.fromhex(numbers_of_it[name]) for name in ("key", "nonce", "additional data", "ciphertext", "tag")
    )
    assert AESGCM(key).decrypt(nonce, sealed + tag, header) == b"more" + bytes([APPLICATION_DATA])


def test_a_finished_is_the_hmac_of_its_numbers(explanation: Explanation) -> None:
    places = [each.records[-1] for each in explanation.dissection.messages if each.header.name == "Finished"]
    assert len(places) == 2
    for record in places:
        found = by_name(explanation, record)
        digest = next(value for name, value in found.items() if name.startswith("sha256 of the "))
        computed = hmac.digest(bytes.fromhex(found["finished key"]), bytes.fromhex(digest), "sha256")
        assert computed.hex() == found["verify_data"]


def test_a_signature_is_a_padded_hash_of_the_signed_content(explanation: Explanation) -> None:
    """RSASSA-PSS, RFC 8017 §9.1.2: M' = eight zeros, the hash of the content, the salt; H is its hash."""
    (record,) = [
        each.records[-1] for each in explanation.dissection.messages if each.header.name == "CertificateVerify"
    ]
    found = by_name(explanation, record)
    power = pow(int(found["signature"], 16), int(found["e (decimal)"]), int(found["n"], 16))
    assert f"{power:x}" == found["signature^e mod n"]
    padded = power.to_bytes(256)
    masked, digest = padded[: 256 - 32 - 1], padded[256 - 32 - 1 : -1]
    assert padded[-1] == 0xBC
    mask = b"".join(sha256(digest + counter.to_bytes(4)).digest() for counter in range(7))[: len(masked)]
    salt = bytes(a ^ b for a, b in zip(masked, mask, strict=True))[-32:]
    content = sha256(bytes.fromhex(found["signed content"])).digest()
    assert sha256(bytes(8) + content + salt).digest() == digest


def test_the_traffic_secrets_follow_from_the_shared_secret(explanation: Explanation) -> None:
    (entry,) = [each for each in explanation.entries if each.kind is Kind.KEYS and each.title == "key schedule"]
    assert [check.passed for check in entry.checks] == [True] * 4


def test_another_shared_secret_is_noticed() -> None:
    wrong = talk(lambda: rsa.generate_private_key(65537, 2048), shared_secret=bytes(64))
    (entry,) = [each for each in wrong.entries if each.title == "key schedule"]
    assert [check.passed for check in entry.checks] == [False] * 4


def test_a_refused_certificate_is_explained_with_the_check_that_fails() -> None:
    at = datetime(2040, 1, 1, tzinfo=UTC)
    found = talk(lambda: rsa.generate_private_key(65537, 2048), client_time=at)
    assert found.ending.failed
    refusal = "the client refused: alert certificate_expired (45), about Certificate of the server"
    assert found.ending.sentences[0] == refusal
    assert any("check dates fails" in sentence for sentence in found.ending.sentences)


def test_a_normal_end_is_called_so() -> None:
    found = talk(lambda: rsa.generate_private_key(65537, 2048))
    assert not found.ending.failed
    assert found.ending.sentences == (
        "normal: close_notify from client and server",
        "the server's certificate chain is valid with the given trust anchors, for localhost; "
        "revocation is not checked",
    )
    assert isinstance(found.dissection.cipher_suite, int)
