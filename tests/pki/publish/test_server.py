"""CRLs and OCSP over HTTP, requested by openssl, curl, wget, GnuTLS, NSS and Java, and by misbehaving clients.

Falsehoods caught: a CRL or response that real clients do not find or cannot read; a request that is not counted; a
client that is slow, silent, disconnected or sends garbage, and so blocks a thread, delays others or causes a traceback;
a thread, socket or port that is not released.
"""

import base64
import gc
import os
import resource
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import example, given
from hypothesis import strategies as st

from pki import keys
from pki.authority import key_identifier, subject_for, to_be_signed
from pki.errors import ExitCode, Problem
from pki.profiles import SERVER
from pki.publish import server as serve
from pki.publish.accept import Connection, blocking
from pki.publish.http1 import HttpError, HttpRequest, parse_head
from pki.publish.server import Published, Publisher, responder
from pki.revocation.responder import Refusal, Responder, Status
from tests.conftest import COMPILER, run, tool
from tests.pki.support import DAY, a_root, key, pem, serial, validity

PATIENCE = 60.0
"""Seconds after which what we wait for will not come any more; everything here takes milliseconds."""
SOON = 1.0
"""Seconds: a deadline for clients that shall miss it."""
TEXT = Published("text/plain", b"here it is\n")


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A running publisher; after the test it has released all threads."""
    with Publisher() as running:
        running.publish("/text", TEXT)
        running.publish("/echo", lambda request_der: Published("application/octet-stream", request_der))
        yield running
    assert not threads()


@pytest.fixture
def hasty() -> Iterator[Publisher]:
    """A publisher with a short deadline."""
    with Publisher(deadline=SOON) as running:
        running.publish("/text", TEXT)
        running.publish("/echo", lambda request_der: Published("application/octet-stream", request_der))
        yield running


def connect(publisher: Publisher) -> socket.socket:
    return socket.create_connection(("127.0.0.1", publisher.port), PATIENCE)


def said(connected: socket.socket) -> bytes:
    """All that the server sends until it closes."""
    parts = []
    while part := connected.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def ask(publisher: Publisher, request: bytes) -> bytes:
    """The whole response to these bytes, after which we send nothing."""
    with connect(publisher) as connected:
        with suppress(OSError):  # refused before it was all sent
            connected.sendall(request)
            connected.shutdown(socket.SHUT_WR)
        return said(connected)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes, *fields: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields]
    return "".join(f"{line}\r\n" for line in (*head, "")).encode() + body


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split()[1])


def body(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(rest)}".encode() in head.split(b"\r\n")
    return rest


def assert_it_still_serves(publisher: Publisher) -> None:
    assert body(ask(publisher, get("/text"))) == TEXT.body


OTHERS: list[threading.Thread] = []
"""Threads that were there before the test: another file's lab may live as long as this process."""


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS[:] = threading.enumerate()


def threads() -> list[threading.Thread]:
    """The threads of this test's publishers: one for the accept loop, and those that work for responders."""
    return [each for each in threading.enumerate() if each.name.startswith("publisher") and each not in OTHERS]


# A lab of one authority -----------------------------------------------------------------------------------------------


class Lab:
    """A CA whose certificates have the URLs of CRL and OCSP; a good leaf, and a revoked one."""

    def __init__(self, folder: Path, publisher: Publisher) -> None:
        self.folder, self.publisher = folder, publisher
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.root = a_root(dates=validity(self.now - DAY, 3650))
        self.good, self.revoked = (self.mint(name) for name in ("good", "revoked"))
        self.path("root").write_bytes(pem(self.root.certificate))
        statuses = {self.good.serial_number: Status.GOOD, self.revoked.serial_number: Status.REVOKED}
        self.responder = Responder(
            self.root.certificate, self.root.credential, statuses.__getitem__, self.now - DAY, self.now + DAY
        )
        self.crl = self.root.crl(
            number=1, this_update=self.now - DAY, next_update=self.now + DAY, revoked=[self.revoked.serial_number]
        )
        publisher.publish("/root.crl", Published.crl(self.crl.public_bytes(Encoding.DER)))
        publisher.publish("/ocsp", responder(self.responder.answer))

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def mint(self, name: str) -> x509.Certificate:
        """A leaf with the URLs of CRL and responder, before anything is published there (RFC 5280 §4.2)."""
        own, host, authority = key(), x509.DNSName("localhost"), self.root.certificate
        builder = to_be_signed(
            SERVER, subject=subject_for(host), issuer=authority.subject, public_key=own.public_key(),
            alternative_names=(host,), validity=validity(self.now - DAY), serial=serial(),
            key_identifier=x509.SubjectKeyIdentifier.from_public_key(own.public_key()).digest,
            authority_key_identifier=key_identifier(authority),
        )  # fmt: skip
        crl, answers = (x509.UniformResourceIdentifier(self.publisher.url(path)) for path in ("/root.crl", "/ocsp"))
        point = x509.DistributionPoint([crl], None, None, None)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, answers)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        certificate = builder.sign(self.root.credential.key, hashes.SHA256())
        self.path(name).write_bytes(pem(certificate))
        (self.folder / f"{name}.key").write_bytes(keys.to_pem(own))
        return certificate


