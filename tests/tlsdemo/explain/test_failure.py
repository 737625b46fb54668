"""A refusal is explained from the bytes alone. Caught: a capture of a bad certificate whose fault is not named."""

import re
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.tlsdemo.explain.refusals import explained, recorded
from tests.tlsdemo.explain.tap import Tap
from tests.tlsdemo.explain.test_conversation import recorded as capture_of
from tlsdemo.attack.world import World
from tlsdemo.credentials import kinds
from tlsdemo.credentials.kinds import Kind
from tlsdemo.credentials.minted import Mint
from tlsdemo.explain import deviations
from tlsdemo.explain.conversation import Explanation, explain
from tlsdemo.explain.failure import MEANINGS, Trust
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.tls.client import IGNORE_UNEXPECTED_EOF
from tlsdemo.tls.context import client_context
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.tls.protocol import configuration
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.wire import captures, key_log
from tlsdemo.wire.captures import Chunk, Connection, Place
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.records import Sender
from tlsdemo.wire.registry import ALERTS

FAULTS: dict[str, tuple[Kind, str]] = {
    "rogue": (kinds.ROGUE, "check chain fails"),
    "self-signed": (kinds.SELF_SIGNED, "check chain fails"),
    "untrusted CA": (kinds.UNTRUSTED_CA, "check chain fails"),
    "another host": (kinds.OTHER_HOST, "check name fails"),
    "expired": (kinds.EXPIRED, "check dates fails"),
    "leaf as CA": (kinds.LEAF_AS_CA, "check "),
    "revoked": (kinds.REVOKED, "check revocation fails"),
}

FORGED = "the alert is not encrypted: an attacker on the path could have sent it"
LEFT_OUT = ("tls12", "revoked")


@pytest.fixture(scope="module")
def world() -> World:
    mint = Mint(datetime.now(UTC), lambda: ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number)
    return World.create(mint, urandom)


def captured(world: World, protocol: Protocol, kind: Kind) -> bytes:
    """A pcapng file of a conversation with that certificate; nothing in it names the fault."""
    server = replace(world.server, credential=world.mint.credential(kind))
    tap = Tap(protocol.client(world.client), lambda: world.mint.now.timestamp())
    world.converse(tap, protocol.server(server), None, world.lines)
    chunks = tuple(Chunk(sender, data, at) for sender, data, at in tap.passed)
    return captures.write([Connection(Place("10.0.0.1", 40000), Place("10.0.0.2", 443), chunks, True)])


def told(world: World, file: bytes, keys: KeyLog | None, *, trust: bool) -> Explanation:
    (connection,) = captures.read(file).connections
    known = Trust(world.client.anchors, world.client.crls) if trust else None
    return explain([(each.sender, each.data) for each in connection.chunks], keys, world.mint.now, known)


# `ssl` checks revocation in TLS 1.3 alone here, and its key log is a file.
CONVERSATIONS = [(family, name) for name in FAULTS for family in ("tls13", "tls12") if (family, name) != LEFT_OUT]


@pytest.mark.parametrize(("family", "name"), CONVERSATIONS)
def test_the_check_that_fails_is_named_from_a_capture(world: World, family: str, name: str) -> None:
    kind, fault = FAULTS[name]
    log: list[str] = []
    if family == "tls13":
        claims = ALL - {Protection.CLIENT_IDENTITY}
        protocol = tls13(claims, log=lambda *entry: log.append(key_log.line(*entry)))
    else:
        protocol = configuration("tls12")  # its certificates are in the clear
    found = told(world, captured(world, protocol, kind), key_log.parse("\n".join(log)), trust=True)
    assert found.ending.failed
    refusal, *more = found.ending.sentences
    assert refusal.startswith("the client refused: alert ")
    assert refusal.endswith(", about Certificate of the server")
    assert any(sentence.startswith(fault) for sentence in more)


