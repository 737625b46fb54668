"""The names of numbers, against OpenSSL and Python. Falsehood caught: a number under a wrong name."""

import re
import socket
import ssl
import threading
from functools import cache

import pytest

from tests.conftest import run, tool
from tests.tlsdemo.wire.test_first_flight import hello_of
from tlsdemo.wire import extensions, protection13, registry, tls12
from tlsdemo.wire.extensions import decode_extension
from tlsdemo.wire.registry import (
    ALERTS,
    CIPHER_SUITES,
    EXTENSION_TYPES,
    NAMED_GROUPS,
    PSK_KEY_EXCHANGE_MODES,
    SIGNATURE_SCHEMES,
    VERSIONS,
    is_grease,
    name,
)

GROUPS = "P-256:P-384:P-521:X25519:X448:ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192"
TRACED = {"secp256r1 (P-256)": "secp256r1", "secp384r1 (P-384)": "secp384r1", "secp521r1 (P-521)": "secp521r1",
          "ecdh_x25519": "x25519", "ecdh_x448": "x448"}  # fmt: skip
"""OpenSSL's names that are not the registry's."""


@cache
def traced() -> tuple[str, bytes]:
    """What `openssl s_client -trace` prints about its ClientHello, and the bytes that it sent."""
    openssl, received = tool("openssl"), []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                received.append(connection.recv(2**16))

        thread = threading.Thread(target=accept)
        thread.start()
        done = run(
            openssl, "s_client", "-connect", f"127.0.0.1:{server.getsockname()[1]}", "-trace", "-groups", GROUPS,
            "-cipher", "ALL:@SECLEVEL=0", "-servername", "a.example", "-alpn", "h2", "-status",
        )  # fmt: skip
        thread.join()
    assert "ClientHello, Length=" in done.stdout, done.stdout + done.stderr
    return done.stdout, received[0]


def names(pattern: str, base: int = 10) -> dict[int, str]:
    """Number -> name for each line of the trace that the pattern matches."""
    found = {int(each["number"], base): each["name"] for each in re.finditer(pattern, traced()[0], re.MULTILINE)}
    return {number: TRACED.get(each, each) for number, each in found.items()}


def test_openssl_gives_extensions_the_same_names() -> None:
    theirs = names(r"extension_type=(?P<name>\w+)\((?P<number>\d+)\)")
    assert len(theirs) >= 10
    assert {number: name(EXTENSION_TYPES, number) for number in theirs} == theirs
    assert set(theirs) == {each.extension_type for each in hello_of(traced()[1]).extensions or ()}


def test_openssl_gives_groups_the_same_names() -> None:
    offered = decode_extension(type(hello_of(traced()[1])), 10, hello_of(traced()[1]).extension(10) or b"")
    assert isinstance(offered, extensions.NamedGroupList)
    theirs = names(r"^ {10}(?P<name>(?:secp|ecdh|ffdhe)\S+(?: \(P-\d+\))?) \((?P<number>\d+)\)$")
    assert list(theirs) == list(offered.named_group_list)
    assert len(theirs) == GROUPS.count(":") + 1
    assert {number: name(NAMED_GROUPS, number) for number in theirs} == theirs


def test_openssl_gives_signature_schemes_the_same_names() -> None:
    theirs = names(r"^ +(?P<name>\w+) \(0x(?P<number>[0-9a-f]{4})\)$", 16)
    assert len(theirs) >= 20
    assert {number: name(SIGNATURE_SCHEMES, number) for number in theirs} == theirs


def test_openssl_gives_versions_the_same_names() -> None:
    theirs = names(r"^ +(?P<name>TLS 1\.\d) \((?P<number>\d+)\)$")
    assert 0x0304 in theirs
    assert {number: name(VERSIONS, number) for number in theirs} == theirs


