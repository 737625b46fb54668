"""Good conversations: what is negotiated, which records pass, and how they end. Caught: a peer could not follow."""

import ipaddress
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pki.keys import KeyType
from tests.tlsdemo.tls13.parties import (
    ORDER,
    RECEIPT,
    WEB,
    Edits,
    Ends,
    assert_connected,
    assert_talk,
    error_of,
    party,
    scripted,
    sealed,
    the_world,
    violation_of,
    with_extension,
)
from tlsdemo.attack.real_world import world
from tlsdemo.credentials import kinds
from tlsdemo.driver import Moment, State, Step, Table
from tlsdemo.protocol import Side
from tlsdemo.tls13 import offers, signatures
from tlsdemo.tls13.handshake import Client, Peer, Server
from tlsdemo.tls13.key_agreement import FFDHE2048_NUMBER, GROUPS, SECP256R1, X25519_NUMBER, X25519MLKEM768
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.protocol import ALL, SUITES, tls13
from tlsdemo.tls13.signatures import ED25519
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import Violation, alert
from tlsdemo.wire import extensions as e
from tlsdemo.wire import protection13
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.key_log import line, parse
from tlsdemo.wire.key_schedule13 import traffic_keys
from tlsdemo.wire.messages13 import CertificateRequest, HelloRetryRequest, Message, encode_message
from tlsdemo.wire.records import CHANGE_CIPHER_SPEC, HANDSHAKE, framed, raw_records

CLIENT, SERVER = Side.CLIENT, Side.SERVER
RETRY: Mapping[Side, Mapping[str, Any]] = {
    CLIENT: {"groups": (X25519_NUMBER, SECP256R1)},
    SERVER: {"groups": (SECP256R1,)},
}
either_side = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)


# Negotiation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("group", GROUPS)
def test_every_group_works_with_every_suite(group: int, suite: int) -> None:
    ends = Ends.create(groups=(group,), suites=(suite,)).connected()
    assert ends.client.negotiated["group"] == GROUPS[group].name
    assert ends.client.negotiated["cipher"] == SUITES[suite].name
    assert_talk(ends)


@pytest.mark.parametrize(
    "key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, KeyType.ED25519], ids=lambda each: each.value
)
def test_every_type_of_key_proves_both_identities(key_type: KeyType) -> None:
    parties = {CLIENT: world(key_type).client, SERVER: world(key_type).server}
    ends = Ends.create(parties=parties).connected()
    assert ends.client.peer_chain == parties[SERVER].credential.chain  # type: ignore[union-attr]  # both have one
    assert ends.server.peer_chain == parties[CLIENT].credential.chain  # type: ignore[union-attr]  # both have one
    assert_talk(ends)


def test_a_client_that_is_not_asked_presents_no_certificate() -> None:
    ends = Ends.create(WEB).connected()
    assert ends.server.peer_chain == ()
    assert_talk(ends)


def test_a_client_without_a_certificate_learns_that_one_is_required() -> None:
    ends = Ends.create(parties={CLIENT: replace(party(CLIENT), credential=None)}).run()
    assert violation_of(ends.server) is Violation.NO_CERTIFICATE
    assert alert(error_of(ends.client)) == "certificate_required"


def test_a_client_whose_key_the_server_does_not_accept_presents_no_certificate() -> None:
    """§4.4.2: without a suitable certificate a client sends an empty list, and the server decides."""
    schemes = e.SignatureSchemeList((ED25519,))

    def only_ed25519(peer: Machine, message: CertificateRequest) -> Iterable[Message | bytes]:
        return [with_extension(message, e.SIGNATURE_ALGORITHMS, schemes)]

    ends = Ends.create(edits={SERVER: {CertificateRequest: only_ed25519}}).run()
    assert violation_of(ends.server) is Violation.NO_CERTIFICATE
    assert alert(error_of(ends.client)) == "certificate_required"


def test_unknown_extensions_of_a_request_and_of_a_ticket_are_ignored() -> None:
    def unknown(peer: Machine, message: CertificateRequest) -> Iterable[Message | bytes]:
        return [with_extension(message, 0x1234, b"?")]

    assert_talk(Ends.create(edits={SERVER: {CertificateRequest: unknown}}, tickets=1).connected())


