"""The cases of the protocol, before `openssl s_client` and before plain sockets. Falsehoods caught: a port that speaks
another version or suite than it says, or misbehaves in another way; and a client that stays, and holds something up.
"""

import itertools
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from tests.conftest import run, tool
from tests.peers.support import DEADLINE, PROMPT, reset
from tests.tlsdemo.lab.visiting import Lab, checking, dial, everything, hello, look, only, s_client
from tlsdemo.lab import dh_groups, protocol_cases
from tlsdemo.lab.visit import VisitEnd

ANY = ("-cipher", "ALL:eNULL:@SECLEVEL=0")
DHE = ("-cipher", "DHE:@SECLEVEL=0")

SPEAKS: dict[str, tuple[Sequence[str], str, str, str]] = {
    # case: options of a client that takes it, version, suite, key exchange
    "tls-1-0-only": (("-tls1", *ANY), "TLSv1", r"ECDHE-RSA-AES256-SHA", "X25519"),
    "tls-1-1-only": (("-tls1_1", *ANY), "TLSv1.1", r"ECDHE-RSA-AES256-SHA", "X25519"),
    "tls-1-2-only": ((), "TLSv1.2", r"ECDHE-RSA-AES256-GCM-SHA384", "X25519"),
    "static-rsa": (ANY, "TLSv1.2", r"AES128-GCM-SHA256", ""),
    "cbc": (ANY, "TLSv1.2", r"ECDHE-RSA-AES(128|256)-SHA", "X25519"),
    "null-cipher": (ANY, "TLSv1.2", r"(ECDHE-RSA-)?NULL-SHA(256)?", "X25519"),
    "anonymous-dh": (ANY, "TLSv1.2", r"ADH-AES\d+-GCM-SHA\d+", "DH, 2048 bits"),
    "dhe-1024": (DHE, "TLSv1.2", r"DHE-RSA-AES\d+-GCM-SHA\d+", "DH, 1024 bits"),
    "dhe-2048": (DHE, "TLSv1.2", r"DHE-RSA-AES\d+-GCM-SHA\d+", "DH, 2048 bits"),
}


@pytest.mark.parametrize("case", SPEAKS)
def test_openssl_agrees_on_what_the_case_is_about(lab: Lab, case: str) -> None:
    options, version, suite, exchange = SPEAKS[case]
    with lab.visits(case) as visits:
        printed = s_client(lab.port(case), "-CAfile", lab.ca(), "-ign_eof", *options)
    assert re.search(rf"^    Protocol  : {re.escape(version)}$", printed, re.MULTILINE), printed
    agreed = re.search(r"^    Cipher    : (\S+)$", printed, re.MULTILINE)
    assert agreed
    assert re.fullmatch(suite, agreed[1])
    assert (f"Server Temp Key: {exchange}" in printed) if exchange else ("Server Temp Key" not in printed)
    assert ("no peer certificate available" in printed) is (case == "anonymous-dh")
    assert "Verify return code: 0 (ok)" in printed  # without a certificate, too: that is what is wrong with it
    assert re.search(rf"^case: +{case}$", printed, re.MULTILINE)
    visit = only(visits)
    assert (visit.end, visit.said, visit.asked_for) == (VisitEnd.TALKED, b"hello\n", "localhost")
    assert visit.agreed == f"{version}, {agreed[1]}"


SPEAKS_NOTHING_ELSE = [
    ("tls-1-0-only", ("-tls1_1", *ANY)), ("tls-1-0-only", ("-tls1_2", *ANY)), ("tls-1-0-only", ()),
    ("tls-1-1-only", ("-tls1", *ANY)), ("tls-1-1-only", ("-tls1_2", *ANY)), ("tls-1-1-only", ()),
    ("tls-1-2-only", ("-tls1_3",)), ("tls-1-2-only", ("-tls1_1", *ANY)),
    ("tls-1-2-only", ("-cipher", "AES128-GCM-SHA256")), ("tls-1-2-only", ("-cipher", "ECDHE+AES+SHA1")),
    ("static-rsa", ("-cipher", "ECDHE+AESGCM")), ("static-rsa", ("-tls1_3",)),
    ("cbc", ("-cipher", "ECDHE+AESGCM")), ("cbc", ("-tls1_3",)),
    ("null-cipher", ("-cipher", "ALL:@SECLEVEL=0")), ("null-cipher", ("-tls1_3",)),
    ("anonymous-dh", ("-cipher", "ALL:!aNULL:@SECLEVEL=0")),
    ("dhe-1024", ("-cipher", "ECDHE")), ("dhe-2048", ("-cipher", "ECDHE")), ("dhe-2048", ("-tls1_3",)),
]  # fmt: skip


