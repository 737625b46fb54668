"""ClientHellos read and edited: against captures, against Wireshark, and against OpenSSL's server, which takes what an
attacker on the way made of them for the client's own words - until Finished."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import run, tool
from tests.tlsdemo.wire.support import HOST, Capture, Conversation, contexts
from tests.tlsdemo.wire.test_fields import assert_leaves_tile
from tlsdemo.wire.client_hello import ClientHello, ClientHelloMessage
from tlsdemo.wire.extensions import SERVER_NAME, SUPPORTED_VERSIONS, ServerName, ServerNameList, SupportedVersions
from tlsdemo.wire.fields import WireError, decode, encode, walk
from tlsdemo.wire.first_flight import renamed, server_name, weakest, without_tls13
from tlsdemo.wire.handshake import Extension, Handshake, ServerHello, messages
from tlsdemo.wire.records import framed, raw_records, records

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BEHIND = encode(Handshake(99, b"what comes next")), b"\x17\x03\x03\x00\x02hi\x16\x03"


def sent(stream: bytes) -> list[Handshake]:
    """The messages of the handshake records, as far as they are in the clear."""
    return list(messages(b"".join(each.fragment for each in records(stream) if each.content_type == 22)))


def hello_of(stream: bytes) -> ClientHello:
    """The first of them."""
    return decode(ClientHello, sent(stream)[0].body)


def flight(hello: ClientHello) -> bytes:
    """In one record."""
    return framed(22, 0x0301, encode(ClientHelloMessage(1, hello)))


def in_records_of(size: int, content: bytes) -> bytes:
    """Content laid into many small records."""
    return b"".join(framed(22, 0x0301, content[at : at + size]) for at in range(0, len(content), size))


def genuine(version: ssl.TLSVersion = TLS13, ciphers: str | None = None) -> bytes:
    """The first flight of OpenSSL's client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = contexts(ciphers, version)[0].wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


# Captures -----------------------------------------------------------------------------------------------------------


def test_every_hello_is_written_as_it_was_read(capture: Capture) -> None:
    hellos = [message for message in sent(capture.client) if message.msg_type == 1]
    assert hellos
    for hello in hellos:
        message = encode(hello)
        assert encode(decode(ClientHelloMessage, message)) == message
        assert_leaves_tile(walk(ClientHelloMessage, message), message)
    answer = sent(capture.server)[0]
    assert encode(decode(ServerHello, answer.body)) == answer.body


def test_no_prefix_of_a_real_hello_is_one_and_nothing_follows_it(capture: Capture) -> None:
    message = encode(sent(capture.client)[0])
    for length in range(len(message)):
        with pytest.raises(WireError):
            decode(ClientHelloMessage, message[:length])
    for byte in range(256):
        with pytest.raises(WireError):
            decode(ClientHelloMessage, message + bytes([byte]))


