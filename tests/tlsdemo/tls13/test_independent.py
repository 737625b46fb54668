"""Our TLS 1.3 against OpenSSL, through `ssl`, and against RFC 8448. Caught: a fault that both of our sides share."""

import ssl
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pki.keys import KeyType
from tests.tlsdemo.tls13.parties import (
    ORDER,
    RECEIPT,
    WEB,
    Edits,
    error_of,
    machine,
    parts,
    party,
    scripted,
    the_world,
    violation_of,
)
from tests.tlsdemo.wire.support import End, Trace, traces
from tlsdemo.attack.real_world import world
from tlsdemo.credentials import kinds
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls13.handshake import Client, Peer, Server
from tlsdemo.tls13.key_agreement import SECP256R1, X25519_NUMBER
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.protocol import ALL, SUITES, tls13
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import Violation, alert
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import COOKIE, KEY_SHARE, SUPPORTED_VERSIONS, Cookie
from tlsdemo.wire.fields import decode
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.messages13 import (
    Certificate,
    CertificateVerify,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    Message,
    NewSessionTicket,
    decode_message,
    encode_message,
)
from tlsdemo.wire.records import APPLICATION_DATA, HEADER, raw_records

CLIENT, SERVER = Side.CLIENT, Side.SERVER

# OpenSSL ------------------------------------------------------------------------------------------------------------


def openssl(side: Side, key_type: KeyType = KeyType.EC_P256, **settings: Any) -> End:
    """An `ssl` endpoint with TLS 1.3 alone, with our certificates."""
    people = world(key_type)
    own = people.client if side is CLIENT else people.server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if side is CLIENT else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=people.mint.root.certificate.public_bytes(Encoding.DER))
    if credential := settings.get("credential", own.credential):
        credential.configure(context)
    curve = settings.get("curve")
    if curve not in (None, "X25519"):  # OpenSSL's own first choice; the ssl of Python 3.11.2 cannot name it
        context.set_ecdh_curve(curve)
    if protocols := settings.get("protocols"):
        context.set_alpn_protocols(protocols)
    if side is SERVER and settings.get("mutual", True):
        context.verify_mode = ssl.CERT_REQUIRED
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = "localhost" if side is CLIENT else None
    return End(
        context.wrap_bio(incoming, outgoing, server_side=side is SERVER, server_hostname=name), incoming, outgoing
    )


def exchange(ours: Machine, theirs: End) -> None:
    """Deliver everything that is sent, until both sides are silent."""
    for _ in range(20):
        theirs.step()
        back, there = theirs.flight(), ours.outgoing()
        if not back and not there:
            return
        theirs.incoming.write(there)
        ours.receive(back)
    raise AssertionError("the two sides answer each other for ever")


def talk(ours: Machine, theirs: End) -> None:
    """A handshake, and data both ways."""
    exchange(ours, theirs)
    assert ours.error is None, ours.error
    assert theirs.error == ""
    assert ours.accepted
    assert theirs.connected
    for _ in range(2):
        ours.send(ORDER)
        theirs.tls.write(RECEIPT)
        exchange(ours, theirs)
        assert (ours.take(), theirs.received) == (RECEIPT, ORDER)
        theirs.received = b""


def ours(side: Side, claims: frozenset[Protection] = ALL, **options: Any) -> Machine:
    people = world(options.pop("key_type", KeyType.EC_P256))
    return machine(tls13(claims, **options).endpoint(side, people.client if side is CLIENT else people.server))


either_side = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)


@either_side
@pytest.mark.parametrize("suite", SUITES)
def test_openssl_speaks_every_suite_with_us(side: Side, suite: int) -> None:
    end, theirs = ours(side, suites=(suite,)), openssl(side.other)
    talk(end, theirs)
    assert theirs.tls.version() == "TLSv1.3"
    assert theirs.tls.cipher()[0] == end.negotiated["cipher"] == SUITES[suite].name  # type: ignore[index]  # connected