@pytest.fixture
def lab(tmp_path: Path, publisher: Publisher) -> Lab:
    return Lab(tmp_path, publisher)


# Real clients: lists --------------------------------------------------------------------------------------------------


def openssl_verify(lab: Lab, name: str) -> str:
    """OpenSSL fetches the CRL from the URL in the certificate."""
    words = ("-crl_check", "-crl_download", "-CAfile", lab.path("root"), lab.path(name))
    done = run(tool("openssl"), "verify", *words)
    return done.stdout + done.stderr


def test_openssl_fetches_the_list_and_finds_who_is_on_it(lab: Lab) -> None:
    assert "good.pem: OK" in openssl_verify(lab, "good")
    assert lab.publisher.asked() == {"/root.crl": 1}
    assert "error 23 at 0 depth lookup: certificate revoked" in openssl_verify(lab, "revoked")
    assert lab.publisher.asked() == {"/root.crl": 2}


@pytest.mark.parametrize(
    "source",
    [
        Published("application/pkix-crl", b""),
        Published("application/pkix-crl", b"<html>not here</html>"),
    ],
    ids=["empty", "garbage"],
)
def test_openssl_does_without_what_is_no_list(lab: Lab, source: Published) -> None:
    lab.publisher.publish("/root.crl", source)
    assert "error 3 at 0 depth lookup: unable to get certificate CRL" in openssl_verify(lab, "good")


def test_openssl_does_not_read_a_list_in_pem(lab: Lab) -> None:
    lab.publisher.publish("/root.crl", Published.crl(lab.crl.public_bytes(Encoding.PEM)))
    assert "unable to get certificate CRL" in openssl_verify(lab, "good")


@pytest.mark.parametrize("fetch", [("curl", "-fsS", "-o"), ("wget", "-q", "-O")], ids=["curl", "wget"])
def test_the_list_arrives_as_it_was_published(lab: Lab, fetch: Sequence[str]) -> None:
    program, *options = fetch
    found = lab.folder / "found.crl"
    done = run(tool(program), *options, found, lab.publisher.url("/root.crl"))
    assert done.returncode == 0, done.stderr
    shown = run(tool("openssl"), "crl", "-inform", "DER", "-in", found, "-noout", "-text").stdout
    assert f"{lab.revoked.serial_number:X}\n" in shown
    done = run(tool("openssl"), "crl", "-inform", "DER", "-in", found, "-noout", "-CAfile", lab.path("root"))
    assert "verify OK" in done.stderr


def test_curl_sees_the_media_type_and_that_nothing_may_be_kept(lab: Lab) -> None:
    url = lab.publisher.url("/root.crl")
    for words in (("-I", url), ("-D-", f"{url}?x=1"), ("--http1.0", "-D-", url)):
        answer = run(tool("curl"), "-sS", *words, encoding="latin-1").stdout
        assert answer.startswith("HTTP/1.1 200 OK")
        assert "Content-Type: application/pkix-crl" in answer
        assert f"Content-Length: {len(lab.crl.public_bytes(Encoding.DER))}" in answer
        assert "Cache-Control: no-store" in answer
    assert lab.publisher.asked() == {"/root.crl": 3}


