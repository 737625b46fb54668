"""Servers that violate TLS 1.3 in one respect, before clients of our own that lack one check, and before raw sockets.

Falsehoods caught: a case that a client without the check in question refuses for another reason, so that the lab cannot
convict it; a case that a strict client accepts; and a record that is not what the case says.
"""

import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.peers.support import DEADLINE
from tests.tlsdemo.lab.visiting import Lab, careless, checking, dial, everything, hello, look, only
from tlsdemo import net
from tlsdemo.key_agreement import X25519
from tlsdemo.lab import misbehaving_cases
from tlsdemo.lab.case import Case, declared_in
from tlsdemo.lab.visit import VisitEnd
from tlsdemo.protocol import Party, Protection
from tlsdemo.tls13.handshake import Client
from tlsdemo.tls13.key_agreement import X25519_NUMBER, NamedGroup
from tlsdemo.tls13.machine import Parts
from tlsdemo.tls13.protocol import strong
from tlsdemo.tls13.weak import leave_out
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire import extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import decode
from tlsdemo.wire.handshake import messages
from tlsdemo.wire.messages13 import Finished, encode_message
from tlsdemo.wire.records import APPLICATION_DATA, HANDSHAKE, framed, records
from tlsdemo.wire.registry import ALERTS

CASES: Mapping[str, Case] = {each.id: each for each in declared_in(misbehaving_cases)}
BAD = [case for case, each in CASES.items() if each.must == "reject"]
VALID = [case for case, each in CASES.items() if each.must == "accept"]
FORGED_SIGNATURES = {
    "certificate-verify-other-key", "certificate-verify-zeros", "certificate-verify-garbage",
    "certificate-verify-empty", "certificate-verify-as-client", "certificate-verify-replayed",
    "copied-certificate",
}  # fmt: skip
BAD_SCHEMES = {"certificate-verify-sha1", "certificate-verify-pkcs1", "certificate-verify-scheme"}
NEEDS_TLS_1_2 = "downgrade-sentinel"
"""Our client offers TLS 1.3 only, so that no server can downgrade it."""

COMPLETE = leave_out(frozenset({Protection.CLIENT_IDENTITY, Protection.REVOCATION}), strong())


class WithoutFinished(Client):
    """A client that does not check the server's Finished."""

    def check_finished(self, message: Finished, before: bytes) -> None:
        """Accept it."""


def visit(lab: Lab, case: str, parts: Parts = COMPLETE, client: type[Client] = Client) -> ProtocolError | None:
    """Send a line over our own TLS 1.3; returns the client's first error, None if it has an answer."""
    anchors = tuple(x509.load_pem_x509_certificates(lab.opened.ca.root.public_bytes(Encoding.PEM)))
    party = Party(lambda: datetime.now(UTC), os.urandom, None, anchors, (), x509.DNSName("localhost"))
    until = time.monotonic() + DEADLINE
    with net.dial(net.Address("127.0.0.1", lab.port(case))) as connected:
        link = net.Link(connected, client(parts, party))
        try:
            link.handshake(until)
            link.send(b"hello\n", until)
            answer = link.receive(until)
            link.close(until)
        except ProtocolError as error:
            return error
    assert f"case:      {case}\n".encode() in answer
    return None


def accepted(lab: Lab, parts: Parts, client: type[Client] = Client) -> set[str]:
    """The bad cases that the client accepts, by its own account and by that of the lab."""
    found = set()
    for case in BAD:
        with lab.visits(case) as visits:
            error = visit(lab, case, parts, client)
        assert (error is None) is (only(visits).end is VisitEnd.TALKED), case
        found |= set() if error else {case}
    return found


# Clients of our own ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in BAD if case != NEEDS_TLS_1_2])
def test_our_client_refuses_each_bad_case_with_the_alert_that_the_case_names(lab: Lab, case: str) -> None:
    with lab.visits(case) as visits:
        error = visit(lab, case)
    assert error
    seen = only(visits)
    assert (seen.end, seen.count, seen.asked_for) == (VisitEnd.REFUSED, 0, "localhost")
    if case == "finished-missing":
        assert (error.violation, seen.alert) == (Violation.TRUNCATED, None)
    else:
        assert seen.alert == error.violation.alert
        assert seen.alert in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", CASES[case].story)