@either_side
@pytest.mark.parametrize(
    "key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, KeyType.ED25519], ids=lambda each: each.value
)
def test_openssl_and_we_verify_each_other_with_every_type_of_key(side: Side, key_type: KeyType) -> None:
    end, theirs = ours(side, key_type=key_type), openssl(side.other, key_type)
    talk(end, theirs)
    own = world(key_type).client if side is CLIENT else world(key_type).server
    assert own.credential
    assert theirs.tls.getpeercert(binary_form=True) == own.credential.certificate.public_bytes(Encoding.DER)


@either_side
@pytest.mark.parametrize("curve", ["prime256v1", "X25519"])
def test_openssl_agrees_with_us_on_a_curve(side: Side, curve: str) -> None:
    """A server that has P-256 alone sends a HelloRetryRequest: both clients send a share of x25519 first."""
    end = ours(side, groups=(X25519_NUMBER, SECP256R1))
    talk(end, openssl(side.other, curve=curve))
    assert end.negotiated["group"] == {"prime256v1": "secp256r1", "X25519": "x25519"}[curve]
    if isinstance(end, Client):
        assert bool(end.retry) is (curve == "prime256v1")


def test_openssl_follows_our_retry_and_repeats_the_cookie() -> None:
    end = ours(SERVER, groups=(SECP256R1,))
    theirs = openssl(CLIENT)
    theirs.step()
    end.receive(theirs.flight())
    retry = end.outgoing()
    assert retry[HEADER + 6 : HEADER + 10] == bytes.fromhex("cf21ad74")
    theirs.incoming.write(retry)
    talk(end, theirs)
    assert end.negotiated["group"] == "secp256r1"


@either_side
def test_openssl_and_we_select_the_same_application_protocol(side: Side) -> None:
    end, theirs = ours(side, protocols=("h2", "http/1.1")), openssl(side.other, protocols=["http/1.1"])
    talk(end, theirs)
    assert theirs.tls.selected_alpn_protocol() == end.negotiated["protocol"] == "http/1.1"


def test_openssl_learns_that_no_application_protocol_is_common() -> None:
    end, theirs = ours(SERVER, protocols=("h2",)), openssl(CLIENT, protocols=["irc"])
    theirs.step()
    end.receive(theirs.flight())
    assert violation_of(end) is TlsViolation.NO_COMMON_PROTOCOL
    refusal = end.outgoing()
    assert refusal == bytes.fromhex("15 0303 0002 02 78")
    theirs.incoming.write(refusal)
    theirs.step()
    assert theirs.error  # OpenSSL 3.0 has no name for this alert


@either_side
def test_openssl_and_we_talk_without_a_client_certificate(side: Side) -> None:
    anonymous = {"credential": None} if side is SERVER else {"mutual": False}
    talk(ours(side, WEB), openssl(side.other, KeyType.EC_P256, **anonymous))


def test_openssl_learns_that_its_certificate_is_required() -> None:
    end, theirs = ours(SERVER), openssl(CLIENT, credential=None)
    exchange(end, theirs)
    assert violation_of(end) is Violation.NO_CERTIFICATE
    assert theirs.error == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def test_openssl_requires_our_certificate() -> None:
    end = machine(tls13().client(replace(party(CLIENT), credential=None)))
    exchange(end, openssl(SERVER))
    assert alert(error_of(end)) == "certificate_required"


@either_side
def test_openssl_and_we_refuse_a_rogue_of_the_other_side(side: Side) -> None:
    """`side` is ours, and has the rogue certificate; then the other one."""
    kind = kinds.SELF_SIGNED_CLIENT if side is CLIENT else kinds.ROGUE
    rogue = the_world().mint.credential(kind)
    end, theirs = machine(tls13().endpoint(side, replace(party(side), credential=rogue))), openssl(side.other)
    exchange(end, theirs)
    assert theirs.error == "CERTIFICATE_VERIFY_FAILED"
    assert violation_of(end) is Violation.ALERT
    other = ours(side.other)
    exchange(other, openssl(side, credential=rogue))
    assert violation_of(other) in (Violation.UNTRUSTED, Violation.FORGED)


