"""`serve --protocol tls13` for TLS clients of others. Falsehood caught: bytes that only our own client understands.

Every client is another implementation of TLS 1.3, so that a mistake which our client and server share shows here.
Chromium is the one that offers X25519MLKEM768, and thus also an independent implementation of ML-KEM.
"""

import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.keys import KeyType
from tests.conftest import mint
from tests.peers.conftest import Serve, Start
from tests.peers.support import DEADLINE
from tests.peers.test_openssl import proof
from tests.peers.tls13 import KEY_TYPES, SUITES, TLS13, Keyed, Program, Standing, has_trust_store, s_client

GROUPS = {
    "curl": "x25519", "wget": "x25519", "gnutls-cli": "x25519", "python-urllib": "x25519", "node": "x25519",
    "java": "x25519", "go": "x25519", "chromium": "X25519MLKEM768",
}  # fmt: skip
"""The group that is negotiated with each client as it is installed."""
WITHOUT_SERVER_NAME = ("java",)
"""Clients that send no server_name for `localhost`: it has no dot."""
WITHOUT_ED25519 = ("chromium",)
"""Clients that do not accept certificates with Ed25519 keys."""

T = TypeVar("T")
Programs = Callable[[str, Path], Program]


@pytest.fixture(scope="session")
def programs(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Each program, built once; Chromium once for each CA, since its trust store is part of what is prepared."""
    made: dict[tuple[str, Path], Program] = {}

    def program(name: str, ca: Path) -> Program:
        place = name, ca if has_trust_store(name) else certs
        if place not in made:
            program = Program(name, tmp_path_factory.mktemp(name))
            program.prepare(ca)
            made[place] = program
        return made[place]

    return program


@pytest.mark.parametrize(
    ("name", "key_type"),
    [
        (name, key_type)
        for name in GROUPS
        for key_type in KEY_TYPES
        if not (name in WITHOUT_ED25519 and key_type is KeyType.ED25519)
    ],
)
def test_a_client_requests_a_page_and_reads_it(
    standing13: Standing, serve: Serve, keyed: Keyed, programs: Programs, name: str, key_type: KeyType
) -> None:
    certs = keyed(key_type)
    # Chromium opens more connections than it needs, so that its server is used by this test alone.
    server = serve(*TLS13, certs=certs) if name == "chromium" else standing13(certs=certs)
    done = programs(name, certs / "root.pem").visit(server, certs / "root.pem")
    assert done.code == 0, done
    assert "GET / HTTP/1." in done.out, done
    assert done.events["agreed"]["version"] == "TLSv1.3"
    assert done.agreed.startswith(f"{GROUPS[name]}, TLS_")
    assert done.events["said"]["text"].startswith("GET / HTTP/1.")
    assert done.end["ending"] == "answered"


# openssl s_client: what is negotiated -------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_each_cipher_suite_is_negotiated_if_the_client_offers_it_alone(
    standing13: Standing, certs: Path, openssl: str, suite: str
) -> None:
    server = standing13()
    done = s_client(server, certs / "root.pem", "-ciphersuites", suite)
    assert f"New, TLSv1.3, Cipher is {suite}" in done.out
    assert "received:  hello\n" in done.out
    assert done.agreed == f"x25519, {suite}"


@pytest.mark.parametrize(
    ("offered", "seen", "group"),
    [
        ("X25519", "X25519, 253 bits", "x25519"),
        ("P-256", "ECDH, prime256v1, 256 bits", "secp256r1"),
        ("ffdhe2048", "DH, 2048 bits", "ffdhe2048"),
    ],
)
def test_each_group_is_negotiated_if_the_client_offers_it_alone(
    standing13: Standing, certs: Path, openssl: str, offered: str, seen: str, group: str
) -> None:
    server = standing13()
    done = s_client(server, certs / "root.pem", "-groups", offered, "-msg")
    assert f"Server Temp Key: {seen}" in done.out
    assert "received:  hello\n" in done.out
    assert done.out.count(", ClientHello\n") == 1
    assert done.agreed.startswith(f"{group}, ")


@pytest.mark.parametrize(
    ("offered", "accepted", "group"),
    [
        ("P-256:X25519", "x25519", "x25519"),
        ("X25519:P-256", "secp256r1", "secp256r1"),
        ("P-256:ffdhe2048", "ffdhe2048", "ffdhe2048"),
        ("P-384:X25519", None, "x25519"),
        ("P-521:ffdhe2048", None, "ffdhe2048"),
    ],
)
def test_a_client_that_sent_no_share_of_our_group_is_asked_for_one(
    standing13: Standing, certs: Path, openssl: str, offered: str, accepted: str | None, group: str
) -> None:
    server = standing13(*(("--group", accepted) if accepted else ()))
    done = s_client(server, certs / "root.pem", "-groups", offered, "-msg")
    assert "Verify return code: 0 (ok)" in done.out
    assert "received:  hello\n" in done.out
    assert done.out.count(", ClientHello\n") == 2
    assert done.out.count(", ServerHello\n") == 2  # a HelloRetryRequest has the message type of a ServerHello
    assert done.agreed.startswith(f"{group}, ")


@pytest.mark.parametrize(
    ("options", "alert", "reason"),
    [
        (("-tls1_2",), 70, "the client does not offer TLS 1.3"),
        (("-ciphersuites", "TLS_AES_128_CCM_SHA256"), 40, "the client offers no cipher suite that the server supports"),
        (("-groups", "P-384"), 40, "the client offers no group that the server supports"),
        (("-sigalgs", "rsa_pss_rsae_sha256"), 40, "the client accepts no signature scheme of the server's key"),
        (("-alpn", "h2"), 120, "the client offers no protocol of the server"),
    ],
    ids=["version", "suite", "group", "signature scheme", "application protocol"],
)
def test_a_client_without_a_common_choice_receives_the_alert_for_it(
    standing13: Standing, certs: Path, openssl: str, options: tuple[str, ...], alert: int, reason: str
) -> None:
    server = standing13("--alpn", "http/1.1")
    done = s_client(server, certs / "root.pem", *options)
    assert done.code != 0
    assert f"SSL alert number {alert}" in done.err
    end = done.end
    assert (end["event"], end["by"], end["application_bytes"]) == ("refused", "server", 0)
    assert reason in end["reason"]
    assert "received:  hello" in s_client(server, certs / "root.pem").out  # the control: the server goes on


def test_the_first_application_protocol_of_the_server_is_selected(
    standing13: Standing, certs: Path, openssl: str
) -> None:
    server = standing13("--alpn", "http/1.1")
    assert "ALPN protocol: http/1.1\n" in s_client(server, certs / "root.pem", "-alpn", "h2,http/1.1").out
    assert "No ALPN negotiated\n" in s_client(server, certs / "root.pem").out


def test_change_cipher_spec_is_sent_only_to_a_client_that_wants_it(
    standing13: Standing, certs: Path, openssl: str
) -> None:
    server = standing13()
    with_it = s_client(server, certs / "root.pem", "-msg")
    without = s_client(server, certs / "root.pem", "-msg", "-no_middlebox")
    for done in (with_it, without):
        assert "received:  hello\n" in done.out
    received = re.compile(r"^<<< .* RecordHeader .*\n    14 03 03 00 01$", re.MULTILINE)
    assert (len(received.findall(with_it.out)), len(received.findall(without.out))) == (1, 0)


def test_s_client_names_every_message_with_its_length(standing13: Standing, certs: Path, openssl: str) -> None:
    suite = "TLS_AES_256_GCM_SHA384"
    done = s_client(standing13(), certs / "root.pem", "-trace", "-ciphersuites", suite)
    message = re.compile(r"^ +(\w+), Length=(\d+)$", re.MULTILINE)
    found = [(name, int(length)) for name, length in message.findall(done.out)]
    flights = ["ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished", "Finished"]
    assert [name for name, _ in found] == ["ClientHello", *flights, "NewSessionTicket"]
    lengths = dict(found)
    chain = x509.load_pem_x509_certificates((certs / "server.pem").read_bytes())
    assert lengths["ServerHello"] == 2 + 32 + (1 + 32) + 2 + 1 + 2 + (4 + 2) + (4 + 2 + 2 + 32)  # §4.1.3
    assert lengths["EncryptedExtensions"] == 2 + 4  # server_name is acknowledged
    assert lengths["Certificate"] == 1 + 3 + sum(3 + len(each.public_bytes(Encoding.DER)) + 2 for each in chain)
    assert 2 + 2 + 68 <= lengths["CertificateVerify"] <= 2 + 2 + 72  # ECDSA with P-256, in DER
    assert [length for name, length in found if name == "Finished"] == [48, 48]


# openssl s_client: certificates of the client -----------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_client_with_a_certificate_is_authenticated(
    standing13: Standing, keyed: Keyed, openssl: str, key_type: KeyType
) -> None:
    certs = keyed(key_type)
    server = standing13("--require-client-cert", certs=certs)
    done = s_client(server, certs / "root.pem", *proof(certs / "client"))
    assert "you are:   DNS:client\n" in done.out
    assert done.events["agreed"]["client"] == ["DNS:client"]


def test_a_client_certificate_may_be_split_over_several_records(
    standing13: Standing, certs: Path, openssl: str
) -> None:
    server = standing13("--require-client-cert")
    done = s_client(server, certs / "root.pem", *proof(certs / "client"), "-max_send_frag", "512", "-msg")
    certificate = re.search(r"^>>> TLS 1.3, Handshake \[length ([0-9a-f]+)\], Certificate$", done.out, re.MULTILINE)
    assert certificate and int(certificate[1], 16) > 512
    assert "you are:   DNS:client\n" in done.out


def test_a_client_without_a_certificate_receives_certificate_required(
    standing13: Standing, certs: Path, openssl: str
) -> None:
    done = s_client(standing13("--require-client-cert"), certs / "root.pem")
    assert "SSL alert number 116" in done.err
    assert (done.end["by"], done.end["application_bytes"]) == ("server", 0)
    assert "no certificate was presented" in done.end["reason"]


def test_a_client_certificate_of_a_ca_with_the_same_name_is_refused(
    standing13: Standing, certs: Path, openssl: str, tmp_path: Path
) -> None:
    done = s_client(
        standing13("--require-client-cert"), certs / "root.pem", *proof(mint(tmp_path / "other") / "client")
    )
    assert "SSL alert number 42\n" in done.err  # bad_certificate: "signatures that did not verify correctly" (§6.2)
    assert (done.end["by"], done.end["application_bytes"]) == ("server", 0)
    assert "a certificate is not signed by the CA that it names" in done.end["reason"]


def test_a_client_certificate_of_an_unknown_ca_is_refused(
    standing13: Standing, certs: Path, openssl: str, tmp_path: Path
) -> None:
    client = trustme.CA().issue_cert("client@tlsdemo.example")
    client.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    own = ("-cert", tmp_path / "client.pem", "-key", tmp_path / "client.pem")
    done = s_client(standing13("--require-client-cert"), certs / "root.pem", *own)
    assert "SSL alert number 48\n" in done.err  # unknown_ca (§6.2)
    assert (done.end["by"], done.end["application_bytes"]) == ("server", 0)


# openssl s_client: after the handshake ------------------------------------------------------------------------------


def has_lines(line: str, count: int, lines: list[str]) -> bool:
    return lines.count(line) == count


@pytest.mark.parametrize("key", ["k", "K"], ids=["its own key", "both keys"])
def test_data_passes_in_both_directions_after_each_key_update(
    serve: Serve, background: Start, certs: Path, openssl: str, key: str
) -> None:
    server = serve(*TLS13)
    peer = background(
        "openssl", "s_client", "-connect", server.target, "-CAfile", certs / "root.pem", "-msg", stdin=subprocess.PIPE
    )
    peer.wait_for("Verify return code: 0")
    peer.write("tlsdemo: several lines follow\n")
    peer.wait_for("^version:   TLSv1.3$")
    for number in (1, 2):
        peer.write(f"{key}\n")
        peer.wait_until(partial(has_lines, "KEYUPDATE", number), "err")
        peer.write(f"under key {number}\n")
        peer.wait_for(f"^received:  under key {number}$")
    answers = [line for line in peer.out if re.match("<<< .*, KeyUpdate$", line)]
    assert len(answers) == (2 if key == "K" else 0)
    peer.write("Q\n")
    assert peer.wait() == 0
    assert server.event("closed")["ending"] == "answered"


def test_a_session_ticket_is_sent_and_presented_again_it_leads_to_a_full_handshake(
    standing13: Standing, certs: Path, openssl: str, tmp_path: Path
) -> None:
    server, ticket = standing13(), tmp_path / "session.pem"
    first = s_client(server, certs / "root.pem", "-sess_out", ticket)
    assert ", NewSessionTicket" in s_client(server, certs / "root.pem", "-msg").out
    assert "received:  hello" in first.out
    again = s_client(server, certs / "root.pem", "-sess_in", ticket, "-msg")
    assert "New, TLSv1.3" in again.out
    assert "received:  hello" in again.out
    assert ", CertificateVerify\n" in again.out


# A slow network -----------------------------------------------------------------------------------------------------


def test_a_client_whose_bytes_arrive_one_at_a_time_is_answered(standing13: Standing, certs: Path) -> None:
    server = standing13()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=certs / "root.pem")
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

        def send() -> None:
            for byte in outgoing.read():
                plain.sendall(bytes([byte]))

        def receive() -> None:
            if data := plain.recv(7):
                incoming.write(data)
            else:
                incoming.write_eof()

        def until_done(step: Callable[[], T]) -> T:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    send()
                    receive()

        until_done(tls.do_handshake)
        tls.write(b"slowly\n")
        send()
        answer = b""
        while piece := until_done(tls.read):
            answer += piece
    assert answer.startswith(b"received:  slowly\nversion:   TLSv1.3\n")
