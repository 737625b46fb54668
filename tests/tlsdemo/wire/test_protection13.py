"""Record protection of TLS 1.3 against RFC 8448 and captures. Falsehood caught: a nonce, a header or a padding that is
not the RFC's, and a changed record that decrypts."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.wire.support import Piece, Trace
from tlsdemo.wire.fields import WireError
from tlsdemo.wire.key_schedule13 import TrafficKeys, traffic_keys
from tlsdemo.wire.protection13 import MAX_CIPHERTEXT, SUITES, additional_data, nonce, opened, sealed
from tlsdemo.wire.records import MAX_PLAINTEXT

AES_128 = SUITES[0x1301]
KEYS = {number: TrafficKeys(bytes(range(suite.key_length)), bytes(range(12))) for number, suite in SUITES.items()}


def protected(trace: Trace) -> Iterator[tuple[Piece, TrafficKeys, int]]:
    """The protected records, each with its keys and its sequence number; the order of the secrets is §7.1's."""
    numbers: dict[bytes, int] = defaultdict(int)
    finished = {"client": False, "server": False}
    early_data = bool(trace.psk)
    for record in trace.records:
        if record.raw[0] != 23:
            continue
        sender = record.sender
        if sender == "client" and early_data:
            secret = trace.secrets["client_early_traffic_secret"]
        elif finished[sender]:
            secret = trace.secrets[f"{sender}_application_traffic_secret_0"]
        else:
            secret = trace.secrets[f"{sender}_handshake_traffic_secret"]
        yield record, traffic_keys("sha256", secret, 16), numbers[secret]
        numbers[secret] += 1
        if secret == trace.secrets.get("client_early_traffic_secret"):
            early_data = numbers[secret] < 2  # one record of data, and EndOfEarlyData
        else:
            finished[sender] = True  # the first record with handshake keys ends with Finished


def test_every_record_of_rfc_8448_is_opened_to_its_content_and_sealed_again(trace: Trace) -> None:
    contents: dict[str, bytes] = defaultdict(bytes)
    expected: dict[str, bytes] = defaultdict(bytes)
    count = 0
    for record, keys, number in protected(trace):
        content_type, content = opened(AES_128, keys, number, record.raw)
        assert sealed(AES_128, keys, number, content_type, content) == record.raw
        contents[record.sender] += bytes([content_type]) + content if content_type != 22 else content
        count += 1
    for piece in trace.contents:
        if piece.name not in ("ClientHello", "ServerHello", "HelloRetryRequest"):
            expected[piece.sender] += bytes([piece.content_type]) + piece.raw if piece.content_type != 22 else piece.raw
    assert contents == expected
    assert count == {"rfc8448/resumed_0rtt_handshake": 8}.get(trace.id, 7 if "simple" in trace.id else 4)


@pytest.mark.parametrize("number", SUITES)
@given(
    content=st.binary(max_size=200), content_type=st.integers(1, 255), sequence_number=st.integers(0, 2**64 - 1),
    padding=st.integers(0, 50),
)  # fmt: skip
def test_what_was_sealed_is_opened(
    number: int, content: bytes, content_type: int, sequence_number: int, padding: int
) -> None:
    record = sealed(SUITES[number], KEYS[number], sequence_number, content_type, content, padding)
    assert len(record) == 5 + len(content) + 1 + padding + 16
    assert record[:5] == additional_data(len(record) - 5)
    assert opened(SUITES[number], KEYS[number], sequence_number, record) == (content_type, content)


@pytest.mark.parametrize("number", SUITES)
def test_a_record_opens_only_unchanged_and_in_its_place(number: int) -> None:
    suite, keys = SUITES[number], KEYS[number]
    record = sealed(suite, keys, 7, 23, b"hello")
    for at in range(len(record)):
        changed = record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]
        with pytest.raises((InvalidTag, WireError)):
            opened(suite, keys, 7, changed)
    for other in (6, 8, 7 + 2**32):
        with pytest.raises(InvalidTag):
            opened(suite, keys, other, record)
    with pytest.raises(InvalidTag):
        opened(suite, TrafficKeys(bytes(suite.key_length), keys.iv), 7, record)
    with pytest.raises(InvalidTag):
        opened(suite, TrafficKeys(keys.key, bytes(12)), 7, record)


