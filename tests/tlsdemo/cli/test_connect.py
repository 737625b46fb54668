"""`tlsdemo connect`: every way in which the other side is not as it should be, and what a person reads then."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from pki import Credential, keys
from pki.authority import Authority, to_be_signed
from pki.profiles import SERVER
from pki.store.files import read_credential
from tests.conftest import mint, pki, tlsdemo
from tests.peers.conftest import Serve, Start
from tests.peers.support import DEADLINE, Live, Script, acting, live, ours, reset, trusting
from tests.pki.support import a_leaf, validity
from tests.tlsdemo.conftest import Answer, Command
from tlsdemo import net
from tlsdemo.cli import connect_tls
from tlsdemo.events import Closed, Ending, Refused, Said
from tlsdemo.tls import client
from tlsdemo.tls.context import server_context


@pytest.fixture
def good(certs: Path) -> Iterator[Live]:
    """The server with the minted certificate."""
    with live(ours(certs)) as server:
        yield server


def said(server: Live) -> str:
    """What the server heard, and that it answered."""
    *_, message, closed = server.conversation()
    assert isinstance(message, Said)
    assert isinstance(closed, Closed)
    assert closed.ending is Ending.ANSWERED
    return message.text


def assert_is_refusal(answer: Answer, code: int, *words: str) -> None:
    """A clear error: nothing on stdout, `error:` first, no traceback."""
    assert answer.code == code, answer
    assert answer.out == ""
    assert re.search(r"^error: ", answer.err, re.MULTILINE), answer.err
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err


# Accepted -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_good_server_is_accepted_and_answers(cli: Command, good: Live, certs: Path, host: str) -> None:
    answer = cli("connect", f"{host}:{good.port}", "--trust", certs / "root.pem", "--message", "hello there")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[:2] == ["received:  hello there", "version:   TLSv1.3"]
    assert lines[3] == "you are:   not authenticated: the server did not request a certificate"
    assert "connected with TLSv1.3" in answer.err
    assert "authenticated as DNS:localhost, IP:127.0.0.1, IP:::1" in answer.err
    assert said(good) == "hello there"


def test_without_a_message_the_default_is_said(cli: Command, good: Live, certs: Path) -> None:
    assert cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem").code == 0
    assert said(good) == "my important message"


def test_the_name_to_check_may_differ_from_the_host(cli: Command, good: Live, certs: Path) -> None:
    command = ("connect", f"127.0.0.1:{good.port}", "--trust", certs / "root.pem", "--name")
    assert cli(*command, "localhost").code == 0
    assert cli(*command, "LOCALHOST").code == 0
    assert cli(*command, "::1").code == 0
    for _ in range(3):
        said(good)


@pytest.mark.parametrize(
    "message", ["", "ü€😀", "a\tb", "x" * 65535, "\x1b[31mred\x9b", "\u202ereversed", "\0"], ids=ascii
)
def test_any_line_is_delivered_as_it_is_and_shown_without_driving_the_terminal(
    cli: Command, good: Live, certs: Path, message: str
) -> None:
    answer = cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--message", message)
    assert answer.code == 0, answer.err
    assert said(good) == message
    assert all(line.isprintable() for line in (answer.out + answer.err).splitlines())
    assert len(answer.out.splitlines()) == 4


VALID = "the server's certificate chain is valid with the given trust anchors, for localhost"
UNKNOWN = "revocation is not checked"


def test_explain_tells_the_conversation_beside_the_answer(
    cli: Command, good: Live, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(certs.parent)
    answer = cli("connect", f"localhost:{good.port}", "--explain")
    assert answer.code == 0
    assert answer.out.startswith("received:  my important message\n")
    said(good)
    messages = re.findall(r"^   ([A-Z]\w+): ", answer.err, re.MULTILINE)
    assert messages[:7] == [
        "ClientHello", "ServerHello", "ChangeCipherSpec", "EncryptedExtensions", "Certificate", "CertificateVerify",
        "Finished",
    ]  # fmt: skip
    assert all(len(line) <= 100 for line in answer.err.splitlines() if line.startswith("  "))
    text = " ".join(answer.err.split())
    assert VALID in text
    assert UNKNOWN not in text


def test_explain_says_that_revocation_was_not_checked(cli: Command, good: Live, certs: Path, tmp_path: Path) -> None:
    (tmp_path / "alone.pem").write_bytes((certs / "root.pem").read_bytes())
    answer = cli("connect", f"localhost:{good.port}", "--explain", "--trust", tmp_path / "alone.pem")
    assert answer.code == 0
    said(good)
    assert f"{VALID}; {UNKNOWN}" in " ".join(answer.err.split())


def test_the_folder_of_the_environment_is_used(
    cli: Command, good: Live, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSDEMO_CERTS", str(certs))
    assert cli("connect", f"localhost:{good.port}").code == 0
    said(good)


@pytest.fixture
def hashed(certs: Path, tmp_path: Path) -> Path:
    """A folder for -CApath, with a key and a text beside."""
    folder = tmp_path / "hashed"
    assert pki("export", "--hashed-dir", folder, "--dir", certs).returncode == 0
    (folder / "notes.txt").write_text("hello")
    (folder / "server.key").write_bytes((certs / "server.key").read_bytes())
    (folder / "again.0").symlink_to(next(folder.glob("*.0")).name)
    return folder


def test_a_folder_is_trusted_with_its_crls(cli: Command, good: Live, certs: Path, hashed: Path) -> None:
    answer = cli("connect", f"localhost:{good.port}", "--trust", hashed, "--explain")
    assert answer.code == 0, answer.err
    assert said(good) == "my important message"
    assert VALID in " ".join(answer.err.split())
    assert UNKNOWN not in answer.err
    (hashed / "crl.pem").write_bytes((certs / "crl.pem").read_bytes())
    for each in hashed.glob("*.r0"):
        each.unlink()
    answer = cli("connect", f"localhost:{good.port}", "--trust", hashed, "--explain")
    assert answer.code == 0, answer.err
    assert VALID in " ".join(answer.err.split())
    assert UNKNOWN not in answer.err


def test_a_folder_does_not_make_a_rogue_trusted(cli: Command, certs: Path, hashed: Path) -> None:
    with live(ours(certs / "rogue")) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", hashed)
    assert_is_refusal(answer, 1, f"trusting:   {hashed}")


def test_a_folder_without_certificates_is_an_error(cli: Command, tmp_path: Path) -> None:
    assert_is_refusal(cli("connect", "localhost:1", "--trust", tmp_path), 3, f"no file in {tmp_path}")


# Refused by us ------------------------------------------------------------------------------------------------------


def test_another_name_is_refused_with_both_names(cli: Command, good: Live, certs: Path) -> None:
    answer = cli("connect", f"127.0.0.1:{good.port}", "--trust", certs / "root.pem", "--name", "shop.example")
    assert_is_refusal(
        answer, 1, "verify code 62", "(RFC 9525 §6.3)", "asked for:  shop.example", "presented:  DNS:localhost"
    )
    refused = good.ending()
    assert isinstance(refused, Refused)
    assert refused.application_bytes == 0
    assert good.events.empty(), "it connected once more"


def test_another_ip_address_is_refused_with_code_64(cli: Command, good: Live, certs: Path) -> None:
    answer = cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--name", "192.0.2.7")
    assert_is_refusal(answer, 1, "verify code 64", "(RFC 9525 §6.4)", "asked for:  192.0.2.7")
    assert isinstance(good.ending(), Refused)


def test_the_rogue_is_refused_with_code_7_and_hears_nothing(cli: Command, certs: Path) -> None:
    with live(ours(certs, rogue=True)) as rogue:
        answer = cli("connect", f"localhost:{rogue.port}", "--trust", certs / "root.pem")
        refused = rogue.ending()
        assert_is_refusal(answer, 1, "verify code 7", "presented:", "no application data", "hint: ")
        assert isinstance(refused, Refused)
        assert (refused.alert, refused.application_bytes) == ("decrypt_error", 0)
        assert rogue.events.empty(), "it connected once more"
        assert cli("connect", f"localhost:{rogue.port}", "--trust", certs / "rogue/ca.pem").code == 0  # the control
        said(rogue)


def test_an_expired_pki_is_refused_with_code_10(cli: Command, tmp_path: Path) -> None:
    old = mint(tmp_path / "certs", now=datetime.now(UTC) - timedelta(days=100))
    with live(ours(old)) as server:
        # Its revocation lists are stale too (code 12); whichever OpenSSL names, it must say so. Without lists: expired.
        (old / "crl.pem").unlink()
        answer = cli("connect", f"localhost:{server.port}", "--trust", old / "root.pem")
    assert_is_refusal(
        answer,
        1,
        "a certificate has expired",
        "verify code 10",
        "hint: issue a new one with `pki issue localhost --dir ",
    )


def test_an_expired_pki_with_its_stale_lists_is_told_to_be_minted_anew(cli: Command, tmp_path: Path) -> None:
    old = mint(tmp_path / "certs", now=datetime.now(UTC) - timedelta(days=100))
    with live(ours(old)) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", old / "root.pem")
    assert_is_refusal(answer, 1, "hint: `pki init --force --dir ")


def test_a_self_signed_certificate_is_refused_with_code_18(cli: Command, certs: Path) -> None:
    key = read_credential(certs / "server.pem", certs / "server.key").key
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = to_be_signed(
        SERVER, subject=name, issuer=name, public_key=key.public_key(), alternative_names=(x509.DNSName("localhost"),),
        validity=validity(datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)), serial=1,
        key_identifier=b"\1" * 20, authority_key_identifier=b"\1" * 20,
    ).sign(key, keys.signature_hash(key))  # fmt: skip
    with live(server_context(Credential(key, certificate))) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs / "root.pem")
    assert_is_refusal(answer, 1, "verify code 18", "the certificate is self-signed, and not a trust anchor")


def odd_leaf(certs: Path, extension: bytes) -> Credential:
    """A leaf of the minted intermediate with these bytes as its subject alternative names."""
    authority = Authority(read_credential(certs / "intermediate.pem", certs / "intermediate.key"))
    template = a_leaf(authority, dates=validity(datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1), 10))
    builder = (
        x509.CertificateBuilder()
        .subject_name(template.certificate.subject)
        .issuer_name(template.certificate.issuer)
        .public_key(template.key.public_key())
        .serial_number(template.certificate.serial_number)
        .not_valid_before(template.certificate.not_valid_before_utc)
        .not_valid_after(template.certificate.not_valid_after_utc)
        .add_extension(x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, extension), critical=False)
    )
    for each in template.certificate.extensions:
        if each.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            builder = builder.add_extension(each.value, each.critical)
    return Credential(template.key, builder.sign(authority.credential.key, hashes.SHA256()), template.issuers)


LOCALHOST = b"\x82\x09localhost"
ODD_NAMES = {
    "an X.400 address": b"\xa3\x02\x30\x00",  # a kind of name that the library does not read
    "a DNS name that is no text": b"\x82\x02\xff\xfe",
    "an IP address of 3 bytes": b"\x87\x03\x01\x02\x03",
}


@pytest.mark.parametrize("wanted", ["localhost", "shop.example"])
@pytest.mark.parametrize("what", ODD_NAMES)
def test_a_certificate_with_an_odd_name_is_no_traceback(cli: Command, certs: Path, what: str, wanted: str) -> None:
    names_der = LOCALHOST + ODD_NAMES[what]
    credential = odd_leaf(certs, b"\x30" + bytes([len(names_der)]) + names_der)
    with live(server_context(credential)) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs / "root.pem", "--name", wanted)
    assert answer.code in (0, 1), answer
    if wanted == "shop.example":
        assert_is_refusal(answer, 1, "shop.example")


# Not there, or not TLS ----------------------------------------------------------------------------------------------


def call(cli: Command, address: object, certs: Path, *more: str) -> Answer:
    return cli("connect", address, "--trust", certs / "root.pem", "--name", "localhost", *more)


def test_a_closed_port_is_reported_with_a_hint(cli: Command, certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert_is_refusal(call(cli, f"127.0.0.1:{port}", certs), 3, "Connection refused", "hint: start the server first")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_an_unknown_host_is_told(cli: Command, certs: Path, host: str) -> None:
    assert_is_refusal(call(cli, f"{host}:4433", certs), 3, "host not found: ")


def part_of_a_handshake(connected: socket.socket) -> None:
    connected.recv(1)
    connected.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")


def close_in_the_middle(connected: socket.socket) -> None:
    part_of_a_handshake(connected)


def reset_in_the_middle(connected: socket.socket) -> None:
    part_of_a_handshake(connected)
    reset(connected)


@pytest.mark.parametrize("script", [socket.socket.close, reset, close_in_the_middle, reset_in_the_middle])
def test_a_server_that_goes_away_could_not_be_reached(cli: Command, certs: Path, script: Script) -> None:
    with acting(script) as address:
        answer = call(cli, address, certs)
    assert_is_refusal(answer, 3)
    assert "closed the connection" in answer.err or "Connection reset by peer" in answer.err


WRONG = {
    "garbage": bytes(range(256)),
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "an odd alert": b"\x15\x03\x03\x00\x02\x02\x70",
    "a number that is none": b"\x15\x03\x03\x00\x02\x02\xc8",
    "a ServerHello of nothing": b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_server_that_answers_wrongly_is_a_no(cli: Command, certs: Path, what: str) -> None:
    def script(connected: socket.socket) -> None:
        connected.recv(1 << 14)
        connected.sendall(WRONG[what])
        connected.shutdown(socket.SHUT_WR)
        while connected.recv(1 << 14):
            pass

    with acting(script) as address:
        answer = call(cli, address, certs)
    assert_is_refusal(
        answer, 1, "refused the connection: alert" if "alert" in what else "did not complete a TLS handshake"
    )


def hush(connected: socket.socket) -> None:
    """Listens, and says nothing."""
    while connected.recv(1 << 14):
        pass


def test_a_server_that_says_nothing_is_left_after_a_while(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dial = net.dial
    monkeypatch.setattr(net, "dial", lambda address, seconds=0.2, closed="": dial(address, 0.2))
    with acting(hush) as address:
        assert_is_refusal(
            call(cli, address, certs),
            3,
            "did not answer in time",
            "hint: check the port: a TLS server must listen there",
        )


# A server that does its handshake, and then misbehaves


def tls_script(
    certs: Path, *, answer: bytes = b"", then: str = "cut", version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Script:
    context = ours(certs)
    context.maximum_version = version

    def script(connected: socket.socket) -> None:
        with context.wrap_socket(connected, server_side=True) as tls:
            tls.recv(1 << 14)
            tls.sendall(answer)
            match then:
                case "close":
                    tls.unwrap()
                case "reset":
                    reset(tls)
                case "endless":
                    while True:
                        tls.sendall(bytes(1 << 14))
                case "hush":
                    while tls.recv(1 << 14):
                        pass

    return script


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)


@VERSIONS
@pytest.mark.parametrize("then", ["cut", "reset"])
@pytest.mark.parametrize("answer", [b"", b"pay 1000 to A"], ids=["nothing", "half an answer"])
def test_an_answer_without_close_notify_is_not_taken_for_whole(
    cli: Command, certs: Path, version: ssl.TLSVersion, then: str, answer: bytes
) -> None:
    with acting(tls_script(certs, answer=answer, then=then, version=version)) as address:
        assert_is_refusal(call(cli, address, certs), 3, "without close_notify", "RFC 8446 §6.1")


@VERSIONS
def test_an_answer_with_close_notify_is_shown_without_driving_the_terminal(
    cli: Command, certs: Path, version: ssl.TLSVersion
) -> None:
    nasty = b"\x1b[2Jgone\xff\r\nnext\x9b\x07\n"
    with acting(tls_script(certs, answer=nasty, then="close", version=version)) as address:
        answer = call(cli, address, certs)
    assert answer.code == 0
    assert answer.out == "\\x1b[2Jgone\ufffd\nnext\ufffd\\x07\n"


def test_a_separator_in_the_answer_is_escaped_and_no_line_end(cli: Command, certs: Path) -> None:
    with acting(tls_script(certs, answer="a\u2028b\x0cc\n".encode(), then="close")) as address:
        assert call(cli, address, certs).out == "a\\u2028b\\x0cc\n"


def test_an_endless_answer_is_cut_off(cli: Command, certs: Path) -> None:
    with acting(tls_script(certs, then="endless")) as address:
        assert_is_refusal(call(cli, address, certs), 1, "sent more than 1048576 bytes without close_notify")


def test_a_server_that_never_answers_is_left_after_a_while(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_tls, "PATIENCE", 0.3)
    with acting(tls_script(certs, then="hush")) as address:
        assert_is_refusal(call(cli, address, certs), 3, "did not answer in time")


# Where the message comes from ---------------------------------------------------------------------------------------


def connected_process(good: Live, certs: Path, **streams: object) -> subprocess.CompletedProcess[str]:
    return tlsdemo("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", **streams)


@pytest.mark.parametrize(
    ("piped", "heard"),
    [("piped in\n", "piped in"), ("no newline", "no newline"), ("CRLF\r\n", "CRLF"), ("", "my important message")],
    ids=ascii,
)
def test_what_is_piped_in_is_the_message(good: Live, certs: Path, piped: str, heard: str) -> None:
    assert connected_process(good, certs, stdin=None, input=piped).returncode == 0
    assert said(good) == heard


@pytest.mark.parametrize(
    ("content", "heard"), [("from a file\n", "from a file"), ("", "my important message")], ids=ascii
)
def test_a_redirected_file_is_the_message(good: Live, certs: Path, tmp_path: Path, content: str, heard: str) -> None:
    (tmp_path / "message").write_text(content)
    with open(tmp_path / "message") as file:
        assert connected_process(good, certs, stdin=file).returncode == 0
    assert said(good) == heard


def test_the_message_of_the_option_wins_over_what_is_piped(good: Live, certs: Path) -> None:
    done = tlsdemo(
        "connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--message", "option",
        stdin=None, input="piped",
    )  # fmt: skip
    assert done.returncode == 0
    assert said(good) == "option"


def test_without_any_standard_input_the_default_is_said(good: Live, certs: Path) -> None:
    command = f'exec "{sys.executable}" -m tlsdemo connect localhost:{good.port} --trust "{certs}/root.pem" <&-'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert said(good) == "my important message"


@pytest.mark.parametrize("message", ["two\nlines", "ends\n", "a\rb", "x" * 65536], ids=["LF", "end", "CR", "too long"])
def test_what_is_no_line_is_wrong_usage(cli: Command, certs: Path, message: str) -> None:
    assert_is_refusal(cli("connect", "localhost:1", "--trust", certs / "root.pem", "--message", message), 2, "message")


@pytest.mark.parametrize("piped", [b"\xff\xfe\n", b"a\rb\n", b"x" * 70_000], ids=["bytes", "CR", "long"])
def test_what_is_piped_in_and_is_no_line_is_wrong_usage(certs: Path, piped: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tlsdemo", "connect", "localhost:1", "--trust", str(certs / "root.pem")],
        input=piped, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(b"error: ")


def test_a_message_of_bytes_that_are_no_text_is_no_traceback(cli: Command, good: Live, certs: Path) -> None:
    message = os.fsdecode(b"caf\xe9")  # as a terminal in Latin-1 hands it over
    answer = cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--message", message)
    assert_is_refusal(answer, 2)


# Wrong usage, and files that are not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("localhost:0",), ("localhost:65536",), ("localhost:https",), ("[::1",), ("[::1]443",), ("localhost:443:443",),
        ("localhost", "--name", "*.example"), ("localhost", "--name", ""), ("localhost", "--name", "a b"),
        ("localhost", "--name", "me@example.test"), ("localhost", "--name", "localhost."), ("user@host:1",),
        ("localhost", "--protocol", "ssl3"), ("localhost", "--nonsense"), ("localhost", "127.0.0.1"),
        ("localhost", "--key", "certs/client.key"), ("https://localhost:4433",), ("fe80::1%lo",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_told_and_is_2(cli: Command, certs: Path, words: tuple[str, ...]) -> None:
    assert_is_refusal(cli("connect", *words, "--trust", certs / "root.pem"), 2)


def test_files_that_cannot_be_used_are_told_and_are_3(cli: Command, certs: Path, tmp_path: Path) -> None:
    (tmp_path / "garbage.pem").write_text("nothing of the kind")
    os.mkfifo(tmp_path / "fifo.pem")
    for path in ("missing.pem", "garbage.pem", "fifo.pem", "."):
        assert_is_refusal(cli("connect", "localhost:1", "--trust", tmp_path / path), 3)
        command = ("connect", "localhost:1", "--trust", certs / "root.pem")
        assert_is_refusal(cli(*command, "--crl", tmp_path / path), 3)
        assert_is_refusal(cli(*command, "--cert", tmp_path / path), 3)
        assert_is_refusal(cli(*command, "--cert", certs / "client.pem", "--key", tmp_path / path), 3)


def test_a_missing_anchor_comes_with_the_way_to_one(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_is_refusal(cli("connect"), 3, "cannot read certs/root.pem", "hint: `pki init`")


@pytest.mark.parametrize("path", [".", "/", "..", ""])
def test_a_folder_is_no_certificate(cli: Command, certs: Path, path: str) -> None:
    assert_is_refusal(cli("connect", "localhost:1", "--trust", certs / "root.pem", "--cert", path), 3)


def test_a_key_of_another_certificate_is_told(cli: Command, certs: Path) -> None:
    answer = cli(
        "connect", "localhost:1", "--trust", certs / "root.pem",
        "--cert", certs / "client.pem", "--key", certs / "server.key",
    )  # fmt: skip
    assert_is_refusal(answer, 3, "does not belong to", "certificate: public key", "hint: ")


def test_a_list_of_another_authority_refuses_the_server(cli: Command, good: Live, certs: Path, tmp_path: Path) -> None:
    other = mint(tmp_path / "other")
    answer = cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--crl", other / "crl.pem")
    assert_is_refusal(answer, 1, "verify code ", "CRL")
    assert isinstance(good.ending(), Refused)


@pytest.mark.parametrize("keylog", ["/dev/full", "missing/keys.log"])
def test_a_key_log_that_cannot_be_written_is_3(
    cli: Command, good: Live, certs: Path, tmp_path: Path, keylog: str
) -> None:
    path = keylog if keylog.startswith("/") else tmp_path / keylog
    answer = cli("connect", f"localhost:{good.port}", "--trust", certs / "root.pem", "--keylog", path)
    assert_is_refusal(answer, 3, "key log")


# Streams and signals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("redirection", "code"), [(">/dev/full", 3), (">&-", None), ("2>&-", 0), ("2>/dev/full", None)]
)
def test_output_that_cannot_be_written_is_no_traceback(
    good: Live, certs: Path, redirection: str, code: int | None
) -> None:
    command = f'"{sys.executable}" -m tlsdemo connect localhost:{good.port} --trust "{certs}/root.pem" {redirection}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    good.ending()
    assert "Traceback" not in done.stderr
    assert done.returncode == code if code is not None else done.returncode in (0, 3)


def test_ctrl_c_while_it_waits_is_130_and_quiet(background: Start, certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = background(
            sys.executable, "-m", "tlsdemo", "connect", f"127.0.0.1:{port}", "--trust", certs / "root.pem"
        )
        silent.settimeout(DEADLINE)
        accepted, _ = silent.accept()
        with accepted:
            accepted.settimeout(DEADLINE)
            assert accepted.recv(1)  # its ClientHello: now it waits for an answer
            process.signal(signal.SIGINT)
            assert process.wait() == 130
    assert "Traceback" not in "\n".join(process.err)


def test_ctrl_c_while_it_waits_for_the_message_is_130(background: Start, certs: Path) -> None:
    process = background(
        sys.executable, "-m", "tlsdemo", "connect", "127.0.0.1:1", "--trust", certs / "root.pem", stdin=subprocess.PIPE
    )
    process.wait_for("reading the message from standard input", "err")
    process.signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in "\n".join(process.err)


def test_without_a_second_connection_nothing_is_shown_as_presented(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this Python does not give out the chain, and the server is gone afterwards."""
    monkeypatch.setattr(client, "presented", lambda tls: [])
    context, calls = ours(certs, rogue=True), []

    def once(connected: socket.socket) -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            context.wrap_socket(connected, server_side=True)

    with acting(once) as address:
        answer = call(cli, address, certs)
    assert_is_refusal(answer, 1, "verify code 7")
    assert "presented:" not in answer.err
    assert len(calls) == 2