def test_without_keys_a_refusal_in_tls_1_3_is_called_unknown(world: World) -> None:
    """The alert is encrypted, or its reason is: nothing is claimed."""
    protocol = tls13(ALL - {Protection.CLIENT_IDENTITY})
    found = told(world, captured(world, protocol, kinds.EXPIRED), None, trust=True)
    assert "unknown: " in found.ending.sentences[0]
    assert not found.ending.failed


def test_without_trust_anchors_the_chain_is_not_judged(world: World) -> None:
    found = told(world, captured(world, configuration("tls12"), kinds.ROGUE), None, trust=False)
    assert found.ending.failed
    assert any("give --trust to check its chain" in sentence for sentence in found.ending.sentences)


def test_an_alert_in_the_clear_may_be_forged_unless_it_is_our_own(world: World, tmp_path: Path) -> None:
    """OpenSSL's client refuses a certificate of TLS 1.3 with an alert that is not encrypted."""
    file = tmp_path / "keys"
    context = client_context(world.client.anchors, keylog=file)
    client = TlsEndpoint(Side.CLIENT, context, "localhost", Closing.STRICT)
    server = replace(world.server, credential=world.mint.credential(kinds.ROGUE))
    tap = Tap(client, lambda: world.mint.now.timestamp())
    endpoint = tls13(ALL - {Protection.CLIENT_IDENTITY}).server(server)
    world.converse(tap, endpoint, None, world.lines)
    keys = key_log.parse(file.read_text())
    expected: dict[Sender | None, bool] = {None: True, "server": True, "client": False}
    for side, may_be_forged in expected.items():
        found = explain(tap.chunks, keys, world.mint.now, side=side)
        assert (FORGED in found.ending.sentences) is may_be_forged


def test_an_alert_before_any_key_may_be_forged(world: World) -> None:
    """In the handshake of TLS 1.2, and before ServerHello, nothing is encrypted: neither is the alert."""
    found = told(world, captured(world, configuration("tls12"), kinds.ROGUE), None, trust=True)
    assert FORGED in found.ending.sentences
    hello = found.entries[0].data
    alert: tuple[Sender, bytes] = ("server", bytes.fromhex("15030300020228"))
    assert FORGED in explain([("client", hello), alert], None, world.mint.now).ending.sentences


def test_an_encrypted_alert_is_not_called_forgeable(world: World) -> None:
    log: list[str] = []
    protocol = tls13(ALL - {Protection.CLIENT_IDENTITY}, log=lambda *entry: log.append(key_log.line(*entry)))
    found = told(world, captured(world, protocol, kinds.ROGUE), key_log.parse("\n".join(log)), trust=True)
    assert found.ending.failed
    assert FORGED not in found.ending.sentences


@pytest.mark.parametrize("name", ["python-ssl-tls13", "python-ssl-tls12"])
def test_a_close_notify_of_one_side_is_said_to_be_of_that_side_alone(name: str) -> None:
    chunks, keys = capture_of(name)
    for count in range(len(chunks) + 1):
        found = explain(chunks[:count], keys, datetime.now(UTC))
        senders = {entry.sender for entry in found.entries if entry.title == "Alert"}
        assert not found.ending.failed
        said = [
            each for each in ("client", "server") if f"close_notify from the {each} alone" in found.ending.sentences[0]
        ]
        assert said == (list(senders) if len(senders) == 1 else [])
        assert ("normal: " in found.ending.sentences[0]) is bool(senders)


def test_every_alert_of_tls_1_3_that_ends_a_connection_has_a_meaning() -> None:
    of_tls12 = {"decryption_failed", "decompression_failure", "no_certificate", "export_restriction",
                "no_renegotiation", "certificate_unobtainable", "bad_certificate_hash_value"}  # fmt: skip
    ends_nothing = {"close_notify", "user_canceled"}
    assert set(MEANINGS) == set(ALERTS.values()) - of_tls12 - ends_nothing - {"ech_required"}


