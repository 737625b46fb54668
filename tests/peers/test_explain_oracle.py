"""Our dissection against tshark and OpenSSL, field by field. Caught: a field that is read otherwise, or not at all."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import urandom
from pathlib import Path
from subprocess import PIPE

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import run, tool
from tests.oracles import tshark
from tests.oracles.tshark import Result
from tests.peers.conftest import Start
from tests.tlsdemo.explain.tap import Tap
from tests.tlsdemo.wire.support import HOST, Conversation, certificate, contexts, dh_parameters, issuer
from tlsdemo import net
from tlsdemo.attack.world import World
from tlsdemo.credentials.minted import Mint
from tlsdemo.explain.conversation import Explanation, Kind, explain
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls.protocol import CLAIMS, tls
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.wire import captures, key_log, protection13
from tlsdemo.wire.captures import Chunk, Connection, Place
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import dissect
from tlsdemo.wire.extensions import (
    EXTENSIONS,
    ApplicationSettingsSupport,
    CertificateAuthorities,
    CertificateStatusRequest,
    CertificateTypes,
    CompressCertificate,
    Cookie,
    EarlyDataIndication,
    EcPointFormats,
    EncryptedClientHello,
    EncryptThenMac,
    ExtendedMasterSecret,
    KeyShareClientHello,
    KeyShareEntry,
    MaxFragmentLength,
    NamedGroupList,
    OfferedPsks,
    Padding,
    PostHandshakeAuth,
    ProtocolName,
    ProtocolNameList,
    PskIdentity,
    PskKeyExchangeModes,
    RecordSizeLimit,
    RenegotiationInfo,
    ServerName,
    ServerNameList,
    SessionTicketTls12,
    SignatureSchemeList,
    SignedCertificateTimestampsWanted,
    SupportedVersions,
)
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Extension
from tlsdemo.wire.messages13 import encode_message
from tlsdemo.wire.records import Alert, Sender, framed
from tlsdemo.wire.registry import ALERTS, CIPHER_SUITES

LINE, ANSWER = b"a line", b"an answer"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@dataclass
class Recording:
    """Conversations for one capture: tshark starts once for all of them."""

    keys: Path
    """A file for the key log of all of them."""
    connections: list[Connection] = field(default_factory=list)

    def add(self, chunks: Iterable[tuple[Sender, bytes]]) -> None:
        """The bytes of another conversation."""
        number = len(self.connections)
        client, server = Place("127.0.0.1", 40000 + number), Place("127.0.0.1", 443)
        pieces = tuple(Chunk(sender, data, float(number)) for sender, data in chunks if data)
        self.connections.append(Connection(client, server, pieces, has_beginning=True))

    def log(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Keep a secret."""
        with self.keys.open("a") as file:
            file.write(key_log.line(label, client_random, secret) + "\n")

    def talk(
        self, client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> Conversation:
        """A line and an answer between these contexts, if the handshake succeeds."""
        client.keylog_filename = str(self.keys)
        conversation = Conversation(client, server, session=session)
        if conversation.client.connected and conversation.server.connected:
            conversation.say(LINE, ANSWER)
        self.add(conversation.chunks)
        return conversation

    def compared(self) -> Result:
        """What the oracle finds."""
        tool("tshark")
        return tshark.compare(captures.write(self.connections, self.keys.read_text()))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "keys.log")