def test_serve_hears_every_byte_of_what_connect_said(serve: Serve, certs: Path) -> None:
    server = serve()
    assert tlsdemo("connect", server.target, "--trust", certs / "root.pem", "--message", "0123456789").returncode == 0
    assert server.event("closed")["application_bytes"] == 11  # with the newline


# The chain that was refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_refused_handshake_still_tells_what_was_presented(certs: Path, version: ssl.TLSVersion) -> None:
    context, chain = trusting(certs), list[bytes]()
    context.maximum_version = version
    with live(ours(certs, rogue=True)) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.wrap(server.dial(), context, "localhost", chain.extend)
        assert isinstance(server.ending(), Refused)
    expected = x509.load_pem_x509_certificates((certs / "rogue/server.pem").read_bytes())
    assert [x509.load_der_x509_certificate(each) for each in chain] == expected


def test_a_python_that_does_not_give_it_out_connects_once_more(
    certs: Path, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = client.presented
    monkeypatch.setattr(client, "presented", lambda tls: given(tls) if tls.version() else [])  # after it, not in it
    with live(ours(certs, rogue=True)) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs / "root.pem")
        assert [type(server.ending()), type(server.ending())] == [Refused, Closed]
    assert_is_refusal(answer, 1, "verify code 7", "as presented on a second connection", "presented:  DNS:localhost")