@pytest.mark.parametrize(("case", "options"), SPEAKS_NOTHING_ELSE)
def test_openssl_does_not_get_anything_else(lab: Lab, case: str, options: Sequence[str]) -> None:
    with lab.visits(case) as visits:
        printed = s_client(lab.port(case), *options)
    assert "New, (NONE), Cipher is (NONE)" in printed
    visit = only(visits)
    assert visit.count == 0
    assert visit.end in (VisitEnd.UNFIT, VisitEnd.REFUSED)


@pytest.mark.parametrize("case", ["tls-1-0-only", "tls-1-1-only"])
def test_who_wants_a_newer_version_has_refused(lab: Lab, case: str) -> None:
    """Its alert comes in a record of a version that our OpenSSL does not read any more."""
    with lab.visits(case) as visits:
        assert "unsupported protocol" in s_client(lab.port(case), "-tls1_2")
    assert (only(visits).end, only(visits).why) == (VisitEnd.REFUSED, "the client requires another version of TLS")


def test_a_client_of_today_refuses_the_short_group(lab: Lab) -> None:
    with lab.visits("dhe-1024") as visits:
        assert "dh key too small" in s_client(lab.port("dhe-1024"), "-cipher", "DHE")
    assert (only(visits).end, only(visits).alert) == (VisitEnd.REFUSED, "handshake_failure")


@pytest.mark.parametrize("case", ["tls-1-2-only", "static-rsa", "cbc", "dhe-2048"])
def test_the_certificate_of_the_protocol_cases_is_good(lab: Lab, case: str) -> None:
    assert "Verify return code: 0" in s_client(
        lab.port(case), "-CAfile", lab.ca(), "-verify_hostname", "localhost", "-x509_strict", "-cipher", "ALL"
    )


# The group ------------------------------------------------------------------------------------------------------------


def pi() -> Decimal:
    """Machin's formula, to 330 digits."""
    with localcontext() as context:
        context.prec = 340

        def arctan_of_one_over(n: int) -> Decimal:
            total, power = Decimal(0), Decimal(1) / n
            for k in itertools.count():
                term = power / (2 * k + 1)
                if term < Decimal(10) ** -335:
                    return total
                total += -term if k % 2 else term
                power /= n * n
            raise AssertionError

        return 4 * (4 * arctan_of_one_over(5) - arctan_of_one_over(239))


def test_oakley_2_is_the_prime_of_its_formula() -> None:
    """RFC 2409 §6.2: 2^1024 - 2^960 - 1 + 2^64 * { [2^894 pi] + 129093 }."""
    with localcontext() as context:
        context.prec = 340
        digits = int(pi() * 2**894)
    assert 2**1024 - 2**960 - 1 + 2**64 * (digits + 129093) == dh_groups.OAKLEY_2