def test_a_refusal_of_client_hello_tells_what_it_offers() -> None:
    """The client offers one suite, one version and one group; the server has other suites."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.maximum_version = client_context.minimum_version = ssl.TLSVersion.TLSv1_2
    client_context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    client_context.set_ecdh_curve("secp384r1")
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    client = TlsEndpoint(Side.CLIENT, client_context, "localhost")
    file = recorded(client, TlsEndpoint(Side.SERVER, server_context), str)
    refusal, meaning, offer, forged = explained(file, None).ending.sentences
    assert refusal == "the server refused: alert handshake_failure (40), after ClientHello of the client"
    assert "no common combination of version, cipher suite, group and signature scheme" in meaning
    suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_EMPTY_RENEGOTIATION_INFO_SCSV"
    assert offer.startswith(f"ClientHello offers versions TLS 1.2; cipher suites {suites}; groups secp384r1; ")
    assert re.search(r"signature schemes (\w+, ){5}\w+ and \d+ more$", offer)
    assert forged == FORGED


UNANSWERED = {
    "": "after ClientHello; the server sent nothing",
    "1603": "after ClientHello; the server sent bytes that are not a whole record of TLS",
}
"""What a server sends, in hexadecimal, before OpenSSL's client sends decode_error; and what is said of it."""