def test_the_nonce_is_the_iv_with_the_number_at_its_end() -> None:
    iv = bytes.fromhex("5d313eb2671276ee13000b30")  # the server's handshake IV in RFC 8448 §3
    assert nonce(iv, 0) == iv
    assert nonce(iv, 1).hex() == "5d313eb2671276ee13000b31"
    assert nonce(iv, 0xFF00000000000030).hex() == "5d313eb298" + "1276ee13000b00"
    for number in (-1, 2**64):
        with pytest.raises(ValueError, match="64 bits"):
            nonce(iv, number)


def test_the_additional_data_is_the_header_of_the_record() -> None:
    assert additional_data(0x2A2).hex() == "17030302a2"


def inner(plaintext: bytes) -> bytes:
    """A record with that inner plaintext, sealed without our code."""
    header = bytes.fromhex("170303") + (len(plaintext) + 16).to_bytes(2)
    keys = KEYS[0x1303]
    return header + ChaCha20Poly1305(keys.key).encrypt(keys.iv, plaintext, header)


def test_padding_is_removed_and_zeros_of_the_content_stay() -> None:
    assert opened(SUITES[0x1303], KEYS[0x1303], 0, inner(b"a\0\0\x17\0\0\0")) == (23, b"a\0\0")
    assert opened(SUITES[0x1303], KEYS[0x1303], 0, inner(b"\x17")) == (23, b"")


@pytest.mark.parametrize("plaintext", [b"", b"\0", bytes(100)])
def test_a_record_without_a_content_type_is_rejected(plaintext: bytes) -> None:
    with pytest.raises(WireError, match="without a content type"):
        opened(SUITES[0x1303], KEYS[0x1303], 0, inner(plaintext))


@pytest.mark.parametrize("raw", ["", "1703", "1703030001", "170303000f" + "00" * 15, "1703030010" + "00" * 17])
def test_bytes_that_are_not_one_protected_record_are_rejected(raw: str) -> None:
    with pytest.raises(WireError):
        opened(AES_128, KEYS[0x1301], 0, bytes.fromhex(raw))


def test_the_longest_record_has_2_to_the_14_bytes_of_content() -> None:
    suite, keys = SUITES[0x1303], KEYS[0x1303]
    longest = sealed(suite, keys, 0, 23, bytes(MAX_PLAINTEXT))
    assert opened(suite, keys, 0, longest) == (23, bytes(MAX_PLAINTEXT))
    assert sealed(suite, keys, 0, 23, bytes(MAX_PLAINTEXT - 9), padding=9)
    for content, padding in ((MAX_PLAINTEXT + 1, 0), (MAX_PLAINTEXT, 1)):
        with pytest.raises(ValueError, match="allowed"):
            sealed(suite, keys, 0, 23, bytes(content), padding)
    with pytest.raises(WireError, match="16385 allowed"):  # §5.2: the inner plaintext
        opened(suite, keys, 0, inner(bytes(MAX_PLAINTEXT + 1) + b"\x17"))
    with pytest.raises(WireError, match="16640 allowed"):  # §5.2: the record
        opened(suite, keys, 0, bytes.fromhex("170303") + (MAX_CIPHERTEXT + 1).to_bytes(2) + bytes(MAX_CIPHERTEXT + 1))


@given(st.binary(max_size=80))
def test_garbage_is_rejected_and_nothing_else_is_raised(garbage: bytes) -> None:
    for raw in (garbage, additional_data(len(garbage)) + garbage):
        with pytest.raises((InvalidTag, WireError)):
            opened(AES_128, KEYS[0x1301], 0, raw)
