"""`tlsdemo mitm --case` and `--cycle`, live: real clients are shown rogues, in front of a real server."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import names
from pki.cases import CATALOGUE, Must, Severity
from pki.cases.case import NO_CODE
from pki.cli.case_text import judge
from pki.errors import Problem
from pki.keys import KeyType
from tests.conftest import Command, mint, run, tool
from tests.peers.conftest import Serve, Start, StartOnPath
from tests.peers.support import DEADLINE, OnPath, acting, assert_is_refusal, heard, throw
from tlsdemo.cli import case_minting
from tlsdemo.cli.case_minting import AskedName
from tlsdemo.cli.case_rotation import Rotation
from tlsdemo.conversation import converse
from tlsdemo.lab.certificate_cases import STRICT
from tlsdemo.lab.context import lab_context
from tlsdemo.lab.presented import newest
from tlsdemo.protocol import Side
from tlsdemo.tls.context import client_context
from tlsdemo.tls.endpoint import TlsEndpoint

SECRET = "/my-secret"
HOST = "shop.example.com"
REFUSED = "REFUSED by the client"
NOT_BY_THIS_ROOT = {"pathlen-exceeded", "expired-root", "nc-on-root", "revoked"}
NOT_BY_OPENSSL = {"san-malformed-der", "duplicate-extension"}


def show(start_on_path: StartOnPath, certs: Path, port: int, *options: str | Path, case: str | None = None) -> OnPath:
    """The man in the middle, before a server."""
    return start_on_path("mitm", *(("--case", case) if case else ()), *options, "--certs", certs, before=port)


def curl(certs: Path, middle: OnPath, *options: str, host: str = "localhost") -> subprocess.CompletedProcess[str]:
    """curl, which trusts the folder's root, through him."""
    there = ("--connect-to", f"::localhost:{middle.port}")
    url = f"https://{host}:{middle.port}{SECRET}"
    return run(tool("curl"), "-sS", "--noproxy", "*", "--cacert", certs / "root.pem", *there, *options, url)


def presented(middle: OnPath, *options: str) -> x509.Certificate:
    """The certificate that he shows to `openssl s_client`."""
    return x509.load_pem_x509_certificate(look_at(middle, *options).encode())


def look_at(middle: OnPath, *options: str) -> str:
    """What `openssl s_client` says of him; to him it says nothing."""
    return run(tool("openssl"), "s_client", "-connect", f"127.0.0.1:{middle.port}", *options).stdout


def hello(certs: Path) -> bytes:
    """A ClientHello."""
    root = x509.load_pem_x509_certificate((certs / "root.pem").read_bytes())
    return TlsEndpoint(Side.CLIENT, client_context((root,)), "localhost").outgoing()


@pytest.fixture(scope="session")
def now() -> datetime:
    """One moment for all."""
    return datetime.now(UTC)


# Who is read, and who is not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "clause", "alert"),
    [
        ("expired", "RFC 5280 §6.1.3 (a)(2)", "certificate_expired"),
        ("self-signed", "RFC 5280 §6.1", "unknown_ca"),
        ("untrusted-root", "RFC 5280 §6.1", "unknown_ca"),
        ("rogue-same-name-forged-aki", "RFC 5280 §6.1.3 (a)(1)", "decrypt_error"),
    ],
)
def test_curl_refuses_it_with_the_alert_that_is_its_fault(
    serve: Serve, start_on_path: StartOnPath, certs: Path, case: str, clause: str, alert: str
) -> None:
    """Falsehood caught: minted under a root of its own, all of them would end in unknown_ca."""
    server = serve()
    middle = show(start_on_path, certs, server.port, "--once", case=case)
    assert curl(certs, middle).returncode in (35, 60)
    assert middle.wait() == 1
    shown = CATALOGUE[case].id if case in CATALOGUE else "untrusted-root-sent"
    line = rf"^127\.0\.0\.1:\d+  {shown} \({re.escape(clause)}\)  {REFUSED}: alert {alert} .*; read: nothing$"
    assert middle.wait_for(line)
    assert SECRET not in middle.printed()
    assert not any(event["event"] == "said" for event in server.events)