@pytest.mark.parametrize("answer", UNANSWERED)
def test_a_client_without_an_answer_is_not_said_to_refuse_one(answer: str) -> None:
    """OpenSSL sends decode_error if the server closes the connection after ClientHello, or breaks off."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~IGNORE_UNEXPECTED_EOF  # Debian's Python 3.11.2 sets it
    client = TlsEndpoint(Side.CLIENT, context, "localhost")
    tap = Tap(client, lambda: 0.0)
    tap.outgoing()
    tap.receive(bytes.fromhex(answer))
    tap.receive_eof()
    tap.outgoing()
    ended, why, *_ = explain(tap.chunks, None, datetime.now(UTC), side="client").ending.sentences
    assert ended == f"the client ended the connection: alert decode_error (50), {UNANSWERED[answer]}"
    assert why == "the server closed the connection or sent no TLS: OpenSSL reports that with this alert"


def test_a_record_without_a_message_is_an_answer() -> None:
    """OpenSSL refuses change_cipher_spec before ServerHello."""
    client = TlsEndpoint(Side.CLIENT, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "localhost")
    tap = Tap(client, lambda: 0.0)
    tap.outgoing()
    tap.receive(bytes.fromhex("140303000101"))
    tap.outgoing()
    refused = explain(tap.chunks, None, datetime.now(UTC), side="client").ending.sentences[0]
    assert refused == (
        "the client refused: alert unexpected_message (10), after ClientHello; "
        "no message of the server was read before it"
    )


def test_an_alert_about_an_answer_is_a_refusal() -> None:
    """decode_error about a ServerHello of one byte, which is not a connection that was closed."""
    chunks, _ = capture_of("python-ssl-tls13")
    answer = bytes.fromhex("1603030005") + bytes.fromhex("0200000100")
    alert = bytes.fromhex("15030300020232")
    refused, *more = explain(
        [("client", chunks[0][1]), ("server", answer), ("client", alert)], None, datetime.now(UTC)
    ).ending.sentences
    assert refused == "the client refused: alert decode_error (50), about ServerHello of the server"
    assert not [each for each in more if "closed the connection" in each]


@pytest.mark.parametrize("sent", [5, 16384, 65540])
def test_a_record_that_is_too_long_is_the_cause_also_if_it_is_not_complete(sent: int) -> None:
    """OpenSSL refuses the header of the record, before the rest of it arrives."""
    client = TlsEndpoint(Side.CLIENT, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "localhost")
    tap = Tap(client, lambda: 0.0)
    tap.outgoing()
    tap.receive((b"\x16\x03\x03\xff\xff" + b"\x02" + bytes(65534))[:sent])
    tap.outgoing()
    refused, cause, *_ = explain(tap.chunks, None, datetime.now(UTC), side="client").ending.sentences
    assert refused.startswith("the client refused: alert record_overflow (22), about ")
    if sent == 65540:
        assert cause.endswith("deviates from RFC 8446 §5.1: a record is longer than 2^14 bytes: 65,535 bytes")
    else:
        assert cause == "the server began a record of 65,535 bytes; 16,384 are allowed (RFC 8446 §5.1)"


@pytest.mark.parametrize(
    ("name", "kind", "limit", "section"),
    [
        ("python-ssl-tls13", 23, 2**14 + 256, "RFC 8446 §5.2"),
        ("python-ssl-tls13", 22, 2**14, "RFC 8446 §5.1"),
        ("python-ssl-tls12", 23, 2**14 + 2048, "RFC 5246 §6.2.3"),
    ],
)
def test_the_limit_of_an_incomplete_record_is_that_of_its_version(
    name: str, kind: int, limit: int, section: str
) -> None:
    """In TLS 1.3 an unprotected record has a type other than application_data."""
    chunks, keys = capture_of(name)
    for length, is_too_long in ((limit, False), (limit + 1, True)):
        begun: tuple[Sender, bytes] = ("server", bytes([kind, 3, 3]) + length.to_bytes(2, "big") + b"x")
        found = explain([*chunks, begun], keys, datetime.now(UTC)).dissection
        said = f"the server began a record of {length:,} bytes; {limit:,} are allowed ({section})"
        assert deviations.too_long(found, "server") == (said if is_too_long else "")
    assert deviations.too_long(found, "client") == ""


def test_an_alert_alone_comes_before_any_message() -> None:
    alert: tuple[Sender, bytes] = ("server", bytes.fromhex("15030300020228"))
    refused = explain([alert], None, datetime.now(UTC)).ending.sentences[0]
    assert refused == "the server refused: alert handshake_failure (40), before any message; the client sent nothing"


def test_without_trust_anchors_no_check_of_the_chain_is_claimed(world: World) -> None:
    """The issuer is the one that the certificate names: a forger can name any."""
    file = captured(world, configuration("tls12"), kinds.ROGUE)
    known, unknown = ("\n".join(told(world, file, None, trust=trust).ending.sentences) for trust in (True, False))
    assert "passes every check made here; its chain is not checked" in unknown
    assert "names the issuer CN=" in unknown
    assert "is not checked" not in known
    assert "issued by" not in known + unknown


def test_a_client_that_trusts_another_root_is_told_from_one_that_finds_a_fault(world: World) -> None:
    """The chain is valid here. The alert says whether the client found no path, or something else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it trusts no root
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    tap = Tap(TlsEndpoint(Side.CLIENT, context, "localhost"), lambda: 0.0)
    world.converse(tap, configuration("tls12").server(world.server), None, world.lines)
    trust = Trust(world.client.anchors)
    unknown = bytes.fromhex("15030300020230")
    for number, said, hint in (
        (48, "the client trusts others", "give the client your root CA certificate: `pki env` prints how"),
        (42, "the client may trust others, or make other checks", ""),
        (46, "the client may trust others, or make other checks", ""),
    ):
        changed = [(sender, data.replace(unknown, unknown[:-1] + bytes([number]))) for sender, data in tap.chunks]
        found = explain(changed, None, world.mint.now, trust).ending
        assert f"alert {ALERTS[number]} ({number}), about Certificate of the server" in found.sentences[0]
        assert f"the chain is valid with the trust anchors that are given here; {said}" in found.sentences
        assert any(each.startswith(f"{ALERTS[number]} means: ") for each in found.sentences)
        assert found.hint == hint
    ours = explain(tap.chunks, None, world.mint.now, trust, side="client").ending  # the anchors are its own
    assert "trusts others" not in "\n".join(ours.sentences)


# A chain that was accepted -------------------------------------------------------------------------------------------

ACCEPTED = "the client accepted it all the same"