def test_wireshark_reads_the_same(capture: Capture, shared_data: Path) -> None:
    names = ("handshake.ciphersuite", "handshake.extension.type", "handshake.extensions_server_name")
    done = run(
        tool("tshark"), "-r", shared_data / "captures" / f"{capture.name}.pcap", "-d", "tcp.port==443,tls",
        "-o", "tls.desegment_ssl_records:TRUE", "-Y", "tls.handshake.type == 1", "-T", "fields",
        *(word for name in names for word in ("-e", f"tls.{name}")),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    hellos = [decode(ClientHello, message.body) for message in sent(capture.client) if message.msg_type == 1]
    assert [[int(each, 0) for each in suites.split(",")] for suites, _, _ in lines] == [
        list(hello.cipher_suites) for hello in hellos
    ]
    assert [[int(each, 0) for each in types.split(",")] for _, types, _ in lines] == [
        [each.extension_type for each in hello.extensions or ()] for hello in hellos
    ]
    assert [name for _, _, name in lines] == [server_name(flight(hello)) for hello in hellos]


@pytest.mark.parametrize("edit", [weakest, without_tls13, lambda first: renamed(first, "evil.example")])
def test_an_edit_of_a_capture_changes_one_thing_and_keeps_what_comes_behind(
    capture: Capture, edit: Callable[[bytes], bytes]
) -> None:
    edited = edit(capture.client)
    before, after = hello_of(capture.client), hello_of(edited)
    assert list(raw_records(edited))[1:] == list(raw_records(capture.client))[1:]
    assert b"".join(raw_records(edited)) == edited
    assert replace(before, cipher_suites=(1,), extensions=None) == replace(after, cipher_suites=(1,), extensions=None)
    assert {each.extension_type for each in before.extensions or ()} - {
        each.extension_type for each in after.extensions or ()
    } <= {SUPPORTED_VERSIONS}


# Edits --------------------------------------------------------------------------------------------------------------


def hello(*suites: int, versions: tuple[int, ...] | None = None, name: bytes | None = None) -> ClientHello:
    """A made-up offer."""
    extensions = [Extension(0x0A0A, b"")]
    if name is not None:
        extensions.append(Extension(SERVER_NAME, encode(ServerNameList((ServerName(0, name),)))))
    if versions is not None:
        extensions.append(Extension(SUPPORTED_VERSIONS, encode(SupportedVersions(versions))))
    return ClientHello(0x0303, bytes(32), bytes(32), suites, b"\0", tuple(extensions))


@pytest.mark.parametrize(
    ("offer", "left"),
    [
        (hello(0x1301, 0x1302, 0xC02B, 0xC02C, versions=(0x0304, 0x0303)), (0x1302,)),
        (hello(0xC02B, 0x1301, 0xC02C, versions=(0x0A0A, 0x0304)), (0x1301,)),
        (hello(0x1301, 0xC02B, 0xC02C, 0x1302, versions=(0x0303,)), (0xC02C,)),
        (hello(0x1301, 0xC02B, 0xC02C, 0x1302), (0xC02C,)),
        (hello(0xC02B, 0xC02C, 0x5600, 0xDADA), (0xC02C,)),
        (hello(0xC02B, 0x00FF, 0xC02C, 0x5600), (0xC02C, 0x00FF)),
        (hello(0xC02B, 0x1A2A, 0x3A3B), (0x3A3B,)),  # no GREASE: the bytes differ, or do not end in A
        (hello(0xC02B, versions=(0x0304,)), (0xC02B,)),  # of TLS 1.3 there is none: untouched
        (hello(0x00FF, 0x0A0A), (0x00FF, 0x0A0A)),
        (replace(hello(0x002F, 0x0035), extensions=None), (0x0035,)),
    ],
)
def test_weakest_leaves_the_last_suite_that_is_one(offer: ClientHello, left: tuple[int, ...]) -> None:
    assert hello_of(weakest(flight(offer))) == replace(offer, cipher_suites=left)


def test_weakest_among_what_the_server_takes() -> None:
    offer = hello(0xC02C, 0xC02B, 0xCCA9, 0xCCA8)
    assert hello_of(weakest(flight(offer), among={0xC02B, 0xCCA9})).cipher_suites == (0xCCA9,)
    assert weakest(flight(offer), among={0xC013}) == flight(offer)


def test_a_hello_without_extensions_stays_one() -> None:
    bare = replace(hello(0x002F, 0x0035), extensions=None)
    assert without_tls13(flight(bare)) == renamed(flight(bare), "evil.example") == flight(bare)
    assert server_name(flight(bare)) is None


def test_renamed_replaces_the_name_and_refits_every_length() -> None:
    for name in ("a", "evil.example", "x" * 300):
        assert renamed(flight(hello(1, name=b"server.example")), name) == flight(hello(1, name=name.encode()))
    assert renamed(flight(hello(1)), "evil.example") == flight(hello(1))


@pytest.mark.parametrize("name", ["", "bücher.example"])
def test_a_name_that_cannot_stand_in_server_name_is_misuse(name: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|ascii"):
        renamed(flight(hello(1, name=b"server.example")), name)


def test_a_name_that_is_no_ascii_is_read_without_a_crash() -> None:
    assert server_name(flight(hello(1, name=b"b\xfccher.example"))) == r"b\xfccher.example"


@pytest.mark.parametrize("version", [0x0301, 0x0303])
def test_the_version_of_the_records_stays_as_it_was(version: int) -> None:
    edited = weakest(framed(22, version, encode(ClientHelloMessage(1, hello(1, 2)))))
    assert edited == framed(22, version, encode(ClientHelloMessage(1, hello(2))))


def test_a_name_of_another_type_is_neither_read_nor_touched() -> None:
    names = ServerNameList((ServerName(7, b"other"), ServerName(0, b"server.example")))
    offer = hello(1).with_extension(0x0A0A, b"")
    offer = replace(offer, extensions=(Extension(SERVER_NAME, encode(names)),))
    assert server_name(flight(offer)) == "server.example"
    edited = decode(ServerNameList, hello_of(renamed(flight(offer), "evil.example")).extension(SERVER_NAME) or b"")
    assert edited.server_name_list == (ServerName(7, b"other"), ServerName(0, b"evil.example"))


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0", b"\0\3\0\0\0", b"\0\5\0\0\1x\0"])
def test_a_malformed_extension_is_as_good_as_none(content: bytes) -> None:
    offer = replace(hello(0xC02B, 0x1301), extensions=(Extension(SERVER_NAME, content), Extension(43, content)))
    assert server_name(flight(offer)) is None
    assert renamed(flight(offer), "evil.example") == flight(offer)
    assert hello_of(weakest(flight(offer))).cipher_suites == (0xC02B,)


@given(st.integers(1, 600), st.sampled_from([weakest, without_tls13, lambda first: renamed(first, "evil.example")]))
def test_a_hello_that_spans_records_is_edited_as_one(size: int, edit: Callable[[bytes], bytes]) -> None:
    offer = hello(0x1301, 0x1302, 0xC02B, versions=(0x0304,), name=b"server.example")
    same_record, behind = BEHIND
    content = encode(ClientHelloMessage(1, offer)) + same_record
    edited = edit(in_records_of(size, content) + behind)
    assert edited.endswith(behind)
    # A record in which nothing of the hello stood is behind it, and stays as it is: the messages are what counts.
    assert sent(edited) == [sent(edit(flight(offer)))[0], *messages(same_record)]


def test_an_edit_that_changes_nothing_leaves_the_records_as_they_were() -> None:
    cut_up = in_records_of(7, encode(ClientHelloMessage(1, hello(0xC02B, name=b"server.example"))))
    for edit in (weakest, without_tls13, lambda first: renamed(first, "server.example")):
        assert edit(cut_up) == cut_up


def test_a_hello_too_long_for_one_record_goes_into_two() -> None:
    offer = hello(1, versions=(0x0304,), name=b"server.example")
    offer = replace(offer, extensions=(*(offer.extensions or ()), Extension(21, bytes(20_000))))
    edited = renamed(flight(offer), "evil.example")
    assert [len(record.fragment) <= 2**14 for record in records(edited)] == [True, True]
    assert server_name(edited) == "evil.example"


NO_HELLOS = [
    b"",
    b"\x16\x03\x01",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x17\x03\x03\x00\x02hi",
    framed(22, 0x0303, encode(Handshake(2, b"a server's"))),
    framed(22, 0x0301, encode(Handshake(1, b"nonsense"))),
    framed(23, 0x0301, encode(ClientHelloMessage(1, hello(1, 2)))),
    framed(22, 0x0301, encode(Handshake(2, encode(hello(1, 2))))),
    framed(22, 0x0301, encode(ClientHelloMessage(1, hello(1, 2))))[:-1],
    framed(22, 0x0301, encode(ClientHelloMessage(1, hello(1, 2)))[:-1]),
    framed(22, 0x0301, encode(ClientHelloMessage(1, hello(1, 2)))[:-1]) + b"\x14\x03\x03\x00\x01\x01",
]


@pytest.mark.parametrize("first", NO_HELLOS)
def test_what_is_no_hello_stays_as_it_is(first: bytes) -> None:
    assert weakest(first) == without_tls13(first) == renamed(first, "evil.example") == first
    assert server_name(first) is None


@given(st.binary(max_size=80), st.integers(0, 250))
def test_garbage_is_edited_without_a_crash(garbage: bytes, at: int) -> None:
    real = flight(hello(0x1301, 0xC02B, versions=(0x0304,), name=b"server.example"))
    for first in (garbage, framed(22, 0x0301, garbage), real[:at] + garbage, real[:at] + garbage + real[at + 1 :]):
        weakest(first)
        without_tls13(first)
        renamed(first, "evil.example")
        server_name(first)


# OpenSSL's server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_openssl_shows_itself_and_its_host_in_the_first_flight(version: ssl.TLSVersion) -> None:
    first = genuine(version)
    assert server_name(first) == HOST
    offer = hello_of(first)
    assert flight(offer) == first
    assert (offer.extension(SUPPORTED_VERSIONS) is not None) is (version is TLS13)


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_server_hears_the_other_name_and_finished_betrays_it(version: ssl.TLSVersion) -> None:
    heard = []
    client, server = contexts(version=version)
    server.sni_callback = lambda tls, name, context: heard.append(name)
    talk = Conversation(client, server, lambda first: renamed(first, "evil.example"))
    assert heard == ["evil.example"]
    assert "BAD_RECORD_MAC" in talk.client.error
    assert "BAD_RECORD_MAC" in talk.server.error
    assert not talk.server.connected


@pytest.mark.parametrize(
    ("version", "ciphers", "honest", "edited"),
    [
        (TLS13, None, 0x1302, 0x1301),
        (TLS12, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256", 0xC030, 0xC02F),
        (TLS12, "AES256-GCM-SHA384:AES128-GCM-SHA256", 0x009D, 0x009C),
    ],
)
def test_a_server_takes_the_weakest_suite_and_finished_betrays_it(
    version: ssl.TLSVersion, ciphers: str | None, honest: int, edited: int
) -> None:
    def chosen(talk: Conversation) -> int:
        return decode(ServerHello, sent(talk.server.sent)[0].body).cipher_suite

    assert chosen(Conversation(*contexts(ciphers, version)).say(b"line", b"answer")) == honest
    talk = Conversation(*contexts(ciphers, version), weakest)
    assert chosen(talk) == edited
    assert "BAD_RECORD_MAC" in talk.client.error
    assert "BAD_RECORD_MAC" in talk.server.error
    assert not talk.server.connected


def test_a_server_answers_in_tls12_and_its_random_betrays_it() -> None:
    talk = Conversation(*contexts(version=TLS13), without_tls13)
    answer = decode(ServerHello, sent(talk.server.sent)[0].body)
    assert not answer.has(SUPPORTED_VERSIONS)
    assert answer.random.endswith(b"DOWNGRD\x01")  # §4.1.3
    assert talk.client.error == "INAPPROPRIATE_FALLBACK"
    assert not talk.server.connected


def test_a_hello_cut_into_small_records_reaches_the_server_whole() -> None:
    heard = []
    client, server = contexts()
    server.sni_callback = lambda tls, name, context: heard.append(name)

    def cut(first: bytes) -> bytes:
        return in_records_of(50, next(records(first)).fragment)

    assert Conversation(client, server, cut).say(b"line", b"answer").server.connected
    Conversation(client, server, lambda first: renamed(cut(first), "evil.example"))
    assert heard == [HOST, "evil.example"]