def mutual(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """The server demands a certificate of the client, which has one."""
    certificate().configure_cert(client)
    demanding(server)


def demanding(server: ssl.SSLContext) -> None:
    issuer().configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED


# Captures -----------------------------------------------------------------------------------------------------------


def test_captures_are_read_as_tshark_reads_them(shared_data: Path) -> None:
    tool("tshark")
    files = sorted((shared_data / "captures").glob("*.pcap"))
    assert len(files) >= 7
    for file in files:
        result = tshark.compare(file.read_bytes(), file.with_suffix(".keys").read_text())
        assert result.differences == [], file
        assert result.connections == 1
        assert result.fields > 90
        assert bool(result.not_decrypted) is (file.stem == "illustrated-tls12")  # CBC


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("parse", "content type: None, tshark 22"),  # we have no key log
        ("ServerHello.random", "message of type 02: only us: session_id (32 bytes at 6)"),
        ("dissect", "record 1 of the server: sender: server, tshark client"),  # we miss the first record
    ],
)
def test_a_difference_is_found(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, expected: str
) -> None:
    tool("tshark")
    match name:
        case "parse":
            monkeypatch.setattr("tlsdemo.wire.key_log.parse", lambda text: None)
        case "dissect":
            monkeypatch.setattr(tshark, "dissect", lambda chunks, keys: dissect(chunks[1:], keys))
        case _:
            monkeypatch.setattr(tshark, "NAMES", {**tshark.NAMES, name: "session_id"})
    file = shared_data / "captures" / "python-ssl-tls13.pcap"
    assert tshark.main([str(file), str(file.with_suffix(".keys"))]) == 1
    *differences, last = capsys.readouterr().out.splitlines()
    assert any(expected in each for each in differences)
    assert last.startswith(f"differences {len(differences)}  in 1 connections, ")


def test_what_cannot_be_compared_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    assert tshark.main([]) == tshark.main(["--help"]) == 2
    assert tshark.main([str(tmp_path / "absent")]) == tshark.main([str(tmp_path / "hosts")]) == 3
    assert "the capture cannot be read: not a pcap or pcapng file" in capsys.readouterr().err


# Suites -------------------------------------------------------------------------------------------------------------


