"""Files that change under a running `tlsdemo serve`: good ones are used from the next connection on, others never.

Falsehoods caught: a server that must be restarted for a new certificate; a damaged file that ends it, or is used; a key
with another's certificate; a CRL that is gone, and with it the check.
"""

import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.asn1 import der
from pki.authority import Authority
from pki.errors import Problem
from pki.store.files import read_credential, read_crls
from tests.conftest import Command, mint, pki, tlsdemo
from tests.peers.conftest import Serve, Start
from tests.peers.support import Serving, s_client, trusting
from tests.tlsdemo.tls.test_connection import dialled
from tlsdemo.cli.reloading import Fresh
from tlsdemo.tls import client


@pytest.fixture
def private(certs: Path, tmp_path: Path) -> Path:
    """A copy of the PKI that this test may change."""
    return Path(shutil.copytree(certs, tmp_path / "certs"))


def presented(server: Serving, certs: Path) -> int:
    """The serial number of the certificate that a good client is shown, after a whole conversation."""
    with client.wrap(dialled(server), trusting(certs), "localhost") as tls:
        der = tls.getpeercert(binary_form=True)
        assert client.ask(tls, "hello").startswith(b"received:  hello\n")
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def put(path: Path, content: bytes) -> None:
    """In place of what is there, as an editor or a CA does."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


def issue_another(private: Path) -> tuple[bytes, bytes]:
    """A second certificate for localhost, and its key."""
    assert pki("issue", "localhost", "--dir", private).returncode == 0
    return (private / "localhost.pem").read_bytes(), (private / "localhost.key").read_bytes()


def test_a_new_certificate_and_key_are_used_from_the_next_connection_on(serve: Serve, private: Path) -> None:
    server = serve(certs=private)
    old = presented(server, private)
    chain, key = issue_another(private)
    put(private / "server.key", key)
    put(private / "server.pem", chain)
    new = presented(server, private)
    assert new == serial(private / "server.pem") != old
    server.end()
    assert not any("stay in use" in line for line in server.err)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "garbage certificate": lambda folder: put(folder / "server.pem", b"garbage"),
    "half a certificate": lambda folder: put(folder / "server.pem", (folder / "server.pem").read_bytes()[:300]),
    "no certificate": lambda folder: (folder / "server.pem").unlink(),
    "garbage key": lambda folder: put(folder / "server.key", b"\xff\x00"),
    "empty key": lambda folder: put(folder / "server.key", b""),
    "another's key": lambda folder: put(folder / "server.key", (folder / "client.key").read_bytes()),
    "another's certificate": lambda folder: put(folder / "server.pem", (folder / "client.pem").read_bytes()),
    "a folder": lambda folder: make_folder(folder / "server.key"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_cannot_be_used_leaves_the_old_in_force_and_is_said_once(serve: Serve, private: Path, what: str) -> None:
    server = serve(certs=private)
    old = presented(server, private)
    good = {name: (private / name).read_bytes() for name in ("server.pem", "server.key")}
    DAMAGE[what](private)
    for _ in range(3):
        assert presented(server, private) == old
    server.wait_for("^note: .*the previous files stay in use$", "err")
    if (private / "server.key").is_dir():
        (private / "server.key").rmdir()
    chain, key = issue_another(private)
    put(private / "server.key", key)
    put(private / "server.pem", chain)
    assert presented(server, private) == serial(private / "server.pem") != old  # mended: used again
    server.end()
    assert sum("stay in use" in line for line in server.err) == 1
    assert "Traceback" not in "\n".join(server.err)
    assert good["server.pem"] != chain


def lists(private: Path, *revoked: int) -> bytes:
    """The CRLs of both CAs, which revoke these."""
    now = datetime.now(UTC)
    cas = [
        Authority(read_credential(private / f"{name}.pem", private / f"{name}.key"))
        for name in ("root", "intermediate")
    ]
    made = [ca.crl(number=9, this_update=now, next_update=now + timedelta(1), revoked=revoked) for ca in cas]
    return b"".join(each.public_bytes(Encoding.PEM) for each in made)


@pytest.mark.parametrize("protocol", ["tls", "mutual"])
def test_a_client_that_is_revoked_is_refused_from_then_on(serve: Serve, private: Path, protocol: str) -> None:
    server = asking(serve, private, protocol)
    words: list[str | Path] = [
        "connect",
        server.target,
        "--trust",
        private / "root.pem",
        "--cert",
        private / "client.pem",
    ]
    if protocol != "tls":
        words += ["--protocol", protocol]
    assert tlsdemo(*words).returncode == 0
    kept = (private / "crl.pem").read_bytes()
    (private / "crl.pem").unlink()  # a list that is gone must not mean that nothing is checked
    assert tlsdemo(*words).returncode == 0
    server.wait_for("^note: .*crl.pem.*; the previous files stay in use$", "err")
    (private / "crl.pem").write_bytes(kept)
    put(private / "crl.pem", lists(private, serial(private / "client.pem")))
    assert tlsdemo(*words).returncode == 1
    server.wait_for('"event": "refused"')


CLIENT_AUTH = pytest.mark.parametrize("protocol", ["tls", "mutual"])


def asking(serve: Serve, private: Path, protocol: str) -> Serving:
    """A server that asks for client certificates."""
    options = ("--require-client-cert",) if protocol == "tls" else ("--protocol", protocol)
    return serve(*options, certs=private)


def connected(server: Serving, private: Path, protocol: str, name: str = "client") -> subprocess.CompletedProcess[str]:
    """`tlsdemo connect` with that certificate."""
    return tlsdemo(
        "connect", server.target, "--protocol", protocol, "--trust", private / "root.pem",
        "--cert", private / f"{name}.pem",
    )  # fmt: skip


@CLIENT_AUTH
def test_pki_revoke_is_seen_by_a_running_server(serve: Serve, private: Path, protocol: str) -> None:
    server = asking(serve, private, protocol)
    assert pki("issue", "--client", "other@example.test", "--dir", private).returncode == 0
    assert (
        connected(server, private, protocol).returncode
        == connected(server, private, protocol, "other@example.test").returncode
        == 0
    )
    assert pki("revoke", "client", "--dir", private).returncode == 0
    refused = connected(server, private, protocol)
    assert refused.returncode == 1, refused.stderr
    assert "revoked" in refused.stderr
    assert "revoked" in server.event("refused")["reason"]
    assert connected(server, private, protocol, "other@example.test").returncode == 0  # the other one is not
    assert pki("revoke", "other@example.test", "--dir", private).returncode == 0
    assert connected(server, private, protocol, "other@example.test").returncode == 1
    server.end()
    assert not any("stay in use" in line for line in server.err)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_revoked_client_cannot_resume_its_session(serve: Serve, private: Path, tmp_path: Path, version: str) -> None:
    server = serve("--require-client-cert", certs=private)
    own = ("-cert", private / "client.pem", "-cert_chain", private / "client.pem", "-key", private / "client.key")
    options = (version, "-ign_eof", "-CAfile", private / "root.pem", *own)
    session = tmp_path / "session"
    assert "received:  hello" in s_client(server.port, *options, "-sess_out", session, say="hello\n").stdout
    resumed = s_client(server.port, *options, "-sess_in", session, say="again\n").stdout
    assert "Reused, " in resumed
    assert "received:  again" in resumed
    assert pki("revoke", "client", "--dir", private).returncode == 0
    refused = s_client(server.port, *options, "-sess_in", session, say="and again\n")
    assert "received:" not in refused.stdout
    assert server.event("refused")["application_bytes"] == 0


@CLIENT_AUTH
def test_a_connection_that_is_open_when_its_client_is_revoked_stays_open(
    serve: Serve, background: Start, private: Path, protocol: str
) -> None:
    server = asking(serve, private, protocol)
    client = background(
        sys.executable, "-m", "tlsdemo", "connect", server.target, "--trust", private / "root.pem",
        "--cert", private / "client.pem", "--protocol", protocol, "--message", "-", stdin=subprocess.PIPE,
    )  # fmt: skip
    client.write("before\n")
    client.wait_for("^received:  before$")
    assert pki("revoke", "client", "--dir", private).returncode == 0
    assert connected(server, private, protocol).returncode == 1
    client.write("after\n")
    client.wait_for("^received:  after$")
    assert client.wait() == 0


@pytest.mark.parametrize("command", ["renew", "rekey"])
@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_a_renewed_certificate_is_presented_by_a_running_server(
    serve: Serve, private: Path, protocol: str, command: str
) -> None:
    server = serve("--protocol", protocol, certs=private)
    words = ("connect", server.target, "--trust", private / "root.pem", "--protocol", protocol)
    old, key = serial(private / "server.pem"), (private / "server.key").read_bytes()
    assert tlsdemo(*words).returncode == 0
    assert pki(command, "server", "--dir", private).returncode == 0
    assert serial(private / "server.pem") != old
    assert ((private / "server.key").read_bytes() != key) is (command == "rekey")
    assert pki("revoke", f"{old:x}", "--dir", private).returncode == 0  # the old one would be refused
    answer = tlsdemo(*words)
    assert answer.returncode == 0, answer.stderr
    server.end()
    assert not any("stay in use" in line for line in server.err)


def test_the_old_certificate_would_have_been_refused(serve: Serve, private: Path) -> None:
    """The counterpart of the test before: it would notice a server that presents the old one."""
    copy = shutil.copy(private / "server.pem", private / "copy.pem")
    server = serve("--cert", copy, "--key", private / "server.key", certs=private)
    assert pki("revoke", "server", "--dir", private).returncode == 0
    assert tlsdemo("connect", server.target, "--trust", private / "root.pem").returncode == 1


# Files that are half written ------------------------------------------------------------------------------------------


def cuts(content: bytes) -> dict[str, bytes]:
    """The beginnings of a file with two PEM objects that a reader may find while it is being written."""
    end = content.index(b"-----END ")
    second = content.index(b"-----BEGIN ", end)
    return {
        "empty": b"",
        "in the first object": content[:100],
        "before the second object": content[:second],
        "in the second BEGIN line": content[: second + 12],
        "in the second object": content[: second + 100],
        "in the last line": content[:-10],
    }


def stays_in_use(server: Serving) -> int:
    """How often the server has said so."""
    return sum("the previous files stay in use" in line for line in server.err)


@pytest.mark.parametrize("protocol", ["tls", "ca"])
def test_a_chain_that_is_half_written_is_not_presented(
    serve: Serve, cli: Command, private: Path, protocol: str
) -> None:
    server = serve("--protocol", protocol, certs=private)
    file = private / "server.pem"
    words = ("connect", server.target, "--trust", private / "root.pem", "--protocol", protocol)
    assert pki("renew", "server", "--dir", private).returncode == 0
    whole = file.read_bytes()
    for number, (where, half) in enumerate(cuts(whole).items(), start=1):
        file.write_bytes(half)
        for _ in range(2):
            answer = cli(*words)
            assert answer.code == 0, (where, answer.err)
        server.wait_until(lambda lines, number=number: stays_in_use(server) == number, "err", where)  # type: ignore[misc]  # mypy does not infer the default
        file.write_bytes(whole)
        assert cli(*words).code == 0
        assert stays_in_use(server) == number


@CLIENT_AUTH
def test_crls_that_are_half_written_are_not_used(serve: Serve, cli: Command, private: Path, protocol: str) -> None:
    server = asking(serve, private, protocol)
    (private / "alone").mkdir()
    shutil.copy(private / "root.pem", private / "alone")  # with no CRL beside it: the client does not check
    words = (
        "connect", server.target, "--trust", private / "alone/root.pem", "--protocol", protocol,
        "--cert", private / "client.pem",
    )  # fmt: skip
    assert cli(*words).code == 0
    kept = (private / "crl.pem").read_bytes()
    assert pki("revoke", "client", "--dir", private).returncode == 0
    whole = (private / "crl.pem").read_bytes()
    for number, (where, half) in enumerate(cuts(whole).items(), start=1):
        put(private / "crl.pem", kept)
        assert cli(*words).code == 0
        (private / "crl.pem").write_bytes(half)
        for _ in range(2):
            answer = cli(*words)
            assert answer.code == 0, (where, answer.err)
        server.wait_until(lambda lines, number=number: stays_in_use(server) == number, "err", where)  # type: ignore[misc]  # mypy does not infer the default
        (private / "crl.pem").write_bytes(whole)
        assert cli(*words).code == 1
        assert stays_in_use(server) == number


@pytest.mark.parametrize("which", [0, 1], ids=["root", "intermediate"])
@CLIENT_AUTH
def test_a_crl_whose_signature_is_damaged_is_not_used(
    serve: Serve, cli: Command, private: Path, protocol: str, which: int
) -> None:
    server = asking(serve, private, protocol)
    (private / "alone").mkdir()
    shutil.copy(private / "root.pem", private / "alone")  # with no CRL beside it: the client does not check
    words = (
        "connect", server.target, "--trust", private / "alone/root.pem", "--protocol", protocol,
        "--cert", private / "client.pem",
    )  # fmt: skip
    crls = [bytearray(each.public_bytes(Encoding.DER)) for each in read_crls(private / "crl.pem")]
    crls[which][-1] ^= 1
    put(private / "crl.pem", b"".join(der.armoured("X509 CRL", bytes(each)) for each in crls))
    for _ in range(2):
        answer = cli(*words)
        assert answer.code == 0, answer.err
    server.wait_for("^note: .* is not signed by its issuer's key; the previous files stay in use$", "err")


@CLIENT_AUTH
def test_another_ca_with_another_name_is_taken_with_its_crls(serve: Serve, private: Path, protocol: str) -> None:
    server = asking(serve, private, protocol)
    assert connected(server, private, protocol).returncode == 0
    assert pki("init", "--force", "--name", "Another CA", "--dir", private).returncode == 0
    answer = connected(server, private, protocol)
    assert answer.returncode == 0, answer.stderr
    server.end()
    assert not any("stay in use" in line for line in server.err)


@CLIENT_AUTH
def test_a_crl_that_appears_later_is_used(serve: Serve, private: Path, protocol: str) -> None:
    (private / "crl.pem").unlink()
    server = asking(serve, private, protocol)
    assert connected(server, private, protocol).returncode == 0
    assert pki("crl", "--start-over", "--dir", private).returncode == 0
    assert pki("revoke", "client", "--dir", private).returncode == 0
    assert connected(server, private, protocol).returncode == 1


def test_the_key_log_goes_on_after_a_reload(serve: Serve, private: Path, tmp_path: Path) -> None:
    keylog = tmp_path / "keys.log"
    server = serve("--keylog", keylog, certs=private)
    presented(server, private)
    before = keylog.stat().st_size
    chain, key = issue_another(private)
    put(private / "server.key", key)
    put(private / "server.pem", chain)
    presented(server, private)
    assert keylog.stat().st_size > before


def test_another_pki_of_the_same_name_is_taken_as_a_whole(serve: Serve, private: Path, tmp_path: Path) -> None:
    server = serve("--cert", private / "server.pem", "--key", private / "server.key", certs=private)
    presented(server, private)
    other = mint(tmp_path / "other")
    for name in ("server.key", "server.pem"):
        put(private / name, (other / name).read_bytes())
    assert presented(server, other) == serial(other / "server.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        presented(server, private)


# Without a server -----------------------------------------------------------------------------------------------------


def test_files_are_read_again_only_when_they_change(tmp_path: Path) -> None:
    file, read, told = tmp_path / "file", list[str](), list[str]()
    file.write_text("first")

    def make() -> str:
        read.append(file.read_text())
        if read[-1] == "bad":
            raise Problem("it is bad", "very bad")
        return read[-1]

    fresh = Fresh(make, (file,), told.append)
    assert [fresh.value() for _ in range(3)] == ["first"] * 3
    assert read == ["first"]
    put(file, b"bad")
    assert [fresh.value() for _ in range(3)] == ["first"] * 3
    assert told == ["it is bad; very bad; the previous files stay in use"]
    put(file, b"second")
    assert [fresh.value() for _ in range(3)] == ["second"] * 3
    assert read == ["first", "bad", "second"]


def test_files_that_change_while_they_are_read_are_read_once_more_and_nothing_is_said(tmp_path: Path) -> None:
    file, told, changing = tmp_path / "file", list[str](), [False]
    file.write_text("first")

    def make() -> str:
        text = file.read_text()
        if changing[0]:
            changing[0] = False
            put(file, b"third")
            raise Problem("key and certificate do not belong together")
        return text

    fresh = Fresh(make, (file,), told.append)
    put(file, b"second")
    changing[0] = True
    assert fresh.value() == "first"
    assert fresh.value() == "third"
    assert told == []


def test_a_problem_at_the_beginning_is_the_callers(tmp_path: Path) -> None:
    def make() -> str:
        raise Problem("there is nothing")

    with pytest.raises(Problem, match="there is nothing"):
        Fresh(make, (tmp_path / "file",), lambda sentence: None)


def test_an_unexpected_error_leaves_the_old_in_force_too(tmp_path: Path) -> None:
    file, told = tmp_path / "file", list[str]()
    file.write_text("1")
    fresh = Fresh(lambda: 1 // int(file.read_text()), (file,), told.append)
    put(file, b"0")
    assert fresh.value() == 1
    assert told == ["ZeroDivisionError: integer division or modulo by zero; the previous files stay in use"]
