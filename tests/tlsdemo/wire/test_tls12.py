"""The keys of TLS 1.2 against published vectors, other people's captures and OpenSSL's key log."""

import ssl
from itertools import dropwhile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from tests.conftest import run, tool
from tests.tlsdemo.wire.support import Capture, Conversation, contexts, master_secrets
from tests.tlsdemo.wire.test_first_flight import hello_of, sent
from tlsdemo.wire.fields import decode
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.records import CHANGE_CIPHER_SPEC, Record, records
from tlsdemo.wire.tls12 import SUITES, Keys, Suite, opened, prf, traffic_keys

# P_SHA256 and P_SHA384, published on the TLS list with RFC 5246: secret, label, seed, output.
VECTORS = [
    (
        0x009C, "9bbe436ba940f017b17652849a71db35", "test label", "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af"
        "0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66",
    ),
    (
        0x009D, "b80b733d6ceefcdc71566ea48e5567df", "test label", "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0"
        "e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
        "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703"
        "d73e56f",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("suite", "secret", "label", "seed", "output"), VECTORS)
def test_the_prf_gives_the_published_output(suite: int, secret: str, label: str, seed: str, output: str) -> None:
    expected = bytes.fromhex(output)
    assert prf(SUITES[suite], bytes.fromhex(secret), label, bytes.fromhex(seed), len(expected)) == expected


@pytest.mark.parametrize("suite", [0x009C, 0x009D])
@pytest.mark.parametrize("length", [1, 48, 100])
def test_openssl_computes_the_same_prf(suite: int, length: int) -> None:
    chosen = SUITES[suite]
    done = run(
        tool("openssl"), "kdf", "-keylen", str(length), "-kdfopt", f"digest:{chosen.hash.upper()}",
        "-kdfopt", "hexsecret:0102030405", "-kdfopt", f"hexseed:{b'key expansion'.hex()}",
        "-kdfopt", "hexseed:aabbccdd", "TLS1-PRF",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output = bytes.fromhex(done.stdout.replace(":", ""))
    assert output == prf(chosen, bytes.fromhex("0102030405"), "key expansion", bytes.fromhex("aabbccdd"), length)


def read(client: bytes, server: bytes, key_log: str) -> list[list[tuple[int, bytes]]]:
    """What each side sent encrypted, opened with the key log: content types and contents."""
    answer, client_random = decode(ServerHello, sent(server)[0].body), hello_of(client).random
    suite = SUITES[answer.cipher_suite]
    keys = traffic_keys(suite, master_secrets(key_log)[client_random], client_random, answer.random)
    return [
        [(each.content_type, opened(suite, own, number, each)) for number, each in enumerate(encrypted(stream))]
        for own, stream in zip(keys, (client, server), strict=True)
    ]


def encrypted(stream: bytes) -> list[Record]:
    """The records behind ChangeCipherSpec."""
    return list(dropwhile(lambda record: record.content_type != CHANGE_CIPHER_SPEC, records(stream)))[1:]


def test_a_capture_of_python_is_read_with_its_key_log(all_captures: dict[str, Capture]) -> None:
    capture = all_captures["python-ssl-tls12"]
    client, server = read(capture.client, capture.server, capture.keys)
    assert [kind for kind, _ in client] == [22, 23, 21]
    for side in (client, server):
        assert side[0][1][:4] == b"\x14\0\0\x0c"  # Finished, verify_data of 12 bytes
    assert client[2][1] == b"\x01\0"  # close_notify


@pytest.mark.parametrize(
    "ciphers",
    [
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305", "AES128-CCM", "AES256-CCM", "AES128-CCM8:@SECLEVEL=0", "AES256-CCM8:@SECLEVEL=0",
    ],
)  # fmt: skip
def test_a_conversation_of_openssl_is_read_with_its_key_log(tmp_path: Path, ciphers: str) -> None:
    client, server = contexts(ciphers)
    client.keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(client, server).say(b"a line" * 5000, b"an answer")
    from_client, from_server = read(talk.client.sent, talk.server.sent, (tmp_path / "keys.log").read_text())
    assert b"".join(content for kind, content in from_client if kind == 23) == b"a line" * 5000
    assert b"".join(content for kind, content in from_server if kind == 23) == b"an answer"


def test_a_record_opens_only_as_it_is_and_where_it_was(tmp_path: Path) -> None:
    client, server = contexts("AES128-GCM-SHA256")
    client.keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(client, server).say(b"a line", b"an answer")
    random, answer = hello_of(talk.client.sent).random, decode(ServerHello, sent(talk.server.sent)[0].body)
    master = master_secrets((tmp_path / "keys.log").read_text())[random]
    suite = SUITES[0x009C]
    keys, servers = traffic_keys(suite, master, random, answer.random)
    record = encrypted(talk.client.sent)[1]
    assert opened(suite, keys, 1, record) == b"a line"
    changed = record.fragment[:-1] + bytes([record.fragment[-1] ^ 1])
    for key, number, wrong in [
        (keys, 0, record),
        (keys, 2, record),
        (servers, 1, record),
        (keys, 1, Record(22, record.legacy_record_version, record.fragment)),
        (keys, 1, Record(23, 0x0301, record.fragment)),
        (keys, 1, Record(23, record.legacy_record_version, changed)),
        (keys, 1, Record(23, record.legacy_record_version, record.fragment[:-1])),
    ]:
        with pytest.raises(InvalidTag):
            opened(suite, key, number, wrong)


@pytest.mark.parametrize(("suite", "length"), [(0x009C, 0), (0x009C, 23), (0xC0A0, 15), (0xCCA8, 15)])
def test_what_is_too_short_to_be_a_record_is_said_to_be(suite: int, length: int) -> None:
    chosen = SUITES[suite]
    with pytest.raises(ValueError, match=f"{length} bytes are too short for a record of {chosen.name}"):
        opened(chosen, Keys(bytes(chosen.key_length), bytes(chosen.iv_length)), 0, Record(23, 0x0303, bytes(length)))


def test_the_suites_are_named_as_openssl_names_them() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    known = {int(each["id"]) & 0xFFFF: each for each in context.get_ciphers()}
    for number, suite in SUITES.items():
        assert known[number]["alg_bits"] == 8 * suite.key_length
        assert known[number]["name"] == openssl_name(suite)


def openssl_name(suite: Suite) -> str:
    """TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 -> ECDHE-RSA-AES128-GCM-SHA256; static RSA goes without saying there."""
    name = suite.name.removeprefix("TLS_").removeprefix("RSA_WITH_").replace("WITH_", "")
    name = name.replace("POLY1305_SHA256", "POLY1305").replace("CCM_8", "CCM8").replace("DH_anon", "ADH")
    return name.replace("AES_", "AES").replace("_", "-")