@pytest.mark.parametrize("case", VALID)
def test_our_client_accepts_each_valid_case(lab: Lab, case: str) -> None:
    with lab.visits(case) as visits:
        assert visit(lab, case) is None
    assert (only(visits).end, only(visits).said) == (VisitEnd.TALKED, b"hello\n")
    assert only(visits).agreed.startswith("TLSv1.3, TLS_")


def test_a_client_that_does_not_check_the_signature_accepts_the_bad_signatures_and_no_other_case(lab: Lab) -> None:
    parts = leave_out(frozenset({Protection.POSSESSION}), COMPLETE)
    assert accepted(lab, parts) == FORGED_SIGNATURES | BAD_SCHEMES


def test_a_client_that_does_not_check_finished_accepts_the_bad_ones_and_no_other_case(lab: Lab) -> None:
    assert accepted(lab, COMPLETE, WithoutFinished) == {"finished-wrong", "finished-empty"}


class TakesZeros(X25519):
    """X25519 without the check of the shared secret (RFC 7748 §6.1)."""

    def shared(self, secret: int, theirs: str) -> bytes:
        return super().shared(secret, theirs) if theirs.strip("0") else bytes(32)


class AddsZeros(X25519):
    """X25519 that adds missing bytes to a key share."""

    def shared(self, secret: int, theirs: str) -> bytes:
        return super().shared(secret, theirs.ljust(64, "0"))


@pytest.mark.parametrize(("group", "case"), [(TakesZeros(), "key-share-zeros"), (AddsZeros(), "key-share-short")])
def test_a_client_that_does_not_check_key_shares_accepts_the_bad_one(lab: Lab, group: X25519, case: str) -> None:
    parts = replace(COMPLETE, groups={X25519_NUMBER: NamedGroup("x25519", group, None, None)}, shares=(X25519_NUMBER,))
    assert accepted(lab, parts) == {case}


def test_the_strict_server_is_the_control_of_each_bad_case(lab: Lab) -> None:
    for case in BAD:
        if case != NEEDS_TLS_1_2:
            assert visit(lab, f"{case}.control") is None, case


# Records --------------------------------------------------------------------------------------------------------------


def flight(lab: Lab, case: str) -> list[tuple[int, int]]:
    """Content type and length of each record of the server, up to the end of its handshake messages."""
    with dial(lab.port(case)) as plain:
        plain.sendall(hello())
        plain.settimeout(DEADLINE)
        received = b""
        while True:
            data = plain.recv(1 << 16)
            if not data:
                break
            received += data
            plain.settimeout(0.5)  # the flight comes at once, and then the server waits
            try:
                plain.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                break
        return [(each.content_type, len(each.fragment)) for each in records(received)]


def test_records_of_one_byte_have_one_byte(lab: Lab) -> None:
    found = flight(lab, "records-of-one-byte")
    assert {length for kind, length in found if kind == HANDSHAKE} == {1}
    assert {length for kind, length in found if kind == APPLICATION_DATA} == {1 + 1 + 16}, "content, type and tag"
    assert len(found) > 500


def test_padded_records_have_the_greatest_length(lab: Lab) -> None:
    found = flight(lab, "padded-records")
    assert {length for kind, length in found if kind == APPLICATION_DATA} == {2**14 + 1 + 16}
    assert [kind for kind, _ in found].count(APPLICATION_DATA) == 4


def test_one_record_is_too_long_by_one_byte(lab: Lab) -> None:
    lengths = [length for kind, length in flight(lab, "record-too-long") if kind == APPLICATION_DATA]
    assert lengths[0] == 2**14 + 257
    assert max(lengths[1:]) <= 2**14 + 256


# The downgrade --------------------------------------------------------------------------------------------------------


def test_python_refuses_the_downgrade_and_accepts_its_control(lab: Lab) -> None:
    with lab.visits(NEEDS_TLS_1_2) as visits:
        seen = look(lab.port(NEEDS_TLS_1_2), "localhost", checking(lab.ca()))
    assert (seen.code, only(visits).alert) == (0, "illegal_parameter")
    with lab.visits(f"{NEEDS_TLS_1_2}.control") as visits:
        seen = look(lab.port(f"{NEEDS_TLS_1_2}.control"), "localhost", checking(lab.ca()))
    assert (seen.code, seen.version) == (None, "TLSv1.2")
    assert only(visits).agreed.startswith("TLSv1.2, TLS_ECDHE_ECDSA_WITH_AES_")
    assert (only(visits).end, only(visits).asked_for) == (VisitEnd.TALKED, "localhost")


