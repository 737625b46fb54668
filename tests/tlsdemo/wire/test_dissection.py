"""Whole conversations dissected: RFC 8448, captures, OpenSSL, and what real peers seldom send. Falsehood caught: a
content that is not what was sent, a record that is lost, and an exception for bytes from the network."""

import ssl
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlsdemo.wire.support import Capture, Chunk, Conversation, Trace, contexts
from tests.tlsdemo.wire.test_fields import assert_children_are_inside, assert_explained, assert_leaves_tile
from tlsdemo.wire import protection13, records
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import DissectedMessage, DissectedRecord, Dissection, dissect
from tlsdemo.wire.extensions import EARLY_DATA, SUPPORTED_VERSIONS, SelectedVersion, SupportedVersions
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.key_log import KeyLog, parse
from tlsdemo.wire.key_schedule13 import next_traffic_secret, traffic_keys
from tlsdemo.wire.messages13 import (
    HELLO_RETRY_REQUEST_RANDOM,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    encode_message,
)
from tlsdemo.wire.records import Alert, Sender

Chunks = list[Chunk]


def names(found: Dissection) -> list[str]:
    return [f"{each.sender} {type(each.value).__name__}" for each in found.messages]


def problems(found: Dissection) -> list[str | None]:
    return [problem for problem in (*map(problem_of, found.records), *map(problem_of, found.messages)) if problem]


def problem_of(part: DissectedRecord | DissectedMessage) -> str | None:
    return part.problem


def said(found: Dissection, sender: Sender) -> bytes:
    """The application data of one side."""
    return b"".join(each.content or b"" for each in found.records if (each.sender, each.content_type) == (sender, 23))


def assert_every_byte_is_explained(found: Dissection) -> None:
    trees = [
        *((each.tree(), each.raw) for each in found.records),
        *((each.tree(), each.raw) for each in found.messages),
        *((tree, bytes(tree.value)) for each in found.records if (tree := each.plaintext_tree())),
    ]
    for tree, data in trees:
        assert_leaves_tile(tree, data)
        assert_children_are_inside(tree)
        assert_explained(tree)


# RFC 8448 -----------------------------------------------------------------------------------------------------------


def test_the_traces_of_rfc_8448_are_read_completely(trace: Trace) -> None:
    found = dissect([(each.sender, each.raw) for each in trace.records], parse(trace.key_log))
    assert problems(found) == []
    assert found.left_over == {"client": b"", "server": b""}
    assert (found.version, found.cipher_suite) == (0x0304, 0x1301)
    assert found.client_random == trace.secrets["client_random"]
    assert [(each.sender, each.raw) for each in found.records] == [(each.sender, each.raw) for each in trace.records]
    assert [(each.sender, type(each.value).__name__, each.raw) for each in found.messages] == [
        (each.sender, each.name, each.raw) for each in trace.messages()
    ]
    for sender in ("client", "server"):
        expected = [(each.content_type, each.raw) for each in trace.contents if each.sender == sender]
        assert [
            (each.content_type, each.content)
            for each in found.records
            if each.sender == sender and each.content_type != 22
        ] == [(content_type, raw) for content_type, raw in expected if content_type != 22]
    assert_every_byte_is_explained(found)


def test_the_secret_and_the_sequence_number_of_each_record_are_named(all_traces: dict[str, Trace]) -> None:
    trace = all_traces["rfc8448/resumed_0rtt_handshake"]
    found = dissect([(each.sender, each.raw) for each in trace.records], parse(trace.key_log))
    assert labels(found) == [
        "CLIENT_EARLY_TRAFFIC_SECRET 0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET 0",
        "CLIENT_EARLY_TRAFFIC_SECRET 1",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET 0",
        "CLIENT_TRAFFIC_SECRET_0 0",
        "SERVER_TRAFFIC_SECRET_0 0",
        "CLIENT_TRAFFIC_SECRET_0 1",
        "SERVER_TRAFFIC_SECRET_0 1",
    ]