@pytest.mark.parametrize(
    ("client", "server", "retried"),
    [
        ((X25519_NUMBER, SECP256R1), (SECP256R1,), True),
        ((X25519_NUMBER, FFDHE2048_NUMBER), (FFDHE2048_NUMBER, SECP256R1), True),
        ((SECP256R1, X25519MLKEM768), (X25519MLKEM768,), True),
        ((X25519MLKEM768, X25519_NUMBER), (X25519_NUMBER,), False),  # it sends a share of both
        ((SECP256R1, X25519_NUMBER), (X25519_NUMBER, SECP256R1), False),  # a share decides before the server's order
    ],
)
def test_a_retry_follows_exactly_if_no_share_is_of_a_group_of_the_server(
    client: Sequence[int], server: Sequence[int], retried: bool
) -> None:
    ends = Ends.create(options={CLIENT: {"groups": client}, SERVER: {"groups": server}}).connected()
    assert isinstance(ends.client, Client)
    assert bool(ends.client.retry) is retried
    assert_talk(ends)


def test_the_second_hello_repeats_the_cookie_and_one_share() -> None:
    sent: list[Message] = []

    def note(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        sent.append(message)
        return [message]

    ends = Ends.create(
        edits={SERVER: {HelloRetryRequest: note}, CLIENT: {ClientHello: note}}, options=RETRY
    ).connected()
    first, retry, second = sent
    assert isinstance(first, ClientHello)
    assert isinstance(retry, HelloRetryRequest)
    assert isinstance(second, ClientHello)
    assert first.extension(e.COOKIE) is None
    assert second.extension(e.COOKIE) == retry.extension(e.COOKIE) is not None
    assert (second.random, second.cipher_suites) == (first.random, first.cipher_suites)
    assert ends.client.secrets.keys() == {SECP256R1}


def test_a_retry_for_the_cookie_alone_keeps_the_shares() -> None:
    """A server that makes sure that the client is reachable (§4.2.2) asks for nothing else."""

    def ask_first(server: Any, message: ClientHello, before: bytes) -> State | None:
        assert isinstance(server, Server)
        if server.first:
            return server.on_client_hello(message, before)
        server.session_id, server.suite = message.legacy_session_id, server.parts.suites[0x1301]
        return server.ask_again(offers.Offer.read(message), 0x1301, X25519_NUMBER)

    def without_key_share(peer: Machine, message: HelloRetryRequest) -> Iterable[Message | bytes]:
        return [with_extension(message, e.KEY_SHARE, None)]

    ends = Ends.create()
    step: Table = {State.WAIT_CLIENT_HELLO: {ClientHello: Step(ask_first, State.WAIT_CERTIFICATE)}}
    stateless = replace(ends.server.parts, server={**ends.server.parts.server, **step})
    ends.server = scripted(SERVER, stateless, party(SERVER), {HelloRetryRequest: without_key_share})
    ends.connected()
    assert isinstance(ends.client, Client)
    assert ends.client.retry
    assert_talk(ends)


@pytest.mark.parametrize(
    ("client", "server", "selected"),
    [
        (("h2", "http/1.1"), ("http/1.1", "h2"), "http/1.1"),  # the server's order
        (("h2",), ("h2",), "h2"),
        ((), ("h2",), ""),
        (("h2",), (), ""),
    ],
)
def test_alpn_selects_a_protocol_of_both(client: Sequence[str], server: Sequence[str], selected: str) -> None:
    ends = Ends.create(options={CLIENT: {"protocols": client}, SERVER: {"protocols": server}}).connected()
    assert ends.server.protocol == ends.client.protocol == selected


@pytest.mark.parametrize(("name", "sent"), [("localhost", "localhost"), ("127.0.0.1", "")])
def test_the_server_learns_a_host_name_and_not_an_address(name: str, sent: str) -> None:
    reference = x509.DNSName(name) if name == "localhost" else x509.IPAddress(ipaddress.ip_address(name))
    ends = Ends.create(parties={CLIENT: replace(party(CLIENT), name=reference)}).run()
    assert ends.server.server_name == sent
    assert ends.server.accepted


# Which records pass -------------------------------------------------------------------------------------------------


def types(data: bytes) -> list[int]:
    return [record[0] for record in raw_records(data)]


def test_change_cipher_spec_is_sent_once_by_each_side_after_the_first_hello() -> None:
    ends = Ends.create().run()
    assert_connected(ends)
    assert [types(data) for _, data in ends.tape] == [[22], [22, 20, 23, 23, 23, 23, 23], [20, 23, 23, 23]]
    assert bytes.fromhex("14 0303 0001 01") in ends.sent(CLIENT)


def test_after_a_retry_change_cipher_spec_comes_before_the_second_flight() -> None:
    ends = Ends.create(options=RETRY).run()
    assert_connected(ends)
    flights = [types(data) for _, data in ends.tape]
    assert flights == [[22], [22, 20], [20, 22], [22, 23, 23, 23, 23, 23], [23, 23, 23]]


@pytest.mark.parametrize("options", [{}, RETRY], ids=["direct", "retry"])
def test_without_a_session_id_no_change_cipher_spec_is_sent(options: Mapping[Side, Mapping[str, Any]]) -> None:
    class Modern(Client):
        def say(self, message: Message) -> None:
            if isinstance(message, ClientHello):
                self.hello = message = replace(message, legacy_session_id=b"")
                self.session_id = b""
            super().say(message)

    ends = Ends.create(options=options)
    ends.client = Modern(ends.client.parts, party(CLIENT))
    assert CHANGE_CIPHER_SPEC not in [each for _, data in ends.run().tape for each in types(data)]
    assert_connected(ends)


def test_the_record_of_the_first_hello_alone_has_the_version_0x0301() -> None:
    ends = Ends.create(options=RETRY).run()
    versions = [record[1:3].hex() for _, data in ends.tape for record in raw_records(data)]
    assert versions == ["0301", *["0303"] * (len(versions) - 1)]


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_log_opens_every_record(suite: int) -> None:
    """With `wire.protection13`, which does not know the handshake."""
    lines: list[str] = []
    ends = Ends.create(suites=(suite,), options={CLIENT: {"log": lambda *entry: lines.append(line(*entry))}}).run()
    handshake = len(ends.tape)
    ends.send(CLIENT, ORDER).send(SERVER, RECEIPT)
    secrets = parse("\n".join(lines)).of(ends.client.client_random)
    assert len(secrets) == 4
    assert opened(ends.tape, handshake, suite, secrets) == [
        *[(SERVER, HANDSHAKE, kind) for kind in (8, 13, 11, 15, 20)],
        *[(CLIENT, HANDSHAKE, kind) for kind in (11, 15, 20)],
        (CLIENT, 23, ORDER[0]),
        (SERVER, 23, RECEIPT[0]),
    ]


def opened(
    tape: Sequence[tuple[Side, bytes]], handshake: int, number: int, secrets: Mapping[str, bytes]
) -> list[tuple[Side, int, int]]:
    """Sender, content type and first byte of each protected record."""
    suite, found = protection13.SUITES[number], []
    counts = {label: itertools.count() for label in secrets}
    for at, (sender, data) in enumerate(tape):
        label = f"{sender.name}_{'HANDSHAKE_TRAFFIC_SECRET' if at < handshake else 'TRAFFIC_SECRET_0'}"
        keys = traffic_keys(suite.hash, secrets[label], suite.key_length)
        for record in raw_records(data):
            if record[0] == 23:
                content_type, content = protection13.opened(suite, keys, next(counts[label]), record)
                found.append((sender, content_type, content[0]))
    return found


def test_both_sides_log_the_same_secrets() -> None:
    logs: dict[Side, list[tuple[str, bytes, bytes]]] = {side: [] for side in Side}
    options = {side: {"log": lambda *entry, side=side: logs[side].append(entry)} for side in Side}
    Ends.create(options=options).connected()
    assert sorted(logs[CLIENT]) == sorted(logs[SERVER])
    assert len(logs[CLIENT]) == 4


def test_the_watcher_of_each_side_sees_the_same_messages_in_order() -> None:
    seen: dict[Side, list[tuple[Side, str]]] = {side: [] for side in Side}

    def watch(end: Machine, moment: Moment) -> None:
        seen[end.side].append((moment.sender, type(moment.message).__name__))

    protocol = tls13(ALL, groups=(X25519_NUMBER,), watch=watch)
    client, server = protocol.client(party(CLIENT)), protocol.server(party(SERVER))
    assert isinstance(client, Machine)
    assert isinstance(server, Machine)
    assert_talk(Ends(client, server).connected())
    handshake = [name for _, name in seen[CLIENT] if name not in ("ApplicationData", "Alert")]
    assert handshake == [
        *("ClientHello", "ServerHello", "EncryptedExtensions", "CertificateRequest", "Certificate"),
        *("CertificateVerify", "Finished", "Certificate", "CertificateVerify", "Finished"),
    ]
    assert sorted(seen[CLIENT], key=str) == sorted(seen[SERVER], key=str)


# After the handshake ------------------------------------------------------------------------------------------------


@either_side
@pytest.mark.parametrize("request_update", [0, 1])
def test_keys_are_updated_between_data(side: Side, request_update: int) -> None:
    ends = Ends.create().connected()
    for number in range(40):
        ends.send(side, b"%d" % number).send(side.other, b"%d" % number)
        before = dict(ends[side].traffic_secrets)
        updating = ends[side]
        assert isinstance(updating, Peer)
        updating.change_key(request_update)
        ends.run()
        for each in Side:
            changed = each is side or request_update
            assert (ends[side].traffic_secrets[each] != before[each]) is bool(changed)
    assert_connected(ends)
    assert ends[side].take() == ends[side.other].take() == b"".join(b"%d" % number for number in range(40))
    assert_talk(ends)


def test_both_sides_may_update_their_keys_at_the_same_time() -> None:
    ends = Ends.create().connected()
    for each in (ends.client, ends.server):
        assert isinstance(each, Peer)
        each.change_key(1)
        each.send(b"x")
    ends.run()
    assert_connected(ends)
    for each in (ends.client, ends.server):
        assert each.take() == b"x"
    assert_talk(ends)


def test_tickets_are_sent_after_finished_and_ignored() -> None:
    ends = Ends.create(tickets=3).run()
    assert types(ends.tape[-1][1]) == [23, 23, 23]
    assert_talk(ends)


@either_side
def test_a_side_that_has_closed_still_receives(side: Side) -> None:
    ends = Ends.create().connected()
    ends[side].close()
    ends.run().send(side.other, RECEIPT)
    assert (ends[side].delivered, ends[side].ended, ends[side.other].ended) == (RECEIPT, False, True)
    with pytest.raises(ValueError, match="after close"):
        ends[side].send(b"x")


@either_side
def test_nothing_is_sent_after_close_notify(side: Side) -> None:
    """§6.1: not the answer to a KeyUpdate, and not an alert."""
    ends = Ends.create().connected()
    ends[side].close()
    ends.run()
    peer = ends[side.other]
    assert isinstance(peer, Peer)
    peer.change_key(1)
    ends.send(side.other, b"still here")
    assert ends[side].delivered == b"still here"
    ends.tape.clear()
    ends.deliver(side, b"garbage")
    assert violation_of(ends[side]) is TlsViolation.NOT_TLS
    assert ends.tape == []


@either_side
def test_data_after_close_notify_is_ignored(side: Side) -> None:
    ends = Ends.create().connected()
    ends[side].close()
    late = sealed(ends[side], 23, b"late")
    ends.deliver(side.other, ends[side].outgoing() + late + b"garbage")
    assert (ends[side.other].ended, ends[side.other].error, ends[side.other].delivered) == (True, None, b"")


@either_side
def test_a_cut_is_not_an_end(side: Side) -> None:
    ends = Ends.create().connected().send(side.other, b"do not ")
    ends[side].receive_eof()
    assert violation_of(ends[side]) is Violation.TRUNCATED
    assert (ends[side].delivered, ends[side].ended, ends[side].outgoing()) == (b"do not ", False, b"")


@either_side
def test_user_canceled_ends_nothing(side: Side) -> None:
    ends = Ends.create().connected()
    ends.deliver(side, sealed(ends[side.other], 21, b"\1\x5a"))
    assert_talk(ends)


def test_a_mebibyte_arrives_both_ways() -> None:
    ends = Ends.create().connected()
    data = bytes(range(256)) * 4096
    for side in Side:
        ends.send(side, data)
        assert ends[side.other].take() == data
    assert_talk(ends)


@either_side
def test_empty_data_is_nothing(side: Side) -> None:
    ends = Ends.create().connected()
    ends[side].send(b"")
    assert ends[side].outgoing() == b""
    ends.deliver(side, sealed(ends[side.other], 23, b""))  # a peer may send it (§5.1)
    assert_talk(ends)


def test_a_rogue_client_is_refused_with_the_alert_of_its_certificate() -> None:
    rogue = the_world().mint.credential(kinds.SELF_SIGNED_CLIENT)
    ends = Ends.create(parties={CLIENT: replace(party(CLIENT), credential=rogue)}).run()
    assert alert(error_of(ends.client)) == "unknown_ca"
    assert ends.client.accepted, "a client of TLS 1.3 is done before the server has read its certificate"
    assert not ends.server.accepted


def test_a_small_rsa_key_is_not_used_with_a_hash_that_does_not_fit() -> None:
    key = rsa.generate_private_key(65537, 1024)
    assert signatures.suitable(key, [signatures.RSA_PSS_SHA512]) is None
    assert signatures.suitable(key, [signatures.RSA_PSS_SHA512, signatures.RSA_PSS_SHA256]) == signatures.RSA_PSS_SHA256


# 0-RTT data under unknown keys ---------------------------------------------------------------------------------------


def with_early_data(length: int) -> Edits:
    """A client that offers a PSK and 0-RTT data, and sends records of that many bytes under keys of its own."""
    psk = e.OfferedPsks((e.PskIdentity(b"a ticket of another server", 0),), (bytes(32),))

    def edit(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
        assert isinstance(peer, Client)
        if peer.retry:  # early_data is not allowed there, and the PSK may be left out (§4.1.2)
            peer.hello = with_extension(with_extension(message, e.PRE_SHARED_KEY, None), e.EARLY_DATA, None)
            return [peer.hello]
        peer.hello = with_extension(message, e.PSK_KEY_EXCHANGE_MODES, e.PskKeyExchangeModes(b"\1"))
        peer.hello = with_extension(with_extension(peer.hello, e.EARLY_DATA, b""), e.PRE_SHARED_KEY, psk)
        hello = encode_message(peer.hello)
        peer.add(peer.hello, hello, peer._records(HANDSHAKE, hello) + framed(23, 0x0303, bytes(length)))
        return []

    return {ClientHello: edit}


@pytest.mark.parametrize("options", [{}, RETRY], ids=["direct", "retry"])
@pytest.mark.parametrize("length", [17, 2**14, 3 * 2**14])
def test_early_data_is_skipped(options: Mapping[Side, Mapping[str, Any]], length: int) -> None:
    """§4.2.10: a server without the PSK must answer with a full handshake, and skip what it cannot open."""
    ends = Ends.create(edits={CLIENT: with_early_data(length)}, options=options).connected()
    assert_talk(ends)


@pytest.mark.parametrize("options", [{}, RETRY], ids=["direct", "retry"])
def test_early_data_is_not_skipped_without_end(options: Mapping[Side, Mapping[str, Any]]) -> None:
    ends = Ends.create(edits={CLIENT: with_early_data(2**16)}, options=options).run()
    assert violation_of(ends.server) is (TlsViolation.PROTECTED_TOO_EARLY if options else Violation.BAD_RECORD)


def test_after_the_first_record_that_opens_no_other_is_skipped() -> None:
    ends = Ends.create(edits={CLIENT: with_early_data(17)})
    ends.server.receive(ends.client.outgoing())
    ends.client.receive(ends.server.outgoing())
    ccs, first, *others = raw_records(ends.client.outgoing())
    ends.server.receive(ccs + first + framed(23, 0x0303, bytes(17)) + b"".join(others))
    assert violation_of(ends.server) is Violation.BAD_RECORD