@pytest.mark.parametrize("case", ["expired", "wrong-host", "untrusted-root-sent", "rsa512", "md5-leaf"])
def test_curl_that_checks_nothing_is_read_and_the_server_hears_it(
    serve: Serve, start_on_path: StartOnPath, certs: Path, case: str
) -> None:
    server = serve()
    middle = show(start_on_path, certs, server.port, "--once", case=case)
    done = curl(certs, middle, "--insecure", "--ciphers", "DEFAULT@SECLEVEL=0")
    assert middle.wait() == 0, middle.printed()
    assert done.returncode == 0
    assert f"received:  GET {SECRET} HTTP/1.1" in done.stdout
    assert re.search(rf"  {case} \(.*\)  READ from the client: 'GET {SECRET} HTTP/1.1", middle.printed())
    assert re.search(rf"  {case} \(.*\)  READ from the server: 'HTTP/1.1 200", middle.printed())
    assert server.event("said")["text"] == f"GET {SECRET} HTTP/1.1"


def test_a_name_that_is_looked_at_only_after_the_handshake_is_no_secret_told(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    """curl compares names when the handshake is done, and leaves without an alert."""
    middle = show(start_on_path, certs, serve().port, "--once", case="wrong.host")
    assert curl(certs, middle).returncode == 60
    assert middle.wait() == 1
    ending = middle.wait_for(r"  wrong-host \(RFC 9525 §6.1\)  .*read: nothing$").string
    assert "closed after its handshake, without sending data" in ending or REFUSED in ending
    assert "READ from" not in middle.printed()


@pytest.mark.parametrize("case", ["expired", "wrong-host", "eku-client-only", "rsa512", "ip-mismatch", "good"])
def test_our_own_client_reads_the_good_one_alone(
    serve: Serve, start_on_path: StartOnPath, cli: Command, certs: Path, case: str
) -> None:
    server = serve()
    middle = show(start_on_path, certs, server.port, "--once", case=case)
    host = "127.0.0.1" if case == "ip-mismatch" else "localhost"
    answer = cli("connect", f"{host}:{middle.port}", "--trust", certs / "root.pem", "--message", "PAY 100")
    if case == "good":
        assert (middle.wait(), answer.code) == (0, 0)
        assert server.event("said")["text"] == "PAY 100"
    else:
        assert_is_refusal(answer, 1, "no application data")
        assert middle.wait() == 1
        assert "READ from" not in middle.printed()


def test_s_client_verifies_nothing_by_default_and_is_read(
    serve: Serve, start_on_path: StartOnPath, openssl: str, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case="expired")
    done = run(openssl, "s_client", "-quiet", "-connect", middle.target, stdin=None, input="my secret\n")
    assert middle.wait() == 0
    assert r"READ from the client: 'my secret\n'" in middle.printed()
    assert "received:  my secret" in done.stdout


URLLIB = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
context.check_hostname = sys.argv[3] == "checks"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
opener.open(sys.argv[1], timeout=20).read()
"""


@pytest.mark.parametrize("names_are", ["checked", "not checked"])
@pytest.mark.parametrize("case", ["wrong-host", "expired"])
def test_urllib_that_looks_at_no_name_is_read_with_another_hosts_certificate_alone(
    serve: Serve, start_on_path: StartOnPath, certs: Path, case: str, names_are: str
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case=case)
    how = "checks" if names_are == "checked" else "does not"
    done = run(sys.executable, "-c", URLLIB, f"https://{middle.target}{SECRET}", certs / "root.pem", how)
    falls_for_it = case == "wrong-host" and names_are == "not checked"
    assert (middle.wait() == 0) is falls_for_it, middle.printed()
    assert (done.returncode == 0) is falls_for_it, done.stderr
    assert (f"READ from the client: 'GET {SECRET} HTTP/1.1" in middle.printed()) is falls_for_it


def test_a_client_that_vanishes_within_its_handshake_has_refused(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case="expired")
    with socket.create_connection(("127.0.0.1", middle.port), DEADLINE) as plain:
        for byte in hello(certs):
            plain.sendall(bytes([byte]))
        assert plain.recv(1 << 16)
    assert middle.wait() == 1
    middle.wait_for("it closed the connection during the handshake, without an alert; read: nothing$")


def test_a_client_that_offers_nothing_fit_for_the_key_is_no_refusal(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, case="dsa-leaf")
    assert curl(certs, middle).returncode == 35
    middle.wait_for(
        "the handshake with the client failed: the two sides have no cipher suite in common; read: nothing$"
    )
    middle.end()
    assert re.search(r"^case +connections +read +refused +unfit$", middle.printed(), re.MULTILINE)
    assert re.search(r"^dsa-leaf +1 +0 +0 +1$", middle.printed(), re.MULTILINE)


def test_what_is_altered_reaches_the_server_altered(
    serve: Serve, start_on_path: StartOnPath, openssl: str, certs: Path
) -> None:
    server = serve()
    middle = show(start_on_path, certs, server.port, "--alter", "100=900", "--once", case="expired")
    run(openssl, "s_client", "-quiet", "-connect", middle.target, stdin=None, input="PAY 100\n")
    assert middle.wait() == 0
    assert server.event("said")["text"] == "PAY 900"
    assert r"READ from the client: 'PAY 100\n', SENT ON as 'PAY 900\n'" in middle.printed()


def test_what_comes_over_the_wire_drives_no_terminal(
    serve: Serve, start_on_path: StartOnPath, openssl: str, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case="expired")
    run(openssl, "s_client", "-quiet", "-connect", middle.target, stdin=None, input="\x1b]0;owned\x07\x9b31m\n")
    assert middle.wait() == 0
    assert "owned" in middle.printed()
    assert all(line.isprintable() for line in middle.out)


# Before any server --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_server_is_not_checked_by_the_attacker(
    background: Start, start_on_path: StartOnPath, openssl: str, certs: Path, tmp_path: Path, version: str
) -> None:
    """Its certificate is of another root, for another name; and it hears for whom the client has asked."""
    other = mint(tmp_path / "other", KeyType.RSA_2048, ["elsewhere.example"])
    server = background(
        openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", other / "server.pem", "-key", other / "server.key",
        "-servername", HOST, "-cert2", other / "server.pem", "-key2", other / "server.key", version,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    port = int(server.wait_for(r"^ACCEPT .*:(\d+)$").group(1))
    middle = show(start_on_path, certs, port, "--once", case="expired")
    client = background(
        openssl,
        "s_client",
        "-quiet",
        "-connect",
        middle.target,
        "-servername",
        HOST,
        "-no_ign_eof",
        stdin=subprocess.PIPE,
    )
    client.write("my secret\n")
    server.wait_for("my secret")
    server.wait_for(f"Hostname in TLS extension: .*{HOST}")
    server.write("the answer\n")
    client.wait_for("the answer")
    client.end_of_input()
    client.wait()
    assert middle.wait() == 0
    assert r"READ from the server: 'the answer\n'" in middle.printed()


def test_a_server_that_is_not_there_is_told_and_costs_no_case(start_on_path: StartOnPath, certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    middle = show(start_on_path, certs, port, "--once", case="expired")
    assert curl(certs, middle).returncode != 0
    assert middle.wait() == 3
    assert f"not connected: cannot connect to localhost:{port}" in middle.printed()


def test_a_server_without_tls_does_not_keep_the_attacker_from_reading(
    start_on_path: StartOnPath, openssl: str, certs: Path
) -> None:
    def mail(plain: socket.socket) -> None:
        plain.sendall(b"220 hello\r\n")
        heard(plain)

    with acting(mail) as upstream:
        middle = show(start_on_path, certs, upstream.port, "--once", case="expired")
        run(openssl, "s_client", "-quiet", "-connect", middle.target, stdin=None, input="my secret\n")
        assert middle.wait() == 0
    assert r"READ from the client: 'my secret\n'; not sent on" in middle.printed()


# For whom it is minted ----------------------------------------------------------------------------------------------


def test_the_name_that_the_client_sends_is_the_name_on_the_certificate(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, case="expired")
    for host in (HOST, "other.example"):
        certificate = presented(middle, "-servername", host)
        assert names.of_certificate(certificate) == (x509.DNSName(host),)
        assert certificate.not_valid_after_utc < datetime.now(UTC)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate((certs / "root.pem").read_bytes()))
    assert curl(certs, middle, host=HOST).returncode == 60
    middle.wait_for(f"{REFUSED}: alert certificate_expired")


def test_without_a_name_it_is_for_the_address_and_the_upstream_host(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, case="expired")
    wanted = [x509.DNSName("localhost"), names.parse("127.0.0.1")]
    assert set(names.of_certificate(presented(middle, "-noservername"))) == set(wanted)


@pytest.mark.parametrize("case", ["expired", "ip-mismatch"])
def test_a_client_that_asks_for_an_address_is_tested_with_the_address(
    serve: Serve, start_on_path: StartOnPath, certs: Path, case: str
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case=case)
    assert curl(certs, middle, host="127.0.0.1").returncode == 60
    assert middle.wait() == 1
    assert f"  {case} (" in middle.printed()


def test_a_case_that_means_nothing_for_the_name_is_not_shown(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--once", case="ip-mismatch")
    assert curl(certs, middle, "--insecure").returncode == 35
    assert middle.wait() == 3
    assert (
        "ip-mismatch is skipped: it needs a client that asks for 127.0.0.1; this one asks for localhost"
        in middle.printed()
    )
    assert any(line.startswith("error: no case fits the name") for line in middle.err)


@pytest.mark.parametrize("what", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(70000)], ids=["HTTP", "zeros"])
def test_what_is_no_client_hello_costs_no_case(
    serve: Serve, start_on_path: StartOnPath, certs: Path, what: bytes
) -> None:
    middle = show(start_on_path, certs, serve().port, case="expired,wrong-host")
    throw(middle.port, what)
    middle.wait_for("no certificate was presented: the client did not send a ClientHello$")
    presented(middle)
    middle.wait_for(r"  expired \(")
    assert not middle.err


# One after the other ------------------------------------------------------------------------------------------------


def test_each_connection_gets_the_next_case_and_the_table_adds_up(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--case", "good,wrong.host", case="expired")
    for number, how in enumerate(2 * (3 * ((),) + 3 * (("--insecure",),)), 1):
        curl(certs, middle, *how)
        middle.wait_until(lambda lines, so_many=number: len(_conversations(lines)) == so_many)  # type: ignore[misc]  # a default
    assert _conversations(middle.out) == ["expired", "good", "wrong-host"] * 4
    middle.end()
    rows = {line.split()[0]: line.split()[1:3] for line in middle.out if re.fullmatch(r"[a-z-]+( +\d+)+", line)}
    assert rows == {"expired": ["4", "2"], "good": ["4", "4"], "wrong-host": ["4", "2"]}
    assert "the attacker read data with valid cases, since the CA's key signed them: good" in middle.out
    assert middle.out[-1] == "the attacker read data with cases that a client must refuse: expired, wrong-host"


def test_after_a_valid_certificate_alone_nothing_is_said_of_those_to_reject(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    """Falsehood caught: a password that was read, and then "nobody could be fooled"."""
    middle = show(start_on_path, certs, serve().port, case="good")
    assert curl(certs, middle, "--user", "alice:hunter2").returncode == 0
    middle.wait_until(lambda lines: bool(_conversations(lines)))
    middle.end()
    assert "Authorization: Basic" in middle.printed()
    assert middle.out[-1] == "the attacker read data with valid cases, since the CA's key signed them: good"


def test_a_client_that_refuses_is_named_with_what_it_refused(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, case="expired")
    curl(certs, middle)
    middle.wait_until(lambda lines: bool(_conversations(lines)))
    middle.end()
    assert middle.out[-1] == "clients refused each bad case on which they decided: expired"


def _conversations(lines: list[str]) -> list[str]:
    """The cases of those that have ended, in their order."""
    return [line.split()[1] for line in lines if re.search(r"read: nothing$|both talked to the attacker$", line)]


def test_the_cycle_goes_from_what_all_must_refuse_to_what_is_disputed(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, "--cycle")
    expected = [each.id for each in case_minting.to_be_refused() if each.id not in NOT_BY_THIS_ROOT | NOT_BY_OPENSSL]
    announced = middle.printed().split("cases:")[1].split("left out:")[0]
    assert announced.replace(",", "").split() == expected
    assert f"the next of {len(expected)} cases" in middle.printed()
    severities = [CATALOGUE[each].severity for each in expected]
    assert severities == sorted(severities, key=list(Severity).index)
    for number, case in enumerate(expected[:6], 1):
        look_at(middle, "-servername", HOST)
        assert middle.wait_until(lambda lines, so_many=number: _shown(lines)[so_many - 1 :])[0] == case  # type: ignore[misc]  # too
    for case in NOT_BY_THIS_ROOT | NOT_BY_OPENSSL:
        assert re.search(rf"left out: [a-z, -]*{case}", middle.printed())


def _shown(lines: list[str]) -> list[str]:
    found = [match[1] for line in lines if (match := re.match(r"\S+:\d+  ([a-z0-9-]+) \(", line))]
    return list(dict.fromkeys(found))


def test_in_the_cycle_what_does_not_fit_the_name_is_passed_over_and_told_once(
    serve: Serve, start_on_path: StartOnPath, certs: Path
) -> None:
    middle = show(start_on_path, certs, serve().port, case="parent-domain,expired")
    for _ in range(2):
        presented(middle, "-servername", "localhost")
    middle.wait_until(lambda lines: Counter(line.count("  expired (") for line in lines)[1] == 2)
    passed_over = [line for line in middle.out if "parent-domain is skipped" in line]
    assert len(passed_over) == 1
    presented(middle, "-servername", HOST)
    middle.wait_for(r"  parent-domain \(")


# Every case, in memory ----------------------------------------------------------------------------------------------


def _fit(certs: Path, now: datetime) -> Iterator[tuple[case_minting.VerifiedCase, AskedName]]:
    """All that can be shown for this host or address."""
    authority = case_minting.open_authority(certs, now)
    rotation = Rotation.of([case_minting.verified(each, now) for each in CATALOGUE.values()], authority)
    assert set(rotation.left_out) == NOT_BY_THIS_ROOT | NOT_BY_OPENSSL
    for case in rotation.cases:
        yield case, AskedName(case.name if names.plain(case.name) == "127.0.0.1" else x509.DNSName(HOST))


WANT_ANOTHER_HOST = {
    "underscore-host", "wildcard-two-labels", "wildcard-tld", "wildcard-bare", "wildcard-public-suffix",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # serial numbers that are not positive are a case
def test_under_the_folders_root_openssl_finds_each_ones_fault_and_no_other(certs: Path, now: datetime) -> None:
    """Falsehood caught: a chain that is broken for another reason, such as a root that nobody trusts."""
    root = x509.load_pem_x509_certificate((certs / "root.pem").read_bytes())
    authority, passed_over = case_minting.open_authority(certs, now), set()
    checking = ssl.create_default_context(cafile=str(certs / "root.pem"))
    for case, asked in _fit(certs, now):
        try:
            served = case_minting.mint(case, asked, authority, now)
        except Problem:
            passed_over.add(case.id)
            continue
        assert served.anchors == (root.public_bytes(Encoding.DER),)
        server = TlsEndpoint(Side.SERVER, lab_context((served.chain_pem, served.key_pem), newest(served)))
        client = TlsEndpoint(Side.CLIENT, checking, str(asked))
        converse(client, server)
        expected = case.certificate.openssl[STRICT]
        if isinstance(client.error, ssl.SSLCertVerificationError):
            # Where it is only said that it ends, TLS 1.3 was tried, which has no such keys; here it comes to a verdict.
            assert client.error.verify_code in expected or expected == {NO_CODE}, (case.id, client.error)
        else:
            assert bool(client.error) is bool(expected), (case.id, client.error)
            assert not expected - {NO_CODE}, (case.id, client.error)
    assert passed_over == WANT_ANOTHER_HOST


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key_type", [KeyType.ED25519, KeyType.EC_P384, KeyType.RSA_2048])
def test_what_the_roots_key_cannot_sign_is_left_out(tmp_path: Path, now: datetime, key_type: KeyType) -> None:
    """Falsehood caught: where the root signs over SHA-384, a certificate that says so twice has no mismatch."""
    certs = mint(tmp_path / "certs", key_type)
    authority = case_minting.open_authority(certs, now)
    rotation = Rotation.of([case_minting.verified(each, now) for each in case_minting.to_be_refused()], authority)
    further = {"sigalg-mismatch"} | ({"sha1-leaf", "sha1-intermediate"} if key_type is KeyType.ED25519 else set())
    assert set(rotation.left_out) == NOT_BY_THIS_ROOT | NOT_BY_OPENSSL | further


def test_a_host_of_two_labels_is_the_domain_of_another(certs: Path, now: datetime) -> None:
    authority = case_minting.open_authority(certs, now)
    case = case_minting.verified(CATALOGUE["wildcard-apex"], now)
    served = case_minting.mint(case, AskedName(x509.DNSName("example.com")), authority, now)
    assert names.of_certificate(x509.load_der_x509_certificate(served.chain[0])) == (x509.DNSName("*.example.com"),)
    assert {check.name for check in judge(served, now).checks if check.result.value == "failed"} == {"name"}


def test_only_what_a_strict_client_refuses_is_in_the_cycle() -> None:
    assert {each.id for each in case_minting.to_be_refused()} == {
        each.id for each in CATALOGUE.values() if each.must is Must.REJECT
    }


# Wrong usage, and the end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--case", "expird"), 2, "did you mean expired"),
        (("--case", "expired,"), 2, "unknown test certificate ''"),
        (("--case", "expired", "--cycle"), 2, "--cycle"),
        (("--case", "expired", "--attack", "replay"), 2, "--attack"),
        (("--cycle", "--credential", "stolen"), 2, "--credential"),
        (("--case", "expired", "--protocol", "ca"), 2, "--protocol ca"),
        (("--case", "expired", "--group", "x25519"), 2, "--group"),
        (("--case", "expired", "--alter", "nonsense"), 2, "OLD=NEW"),
        (("--case", "pathlen-exceeded"), 3, "allows 1 CA below it"),
        (("--case", "expired-root"), 3, "root certificate"),
        (("--case", "revoked"), 3, "in a CRL"),
        (("--case", "san-malformed-der"), 3, "OpenSSL does not load"),
        (("--case", "expired,duplicate-extension"), 3, "OpenSSL does not load"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_refused_with_the_reason(
    cli: Command, certs: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    assert_is_refusal(cli("mitm", *options, "--certs", certs), code, words)


def test_without_the_roots_key_nothing_can_be_signed(cli: Command, tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs")
    (certs / "root.key").unlink()
    assert_is_refusal(cli("mitm", "--case", "expired", "--certs", certs), 3, "root.key", "`pki init")


def test_an_encrypted_key_is_named(cli: Command, tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs")
    done = run(
        tool("openssl"), "pkcs8", "-topk8", "-in", certs / "root.key", "-passout", "pass:secret",
        "-out", tmp_path / "root.key",
    )  # fmt: skip
    assert done.returncode == 0
    os.replace(tmp_path / "root.key", certs / "root.key")
    assert_is_refusal(cli("mitm", "--cycle", "--certs", certs), 3, "cannot use", "root.key", "encrypted")


@pytest.mark.parametrize("what", ["the key of another", "no authority"])
def test_a_root_that_cannot_vouch_is_no_root(cli: Command, certs: Path, tmp_path: Path, what: str) -> None:
    """Falsehood caught: whatever is shown would be refused for the root's sake, and every client look strict."""
    folder = tmp_path / "certs"
    folder.mkdir()
    own = "root" if what == "the key of another" else "server"
    leaf_only = (certs / f"{own}.pem").read_bytes()
    (folder / "root.pem").write_bytes(leaf_only)
    (folder / "root.key").write_bytes((certs / "server.key").read_bytes())
    words = "does not belong to" if own == "root" else "cannot issue server certificates"
    assert_is_refusal(cli("mitm", "--case", "expired", "--certs", folder), 3, words)


def test_an_expired_root_is_no_root(cli: Command, tmp_path: Path) -> None:
    certs = mint(tmp_path / "certs", now=datetime(2010, 1, 1, tzinfo=UTC))
    assert_is_refusal(cli("mitm", "--case", "expired", "--certs", certs), 3, "root.pem is valid from 2009-12-31")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_he_ends_by_a_signal_with_a_table_and_leaves_nothing_behind(
    serve: Serve,
    start_on_path: StartOnPath,
    certs: Path,
    openssl: str,
    background: Start,
    tmp_path: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve()
    before = sorted(each.name for each in certs.rglob("*"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    middle = show(start_on_path, certs, server.port, case="expired")
    client = background(openssl, "s_client", "-quiet", "-connect", middle.target, stdin=subprocess.PIPE)
    client.write("my secret\n")
    middle.wait_for("READ from the client: 'my secret")
    with socket.create_connection(("127.0.0.1", middle.port), DEADLINE) as undecided:
        undecided.sendall(hello(certs))
        assert undecided.recv(1 << 16)
        middle.end(number)
    assert re.search(r"^expired +2 +1 +0 +1$", middle.printed(), re.MULTILINE), middle.printed()
    assert middle.out[-1] == "the attacker read data with cases that a client must refuse: expired"
    assert sorted(each.name for each in certs.rglob("*")) == before
    assert not list(scratch.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", middle.port), DEADLINE)
