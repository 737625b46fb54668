"""Damage: flipped bytes, lost and repeated messages, other record boundaries. Caught: damage that goes unnoticed."""

import itertools
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlsdemo.tls13.parties import (
    ORDER,
    Edit,
    Edits,
    Ends,
    assert_connected,
    assert_talk,
    in_the_clear,
    parts,
    sealed,
    seeded,
    violation_of,
    with_extension,
)
from tlsdemo.protocol import Side
from tlsdemo.tls13.handshake import Client, Server
from tlsdemo.tls13.key_agreement import SECP256R1, X25519_NUMBER
from tlsdemo.tls13.machine import ALERT_NUMBERS, MAX_MESSAGE, Machine
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import PADDING
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Handshake, ServerHello
from tlsdemo.wire.messages13 import (
    Certificate,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
    KeyUpdate,
    Message,
    encode_message,
)
from tlsdemo.wire.records import CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, framed, raw_records

CLIENT, SERVER = Side.CLIENT, Side.SERVER


def assert_no_other_error(end: Machine) -> None:
    """Nothing but a violation with an alert of §6."""
    if end.error is not None:
        assert isinstance(end.error, ProtocolError), repr(end.error)
        assert end.error.violation.alert in ALERT_NUMBERS


# One byte is changed ------------------------------------------------------------------------------------------------

SCENARIOS: Mapping[str, Mapping[Side, Mapping[str, Any]]] = {
    "direct": {},
    "retry": {CLIENT: {"groups": (X25519_NUMBER, SECP256R1)}, SERVER: {"groups": (SECP256R1,)}},
}
FLIGHTS = [("direct", 0), ("direct", 1), ("direct", 2), ("retry", 0), ("retry", 1), ("retry", 2)]
"""Flights of the handshake. The last two after a retry are like those of `direct`."""
FLIPS = (0x01, 0x80)


@dataclass(frozen=True)
class Rehearsal:
    """A conversation with known randomness: it is the same, byte for byte, when it is repeated."""

    options: Mapping[Side, Mapping[str, Any]]
    flights: tuple[tuple[Side, bytes], ...]
    secrets: Mapping[Side, bytes]

    def before(self, number: int, side: Side) -> Machine:
        """That side when it has received the flights before that number, and has sent its own."""
        made = parts_of(side, tuple(self.options.get(side, {}).get("groups", (X25519_NUMBER,))))
        end: Machine = (Client if side is CLIENT else Server)(made, seeded(side))
        for sender, data in self.flights[:number]:
            if sender is not side:
                end.receive(data)
        end.outgoing()
        return end


@cache
def parts_of(side: Side, groups: tuple[int, ...]) -> Any:
    return parts(groups=groups)


@cache
def rehearsal(scenario: str) -> Rehearsal:
    ends = Ends.create(parties={side: seeded(side) for side in Side}, options=SCENARIOS[scenario]).run()
    assert_connected(ends)
    return Rehearsal(SCENARIOS[scenario], tuple(ends.tape), ends.client.traffic_secrets)


def minor_versions(flight: bytes) -> set[int]:
    """The positions of the minor version in unprotected records: it must be ignored (§5.1)."""
    at, found = 0, set()
    for record in raw_records(flight):
        if record[0] in (HANDSHAKE, CHANGE_CIPHER_SPEC):
            found.add(at + 2)
        at += len(record)
    return found


@pytest.mark.parametrize("flip", FLIPS, ids=hex)
@pytest.mark.parametrize(("scenario", "number"), FLIGHTS)
def test_a_flipped_byte_is_noticed_except_in_the_minor_version_of_an_unprotected_record(
    scenario: str, number: int, flip: int
) -> None:
    original = rehearsal(scenario)
    sender, flight = original.flights[number]
    unnoticed = set()
    for position in range(len(flight)):
        changed = bytearray(flight)
        changed[position] ^= flip
        receiver = original.before(number, sender.other)
        receiver.receive(bytes(changed))
        if not receiver.error and (answer := receiver.outgoing()):
            complete(receiver, original.before(number + 1, sender), answer)
        if not receiver.error and not receiver.accepted:  # it waits for more bytes
            receiver.receive_eof()
        assert_no_other_error(receiver)
        assert receiver.delivered == b""
        if not receiver.error:
            unnoticed.add(position)
            assert receiver.traffic_secrets == original.secrets, f"byte {position}: accepted with other keys"
    assert unnoticed == minor_versions(flight)


