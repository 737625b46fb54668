"""Servers that violate TLS 1.3 are explained from an anonymous capture: which message deviates from which section.

Falsehoods caught: a deviation that is not named although the bytes show it, a section or message other than the one
that the lab's case declares, and a deviation that is reported of a peer that follows the standard.
"""

import random
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from os import urandom
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Credential
from pki.publish.server import Publisher
from tests.tlsdemo.explain.refusals import NOW, explained, recorded
from tests.tlsdemo.explain.tap import Tap
from tests.tlsdemo.explain.test_conversation import FROM_RFC
from tests.tlsdemo.explain.test_conversation import NAMES as CAPTURES
from tests.tlsdemo.explain.test_conversation import recorded as capture_of
from tlsdemo.explain import deviations, proofs
from tlsdemo.explain.conversation import Explanation, Kind, explain
from tlsdemo.explain.judgement import Trust
from tlsdemo.lab import misbehaving, misbehaving_cases
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, declared_in
from tlsdemo.lab.context import ClientCheck, lab_context
from tlsdemo.lab.deviation import Deviation
from tlsdemo.protocol import Endpoint, Party, Protection, Side
from tlsdemo.tls.context import load_pem
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.tls13.handshake import Client
from tlsdemo.tls13.protocol import strong
from tlsdemo.tls13.weak import leave_out
from tlsdemo.wire import captures, key_log

CASES: Mapping[str, Case] = {each.id: each for each in declared_in(misbehaving_cases)}
BAD = [case for case, each in CASES.items() if each.must == "reject"]
VALID = [case for case, each in CASES.items() if each.must == "accept"]


@cache
def ca() -> LabCA:
    return LabCA.new(NOW, cast(Publisher, None))  # these cases publish nothing


def server_of(case: str, *, strict: bool = False) -> Endpoint:
    """The server of a case; with `strict`, its control."""

    def endpoint(connection: None, deviation: Deviation, credential: Credential, talk: Callable[..., Any]) -> Endpoint:
        return misbehaving.server(deviation, credential)

    with patch.object(misbehaving, "converse", endpoint):
        opened = CASES[case].open(ca())
        opened = opened.mint_control() if strict and opened.mint_control else opened
        assert opened.handler
        return cast(Endpoint, opened.handler(cast(Any, None)))


def with_ours(server: Endpoint, *protocols: str) -> bytes:
    """The capture of a conversation with the client of our TLS 1.3, which is strict."""
    log: list[str] = []
    parts = leave_out(frozenset({Protection.CLIENT_IDENTITY, Protection.REVOCATION}), strong())
    parts = replace(parts, protocols=protocols, log=lambda *entry: log.append(key_log.line(*entry) + "\n"))
    client = Client(parts, Party(lambda: NOW, urandom, None, (ca().root,), (), x509.DNSName("localhost")))
    return recorded(client, server, lambda: "".join(log))