def suites() -> list[str]:
    """The suites of TLS 1.2 that Python's `ssl` can negotiate with an RSA or ECDSA certificate, or without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [
        str(each["name"])
        for each in context.get_ciphers()
        if each["auth"] in ("auth-rsa", "auth-ecdsa", "auth-null") and each["kea"] in ("kx-rsa", "kx-ecdhe", "kx-dhe")
    ]


AEAD = re.compile("GCM|CCM|CHACHA20")


def test_every_suite_of_tls12_is_read_as_tshark_reads_it(recording: Recording, tmp_path: Path) -> None:
    ecdsa = issuer().issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
    (tmp_path / "dh.pem").write_text(dh_parameters())
    names = suites()
    assert len(names) > 60
    negotiated = []
    for name in names:
        anonymous = name.startswith(("ADH-", "AECDH-"))
        for with_certificate in (False,) if anonymous else (False, True):
            client, server = contexts(f"{name}:@SECLEVEL=0")
            ecdsa.configure_cert(server)
            server.load_dh_params(str(tmp_path / "dh.pem"))
            if with_certificate:
                mutual(client, server)
            cipher = recording.talk(client, server).client.tls.cipher()
            assert cipher
            assert cipher[0] == name
            negotiated.append(name)
    result = recording.compared()
    assert result.differences == []
    assert result.fields > 15_000
    keys = key_log.parse(recording.keys.read_text())
    for name, connection in zip(negotiated, recording.connections, strict=True):
        found = explain([(each.sender, each.data) for each in connection.chunks], keys, datetime.now(UTC))
        is_decrypted = bool(AEAD.search(name)) and "ARIA" not in name
        assert (found.explained == found.total) is is_decrypted, name
        checks = [check for entry in found.entries for check in entry.checks]
        assert all(check.passed for check in checks), name
        assert len(checks) >= (2 if is_decrypted else 0), name  # the Finished of both sides


# TLS 1.3, and what happens seldom -----------------------------------------------------------------------------------

CLIENT_CLAIMS = ALL - {Protection.REVOCATION}


@pytest.fixture(scope="module")
def world() -> World:
    """A client and a server with certificates."""
    now = datetime.now(UTC)
    return World.create(Mint(now, lambda: ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number), urandom)


def test_tls13_is_read_as_tshark_reads_it(recording: Recording, world: World) -> None:
    """Our own client, which can choose the suite, with `ssl` as the server; and with our own server, a hybrid group."""
    for suite in protection13.SUITES:
        for identity in (frozenset({Protection.CLIENT_IDENTITY}), frozenset[Protection]()):
            ours = tls13(
                CLIENT_CLAIMS - {Protection.CLIENT_IDENTITY} | identity,
                suites=(suite,),
                groups=(29,),
                log=recording.log,
            )
            client = Tap(ours.client(world.client), lambda: 0.0)
            outcome = world.converse(client, tls(CLAIMS | identity).server(world.server), None, world.lines)
            assert outcome.client.accepted and outcome.server.accepted
            recording.add(client.chunks)
    hybrid = tls13(CLIENT_CLAIMS, log=recording.log, tickets=2)
    client = Tap(hybrid.client(world.client), lambda: 0.0)
    world.converse(client, hybrid.server(world.server), None, world.lines)
    assert "X25519MLKEM768" in client.negotiated.values()
    recording.add(client.chunks)
    result = recording.compared()
    assert result.differences == []
    assert (result.connections, result.not_decrypted) == (7, 0)


def test_retries_resumptions_refusals_and_long_messages_are_read_as_tshark_reads_them(recording: Recording) -> None:
    for version in (TLS12, TLS13):
        client, server = contexts("ECDHE+AESGCM", version)
        client.set_alpn_protocols(["h2", "http/1.1"])
        server.set_alpn_protocols(["http/1.1"])
        server.set_ecdh_curve("secp521r1")  # in TLS 1.3, a HelloRetryRequest
        session = recording.talk(client, server).client.tls.session
        assert recording.talk(client, server, session).client.tls.session_reused
        # The server's alert; then the client's; then one about the first message.
        client, server = contexts("ECDHE+AESGCM", version)
        demanding(server)
        assert "ALERT" in recording.talk(client, server).client.error
        client, server = contexts("ECDHE+AESGCM", version)
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        other.maximum_version = version
        assert "CERTIFICATE_VERIFY_FAILED" in recording.talk(other, server).client.error
        server.minimum_version = server.maximum_version = TLS12 if version is TLS13 else TLS13
        client.minimum_version = client.maximum_version = version
        assert "PROTOCOL_VERSION" in recording.talk(client, server).client.error
        # A certificate that fills more than one record.
        client, server = contexts("ECDHE+AESGCM", version)
        many = [f"host-{number}.{'long' * 10}.example" for number in range(400)]
        issuer().issue_cert(HOST, *many, key_type=trustme.KeyType.RSA).configure_cert(server)
        recording.talk(client, server)
        # A connection without its beginning, and one that breaks off within a record.
        chunks = recording.talk(client, contexts("ECDHE+AESGCM", version)[1]).chunks
        for part in (chunks[2:], [*chunks[:1], (chunks[1][0], chunks[1][1][:300])]):
            recording.add(part)
    keys = key_log.parse(recording.keys.read_text())
    dissected = [dissect([(each.sender, each.data) for each in one.chunks], keys) for one in recording.connections]
    messages = [message for found in dissected for message in found.messages]
    assert "HelloRetryRequest" in {type(each.value).__name__ for each in messages}
    assert sum(len(each.records) > 1 for each in messages) == 2
    assert recording.compared().differences == []


OFFER: tuple[tuple[int, object], ...] = (
    (0, ServerNameList((ServerName(0, b"server.example"),))),
    (1, MaxFragmentLength(1)),
    (5, CertificateStatusRequest(1, b"", b"")),
    (10, NamedGroupList((0x2A2A, 0x11EC, 29))),
    (11, EcPointFormats(b"\0")),
    (13, SignatureSchemeList((0x0403, 0x0904))),
    (16, ProtocolNameList((ProtocolName(b"h2"), ProtocolName(b"http/1.1")))),
    (18, SignedCertificateTimestampsWanted()),
    (19, CertificateTypes(b"\2\0")),
    (20, CertificateTypes(b"\2\0")),
    (21, Padding(bytes(5))),
    (22, EncryptThenMac()),
    (23, ExtendedMasterSecret()),
    (27, CompressCertificate((2, 1))),
    (28, RecordSizeLimit(4001)),
    (34, SignatureSchemeList((0x0403, 0x0503))),
    (35, SessionTicketTls12(b"ticket")),
    (42, EarlyDataIndication()),
    (43, SupportedVersions((0x3A3A, 0x0304, 0x0303))),
    (44, Cookie(b"cookie")),
    (45, PskKeyExchangeModes(b"\1")),
    (47, CertificateAuthorities((bytes.fromhex("300c310a300806035504030c0141"),))),
    (49, PostHandshakeAuth()),
    (50, SignatureSchemeList((0x0403,))),
    (51, KeyShareClientHello((KeyShareEntry(0x2A2A, b"\0"), KeyShareEntry(0x11EC, bytes(1216))))),
    (17513, ApplicationSettingsSupport((ProtocolName(b"h2"),))),
    (17613, ApplicationSettingsSupport((ProtocolName(b"h2"),))),
    (0xFE0D, EncryptedClientHello(0, 1, 1, 7, bytes(32), bytes(100))),
    (0xFF01, RenegotiationInfo(b"")),
    (41, OfferedPsks((PskIdentity(b"one", 5), PskIdentity(b"two", 6)), (bytes(32), bytes(48)))),  # always the last
)
"""Every extension of a ClientHello that we declare."""


def test_every_extension_of_a_client_is_read_as_tshark_reads_it(recording: Recording) -> None:
    assert {number for number, _ in OFFER} == set(EXTENSIONS[ClientHello])
    assert all(type(value) is EXTENSIONS[ClientHello][number] for number, value in OFFER)
    extensions = Extension(0x1A1A, b""), *(Extension(number, encode(value)) for number, value in OFFER)
    hello = ClientHello(0x0303, bytes(32), bytes(32), (0x4A4A, 0x1301), b"\0", extensions)
    recording.keys.touch()
    recording.add([("client", framed(22, 0x0301, encode_message(hello)))])
    assert recording.compared().differences == []


def test_tshark_gives_cipher_suites_and_alerts_the_same_names(tmp_path: Path) -> None:
    hello = ClientHello(0x0303, bytes(32), b"", tuple(CIPHER_SUITES), b"\0")
    alerts = b"".join(framed(21, 0x0303, encode(Alert(2, number))) for number in ALERTS)
    recording = Recording(tmp_path / "unused")
    recording.add([("client", framed(22, 0x0301, encode_message(hello)) + alerts)])
    file = tmp_path / "names.pcapng"
    file.write_bytes(captures.write(recording.connections))
    printed = run(tool("tshark"), "-r", file, "-d", "tcp.port==443,tls", "-V").stdout
    suites = {int(number, 16): name for name, number in re.findall(r"Cipher Suite: (\w+) \(0x(\w{4})\)", printed)}
    assert suites == CIPHER_SUITES
    theirs = {int(number): name for name, number in re.findall(r"Description: (.+) \((\d+)\)", printed)}
    assert {number: name.lower().replace(" ", "_") for number, name in theirs.items()} == ALERTS


# OpenSSL's trace ----------------------------------------------------------------------------------------------------

TRY_LATER = bytes.fromhex("30030a0103")
"""An OCSP response without a certificate status (RFC 6960 §4.2.1)."""
SENT, RECEIVED = {"client": "client", "server": "server"}, {"client": "server", "server": "client"}


def traced(file: Path, side: str) -> list[str]:
    """The handshake messages and the alerts in a trace of one side: sender, and name or number."""
    found, sender = [], ""
    for line in file.read_text().splitlines():
        if line in ("Sent Record", "Received Record"):
            sender = (SENT if line == "Sent Record" else RECEIVED)[side]
        elif match := re.fullmatch(r" {4}([A-Z]\w+), Length=\d+", line):
            found.append(f"{sender} {match[1]}")
        elif match := re.fullmatch(r" {4}Level=\w+\(\d+\), description=.*\((\d+)\)", line):
            found.append(f"{sender} alert {match[1]}")
    return found


def told(explanation: Explanation) -> list[str]:
    """The same of an explanation. OpenSSL calls a HelloRetryRequest ServerHello, and names no key exchange."""
    found = []
    for entry in explanation.entries:
        if entry.kind is Kind.MESSAGE:
            title = re.sub("(?<=KeyExchange)(Ecdhe|Rsa)$", "", entry.title)
            found.append(f"{entry.sender} {title.replace('HelloRetryRequest', 'ServerHello')}")
        elif entry.kind is Kind.ALERT:
            found.append(f"{entry.sender} alert {entry.data[1]}")
    return found


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_traces_the_messages_that_are_explained(
    background: Start, recording: Recording, certs: Path, tmp_path: Path, version: str
) -> None:
    """With a client certificate, names of CAs, a stapled OCSP response, and in TLS 1.3 a KeyUpdate of both sides."""
    (tmp_path / "ocsp.der").write_bytes(TRY_LATER)
    openssl, root = tool("openssl"), certs / "root.pem"
    server = background(
        openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-trace", "-cert", certs / "server.pem", "-key",
        certs / "server.key", "-CAfile", root, "-Verify", "1", "-status_file", tmp_path / "ocsp.der",
        "-msgfile", tmp_path / "server.trace", stdin=PIPE,
    )  # fmt: skip
    port = int(server.wait_for(r"^ACCEPT .*:(\d+)$")[1])
    with net.Tap(net.Address("127.0.0.1", port)) as tap:
        client = background(
            openssl, "s_client", "-connect", f"127.0.0.1:{tap.port}", "-trace", version, "-CAfile", root, "-cert",
            certs / "client.pem", "-key", certs / "client.key", "-status", "-alpn", "h2,http/1.1", "-maxfraglen",
            "4096", "-groups", "P-384:P-256", "-keylogfile", recording.keys, "-msgfile", tmp_path / "client.trace",
            stdin=PIPE,
        )  # fmt: skip
        server.wait_for("^CIPHER is ")  # the handshake has ended
        if version == "-tls1_3":
            client.wait_until(lambda lines: sum("Session Ticket arrived" in line for line in lines) == 2)
            client.write("K\n")  # the client updates its key, and requests the same
            client.wait_for("KEYUPDATE", "err")
        client.write("hello\n")
        server.wait_for("hello$")
        server.write("answer\n")
        client.wait_for("answer$")
        client.end_of_input()
        assert client.wait() == 0
        assert server.wait() == 0
    recording.add((("client" if each.sender is Side.CLIENT else "server"), each.data) for each in tap.tape)
    result = recording.compared()
    assert result.differences == []
    (connection,) = recording.connections
    chunks = [(each.sender, each.data) for each in connection.chunks]
    explanation = explain(chunks, key_log.parse(recording.keys.read_text()), datetime.now(UTC))
    assert explanation.explained == explanation.total
    names = told(explanation)
    of_client, of_server = (traced(tmp_path / f"{side}.trace", side) for side in ("client", "server"))
    updates = ["client KeyUpdate", "server KeyUpdate"] if version == "-tls1_3" else []
    assert [each for each in names if "KeyUpdate" in each] == updates
    assert "client CertificateVerify" in names
    # s_client does not wait for the server's close_notify.
    for each in (names, of_client, of_server):
        each[:] = [message for message in each if message != "server alert 0"]
    assert of_client == names
    assert of_server == names