# Real clients: OCSP ---------------------------------------------------------------------------------------------------


def openssl_ocsp(lab: Lab, name: str, *words: str | Path) -> str:
    where = ("-url", lab.publisher.url("/ocsp"), "-issuer", lab.path("root"), "-CAfile", lab.path("root"))
    done = run(tool("openssl"), "ocsp", *where, *words, "-cert", lab.path(name))
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["good", "revoked"])
def test_openssl_asks_the_responder(lab: Lab, name: str) -> None:
    words = openssl_ocsp(lab, name)
    assert "Response verify OK" in words
    assert f"{name}.pem: {name}" in words
    assert lab.publisher.asked() == {"/ocsp": 1}


def test_openssl_hears_of_a_change_at_once(lab: Lab) -> None:
    assert "good.pem: good" in openssl_ocsp(lab, "good")
    lab.publisher.publish("/ocsp", responder(lambda request_der: Refusal.TRY_LATER.response_der))
    assert "Responder Error: trylater (3)" in openssl_ocsp(lab, "good")
    lab.publisher.publish("/ocsp", responder(lab.responder.answer))
    assert "good.pem: good" in openssl_ocsp(lab, "good")


@pytest.mark.parametrize("name", ["good", "revoked"])
def test_gnutls_asks_the_responder(lab: Lab, name: str) -> None:
    done = run(
        tool("ocsptool"), f"--ask={lab.publisher.url('/ocsp')}", "--load-issuer", lab.path("root"),
        "--load-cert", lab.path(name), "--load-trust", lab.path("root"),
    )  # fmt: skip
    assert f"Certificate Status: {name}" in done.stdout
    assert "Verifying OCSP Response: Success" in done.stdout
    assert lab.publisher.asked() == {"/ocsp": 1}


def question(lab: Lab, certificate: x509.Certificate) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, lab.root.certificate, hashes.SHA1())
    return builder.build().public_bytes(Encoding.DER)


def test_curl_gets_the_same_answer_by_post_and_by_get(lab: Lab) -> None:
    request_der = question(lab, lab.revoked)
    (lab.folder / "request.der").write_bytes(request_der)
    expected = lab.responder.answer(request_der)
    url, answer = lab.publisher.url("/ocsp"), lab.folder / "answer.der"
    data = ("-H", "Content-Type: application/ocsp-request", "--data-binary", f"@{lab.folder / 'request.der'}")
    text = base64.b64encode(request_der).decode()
    for words in (
        (*data, url),
        (*data, f"{url}/"),
        (*data, "--http1.0", url),
        (*data, "-H", "Expect: 100-continue", url),
        (*data, "--proxy", lab.publisher.url()[:-1], "http://responder.test/ocsp"),
        (f"{url}/{quote(text, safe='')}",),
        (f"{url}/{text}",),
        (f"{url}//{quote(text, safe='')}",),
    ):
        done = run(tool("curl"), "-fsS", "--path-as-is", "--noproxy", "", "-o", answer, "-w", "%{content_type}", *words)
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout == "application/ocsp-response"
        assert answer.read_bytes() == expected, words
    assert lab.publisher.asked() == {"/ocsp": 8}