@pytest.mark.parametrize("case", [NEEDS_TLS_1_2, "finished-wrong", "hello-retry-request"])
def test_a_client_of_tls_1_2_does_not_fit(lab: Lab, case: str) -> None:
    """It cannot be downgraded, and has refused nothing."""
    with lab.visits(case) as visits:
        look(lab.port(case), "localhost", careless(ssl.TLSVersion.TLSv1_2))
    assert only(visits).end is VisitEnd.UNFIT
    assert only(visits).why == "the client does not offer TLS 1.3"


# On a connection ------------------------------------------------------------------------------------------------------


def test_what_is_said_in_the_clear_counts(lab: Lab) -> None:
    with lab.visits("finished-wrong") as visits, dial(lab.port("finished-wrong")) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.shutdown(socket.SHUT_WR)
        everything(plain)
    assert (only(visits).end, only(visits).why) == (VisitEnd.TALKED, "in the clear")


@pytest.mark.parametrize(
    ("bytes_", "end"),
    [
        (lambda: hello()[:-1], VisitEnd.REFUSED),
        (hello, VisitEnd.REFUSED),
        (lambda: bytes.fromhex("16 0303 0004 02000000"), VisitEnd.TURNED_AWAY),
    ],
    ids=["half a hello", "a hello", "another message"],
)
def test_a_client_that_leaves_has_accepted_nothing(lab: Lab, bytes_: Callable[[], bytes], end: VisitEnd) -> None:
    with lab.visits("finished-wrong") as visits, dial(lab.port("finished-wrong")) as plain:
        plain.sendall(bytes_())
        plain.shutdown(socket.SHUT_WR)
        everything(plain)
    assert (only(visits).end, only(visits).count) == (end, 0)


ODD_HELLOS: Mapping[str, Callable[[ClientHello], ClientHello]] = {
    "no extensions": lambda given: replace(given, extensions=None),
    "no groups": lambda given: given.with_extension(extensions.SUPPORTED_GROUPS, None),
    "no key shares": lambda given: given.with_extension(extensions.KEY_SHARE, b"\x00\x00"),
    "all suites": lambda given: replace(given, cipher_suites=(0x1301, 0x1302, 0x1303, 0x1304, 0x1305)),
    "no suite": lambda given: replace(given, cipher_suites=(0x00FF,)),
    "no signature schemes": lambda given: given.with_extension(extensions.SIGNATURE_ALGORITHMS, b"\x00\x02\xff\xff"),
}


@pytest.mark.parametrize("odd", ODD_HELLOS)
def test_every_server_survives_an_odd_hello(lab: Lab, odd: str) -> None:
    """A visit is logged only if the server has raised nothing but what a peer can cause."""
    (message,) = messages(b"".join(each.fragment for each in records(hello())))
    changed = encode_message(ODD_HELLOS[odd](decode(ClientHello, message.body)))
    for case in CASES:
        with lab.visits(case) as visits, dial(lab.port(case)) as plain:
            plain.sendall(framed(HANDSHAKE, 0x0301, changed))
            plain.shutdown(socket.SHUT_WR)
            everything(plain)
        assert only(visits).end in (VisitEnd.UNFIT, VisitEnd.REFUSED, VisitEnd.TURNED_AWAY), case
        assert only(visits).count == 0


# The descriptions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD)
def test_the_alert_that_a_case_names_exists(case: str) -> None:
    story = " ".join(CASES[case].story.split())
    if case == "finished-missing":
        assert story.endswith("so the client sends no alert.")
        return
    (last,) = re.findall(r"[^.]*\balert [^.]*\.$", story)
    assert set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", last)) <= set(ALERTS.values())


def test_forged_proofs_are_of_severity_must() -> None:
    must = {case for case in BAD if CASES[case].severity == "must"}
    assert must > FORGED_SIGNATURES
    assert must - FORGED_SIGNATURES == {
        "certificate-missing", "certificate-empty", "certificate-verify-missing", "unauthenticated",
        "finished-wrong", "finished-empty", "finished-missing", "finished-skipped",
    }  # fmt: skip