UNKNOWN_TO_OPENSSL = {
    0xC0B4, 0xC0B5, 0x00FF, 0x5600, 0x0004, 0x0005, 0x000A, 0x0016, 0xC007, 0xC008, 0xC011, 0xC012,
}  # fmt: skip
"""The suites of RFC 9150, signals, and RC4 and 3DES, which a build may leave out."""


def test_openssl_gives_cipher_suites_the_same_names() -> None:
    done = run(tool("openssl"), "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    lines = re.findall(r"0x(..),0x(..) - (\w+)", done.stdout)
    theirs = {int(high + low, 16): each for high, low, each in lines}
    ours = {number: each for number, each in CIPHER_SUITES.items() if number in theirs}
    assert ours == {number: theirs[number] for number in ours}
    # CCM of TLS 1.3 is off by default.
    assert set(CIPHER_SUITES) - set(theirs) <= UNKNOWN_TO_OPENSSL | {0x1304, 0x1305}


def test_python_gives_alerts_the_same_names() -> None:
    theirs = {int(each): each.name.removeprefix("ALERT_DESCRIPTION_").lower() for each in ssl.AlertDescription}
    theirs[90] = "user_canceled"  # Python spells it with two l
    assert {number: name(ALERTS, number) for number in theirs} == theirs


def test_the_constants_of_extensions_have_the_names_of_the_registry() -> None:
    other = {"ALPN": "application_layer_protocol_negotiation", "APPLICATION_SETTINGS_OLD": "application_settings (old)"}
    constants = {each: value for each, value in vars(extensions).items() if each.isupper() and isinstance(value, int)}
    del constants["HOST_NAME"]
    assert len(constants) >= 30
    for constant, number in constants.items():
        assert EXTENSION_TYPES[number] == other.get(constant, constant.lower())


@pytest.mark.parametrize("suites", [protection13.SUITES, tls12.SUITES])
def test_the_suites_that_we_decrypt_have_the_names_of_the_registry(suites: dict[int, tls12.Suite]) -> None:
    assert {number: suite.name for number, suite in suites.items()} == {each: CIPHER_SUITES[each] for each in suites}


@pytest.mark.parametrize("table", [each for each in vars(registry) if each.isupper() and each != "GREASE_MODES"])
def test_a_table_has_each_name_once(table: str) -> None:
    names = list(getattr(registry, table).values())
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("table", "value", "rendered"),
    [
        (NAMED_GROUPS, 0x1D, "x25519"),
        (NAMED_GROUPS, 0x11EC, "X25519MLKEM768"),
        (NAMED_GROUPS, 0x1A1A, "GREASE 0x1a1a"),
        (NAMED_GROUPS, 0xABCD, "0xabcd"),
        (CIPHER_SUITES, 0xFAFA, "GREASE 0xfafa"),
        (CIPHER_SUITES, 0, "0x0000"),
        (VERSIONS, 0x7A7A, "GREASE 0x7a7a"),
        (VERSIONS, 0x7F1C, "0x7f1c"),
        (ALERTS, 255, "0xff"),
        (ALERTS, 0x0B, "0x0b"),
        (PSK_KEY_EXCHANGE_MODES, 0xE4, "GREASE 0xe4"),
        (PSK_KEY_EXCHANGE_MODES, 2, "0x02"),
    ],
)
def test_every_value_is_rendered(table: dict[int, str], value: int, rendered: str) -> None:
    assert name(table, value) == rendered


def test_numbers_of_grease_are_those_of_rfc_8701() -> None:
    assert [value for value in range(2**16) if is_grease(value)] == [
        0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A,
        0x8A8A, 0x9A9A, 0xAAAA, 0xBABA, 0xCACA, 0xDADA, 0xEAEA, 0xFAFA,
    ]  # fmt: skip


def test_the_modes_of_grease_are_those_of_rfc_8701() -> None:
    assert list(registry.GREASE_MODES) == [0x0B, 0x2A, 0x49, 0x68, 0x87, 0xA6, 0xC5, 0xE4]