def test_openssl_staples_what_it_fetched_from_us(lab: Lab) -> None:
    """s_server asks the responder in its certificate, and s_client receives the response in the handshake."""
    server = subprocess.Popen(
        [tool("openssl"), "s_server", "-accept", "0", "-naccept", "1", "-status", "-cert", lab.path("good"),
         "-key", lab.folder / "good.key", "-CAfile", lab.path("root")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with server:
        try:
            assert server.stdout
            line = next(line for line in server.stdout if line.startswith("ACCEPT"))
            port = line.rpartition(":")[2].strip()
            where = ("-connect", f"127.0.0.1:{port}", "-CAfile", lab.path("root"))
            client = run(tool("openssl"), "s_client", *where, "-status", input="Q\n", stdin=None)
        finally:
            server.kill()
    assert "OCSP Response Status: successful (0x0)" in client.stdout
    assert "Cert Status: good" in client.stdout
    assert lab.publisher.asked() == {"/ocsp": 1}


def test_nss_asks_the_responder(lab: Lab) -> None:
    """NSS, the library of Firefox, with the URL in the certificate."""
    database = f"sql:{lab.folder}"
    assert run(tool("certutil"), "-N", "-d", database, "--empty-password").returncode == 0
    for name, trust in (("root", "C,,"), ("good", ",,"), ("revoked", ",,")):
        done = run(tool("certutil"), "-A", "-d", database, "-n", name, "-t", trust, "-i", lab.path(name))
        assert done.returncode == 0, done.stderr
    good, revoked = (run(tool("ocspclnt"), "-d", database, "-V", name, "-u", "s") for name in ("good", "revoked"))
    assert "succeeded" in good.stdout
    assert "Peer's Certificate has been revoked" in revoked.stdout + revoked.stderr
    assert lab.publisher.asked() == {"/ocsp": 2}


JAVA = """
import java.io.*; import java.nio.file.*; import java.security.cert.*; import java.util.*;

public class Ask {
    public static void main(String[] words) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        Certificate root = factory.generateCertificate(Files.newInputStream(Path.of(words[0])));
        for (String way : new String[] {"ocsp", "crl"}) for (int i = 1; i < words.length; i++) {
            Certificate leaf = factory.generateCertificate(Files.newInputStream(Path.of(words[i])));
            CertPathValidator validator = CertPathValidator.getInstance("PKIX");
            PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
            Set<PKIXRevocationChecker.Option> options = EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK);
            if (way.equals("crl")) options.add(PKIXRevocationChecker.Option.PREFER_CRLS);
            checker.setOptions(options);
            PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor((X509Certificate) root, null)));
            parameters.addCertPathChecker(checker);
            String said = "accepted";
            try { validator.validate(factory.generateCertPath(List.of(leaf)), parameters); }
            catch (CertPathValidatorException refused) { said = refused.getReason().toString(); }
            System.out.println(way + " " + Path.of(words[i]).getFileName() + " " + said);
        }
    }
}
"""


def test_java_asks_the_responder_and_fetches_the_list(lab: Lab) -> None:
    source = lab.folder / "Ask.java"
    source.write_text(JAVA)
    words = (source, lab.path("root"), lab.path("good"), lab.path("revoked"))
    done = run(tool("java", *COMPILER), "-XX:TieredStopAtLevel=1", "-Dcom.sun.security.enableCRLDP=true", *words)
    assert done.stdout.splitlines() == [
        "ocsp good.pem accepted",
        "ocsp revoked.pem REVOKED",
        "crl good.pem accepted",
        "crl revoked.pem REVOKED",
    ], done.stderr
    assert lab.publisher.asked()["/ocsp"] == 2
    assert lab.publisher.asked()["/root.crl"] >= 1


# What is asked for ----------------------------------------------------------------------------------------------------


def test_the_address_is_known_before_anything_runs_and_who_comes_early_waits() -> None:
    publisher = Publisher()
    url = publisher.publish("/text", TEXT)
    assert url == f"http://127.0.0.1:{publisher.port}/text" == publisher.url("/text")
    with connect(publisher) as early:
        early.sendall(get("/text"))
        with publisher:
            assert body(said(early)) == TEXT.body
    assert publisher.asked() == {"/text": 1}


def test_what_is_published_later_replaces_what_was(publisher: Publisher) -> None:
    assert body(ask(publisher, get("/text"))) == TEXT.body
    publisher.publish("/text", Published("text/plain", b"another"))
    assert body(ask(publisher, get("/text"))) == b"another"


def test_two_ways_to_ask_a_responder_and_none_of_them_by_itself(publisher: Publisher) -> None:
    assert body(ask(publisher, post("/echo", b"question"))) == b"question"
    assert body(ask(publisher, post("/echo/", b"question"))) == b"question"
    assert body(ask(publisher, get("/echo/cXVlc3Rpb24%3D"))) == b"question"
    assert publisher.asked() == {"/echo": 3}


def named(path: str) -> Callable[[bytes], Published]:
    """A responder whose answer is its own name."""
    return lambda request_der: Published("text/plain", path.encode())


def test_the_longest_path_answers_and_the_whole_of_a_part_only() -> None:
    with Publisher() as publisher:
        for path in ("/", "/a", "/a/b"):
            publisher.publish(path, named(path))
        publisher.publish("/a/crl", TEXT)
        for path, expected in {
            "/MAA=": b"/", "/a/MAA=": b"/a", "/a/b/MAA=": b"/a/b", "/a/bMAA": b"/a", "/a/crl": TEXT.body, "/aMAA": b"/",
        }.items():  # fmt: skip
            assert body(ask(publisher, get(path))) == expected, path


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (get("/"), 404),
        (get("/tex"), 404),
        (get("/text/"), 404),
        (get("/text/more"), 404),
        (get("/Text"), 404),
        (get("/%74ext"), 404),
        (get("/../text"), 404),
        (get("//text"), 404),
        (post("/nowhere", b"x"), 404),
        (post("/echo/more", b"x"), 404),
        (post("/text", b"x"), 405),
        (b"DELETE /text HTTP/1.1\r\n\r\n", 405),
        (b"PUT /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 405),
        (b"HEAD /echo HTTP/1.1\r\n\r\n", 405),
        (get("/echo"), 400),
        (get("/echo/"), 400),
        (get("/echo/not base64".replace(" ", "%20")), 400),
        (get("/echo/TUVJ?x"), 200),
        (b"POST /echo HTTP/1.1\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789", 400),
        ("POST /echo HTTP/1.1\r\nContent-Length: \u00b2\r\n\r\nxx".encode("latin-1"), 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200),
        (b"POST /echo HTTP/1.1\ncontent-length:1\n\nx", 200),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx and more than was said", 200),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx", 400),
        (b"GET /text HTTP/1.1\r\nno field\r\n\r\n", 400),
        (b"GET /text HTTP/1.1\r\nfield\r\n\r\n", 400),
        (b"GET /text HTTP/1.9\r\n\r\n", 200),
        (b"GET /text HTTP/1.1\r\nX : y\r\n\r\n", 400),
        (b"GET /text HTTP/1.1\r\nX: y\r\n z\r\n\r\n", 400),
        (b"GET /text HTTP/2.0\r\n\r\n", 400),
        (b"GET /text\r\n\r\n", 400),
        (b"get /text HTTP/1.1\r\n\r\n", 400),
        (b"GET text HTTP/1.1\r\n\r\n", 400),
        (b"GET  /text HTTP/1.1\r\n\r\n", 400),
        (b"GET http://any.test/text HTTP/1.1\r\n\r\n", 200),
        (b"GET HTTP://any.test:80/text HTTP/1.0\r\n\r\n", 200),
        (b"CONNECT any.test:443 HTTP/1.1\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /text HTTP/1.1\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), 400),
    ],
)
def test_every_request_has_its_status(publisher: Publisher, request_bytes: bytes, expected: int) -> None:
    answer = ask(publisher, request_bytes)
    assert status(answer) == expected
    if expected != 200 and not request_bytes.startswith(b"HEAD"):
        assert body(answer), "it says why"
    assert publisher.asked().total() == (expected == 200), "what is refused is not counted"
    assert_it_still_serves(publisher)


def test_a_wrong_method_is_answered_with_the_allowed_ones(publisher: Publisher) -> None:
    assert b"\r\nAllow: GET, HEAD\r\n" in ask(publisher, post("/text", b"x"))
    assert b"\r\nAllow: GET, POST\r\n" in ask(publisher, b"PUT /echo HTTP/1.1\r\n\r\n")


def test_a_head_alone_has_the_length_of_the_body_that_it_does_not_have(publisher: Publisher) -> None:
    whole, head = ask(publisher, get("/text")), ask(publisher, get("/text").replace(b"GET", b"HEAD"))
    assert head.endswith(b"\r\n\r\n")
    assert b"\r\nContent-Length: 11\r\n" in head
    assert len(whole) == len(head) + 11


@pytest.mark.parametrize(("length", "expected"), [(serve.LONGEST_BODY, 200), (serve.LONGEST_BODY + 1, 413)])
def test_a_body_is_bounded(publisher: Publisher, length: int, expected: int) -> None:
    assert status(ask(publisher, post("/echo", b"x" * length))) == expected


def test_a_body_far_too_long_is_refused_before_it_is_sent_and_the_refusal_arrives(publisher: Publisher) -> None:
    assert status(ask(publisher, post("/echo", b"x" * (1 << 20)))) == 413
    with connect(publisher) as connected:
        connected.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n")
        assert status(said(connected)) == 413


def test_a_client_that_waits_for_permission_gets_it(publisher: Publisher) -> None:
    with connect(publisher) as connected:
        connected.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n")
        assert connected.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connected.sendall(b"x")
        assert body(said(connected)) == b"x"


@pytest.mark.parametrize("ending", [b"", b"\r\n\r\n"], ids=["endless", "ended"])
def test_a_head_is_bounded(publisher: Publisher, ending: bytes) -> None:
    head = b"GET /text HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 100) for number in range(2000))
    assert status(ask(publisher, head + ending)) == 431


class Dripping(socket.socket):
    """A socket that returns one byte at a time."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(1, flags)


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_a_request_may_come_byte_by_byte(newline: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, Dripping(fileno=theirs.detach()) as dripping:
        ours.sendall(post("/echo", b"question").replace(b"\r\n", newline))
        client = serve._Client(Connection(dripping, "", time.monotonic() + PATIENCE))
        assert parse_head(blocking(client.head())) == HttpRequest("POST", "/echo", 8, waits=False)
        assert blocking(client.body(8)) == b"question"


PIECES = [b"GET", b" ", b"/", b"\r\n", b"\n", b":", b"HTTP/1.1", b"x", b"content-length", b"1"]


@given(st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join))
@example(b"GET /" + b" " * 60_000 + b" HTTP/1.1")
@example(b"GET / HTTP/1.1\r\nx:" + b" " * 60_000 + b"y" + b" " * 60_000)
@example(b"GET http://" + b"x" * 60_000 + b" HTTP/1.1")
def test_any_head_is_a_request_or_refused_and_soon(head: bytes) -> None:
    started = time.process_time()
    try:
        request = parse_head(head)
    except HttpError as refusal:
        assert refusal.status == 400
    else:
        assert request.path.startswith("/")
        assert b"HTTP/1." in head
    assert time.process_time() - started < 5, "a pattern that tries all ways"


@given(st.sampled_from(["GET", "POST"]), st.integers(0, 10**9), st.from_regex("/[!->@-~]*", fullmatch=True))
def test_what_a_head_says_is_read_as_it_was_written(method: str, length: int, path: str) -> None:
    head = f"{method} {path}?query HTTP/1.1\r\nHost: x\r\ncOnTeNt-LeNgTh:\t {length} \r\nExpect: 100-continue".encode()
    assert parse_head(head) == HttpRequest(method, path, length, waits=True)


# Clients that misbehave -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning",
    [b"", b"G", get("/text")[:-1], post("/echo", b"question")[:-1]],
    ids=["silent", "one byte", "half a head", "half a body"],
)
def test_a_client_that_does_not_finish_is_sent_away(hasty: Publisher, beginning: bytes) -> None:
    with connect(hasty) as connected:
        connected.sendall(beginning)
        assert status(said(connected)) == 408
    assert_it_still_serves(hasty)
    assert hasty.asked() == {"/text": 1}


def test_a_client_that_drips_has_no_more_time_than_another(hasty: Publisher) -> None:
    started = time.monotonic()
    with connect(hasty) as connected, suppress(OSError):
        while time.monotonic() < started + PATIENCE:
            connected.sendall(b"x")
            if select.select([connected], [], [], SOON / 20)[0]:
                break
    assert SOON <= time.monotonic() - started < PATIENCE / 2


def test_a_client_that_does_not_take_its_answer_holds_no_thread(hasty: Publisher) -> None:
    hasty.publish("/large", Published("application/octet-stream", bytes(1 << 26)))
    with connect(hasty) as connected:
        connected.sendall(get("/large"))
        wait_for(lambda: hasty.asked() == {"/large": 1})
        wait_until_no_connection_is_open(hasty)
        with suppress(ConnectionError):
            assert len(said(connected)) < 1 << 26
    assert_it_still_serves(hasty)


def test_a_client_that_does_not_hang_up_holds_no_thread(hasty: Publisher) -> None:
    with connect(hasty) as connected:
        connected.sendall(get("/text"))
        assert body(said(connected)) == TEXT.body
        wait_until_no_connection_is_open(hasty)


def wait_for(moment: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not moment():
        assert time.monotonic() < end
        threading.Event().wait(0.001)


def wait_until_no_connection_is_open(publisher: Publisher) -> None:
    wait_for(lambda: not publisher._server._conversations)


def reset(connected: socket.socket) -> None:
    """Close with a TCP reset: data in transit is dropped."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()


GARBAGE = [b"", b"\x00", bytes(range(256)), b"\x16\x03\x01" + bytes(500), b"GET", get("/text"), get("/text") * 100,
           post("/echo", b"x" * 1000)[:-1], post("/echo", b"x" * 1000), b"\xff" * (1 << 18)]  # fmt: skip


@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "close"])
def test_clients_that_go_away_leave_nothing_behind(
    publisher: Publisher, leave: Callable[[socket.socket], None], capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        for garbage in GARBAGE:
            connected = connect(publisher)
            with suppress(OSError):
                connected.sendall(garbage)
            leave(connected)
    assert_it_still_serves(publisher)
    wait_until_no_connection_is_open(publisher)
    assert capfd.readouterr() == ("", "")


def test_fifty_at_once_are_all_answered_and_counted(publisher: Publisher) -> None:
    clients = [connect(publisher) for _ in range(50)]
    questions = [f"question {number}".encode() for number in range(50)]
    for connected, question_ in zip(clients, questions, strict=True):
        connected.sendall(post("/echo", question_)[:-1])
    wait_for(lambda: sum(each.talks for each in list(publisher._server._conversations)) == 50)
    for connected, question_ in reversed(list(zip(clients, questions, strict=True))):
        connected.sendall(question_[-1:])
    assert [body(said(connected)) for connected in clients] == questions
    assert publisher.asked() == {"/echo": 50}
    for connected in clients:
        connected.close()


def test_a_client_that_closes_without_a_byte_gets_no_answer(publisher: Publisher) -> None:
    assert ask(publisher, b"") == b""


def test_three_hundred_silent_and_slow_clients_take_no_thread_and_delay_no_other_client(publisher: Publisher) -> None:
    silent = [connect(publisher) for _ in range(300)]
    slow = [connect(publisher) for _ in range(300)]
    for each in slow:
        each.sendall(b"G")
    begin = time.monotonic()
    assert_it_still_serves(publisher)
    assert time.monotonic() - begin < 5  # the deadline of a slow client is far longer
    assert len(threads()) == 1
    for each in (*silent, *slow):
        each.close()


def test_a_responder_that_blocks_delays_no_other_request(publisher: Publisher) -> None:
    let_go = threading.Event()

    def wait(request_der: bytes) -> Published:
        let_go.wait(PATIENCE)
        return TEXT

    publisher.publish("/slow", wait)
    with connect(publisher) as asking:
        asking.sendall(post("/slow", b"?"))
        wait_for(lambda: publisher.asked()["/slow"] == 1)
        assert_it_still_serves(publisher)
        let_go.set()
        assert body(said(asking)) == TEXT.body


def test_a_responder_that_fails_says_so_to_both_sides(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    publisher.publish("/bug", lambda request_der: Published("x", bytes(1 // len(request_der))))
    assert status(ask(publisher, post("/bug", b""))) == 500
    assert [args.exc_type for args in reported] == [ZeroDivisionError]
    assert status(ask(publisher, post("/bug", b"x"))) == 200
    assert publisher.asked() == {"/bug": 2}


def test_a_process_without_descriptors_goes_on_when_it_has_some_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_it_still_serves(publisher)  # its loop has all that it needs
    wait_until_no_connection_is_open(publisher)  # that could be closed
    paused, pause = threading.Event(), publisher._server._pause

    def note() -> None:
        paused.set()
        pause()

    monkeypatch.setattr(publisher._server, "_pause", note)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    with socket.socket() as connected:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (connected.fileno() + 20, hard))
            with suppress(OSError):
                while True:
                    taken.append(os.dup(connected.fileno()))
            connected.connect(("127.0.0.1", publisher.port))
            connected.sendall(get("/text"))
            assert paused.wait(PATIENCE)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in taken:
                os.close(descriptor)
        assert body(said(connected)) == TEXT.body


# Beginning and end ----------------------------------------------------------------------------------------------------


def descriptors() -> int:
    gc.collect()  # threads of earlier tests are not counted
    return len(os.listdir("/dev/fd"))


def test_nothing_is_left_after_the_end() -> None:
    before = descriptors()
    with Publisher(deadline=3600) as publisher:  # nothing ends by itself here
        publisher.publish("/text", TEXT)
        assert_it_still_serves(publisher)
        inside = [connect(publisher) for _ in range(5)]
        for number, connected in enumerate(inside):
            connected.sendall(get("/text")[: number * 3])
        wait_for(lambda: len(publisher._server._conversations) == 5)
    assert not threads()
    for connected in inside:
        with suppress(ConnectionError):
            said(connected)  # cut, long before its deadline
        connected.close()
    assert descriptors() == before
    with pytest.raises(ConnectionRefusedError):
        connect(publisher)
    with Publisher(port=publisher.port):  # the port is free again, at once
        pass


def test_what_never_started_can_be_stopped_and_stopped_again() -> None:
    before = descriptors()
    publisher = Publisher()
    for _ in range(3):
        publisher.stop()
    assert descriptors() == before
    with pytest.raises(ValueError, match="once"):
        publisher.start()


def test_a_publisher_starts_once(publisher: Publisher) -> None:
    with pytest.raises(ValueError, match="once"):
        publisher.start()
    publisher.stop()
    with pytest.raises(ValueError, match="once"):
        publisher.start()


def test_it_may_be_stopped_while_others_come() -> None:
    for _ in range(20):
        publisher = Publisher()
        publisher.publish("/text", TEXT)
        publisher.start()
        clients = [connect(publisher) for _ in range(10)]
        for connected in clients:
            connected.sendall(get("/text"))
        stopping = [threading.Thread(target=publisher.stop) for _ in range(2)]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(PATIENCE)
        assert not threads()
        for connected in clients:
            connected.close()


def test_a_port_in_use_is_a_problem_with_a_hint() -> None:
    before = descriptors()
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem, match=f"cannot listen on 127.0.0.1, port {port}") as raised:
            Publisher(port=port)
        assert raised.value.code is ExitCode.CANNOT
        assert "another" in str(raised.value.hint)
    assert descriptors() == before


@pytest.mark.parametrize("host", ["192.0.2.1", "localhost", "nowhere.invalid", "300.1.1.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_a_problem_and_no_name_is_looked_up(host: str) -> None:
    for hosts in ((host,), ("127.0.0.1", host)):
        with pytest.raises(Problem, match=f"cannot listen on {host}") as raised:
            Publisher(hosts)
        assert "an address of this machine" in str(raised.value.hint)
    gc.collect()  # a socket that was forgotten is a warning now, and so a failure


@pytest.mark.parametrize("hosts", ["127.0.0.1", ()])
def test_no_addresses_are_misuse(hosts: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="address"):
        Publisher(hosts)


@pytest.mark.parametrize("path", ["", "text", "/a b", "/ü", "/%41", "/a?b", "/a#b", "http://x/", "/a\n"])
def test_a_path_that_needs_encoding_is_misuse(publisher: Publisher, path: str) -> None:
    for call in (publisher.url, partial(publisher.publish, source=TEXT)):
        with pytest.raises(ValueError, match="is not a valid path"):
            call(path)


def test_two_addresses_have_one_port() -> None:
    try:
        publisher = Publisher(("127.0.0.1", "::1"))
    except Problem:
        pytest.skip("there is no IPv6 here")
    with publisher:
        publisher.publish("/text", TEXT)
        assert publisher.url("/text", "::1") == f"http://[::1]:{publisher.port}/text"
        for host in publisher.hosts:
            with socket.create_connection((host, publisher.port), PATIENCE) as connected:
                connected.sendall(get("/text"))
                assert body(said(connected)) == TEXT.body
    assert publisher.asked() == {"/text": 2}


def test_what_was_asked_is_a_copy(publisher: Publisher) -> None:
    publisher.asked()["/text"] += 1
    assert not publisher.asked()