def labels(found: Dissection) -> list[str]:
    return [f"{each.label} {each.sequence_number}" for record in found.records if (each := record.protection)]


# Captures -----------------------------------------------------------------------------------------------------------


def test_a_capture_is_read_with_its_key_log(capture: Capture) -> None:
    found = dissect(capture.chunks, parse(capture.keys))
    for sender, stream in (("client", capture.client), ("server", capture.server)):
        assert b"".join(each.raw for each in found.records if each.sender == sender) == stream
        positions = [each.start for each in found.records if each.sender == sender]
        assert [stream[at] for at in positions] == [each.raw[0] for each in found.records if each.sender == sender]
    assert_every_byte_is_explained(found)
    if capture.name == "illustrated-tls12":
        assert set(problems(found)) == {
            "decryption of TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA in TLS 1.2 is not implemented"
        }
    else:
        assert problems(found) == []


def test_a_capture_is_read_without_its_key_log_as_far_as_it_is_clear(capture: Capture) -> None:
    found = dissect(capture.chunks)
    for each in found.records:
        assert (each.content is None) is (each.problem is not None)
    tls12 = found.version == 0x0303
    assert names(found)[:2] == [
        "client ClientHello",
        f"server {'HelloRetryRequest' if 'retry' in capture.name else 'ServerHello'}",
    ]
    assert any("Certificate" in each for each in names(found)) is tls12
    expected = "not implemented" if capture.name == "illustrated-tls12" else "no key log"
    assert found.version is not None and problems(found)
    assert all(expected in str(each) for each in problems(found))
    assert_every_byte_is_explained(found)


# OpenSSL ------------------------------------------------------------------------------------------------------------


def recorded(
    tmp_path: Path,
    ciphers: str | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    curve: str | None = None,
) -> tuple[Conversation, KeyLog]:
    client, server = contexts(ciphers, version)
    if curve:
        server.set_ecdh_curve(curve)
    client.keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(client, server).say(b"a line" * 9000, b"an answer")
    return talk, parse((tmp_path / "keys.log").read_text())