def complete(receiver: Machine, sender: Machine, answer: bytes) -> None:
    """The rest of the handshake, with a sender that knows nothing of the damage."""
    while answer:
        sender.receive(answer)
        receiver.receive(sender.outgoing())
        answer = receiver.outgoing()
    assert_no_other_error(sender)
    assert not (sender.accepted and receiver.accepted and sender.traffic_secrets != receiver.traffic_secrets)


# A message is lost, repeated or moved -------------------------------------------------------------------------------

MESSAGES: Mapping[Side, tuple[type, ...]] = {
    CLIENT: (ClientHello, Certificate, CertificateVerify, Finished),
    SERVER: (ServerHello, EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished),
}
STEPS = [(side, kind) for side, kinds in MESSAGES.items() for kind in kinds]
NEIGHBOURS = [
    (side, *pair)
    for side, kinds in MESSAGES.items()
    for pair in itertools.pairwise(kinds)
    if pair[0] is not ClientHello  # the client's next message answers the server
]
OUT_OF_ORDER = {
    Violation.UNEXPECTED_MESSAGE,
    Violation.TRUNCATED,
    TlsViolation.PROTECTED_TOO_EARLY,
    TlsViolation.UNPROTECTED_RECORD,
}


def left_out(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    return []


def repeated(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    return [message, message]


def swapped(first: type, second: type) -> Edits:
    """The first message is sent after the second one."""
    kept: list[Message] = []

    def keep(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        kept.append(message)
        return []

    return {first: keep, second: lambda peer, message: [message, *kept]}


def assert_out_of_order(sender: Side, edits: Edits, allowed: Iterable[Any] = OUT_OF_ORDER) -> None:
    """The receiver reports it, or waits until the connection ends; the sender's own transcript has what it sent."""
    ends = Ends.create(edits={sender: edits}).run()
    receiver = ends[sender.other]
    for side in Side:
        ends[side].receive_eof()
        assert_no_other_error(ends[side])
        assert ends[side].delivered == b""
    assert violation_of(receiver) in allowed


@pytest.mark.parametrize(("side", "kind"), STEPS)
def test_a_message_that_is_left_out_is_missed(side: Side, kind: type) -> None:
    if kind is CertificateRequest:  # it is the client that sends no certificate then, and the server that misses it
        ends = Ends.create(edits={SERVER: {kind: left_out}}).run()
        assert violation_of(ends.server) is Violation.UNEXPECTED_MESSAGE
    else:
        assert_out_of_order(side, {kind: left_out})


@pytest.mark.parametrize(("side", "kind"), STEPS)
def test_a_message_that_is_repeated_is_refused(side: Side, kind: type) -> None:
    allowed = {*OUT_OF_ORDER, Violation.BAD_RECORD, TlsViolation.KEY_CHANGE_IN_RECORD}
    assert_out_of_order(side, {kind: repeated}, allowed)


@pytest.mark.parametrize(("side", "first", "second"), NEIGHBOURS)
def test_messages_that_change_places_are_refused(side: Side, first: type, second: type) -> None:
    assert_out_of_order(side, swapped(first, second), {*OUT_OF_ORDER, Violation.BAD_FINISHED})


RECORDS = [(number, at) for number, count in enumerate((1, 7, 4)) for at in range(count)]
"""The records of each flight: a message each, and change_cipher_spec of both sides."""
REARRANGED: Mapping[str, Callable[[list[bytes], int], list[bytes]]] = {
    "lost": lambda records, at: records[:at] + records[at + 1 :],
    "repeated": lambda records, at: records[: at + 1] + records[at:],
    "swapped": lambda records, at: [*records[:at], *records[at : at + 2][::-1], *records[at + 2 :]],
}


@pytest.mark.parametrize("how", REARRANGED)
@pytest.mark.parametrize(("number", "at"), RECORDS)
def test_records_that_an_attacker_loses_repeats_or_swaps_are_noticed(number: int, at: int, how: str) -> None:
    original = rehearsal("direct")
    sender, flight = original.flights[number]
    records = list(raw_records(flight))
    assert [len(list(raw_records(data))) for _, data in original.flights] == [1, 7, 4]
    rearranged = REARRANGED[how](records, at)
    receiver = original.before(number, sender.other)
    receiver.receive(b"".join(rearranged))
    if not receiver.accepted:
        receiver.receive_eof()
    assert_no_other_error(receiver)
    without_ccs = [[each for each in some if each[0] != CHANGE_CIPHER_SPEC] for some in (records, rearranged)]
    if without_ccs[0] == without_ccs[1]:  # change_cipher_spec is dropped, wherever it comes (§5)
        assert receiver.accepted or number == 0
    else:
        assert receiver.error
        assert receiver.delivered == b""


# Other boundaries of records ----------------------------------------------------------------------------------------


def reframed(record: bytes, *at: int) -> bytes:
    """The content of an unprotected record in several records, cut there."""
    content = record[HEADER:]
    cuts = [0, *at, len(content)]
    return b"".join(framed(record[0], 0x0303, content[start:end]) for start, end in itertools.pairwise(cuts))


@pytest.mark.parametrize("number", [0, 1], ids=["ClientHello", "ServerHello"])
def test_a_hello_may_be_split_at_every_byte(number: int) -> None:
    original = rehearsal("direct")
    sender, flight = original.flights[number]
    hello, *others = raw_records(flight)
    for at in range(1, len(hello) - HEADER):
        receiver = original.before(number, sender.other)
        receiver.receive(reframed(hello, at))
        assert receiver.error is None
        if number == 1:
            receiver.receive(others[0] + others[1])
            assert receiver.error is None
        assert receiver.suite


@pytest.mark.parametrize("number", [0, 1], ids=["ClientHello", "ServerHello"])
def test_a_hello_may_have_one_byte_in_each_record(number: int) -> None:
    original = rehearsal("direct")
    sender, flight = original.flights[number]
    hello, *others = raw_records(flight)
    receiver = original.before(number, sender.other)
    receiver.receive(reframed(hello, *range(1, len(hello) - HEADER)) + b"".join(others))
    assert receiver.error is None
    assert receiver.outgoing()


def in_pieces(size: int) -> Edit:
    """Protected records of that many bytes of a message each."""

    def edit(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        content = encode_message(message)
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        peer.add(message, content, b"".join(sealed(peer, HANDSHAKE, piece) for piece in pieces))
        return []

    return edit


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 100])
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_protected_messages_may_be_split_over_records(side: Side, size: int) -> None:
    edits = dict.fromkeys(MESSAGES[side][1:], in_pieces(size))
    assert_talk(Ends.create(edits={side: edits}).connected())


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_several_messages_may_be_in_one_record(side: Side) -> None:
    *kinds, last = MESSAGES[side][1:]
    kept: list[bytes] = []

    def keep(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        kept.append(encode_message(message))
        peer.add(message, kept[-1], b"")
        return []

    def send_all(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        content = encode_message(message)
        peer.add(message, content, sealed(peer, HANDSHAKE, b"".join(kept) + content))
        return []

    ends = Ends.create(edits={side: {**dict.fromkeys(kinds, keep), last: send_all}}).connected()
    assert len(kept) == len(kinds)
    assert_talk(ends)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_how_tcp_cuts_the_bytes_does_not_matter(size: int) -> None:
    original = rehearsal("direct")
    for number, (sender, flight) in enumerate(original.flights):
        receiver = original.before(number, sender.other)
        for at in range(0, len(flight), size):
            receiver.receive(flight[at : at + size])
        assert receiver.error is None
        assert receiver.outgoing() == b"".join(data for _, data in original.flights[number + 1 : number + 2])


@pytest.mark.parametrize("length", [2**14 - 200, 2**14, 40_000, 65_000])
def test_a_hello_may_be_longer_than_a_record(length: int) -> None:
    def padded(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
        return [with_extension(message, PADDING, bytes(length))]

    assert_talk(Ends.create(edits={CLIENT: {ClientHello: padded}}).connected())


def test_records_may_be_padded() -> None:
    ends = Ends.create().connected()
    for side in Side:
        sender = ends[side]
        assert sender._sending
        length = len(ORDER) + 1 + 1000
        header = bytes.fromhex("17 0303") + (length + 16).to_bytes(2)
        ends.deliver(side.other, header + sender._sending.seal(ORDER + b"\x17" + bytes(1000), header))
        assert ends[side.other].delivered == ORDER
    assert_connected(ends)


# Anything -----------------------------------------------------------------------------------------------------------


@given(st.sampled_from([*Side]), st.booleans(), st.binary(max_size=200), st.integers(0, 5))
@settings(max_examples=300)
def test_whatever_bytes_come_are_ignored_or_a_violation(side: Side, started: bool, data: bytes, cut: int) -> None:
    original = rehearsal("direct")
    number = 2 if side is SERVER and started else 1 if side is CLIENT else 0
    receiver = original.before(number, side)
    header = original.flights[number][1][:cut]  # the beginning of a record, or of what may be one
    receiver.receive(header + data)
    receiver.receive_eof()
    assert_no_other_error(receiver)
    assert receiver.error
    assert not receiver.accepted


def mutated(raw: bytes, random: Random) -> bytes:
    """The body with bytes changed, removed or inserted, in a message whose length is right."""
    body = bytearray(raw[4:])
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(body) + 1)
        match random.randrange(4):
            case 0 if at < len(body):
                body[at] = random.choice((0, 1, 0xFF, random.randrange(256)))
            case 1:
                del body[at : at + random.choice((1, 2, 30))]
            case 2:
                body[at:at] = random.randbytes(random.choice((1, 2, 30)))
            case _ if at < len(body):
                body[at] = (body[at] + random.choice((1, 255))) % 256
    return encode(Handshake(raw[0], bytes(body)))


@pytest.mark.parametrize(("side", "kind"), STEPS)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=40)
def test_a_mutated_message_is_accepted_by_both_or_a_violation(side: Side, kind: type, seed: int) -> None:
    """The sender's own transcript has the mutated message: a difference is one in reading it, not a bad Finished."""

    def edit(peer: Machine, message: Message) -> Iterable[Message | bytes]:
        return [mutated(encode_message(message), Random(seed))]

    ends = Ends.create(edits={side: {kind: edit}}).run()
    for each in (ends.client, ends.server):
        each.receive_eof()
        assert_no_other_error(each)
    if ends.client.accepted and ends.server.accepted:
        assert ends.client.traffic_secrets == ends.server.traffic_secrets


# Without end --------------------------------------------------------------------------------------------------------

ENDLESS: Mapping[str, bytes] = {
    "change_cipher_spec": bytes.fromhex("14 0303 0001 01") * 1000,
    "part of a long message": in_the_clear(bytes([2]) + MAX_MESSAGE.to_bytes(3) + bytes(1000)),
    "warnings": bytes.fromhex("15 0303 0002 01 5a") * 1000,
    "empty records": bytes.fromhex("16 0303 0000") * 1000,
    "the header of a record": bytes.fromhex("16 0303 4000"),
}


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_stream_without_end_is_refused_and_not_kept(side: Side, what: str) -> None:
    receiver = rehearsal("direct").before(0, side)
    tracemalloc.start()
    try:
        for data in itertools.chain([ENDLESS[what]], itertools.repeat(framed(HANDSHAKE, 0x0303, bytes(2**14)), 100)):
            receiver.receive(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert receiver.error
    assert peak < 2**20
    assert len(receiver.outgoing()) == HEADER + 2


def test_key_updates_without_end_do_not_fill_the_memory_of_the_receiver() -> None:
    ends = Ends.create().connected()
    for _ in range(100):
        if not ends.server.error:
            ends.client.say(KeyUpdate(1))
            ends.client.update_key(CLIENT)
            ends.server.receive(ends.client.outgoing())
    assert violation_of(ends.server) is TlsViolation.TOO_MANY_KEY_UPDATES
    assert len(ends.server.outgoing()) < 33 * 30