def with_openssl(server: Endpoint, *protocols: str) -> bytes:
    """The same with the client of Python's `ssl`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca().root.public_bytes(Encoding.DER))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        context.keylog_filename = str(file)
        client = TlsEndpoint(Side.CLIENT, context, "localhost", Closing.STRICT)
        return recorded(client, server, lambda: file.read_text() if file.exists() else "")


CLIENTS = {"ours": with_ours, "openssl": with_openssl}

NAMED: Mapping[str, tuple[str, str]] = {
    "certificate-verify-other-key": ("CertificateVerify", "the signature is NOT valid for the key of certificate 1"),
    "certificate-verify-zeros": ("CertificateVerify", "its numbers are 0 and 0"),
    "certificate-verify-garbage": ("CertificateVerify", "it is not the DER encoding of two numbers"),
    "certificate-verify-empty": ("CertificateVerify", "it is empty"),
    "certificate-verify-as-client": ("CertificateVerify", "it is valid for the key of certificate 1 and the context "
                                     "string of a client"),
    "certificate-verify-replayed": ("CertificateVerify", "the signature is NOT valid for the key of certificate 1"),
    "certificate-verify-missing": ("Finished", "directly after Certificate; CertificateVerify must come there"),
    "copied-certificate": ("CertificateVerify", "it is valid for the key of certificate 2"),
    "certificate-empty": ("Certificate", "has no certificate"),
    "certificate-missing": ("CertificateVerify", "directly after EncryptedExtensions; CertificateRequest or "),
    "unauthenticated": ("Finished", "directly after EncryptedExtensions; CertificateRequest or Certificate must"),
    "certificate-verify-sha1": ("CertificateVerify", "the scheme is ecdsa_sha1, which TLS 1.3 forbids"),
    "certificate-verify-pkcs1": ("CertificateVerify", "the scheme is rsa_pkcs1_sha256, which TLS 1.3 forbids"),
    "certificate-verify-scheme": ("CertificateVerify", "rsa_pss_rsae_sha256, and the key is for ECDSA on secp256r1"),
    "finished-wrong": ("Finished", "verify_data differs from the MAC"),
    "finished-empty": ("Finished", "0 bytes; sha256 has 32"),
    "version-not-offered": ("ServerHello", "0x0305; the client offers TLS 1.3"),
    "suite-not-offered": ("ServerHello", "TLS_AES_128_CCM_8_SHA256; the client offers TLS_AES_"),
    "group-not-offered": ("ServerHello", "brainpoolP256r1tls13; the client sent key shares of "),
    "key-share-zeros": ("ServerHello", "shared secret, zero"),
    "key-share-short": ("ServerHello", "31 bytes; a key share of x25519 has 32"),
    "key-share-missing": ("ServerHello", "has no key_share"),
    "session-id-not-echoed": ("ServerHello", "0000000000000000... (32 bytes) instead of "),
    "compression-selected": ("ServerHello", "method 1; the client offers 0"),
    "alpn-in-server-hello": ("ServerHello", "not defined: application_layer_protocol_negotiation (16)"),
    "second-hello-retry-request": ("HelloRetryRequest", "a second HelloRetryRequest"),
    "downgrade-sentinel": ("ServerHello", "444f574e47524401"),
    "extension-not-offered": ("EncryptedExtensions", "0xff5a (65370), which the client did not offer"),
    "extension-twice": ("EncryptedExtensions", "supported_groups (10), 2 times"),
    "alpn-not-offered": ("EncryptedExtensions", "tlsdemo; the client offers h2"),
    "server-name-with-content": ("EncryptedExtensions", "server_name has 9 bytes"),
    "encrypted-extensions-twice": ("EncryptedExtensions", "it is repeated"),
    "record-of-padding": ("record 4", "has only padding"),
    "record-too-long": ("record 4", "16,641 bytes"),
}  # fmt: skip
"""By case: the message that deviates, and what is said of it. Both come from the story of the case."""
NOT_IN_ONE_MESSAGE = ("finished-missing", "finished-skipped")
"""Cases in which something is absent: no message deviates."""


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("case", NAMED)
def test_the_deviation_of_a_server_is_named(case: str, client: str) -> None:
    if (case, client) == ("downgrade-sentinel", "ours"):
        return  # our client offers TLS 1.3 only, so that no server can downgrade it
    ending = explained(CLIENTS[client](server_of(case), "h2"), Trust((ca().root,))).ending
    message, words = NAMED[case]
    clause = CASES[case].clause
    found = [each for each in ending.sentences if each.startswith(f"{message} of the server deviates from {clause}")]
    assert any(words in each for each in found), ending.sentences
    if ending.failed:  # OpenSSL accepts some of them
        assert ending.sentences[0].startswith("the client refused: alert ")
        about = f", about {message} of the server"
        # The alert of OpenSSL is not the one of RFC 7301 §3.2, so which message it refused is not claimed.
        assert ending.sentences[0].endswith(about) or (case, client) == ("alpn-not-offered", "openssl")
    assert not any(each.startswith("check ") for each in ending.sentences)  # the certificate is valid


def test_every_case_to_reject_is_named() -> None:
    assert {*NAMED, *NOT_IN_ONE_MESSAGE} == set(BAD)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_finished_that_is_missing_is_named(client: str) -> None:
    sentences = explained(CLIENTS[client](server_of("finished-missing")), None).ending.sentences
    assert any("the server sent no Finished; its last message is CertificateVerify" in each for each in sentences)
    assert any(CASES["finished-missing"].clause in each for each in sentences)


@pytest.mark.parametrize("client", CLIENTS)
def test_data_instead_of_finished_is_a_record_that_does_not_decrypt(client: str) -> None:
    found = explained(CLIENTS[client](server_of("finished-skipped")), None)
    sentences = found.ending.sentences
    assert sentences[0].startswith("the client refused: alert bad_record_mac (20)")
    text = "\n".join(sentences)
    assert "record 7 of the server does not decrypt with SERVER_HANDSHAKE_TRAFFIC_SECRET" in text
    (broken,) = (each for each in found.entries if each.title.startswith("record 7, "))  # as the listing counts
    assert broken.sender == "server"
    assert "does not decrypt" in broken.title
    assert (
        f"the server sent no Finished before it; application data needs one ({CASES['finished-skipped'].clause})"
        in text
    )


def after_the_flight(file: bytes, record: bytes) -> Explanation:
    """The explanation of a capture up to the server's last byte before the client's answer, and then that record."""
    capture = captures.read(file)
    (connection,) = capture.connections
    chunks = [(each.sender, each.data) for each in connection.chunks[:2]]
    assert [sender for sender, _ in chunks] == ["client", "server"]
    return explain([*chunks, ("client", record)], key_log.parse(capture.key_log), NOW, Trust((ca().root,)))


@pytest.mark.parametrize(("number", "about"), [(110, "about EncryptedExtensions"), (80, "after Finished")])
def test_only_a_deviation_that_fits_the_alert_is_called_its_reason(number: int, about: str) -> None:
    """unsupported_extension is about an extension that was not offered; internal_error is not."""
    file = with_openssl(server_of("extension-not-offered"))
    ending = after_the_flight(file, bytes([21, 3, 3, 0, 2, 2, number])).ending
    assert ending.sentences[0].endswith(f", {about} of the server")
    assert any("0xff5a (65370), which the client did not offer" in each for each in ending.sentences)


def test_a_warning_of_tls_1_2_is_not_a_refusal() -> None:
    """unrecognized_name with level 1: the server continues with its default certificate (RFC 6066 §3)."""
    chunks, keys = capture_of("python-ssl-tls12")
    warning = bytes([21, 3, 3, 0, 2, 1, 112])
    place = next(place for place, (sender, _) in enumerate(chunks) if sender == "server")
    ending = explain([*chunks[:place], ("server", warning), *chunks[place:]], keys, NOW).ending
    assert ending.sentences == ("normal: close_notify from client and server",)
    assert not ending.failed


# What is not a deviation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("case", [*VALID, "certificate-verify-other-key", "certificate-verify-pkcs1"])
def test_a_strict_server_has_no_deviation(case: str, client: str) -> None:
    """Valid cases, and the controls of the others; one of them has an RSA key."""
    found = explained(CLIENTS[client](server_of(case, strict=True), "h2"), Trust((ca().root,)))
    assert found.ending.sentences == (
        "normal: close_notify from client and server",
        "the server's certificate chain is valid with the given trust anchors, for localhost; "
        "revocation is not checked",
    )


@pytest.mark.parametrize("with_keys", [True, False])
@pytest.mark.parametrize("name", [*CAPTURES, *FROM_RFC, "rfc8448-resumed_0rtt_handshake", "illustrated-tls12"])
def test_a_recorded_conversation_has_no_deviation(name: str, with_keys: bool) -> None:
    """Without the keys, nothing is claimed of what cannot be read."""
    chunks, keys = capture_of(name)
    found = explain(chunks, keys if with_keys else None, NOW)
    made = proofs.of_messages(found.dissection, found.secrets)
    assert list(deviations.found_in(found.dissection, made)) == []
    assert list(deviations.missing(found.dissection)) == []
    assert len(found.ending.sentences) == 1


def test_a_ticket_before_the_clients_finished_is_not_part_of_the_handshake() -> None:
    """As Go's server sends it: the client's Finished does not cover it (RFC 8446 §4.4.1)."""
    chunks, keys = capture_of("python-ssl-tls13")
    assert [sender for sender, _ in chunks[:4]] == ["client", "server", "client", "server"]
    early = [*chunks[:2], chunks[3], chunks[2], *chunks[4:]]
    found = explain(early, keys, NOW)
    titles = [entry.title for entry in found.entries if entry.kind is Kind.MESSAGE]
    assert titles.index("NewSessionTicket") < len(titles) - 1 - titles[::-1].index("Finished")
    assert [check.passed for entry in found.entries for check in entry.checks] == [True, True, True]
    assert found.ending.sentences == ("normal: close_notify from server and client",)


def test_a_client_that_authenticates_after_the_handshake_has_no_deviation() -> None:
    """Its second Finished has another key (RFC 8446 §4.4.4), which is not computed here."""
    server = lab_context(ca().good, clients=ClientCheck.IF_THEY_LIKE, client_trust=(ca().root,))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.post_handshake_auth = server.post_handshake_auth = True
    client.load_verify_locations(cadata=ca().root.public_bytes(Encoding.DER))
    given = ca().clients.credentials["good"]
    load_pem(client, given.chain_pem, given.key_pem)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        client.keylog_filename = str(file)
        tap, other = Tap(TlsEndpoint(Side.CLIENT, client, "localhost"), lambda: 0.0), TlsEndpoint(Side.SERVER, server)
        exchange(tap, other)
        other.tls.verify_client_post_handshake()
        other.send(b"who are you?")
        exchange(tap, other)
        tap.send(b"see my certificate")
        exchange(tap, other)
        keys = key_log.parse(file.read_text())
    found = explain(tap.chunks, keys, NOW)
    titles = [entry.title for entry in found.entries if entry.kind is Kind.MESSAGE]
    assert titles.count("CertificateRequest") == 1
    assert titles.count("CertificateVerify") == 2
    checks = [check.passed for entry in found.entries for check in entry.checks]
    assert sorted(checks, key=str) == [None, None, True, True, True]
    assert "deviates" not in "".join(found.ending.sentences)


def exchange(one: Endpoint, other: Endpoint) -> None:
    """Carry bytes both ways until both sides are silent."""
    while (from_one := one.outgoing()) + (from_other := other.outgoing()):
        other.receive(from_one)
        one.receive(from_other)


def test_what_a_partial_key_log_hides_is_not_called_wrong() -> None:
    """With the keys of the client alone, the transcript of the client's Finished is not complete."""
    chunks, keys = capture_of("python-ssl-tls13")
    partial = {
        number: {label: each for label, each in secrets.items() if not label.startswith("SERVER_HANDSHAKE")}
        for number, secrets in keys.secrets.items()
    }
    found = explain(chunks, replace(keys, secrets=partial), NOW)
    checks = [check for entry in found.entries for check in entry.checks]
    assert [check.passed for check in checks] == [None]
    assert "a message before this one was not decrypted" in checks[0].sentence
    assert "deviates" not in "".join(found.ending.sentences)
    assert "no Finished" not in "".join(found.ending.sentences)


def test_damaged_bytes_are_explained_without_an_exception() -> None:
    """One byte of the hellos or of a record header is another one, many times over."""
    capture = captures.read(with_ours(server_of("certificate-verify-other-key", strict=True)))
    (connection,), keys = capture.connections, key_log.parse(capture.key_log)
    draw = random.Random(20)
    for _ in range(300):
        chunks = [(each.sender, bytearray(each.data)) for each in connection.chunks]
        data = chunks[draw.randrange(2)][1]
        data[draw.randrange(min(len(data), 400))] ^= 1 << draw.randrange(8)
        found = explain([(sender, bytes(each)) for sender, each in chunks], keys, NOW, Trust((ca().root,)))
        assert found.ending.sentences