@either_side
def test_openssl_follows_our_key_updates(side: Side) -> None:
    end, theirs = ours(side), openssl(side.other)
    talk(end, theirs)
    assert isinstance(end, Peer)
    for request_update in (0, 1, 1, 0):
        before = dict(end.traffic_secrets)
        end.change_key(request_update)
        talk(end, theirs)
        assert (end.traffic_secrets[side.other] != before[side.other]) is bool(request_update)


@either_side
def test_openssl_is_told_our_end_and_tells_us_its_own(side: Side) -> None:
    end, theirs = ours(side), openssl(side.other)
    talk(end, theirs)
    end.close()
    theirs.incoming.write(end.outgoing())
    assert theirs.tls.read() == b""
    theirs.tls.unwrap()
    end.receive(theirs.flight())
    assert end.ended
    assert end.error is None


@either_side
def test_a_mebibyte_passes_both_ways_with_openssl(side: Side) -> None:
    end, theirs = ours(side), openssl(side.other)
    talk(end, theirs)
    data = bytes(range(256)) * 4096
    end.send(data)
    theirs.tls.write(data)
    exchange(end, theirs)
    assert end.take() == theirs.received == data


def test_openssl_reads_our_tickets() -> None:
    end, theirs = ours(SERVER, tickets=2), openssl(CLIENT)
    talk(end, theirs)
    assert theirs.tls.session is not None
    assert theirs.tls.session.has_ticket


def test_a_ticket_of_ours_leads_to_a_full_handshake_without_an_error() -> None:
    """Our server does not resume: it ignores the PSK that the client offers, and its certificate is checked again."""
    theirs = openssl(CLIENT)
    talk(ours(SERVER, tickets=1), theirs)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = theirs.tls.context.wrap_bio(incoming, outgoing, server_hostname="localhost", session=theirs.tls.session)
    again = End(tls, incoming, outgoing)
    talk(ours(SERVER), again)
    assert not again.tls.session_reused


# RFC 8448 -----------------------------------------------------------------------------------------------------------

WITHOUT_A_CA = WEB - {Protection.CHAIN, Protection.NAME, Protection.VALIDITY, Protection.REVOCATION}
"""The certificate of RFC 8448 is signed by itself."""
FULL = (
    *("rfc8448/simple_1rtt_handshake", "rfc8448/helloretryrequest_handshake"),
    *("draft/simple_1-rtt_handshake", "draft/helloretryrequest"),
)
RECORDED = ("rfc8448/resumed_0rtt_handshake", *FULL)


def raw(trace: Trace, sender: str, kind: type) -> list[bytes]:
    """The recorded messages of that kind."""
    return [each.raw for each in trace.messages(sender) if type(decode_message(each.raw)) is kind]


def records_of(trace: Trace, sender: str) -> list[bytes]:
    return [each.raw for each in trace.records if each.sender == sender]


def data_of(trace: Trace, sender: str) -> bytes:
    return b"".join(each.raw for each in trace.contents if (each.sender, each.content_type) == (sender, 23))