@pytest.mark.parametrize(
    ("ciphers", "version"),
    [
        (None, ssl.TLSVersion.TLSv1_3),
        ("AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2),
        ("ECDHE-RSA-AES256-GCM-SHA384", ssl.TLSVersion.TLSv1_2),
        ("ECDHE-RSA-CHACHA20-POLY1305", ssl.TLSVersion.TLSv1_2),
        ("AES256-CCM8:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    ],
)
def test_a_conversation_of_openssl_is_read(tmp_path: Path, ciphers: str | None, version: ssl.TLSVersion) -> None:
    talk, log = recorded(tmp_path, ciphers, version)
    found = dissect(talk.chunks, log)
    assert problems(found) == []
    assert (said(found, "client"), said(found, "server")) == (b"a line" * 9000, b"an answer")
    assert names(found)[:2] == ["client ClientHello", "server ServerHello"]
    assert found.version == {"TLSv1_3": 0x0304, "TLSv1_2": 0x0303}[version.name]
    assert_every_byte_is_explained(found)


def test_a_hello_retry_request_is_followed(tmp_path: Path) -> None:
    talk, log = recorded(tmp_path, curve="secp521r1")
    found = dissect(talk.chunks, log)
    assert names(found)[:4] == [
        "client ClientHello", "server HelloRetryRequest", "client ClientHello", "server ServerHello",
    ]  # fmt: skip
    assert problems(found) == []
    assert said(found, "server") == b"an answer"


def test_a_resumed_session_of_tls12_is_read(tmp_path: Path) -> None:
    client, server = contexts("ECDHE-RSA-AES128-GCM-SHA256")
    client.keylog_filename = str(tmp_path / "keys.log")
    session = Conversation(client, server).say(b"a line", b"an answer").client.tls.session
    talk = Conversation(client, server, session=session).say(b"another line", b"another answer")
    assert talk.client.tls.session_reused
    found = dissect(talk.chunks, parse((tmp_path / "keys.log").read_text()))
    assert problems(found) == []
    assert (said(found, "client"), said(found, "server")) == (b"another line", b"another answer")
    assert "server FinishedTls12" in names(found)


def test_without_the_hellos_of_tls12_the_rest_is_read(tmp_path: Path) -> None:
    """TLS 1.3 has only hellos in the clear, so another message is of an older version."""
    talk, log = recorded(tmp_path, "AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2)
    raws = [(each.sender, each.raw) for each in dissect(talk.chunks, log).records]
    beginning = next(at for at, (_, raw) in enumerate(raws) if raw[5] == 11)  # the server's Certificate
    found = dissect(raws[beginning:], log)
    assert names(found) == [
        "server CertificateTls12", "server ServerHelloDone", "client NoneType", "server NewSessionTicketTls12",
    ]  # fmt: skip
    assert set(problems(found)) == {
        "msg_type 16 has no known structure without a ServerHello", "no ServerHello was read"
    }  # fmt: skip
    assert_every_byte_is_explained(found)


def test_a_change_cipher_spec_before_the_second_hello_of_tls13_is_ignored() -> None:
    """A client with 0-RTT data sends one after its first ClientHello (§D.4)."""
    retry = HelloRetryRequest(0x0303, HELLO_RETRY_REQUEST_RANDOM, b"", 0x1303, 0, ANSWER.extensions)
    change: Chunk = ("client", b"\x14\3\3\0\1\1")
    found = dissect([("client", plain(HELLO)), change, ("server", plain(retry)), *hellos(), *finished(Writer())], LOG)
    assert problems(found) == []
    assert found.version == 0x0304


def test_a_suite_without_our_decryption_is_named(tmp_path: Path) -> None:
    talk, log = recorded(tmp_path, "ECDHE-RSA-AES128-SHA256", ssl.TLSVersion.TLSv1_2)
    assert set(problems(dissect(talk.chunks, log))) == {
        "decryption of TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 in TLS 1.2 is not implemented"
    }


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chunks, KeyLog]:
    """A real conversation of TLS 1.3."""
    talk, log = recorded(tmp_path_factory.mktemp("talk"))
    return talk.chunks, log


@settings(max_examples=30)
@given(size=st.integers(20, 3000))
def test_the_size_of_the_chunks_does_not_matter(conversation: tuple[Chunks, KeyLog], size: int) -> None:
    chunks, log = conversation
    smaller = [(sender, data[at : at + size]) for sender, data in chunks for at in range(0, len(data), size)]
    assert dissect(smaller, log) == dissect(chunks, log)


@settings(max_examples=30)
@given(st.data())
def test_a_changed_or_injected_record_is_not_decrypted_and_those_after_it_are(
    conversation: tuple[Chunks, KeyLog], data: st.DataObject
) -> None:
    whole = dissect(*conversation)
    number = data.draw(st.sampled_from([at for at, each in enumerate(whole.records) if each.content_type == 23]))
    record = whole.records[number]
    at = data.draw(st.integers(5, len(record.raw) - 1))
    forged = record.sender, record.raw[:at] + bytes([record.raw[at] ^ 1]) + record.raw[at + 1 :]
    raws = [(each.sender, each.raw) for each in whole.records]
    for recording in ([*raws[:number], forged, *raws[number + 1 :]], [*raws[:number], forged, *raws[number:]]):
        found = dissect(recording, conversation[1])
        assert [at for at, each in enumerate(found.records) if each.problem] == [number]
        assert "changed, or encrypted with another key" in (found.records[number].problem or "")


# What real peers seldom send ----------------------------------------------------------------------------------------

RANDOM = bytes(range(32))
SECRETS = {
    "CLIENT_EARLY_TRAFFIC_SECRET": b"e" * 32,
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET": b"c" * 32,
    "SERVER_HANDSHAKE_TRAFFIC_SECRET": b"s" * 32,
    "CLIENT_TRAFFIC_SECRET_0": b"C" * 32,
    "SERVER_TRAFFIC_SECRET_0": b"S" * 32,
}
LOG = KeyLog({RANDOM: SECRETS})
HELLO = ClientHello(
    0x0303, RANDOM, b"", (0x1303,), b"\0",
    (Extension(SUPPORTED_VERSIONS, encode(SupportedVersions((0x0304,)))), Extension(EARLY_DATA, b"")),
)  # fmt: skip
ANSWER = ServerHello(
    0x0303, bytes(32), b"", 0x1303, 0, (Extension(SUPPORTED_VERSIONS, encode(SelectedVersion(0x0304))),)
)
SUITE = protection13.SUITES[0x1303]
FINISHED = encode_message(Finished(bytes(32)))


class Writer:
    """Writes records, each with a secret and the next sequence number of it."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = defaultdict(int)

    def sealed(self, secret: bytes, content_type: int, content: bytes) -> bytes:
        number = self.numbers[secret]
        self.numbers[secret] += 1
        return protection13.sealed(SUITE, traffic_keys("sha256", secret, 32), number, content_type, content, padding=3)


def plain(message: ClientHello | ServerHello | HelloRetryRequest) -> bytes:
    return records.framed(22, 0x0303, encode_message(message))


def hellos() -> Chunks:
    return [("client", plain(HELLO)), ("server", plain(ANSWER))]


def finished(writer: Writer) -> Chunks:
    return [
        ("server", writer.sealed(SECRETS["SERVER_HANDSHAKE_TRAFFIC_SECRET"], 22, FINISHED)),
        ("client", writer.sealed(SECRETS["CLIENT_HANDSHAKE_TRAFFIC_SECRET"], 22, FINISHED)),
    ]


def test_key_updates_are_followed_in_each_direction_on_its_own() -> None:
    writer, client, server = Writer(), SECRETS["CLIENT_TRAFFIC_SECRET_0"], SECRETS["SERVER_TRAFFIC_SECRET_0"]
    client_1, server_1 = next_traffic_secret("sha256", client), next_traffic_secret("sha256", server)
    client_2 = next_traffic_secret("sha256", client_1)
    update = encode_message(KeyUpdate(1))
    found = dissect(
        [
            *hellos(),
            *finished(writer),
            ("client", writer.sealed(client, 22, update)),
            ("client", writer.sealed(client_1, 23, b"one")),
            ("server", writer.sealed(server, 23, b"old")),
            ("server", writer.sealed(server, 22, update)),
            ("server", writer.sealed(server_1, 23, b"new")),
            ("client", writer.sealed(client_1, 22, update)),
            ("client", writer.sealed(client_2, 23, b"two")),
        ],
        LOG,
    )
    assert problems(found) == []
    assert (said(found, "client"), said(found, "server")) == (b"onetwo", b"oldnew")
    assert labels(found)[2:] == [
        "CLIENT_TRAFFIC_SECRET_0 0", "CLIENT_TRAFFIC_SECRET_1 0", "SERVER_TRAFFIC_SECRET_0 0",
        "SERVER_TRAFFIC_SECRET_0 1", "SERVER_TRAFFIC_SECRET_1 0", "CLIENT_TRAFFIC_SECRET_1 1",
        "CLIENT_TRAFFIC_SECRET_2 0",
    ]  # fmt: skip


@pytest.mark.parametrize("accepted", [True, False])
def test_early_data_is_read_whether_the_server_accepts_it_or_not(accepted: bool) -> None:
    writer, early = Writer(), SECRETS["CLIENT_EARLY_TRAFFIC_SECRET"]
    early_data: Chunk = ("client", writer.sealed(early, 23, b"early"))
    end: Chunk = ("client", writer.sealed(early, 22, encode_message(EndOfEarlyData())))
    server_finished, client_finished = finished(writer)
    late: Chunk = ("client", writer.sealed(SECRETS["CLIENT_TRAFFIC_SECRET_0"], 23, b"late"))
    hello, answer = hellos()
    found = dissect(
        [hello, early_data, answer, server_finished, *([end] if accepted else []), client_finished, late], LOG
    )
    assert problems(found) == []
    assert said(found, "client") == b"earlylate"


def test_a_message_can_span_records_and_a_record_can_have_several_messages() -> None:
    writer, server = Writer(), SECRETS["SERVER_TRAFFIC_SECRET_0"]
    ticket = encode_message(NewSessionTicket(1, 2, b"n", b"t" * 100))
    stream = ticket + ticket + ticket
    found = dissect(
        [
            *hellos(),
            *finished(writer),
            ("server", writer.sealed(server, 22, stream[:50])),
            ("server", writer.sealed(server, 22, stream[50:60])),
            ("server", writer.sealed(server, 22, stream[60 : len(ticket) * 2])),
            ("server", writer.sealed(server, 22, stream[len(ticket) * 2 :] + ticket)),
        ],
        LOG,
    )
    assert problems(found) == []
    assert [(each.raw, each.records) for each in found.messages[4:]] == [
        (ticket, (4, 5, 6)), (ticket, (6,)), (ticket, (7,)), (ticket, (7,)),
    ]  # fmt: skip


def test_a_hello_cut_into_many_records_is_read() -> None:
    message = encode_message(HELLO)
    pieces = b"".join(records.framed(22, 0x0301, message[at : at + 7]) for at in range(0, len(message), 7))
    found = dissect([("client", pieces)])
    assert [each.value for each in found.messages] == [HELLO]
    assert found.messages[0].records == tuple(range(len(found.records)))


def test_a_log_without_handshake_secrets_is_named_and_later_secrets_are_used() -> None:
    writer = Writer()
    application = {label: secret for label, secret in SECRETS.items() if label.endswith("_0")}
    found = dissect(
        [
            *hellos(),
            *finished(writer),
            ("server", writer.sealed(SECRETS["SERVER_TRAFFIC_SECRET_0"], 23, b"data")),
            ("server", writer.sealed(b"unknown", 23, b"data")),
        ],
        KeyLog({RANDOM: application}),
    )
    assert said(found, "server") == b"data"
    assert [each.problem for each in found.records[2:]] == [
        "the key log does not have SERVER_HANDSHAKE_TRAFFIC_SECRET of this connection",
        "the key log does not have CLIENT_HANDSHAKE_TRAFFIC_SECRET of this connection",
        None,
        "does not decrypt with SERVER_TRAFFIC_SECRET_0: changed, or encrypted with another key",
    ]


def test_what_is_encrypted_too_early_or_unknown_is_named() -> None:
    data: Chunk = ("client", Writer().sealed(b"x", 23, b"data"))
    (alone,) = dissect([data], LOG).records
    assert alone.problem == "sent before a ServerHello"
    found = dissect([("client", plain(HELLO)), data])
    assert found.records[1].problem == "sent before a ServerHello; no key log"
    ccm = ServerHello(0x0303, bytes(32), b"", 0x1304, 0, ANSWER.extensions)
    found = dissect([("client", plain(HELLO)), ("server", plain(ccm)), data], KeyLog({}))
    assert found.records[2].problem == "decryption of TLS_AES_128_CCM_SHA256 is not implemented"


def test_an_unencrypted_alert_after_the_hellos_is_read() -> None:
    found = dissect([*hellos(), ("client", bytes.fromhex("15030300020230"))], LOG)
    assert found.records[-1].value == Alert(2, 48)
    assert found.records[-1].problem is None


def test_an_injected_key_update_or_finished_in_the_clear_changes_no_keys() -> None:
    writer = Writer()
    forged = records.framed(22, 0x0303, FINISHED + encode_message(KeyUpdate(0)))
    data = writer.sealed(SECRETS["SERVER_TRAFFIC_SECRET_0"], 23, b"data")
    found = dissect([*hellos(), ("server", forged), *finished(writer), ("server", data)], LOG)
    assert problems(found) == []
    assert said(found, "server") == b"data"


def test_a_malformed_message_says_why_and_the_next_one_is_read() -> None:
    hello = encode_message(HELLO)
    found = dissect([("client", records.framed(22, 0x0303, b"\x01\0\0\x02hi" + b"\x63\0\0\0" + hello))])
    assert [each.problem for each in found.messages] == [
        "random: 32 bytes expected at 2, 0 present", "msg_type 99 has no known structure without a ServerHello", None,
    ]  # fmt: skip
    assert [each.value for each in found.messages] == [None, None, HELLO]
    assert_every_byte_is_explained(found)


def test_bytes_that_are_not_tls_are_left_over() -> None:
    found = dissect([("client", b"GET / HTTP/1.1\r\n\r\n"), ("server", b"\x16\x03")])
    left: dict[Sender, bytes] = {"client": b"GET / HTTP/1.1\r\n\r\n", "server": b"\x16\x03"}
    assert found == Dissection((), (), left, total=20)


def test_a_random_of_a_retry_request_gives_no_keys() -> None:
    retry = HelloRetryRequest(0x0303, HELLO_RETRY_REQUEST_RANDOM, b"", 0x1303, 0, ANSWER.extensions)
    found = dissect([("client", plain(HELLO)), ("server", plain(retry)), *hellos(), *finished(Writer())], LOG)
    assert found.version == 0x0304
    assert problems(found) == []


def test_a_record_that_goes_on_after_finished_does_not_raise() -> None:
    # §5.1 forbids it; the log has no secret for what follows.
    handshake_only = {label: secret for label, secret in SECRETS.items() if not label.endswith("_0")}
    content = FINISHED + FINISHED + encode_message(KeyUpdate(0))
    record = Writer().sealed(SECRETS["SERVER_HANDSHAKE_TRAFFIC_SECRET"], 22, content)
    found = dissect([*hellos(), ("server", record), ("server", record)], KeyLog({RANDOM: handshake_only}))
    assert names(found)[2:] == ["server Finished", "server Finished", "server KeyUpdate"]
    assert problems(found) == ["the key log does not have SERVER_TRAFFIC_SECRET_0 of this connection"]


# Any bytes ----------------------------------------------------------------------------------------------------------

SENDERS = st.sampled_from(["client", "server"])


def a_record(content_type: int, content: bytes) -> bytes:
    return bytes([content_type, 3, 3]) + len(content).to_bytes(2) + content


def a_message(msg_type: int, body: bytes) -> bytes:
    return records.framed(22, 0x0303, bytes([msg_type]) + len(body).to_bytes(3) + body)


CONTENTS = (FINISHED, encode_message(KeyUpdate(0)), encode_message(EndOfEarlyData()), b"", b"data")
PIECES = st.one_of(
    st.binary(max_size=60),
    st.builds(a_record, st.integers(18, 25), st.binary(max_size=60)),
    st.builds(a_message, st.integers(0, 25), st.binary(max_size=40)),
    st.sampled_from([plain(HELLO), plain(ANSWER), b"\x14\x03\x03\0\1\1"]),
    st.builds(
        lambda secret, content_type, content: Writer().sealed(secret, content_type, content),
        st.sampled_from(list(SECRETS.values())), st.integers(20, 24),
        st.lists(st.sampled_from(CONTENTS), max_size=3).map(b"".join),
    ),
)  # fmt: skip
SECRETS_OF_BOTH = {**SECRETS, "CLIENT_RANDOM": b"m" * 48}
LOGS = (None, LOG, KeyLog({RANDOM: SECRETS_OF_BOTH}), KeyLog({RANDOM: dict.fromkeys(SECRETS, b"x")}))


@given(st.lists(st.tuples(SENDERS, PIECES), max_size=12))
def test_no_bytes_raise(chunks: Chunks) -> None:
    for log in (
        None,
        LOG,
        KeyLog({RANDOM: {**SECRETS, "CLIENT_RANDOM": b"m" * 48}}),
        KeyLog({RANDOM: dict.fromkeys(SECRETS, b"x")}),
    ):
        found = dissect(chunks, log)
        assert_every_byte_is_explained(found)
        for sender, left in found.left_over.items():
            whole = b"".join(each.raw for each in found.records if each.sender == sender)
            assert whole + left == b"".join(data for each, data in chunks if each == sender)


def changed(chunks: Iterable[tuple[Sender, bytes]], at: int, byte: int) -> Chunks:
    """The conversation with another byte at that position."""
    result: Chunks = []
    for sender, data in chunks:
        inside = 0 <= at < len(data)
        result.append((sender, data[:at] + bytes([byte]) + data[at + 1 :] if inside else data))
        at -= len(data)
    return result


@settings(max_examples=200)
@given(
    at=st.integers(0, 3000), byte=st.integers(0, 255), name=st.sampled_from(["python-ssl-tls12", "python-ssl-tls13"])
)
def test_a_changed_capture_does_not_raise(all_captures: dict[str, Capture], at: int, byte: int, name: str) -> None:
    capture = all_captures[name]
    found = dissect(changed(capture.chunks, at, byte), parse(capture.keys))
    assert_every_byte_is_explained(found)


def test_a_message_of_an_unknown_type_has_a_tree() -> None:
    message = DissectedMessage("client", b"\x63\0\0\2hi", (0,), None, None, "unknown")
    assert [(leaf.name, leaf.value) for leaf in message.tree().leaves()] == [
        ("msg_type", 99), ("length", 2), ("body", b"hi"),
    ]  # fmt: skip


# A bound on memory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1_500, 20_000, 60_000, None])
def test_with_little_room_the_beginning_is_kept_and_the_rest_is_counted(
    conversation: tuple[Chunks, KeyLog], room: int | None
) -> None:
    chunks, log = conversation
    whole, found = dissect(chunks, log), dissect(chunks, log, room)
    counted = sum(each.records for each in found.counted.values())
    assert len(found.records) + counted == len(whole.records)
    assert sum(each.length for each in found.counted.values()) + sum(len(each.raw) for each in found.records) == sum(
        len(each.raw) for each in whole.records
    )
    assert {each.raw for each in found.records} <= {each.raw for each in whole.records}
    assert (found.version, found.total, found.left_over) == (whole.version, whole.total, whole.left_over)
    assert all(each.opened == each.length for each in found.counted.values())  # they are decrypted all the same
    assert bool(counted) is (room is not None and room < 60_000)
    assert all(number < len(found.records) for each in found.messages for number in each.records)


def test_with_little_room_keys_are_still_updated_and_alerts_are_kept() -> None:
    """A long download with a KeyUpdate in it, and then the close."""
    writer, secret = Writer(), SECRETS["SERVER_TRAFFIC_SECRET_0"]
    updated = next_traffic_secret("sha256", secret)
    data: Chunks = [("server", writer.sealed(secret, 23, bytes(1000))) for _ in range(50)]
    update: Chunks = [("server", writer.sealed(secret, 22, encode_message(KeyUpdate(0))))]
    more: Chunks = [("server", writer.sealed(updated, 23, bytes(1000))) for _ in range(50)]
    end: Chunks = [("server", writer.sealed(updated, 21, b"\x01\x00"))]
    found = dissect([*hellos(), *finished(writer), *data, *update, *more, *end], LOG, 10_000)
    assert found.counted["server"].records >= 90
    assert found.counted["server"].opened == found.counted["server"].length
    assert found.records[-1].value == records.Alert(1, 0)