def accepted_blindly(world: World, kind: Kind, version: ssl.TLSVersion, tmp_path: Path) -> tuple[bytes, KeyLog]:
    """The capture of a client that verifies nothing, as `curl -k` does, and its key log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version
    file = tmp_path / "keys"
    context.keylog_filename = str(file)
    tap = Tap(TlsEndpoint(Side.CLIENT, context, "localhost"), lambda: world.mint.now.timestamp())
    server = replace(world.server, credential=world.mint.credential(kind))
    world.converse(tap, configuration("tls").server(server), None, world.lines)
    assert tap.accepted
    chunks = tuple(Chunk(*passed) for passed in tap.passed)
    written = captures.write([Connection(Place("10.0.0.1", 40000), Place("10.0.0.2", 443), chunks, True)])
    return written, key_log.parse(file.read_text())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_bad_chain_that_a_client_accepts_is_named(world: World, version: ssl.TLSVersion, tmp_path: Path) -> None:
    file, keys = accepted_blindly(world, kinds.ROGUE, version, tmp_path)
    found = told(world, file, keys, trust=True).ending
    assert not found.failed
    assert found.sentences[0].startswith("normal: ")
    assert any(each.startswith("check chain fails: ") for each in found.sentences)
    assert ACCEPTED in found.sentences
    assert (
        told(world, file, keys, trust=False).ending.sentences == found.sentences[:1]
    )  # nothing is known to judge with


def test_without_the_keys_of_tls_1_2_an_accepted_chain_is_judged(world: World, tmp_path: Path) -> None:
    """The certificate is in the clear, and the client's change_cipher_spec says that it went on."""
    file, _ = accepted_blindly(world, kinds.ROGUE, ssl.TLSVersion.TLSv1_2, tmp_path)
    assert ACCEPTED in told(world, file, None, trust=True).ending.sentences


def test_a_client_that_stops_after_the_certificate_is_not_said_to_accept(world: World, tmp_path: Path) -> None:
    """Some clients close the connection without an alert."""
    file, keys = accepted_blindly(world, kinds.ROGUE, ssl.TLSVersion.TLSv1_2, tmp_path)
    (connection,) = captures.read(file).connections
    chunks = [(each.sender, each.data) for each in connection.chunks[:2]]
    found = explain(chunks, keys, world.mint.now, Trust(world.client.anchors)).ending
    assert any(each.startswith("check chain fails: ") for each in found.sentences)
    assert ACCEPTED not in found.sentences


def test_a_good_chain_is_judged_with_what_is_given(world: World, tmp_path: Path) -> None:
    file, keys = accepted_blindly(world, kinds.SERVER_OWN, ssl.TLSVersion.TLSv1_3, tmp_path)
    (connection,) = captures.read(file).connections
    chunks = [(each.sender, each.data) for each in connection.chunks]

    def said(trust: Trust) -> tuple[str, ...]:
        return explain(chunks, keys, world.mint.now, trust).ending.sentences[1:]

    valid = "the server's certificate chain is valid with the given trust anchors, for localhost"
    anchors, shop = world.client.anchors, x509.DNSName("shop.example")
    rogue = (world.mint.credential(kinds.SELF_SIGNED).certificate,)
    assert said(Trust(anchors, world.client.crls)) == (valid,)
    assert said(Trust(anchors)) == (valid + "; revocation is not checked",)
    assert said(Trust(())) == ()
    other_root, other_name, name_alone = (
        said(each) for each in (Trust(rogue), Trust(anchors, (), shop), Trust((), (), shop))
    )
    assert other_root[0].startswith("check chain fails: ")
    for each in (other_name, name_alone):
        assert each[0].startswith("check name fails: the certificate is not valid for 'shop.example'")
    for each in (other_root, other_name, name_alone):
        assert ACCEPTED in each
    right_name = said(Trust((), (), x509.DNSName("localhost")))
    assert (
        right_name[0]
        == "the presented certificate passes every check made here, for localhost; its chain is not checked"
    )
    assert "is not known here: give --trust" in right_name[1]