def recorded(side: Side, trace: Trace, sent: list[bytes]) -> Machine:
    """Our endpoint with the recorded secret, which sends the recorded messages; its own Finished goes to `sent`."""
    private = int.from_bytes(trace.secrets[f"{side.value}_ecdh_private"])
    groups = (SECP256R1,) if side is SERVER and "retry" in trace.id else (X25519_NUMBER, SECP256R1)
    made = parts(WITHOUT_A_CA, groups=groups, suites=(0x1301,), tickets=len(raw(trace, "server", NewSessionTicket)))
    made = replace(made, secret=dict.fromkeys(Side, lambda peer, group: private), shares=groups[:1])
    hellos = iter(raw(trace, "client", ClientHello))

    def client_hello(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
        assert isinstance(peer, Client)
        encoded = next(hellos)
        hello = decode_message(encoded)
        assert isinstance(hello, ClientHello)
        peer.hello, peer.session_id = hello, hello.legacy_session_id
        return [encoded]

    def retry(peer: Machine, message: HelloRetryRequest) -> Iterable[Message | bytes]:
        assert isinstance(peer, Server)
        (encoded,) = raw(trace, "server", HelloRetryRequest)
        there = decode_message(encoded)
        assert isinstance(there, HelloRetryRequest)
        peer.cookie = decode(Cookie, there.extension(COOKIE) or b"").cookie
        return [encoded]

    def finished(peer: Machine, message: Finished) -> Iterable[Message | bytes]:
        sent.append(encode_message(message))
        return [message]

    replayed = (ServerHello, EncryptedExtensions, Certificate, CertificateVerify, NewSessionTicket)
    edits: Edits = {
        **{kind: lambda peer, message, kind=kind: raw(trace, "server", kind) for kind in replayed},  # type: ignore[misc]  # mypy does not infer a lambda with a default
        ClientHello: client_hello,
        HelloRetryRequest: retry,
        Finished: finished,
    }
    return scripted(side, made, party(side), edits)


def protected(data: bytes) -> list[bytes]:
    return [record for record in raw_records(data) if record[0] == APPLICATION_DATA]


@pytest.mark.parametrize("name", FULL)
def test_our_client_with_the_secret_of_rfc_8448_sends_its_records(name: str, shared_data: Path) -> None:
    """Byte for byte: Finished, application data and close_notify under the keys of the RFC."""
    trace = traces(shared_data)[name]
    client, theirs = recorded(CLIENT, trace, []), records_of(trace, "server")
    sent = b""
    while not client.accepted:
        client.receive(theirs.pop(0))
        assert client.error is None, client.error
        sent += client.outgoing()
    client.send(data_of(trace, "client"))
    client.close()
    sent += client.outgoing()
    assert protected(sent) == protected(b"".join(records_of(trace, "client")))
    client.receive(b"".join(theirs))
    assert client.error is None
    assert (client.delivered, client.ended) == (data_of(trace, "server"), True)


@pytest.mark.parametrize("name", FULL)
def test_our_server_with_the_secret_of_rfc_8448_sends_its_finished_and_its_records(
    name: str, shared_data: Path
) -> None:
    """RFC 8448 puts four messages into one record; the records after the handshake are the same, byte for byte."""
    trace, sent = traces(shared_data)[name], list[bytes]()
    server, theirs = recorded(SERVER, trace, sent), records_of(trace, "client")
    while not server.accepted:
        server.receive(theirs.pop(0))
        assert server.error is None, server.error
        if not server.accepted:
            server.outgoing()
    assert sent == raw(trace, "server", Finished)
    server.send(data_of(trace, "server"))
    server.close()
    assert protected(server.outgoing()) == protected(b"".join(records_of(trace, "server")))[1:]
    server.receive(b"".join(theirs))
    assert server.error is None
    assert (server.delivered, server.ended) == (data_of(trace, "client"), True)


@pytest.mark.parametrize("name", RECORDED)
def test_our_server_answers_every_client_hello_of_rfc_8448(name: str, shared_data: Path) -> None:
    """Also the one that offers a PSK and 0-RTT data: the answer is a full handshake, and the data is skipped."""
    server = machine(tls13().server(party(SERVER)))
    trace = traces(shared_data)[name]
    server.receive(records_of(trace, "client")[0])
    assert server.error is None
    hello = decode_message(next(raw_records(server.outgoing()))[HEADER:])
    assert type(hello) is ServerHello
    assert [each.extension_type for each in hello.extensions or ()] == [SUPPORTED_VERSIONS, KEY_SHARE]
    assert server.server_name == "server"
    if raw(trace, "client", EndOfEarlyData):
        server.receive(records_of(trace, "client")[1])
        assert server.error is None