def test_openssl_finds_that_it_is_a_safe_prime(tmp_path: Path) -> None:
    for number in (dh_groups.OAKLEY_2, (dh_groups.OAKLEY_2 - 1) // 2):
        assert "is prime" in run(tool("openssl"), "prime", str(number)).stdout
    group = tmp_path / "group.pem"
    group.write_bytes(dh_groups.dh_parameters(dh_groups.OAKLEY_2))
    done = run(tool("openssl"), "dhparam", "-in", group, "-check", "-text", "-noout")
    assert done.returncode == 0
    assert "DH Parameters: (1024 bit)" in done.stdout
    assert "generator" not in done.stdout + done.stderr or "2 (0x2)" in done.stdout
    printed = re.search(r"prime P:\s+((?:[0-9a-f]{2}:?\s*)+)", done.stdout) or re.search(
        r"P:\s+((?:[0-9a-f]{2}:?\s*)+)", done.stdout
    )
    assert printed
    assert int(re.sub(r"[:\s]", "", printed[1]), 16) == dh_groups.OAKLEY_2


# Servers that misbehave -----------------------------------------------------------------------------------------------

OVERFLOW = b"\x16\x03\x03\xff\xff"
SENDS: dict[str, bytes] = {
    "plain-http": protocol_cases.NOT_TLS,
    "garbage": bytes(range(255, 127, -1)),
    "end-of-file": b"",
    "alert-handshake-failure": bytes.fromhex("15 0303 0002 02 28"),
    "alert-internal-error": bytes.fromhex("15 0303 0002 02 50"),
    "unrecognized-name": bytes.fromhex("15 0303 0002 02 70"),
    "record-overflow": OVERFLOW + b"\x02" + bytes(65534),
}
"""All that comes from them."""


@pytest.mark.parametrize("case", SENDS)
def test_byte_by_byte_it_does_what_it_says(lab: Lab, case: str) -> None:
    with lab.visits(case) as visits, dial(lab.port(case)) as plain:
        plain.sendall(hello())
        if case not in ("end-of-file", "unrecognized-name"):  # these hang up by themselves
            plain.settimeout(DEADLINE)
            received = b""
            while len(received) < len(SENDS[case]):
                received += plain.recv(1 << 16)
            plain.shutdown(socket.SHUT_WR)
            assert everything(plain) == b""
        else:
            received = everything(plain)
        assert received == SENDS[case]
    visit = only(visits)
    assert (visit.end, visit.count, visit.alert, visit.asked_for) == (VisitEnd.REFUSED, 0, None, "localhost")


@pytest.mark.parametrize("case", [*SENDS, "connection-reset", "stall"])
def test_before_the_hello_is_complete_it_says_nothing(lab: Lab, case: str) -> None:
    whole = hello()
    with lab.visits(case) as visits, dial(lab.port(case)) as plain:
        plain.sendall(whole[:-1])
        plain.settimeout(0.05)
        with pytest.raises(TimeoutError):
            plain.recv(1)
        plain.settimeout(DEADLINE)
        reset(plain)
    assert only(visits).end is VisitEnd.REFUSED


def test_the_answer_in_plain_http_is_one(lab: Lab) -> None:
    done = run(tool("curl"), "-sS", "-i", "--http0.9", f"https://localhost:{lab.port('plain-http')}/")
    assert "wrong version number" in done.stderr or "packet length" in done.stderr or "SSL" in done.stderr
    head, body = protocol_cases.NOT_TLS.split(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_a_reset_is_a_reset(lab: Lab) -> None:
    with lab.visits("connection-reset") as visits, dial(lab.port("connection-reset")) as plain:
        plain.sendall(hello())
        with pytest.raises(ConnectionResetError):
            plain.recv(1)
    assert only(visits).end is VisitEnd.REFUSED


def test_an_end_of_file_is_no_reset(lab: Lab) -> None:
    with dial(lab.port("end-of-file")) as plain:
        plain.sendall(hello())
        assert plain.recv(1) == b""


def test_the_alerts_are_what_openssl_calls_them(lab: Lab) -> None:
    for case, number in (("alert-handshake-failure", 40), ("alert-internal-error", 80), ("unrecognized-name", 112)):
        assert f"SSL alert number {number}" in s_client(lab.port(case))


def test_the_alert_of_a_client_that_is_shown_nonsense_is_written_down(lab: Lab) -> None:
    with lab.visits("record-overflow") as visits:
        assert "packet length too long" in s_client(lab.port("record-overflow"))
    assert (only(visits).end, only(visits).alert) == (VisitEnd.REFUSED, "record_overflow")


def test_what_is_said_in_the_clear_after_nonsense_was_said(lab: Lab) -> None:
    """A client that falls back to plain HTTP has betrayed its request, cookies and all."""
    with lab.visits("plain-http") as visits, dial(lab.port("plain-http")) as plain:
        plain.sendall(hello())
        assert plain.recv(1 << 16).startswith(b"HTTP/1.1 400")
        plain.sendall(b"GET / HTTP/1.1\r\nCookie: secret\r\n\r\n")
        plain.shutdown(socket.SHUT_WR)
        everything(plain)
    visit = only(visits)
    assert (visit.end, visit.why) == (VisitEnd.TALKED, "in the clear")
    assert visit.said.endswith(b"Cookie: secret\r\n\r\n")
    assert visit.count == len(visit.said)


@pytest.mark.parametrize("ending", [socket.socket.close, reset], ids=["hangs up", "resets"])
def test_a_stall_lasts_until_the_client_leaves_and_no_longer(lab: Lab, ending: Callable[[socket.socket], None]) -> None:
    before = lab.opened.server._present[lab.port("stall")]
    with lab.visits("stall") as visits:
        plain = dial(lab.port("stall"))
        plain.sendall(hello())
        plain.settimeout(0.3)
        with pytest.raises(TimeoutError):
            plain.recv(1)
        assert lab.opened.server._present[lab.port("stall")] == before + 1
        ending(plain)
    assert only(visits).end is VisitEnd.REFUSED
    assert lab.opened.server._present[lab.port("stall")] == before == 0


def test_twenty_stalled_clients_delay_no_other_client(lab: Lab) -> None:
    stalled = [dial(lab.port("stall")) for _ in range(20)]
    for each in stalled:
        each.sendall(hello())
    began = time.monotonic()
    assert look(lab.port("good"), "localhost", checking(lab.ca())).code is None
    assert time.monotonic() - began < PROMPT
    for each in stalled:
        reset(each)
    lab.opened.settled(lab.port("stall"), lab.port("good"))
    assert not lab.opened.server._conversations


def test_no_alert_is_invented(lab: Lab) -> None:
    """An alert record of the client is read; other records, and half of one, are none."""
    for said, alert in (
        (bytes.fromhex("15 0303 0002 02 2a"), "bad_certificate"),
        (bytes.fromhex("15 0303 0002 02 ff"), "alert 255"),
        (bytes.fromhex("15 0303 0002 02"), None),
        (bytes.fromhex("14 0303 0001 01"), None),
        (b"", None),
    ):
        with lab.visits("garbage") as visits, dial(lab.port("garbage")) as plain:
            plain.sendall(hello())
            plain.recv(1 << 16)
            plain.sendall(said)
            plain.shutdown(socket.SHUT_WR)
            everything(plain)
        assert (only(visits).alert, only(visits).end) == (alert, VisitEnd.REFUSED)


def test_what_this_openssl_cannot_serve_has_a_reason(lab: Lab) -> None:
    own = [each for each in lab.document["cases"] if each["theme"] == "protocol"]
    missing = {each["case"]: each["reason"] for each in own if each["port"] is None}
    assert set(missing) == {"dhe-512", "rc4", "triple-des", "export-cipher"}
    for suites in ("RC4", "3DES", "EXPORT"):
        with pytest.raises(ssl.SSLError):
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(f"{suites}:@SECLEVEL=0")
    assert all("this OpenSSL has no such cipher suite" in missing[each] for each in set(missing) - {"dhe-512"})


def test_a_hello_in_many_records_is_read(lab: Lab) -> None:
    """RFC 8446 §5.1: a message may span records; the deed waits for the first alone, the name needs all."""
    whole = hello("good.localhost")
    halves = [whole[5:40], whole[40:]]
    pieces = b"".join(whole[:3] + struct.pack("!H", len(each)) + each for each in halves)
    with lab.visits("good") as visits, dial(lab.port("good")) as plain:
        plain.sendall(pieces)
        assert plain.recv(1) == b"\x16"
        reset(plain)
    assert only(visits).asked_for == "good.localhost"
