"""Client and server of our TLS 1.3 in memory, peers that deviate in one message, and what must follow from that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pki.keys import KeyType
from tlsdemo.attack.real_world import world
from tlsdemo.attack.world import World
from tlsdemo.driver import Driver
from tlsdemo.protocol import Endpoint, Party, Protection, Side
from tlsdemo.tls13.handshake import Client, Server
from tlsdemo.tls13.key_agreement import X25519_NUMBER
from tlsdemo.tls13.machine import ALERT_NUMBERS, Machine, Parts
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.violations import AnyViolation, ProtocolError, Violation, alert
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Extension
from tlsdemo.wire.messages13 import Message, encode_message
from tlsdemo.wire.records import ALERT, APPLICATION_DATA, HANDSHAKE, framed, raw_records

WEB = ALL - {Protection.CLIENT_IDENTITY}
"""What the web uses: the client presents no certificate."""

ORDER, RECEIPT = b"PAY 100\n", b"paid\n"


def the_world() -> World:
    """Client and server with P-256 certificates of one CA; minted once."""
    return world(KeyType.EC_P256)


def party(side: Side) -> Party:
    return the_world().client if side is Side.CLIENT else the_world().server


def seeded(side: Side) -> Party:
    """The party with known randomness: with x25519, its conversation is the same, byte for byte."""
    return replace(party(side), random=Random(side.value).randbytes)


def parts(claims: frozenset[Protection] = ALL, groups: Sequence[int] = (X25519_NUMBER,), **options: Any) -> Parts:
    """The parts that `tls13` builds endpoints of."""
    return machine(tls13(claims, groups=groups, **options).server(party(Side.SERVER))).parts


def machine(end: Endpoint) -> Machine:
    assert isinstance(end, Machine)
    return end


# A peer that deviates -----------------------------------------------------------------------------------------------

Edit = Callable[[Machine, Any], Iterable[Message | bytes]]
"""What a peer sends instead of a message: messages, or bytes that become the content of one handshake record."""
Edits = Mapping[type, Edit]
"""An edit for some kinds of message; all others are sent as they are."""


class ScriptedClient(Client):
    """A client whose messages are edited before they are sent: its own transcript has what it sent."""

    def __init__(self, parts: Parts, party: Party, edits: Edits) -> None:
        self.edits = edits
        super().__init__(parts, party)

    def say(self, message: Message) -> None:
        _say(self, self.edits, super().say, message)


class ScriptedServer(Server):
    """A server whose messages are edited before they are sent."""

    def __init__(self, parts: Parts, party: Party, edits: Edits) -> None:
        self.edits = edits
        super().__init__(parts, party)

    def say(self, message: Message) -> None:
        _say(self, self.edits, super().say, message)


def _say(peer: Machine, edits: Edits, say: Callable[[Message], None], message: Message) -> None:
    edit = edits.get(type(message))
    for each in edit(peer, message) if edit else (message,):
        if isinstance(each, bytes):
            peer.add(None, each, peer._records(HANDSHAKE, each))
        else:
            say(each)


def scripted(side: Side, parts: Parts, party: Party, edits: Edits) -> Machine:
    """The endpoint of that side, with edits."""
    return (ScriptedClient if side is Side.CLIENT else ScriptedServer)(parts, party, edits)


def with_extension(message: Any, number: int, content: Any) -> Any:
    """The message with that content in an extension, in its place or at the end; None removes the extension."""
    data = content if content is None or isinstance(content, bytes) else encode(content)
    there = any(each.extension_type == number for each in message.extensions)
    extensions = tuple(
        Extension(number, data) if each.extension_type == number and data is not None else each
        for each in message.extensions
        if each.extension_type != number or data is not None
    )
    return replace(message, extensions=extensions if there or data is None else (*extensions, Extension(number, data)))


# Records ------------------------------------------------------------------------------------------------------------


def sealed(sender: Machine, content_type: int, content: bytes) -> bytes:
    """A record under the current keys of the sender."""
    assert sender._sending
    return sender._sealed(sender._sending, content_type, content)


def in_the_clear(*messages: Message | bytes) -> bytes:
    """One record with these handshake messages, not protected."""
    content = b"".join(each if isinstance(each, bytes) else encode_message(each) for each in messages)
    return framed(HANDSHAKE, 0x0303, content)


# Conversations ------------------------------------------------------------------------------------------------------

MOST = 20  # flights of a side


@dataclass
class Ends:
    """Client and server, and what they sent."""

    client: Machine
    server: Machine
    tape: list[tuple[Side, bytes]] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        claims: frozenset[Protection] = ALL,
        parties: Mapping[Side, Party] | None = None,
        edits: Mapping[Side, Edits] | None = None,
        options: Mapping[Side, Mapping[str, Any]] | None = None,
        **common: Any,
    ) -> "Ends":
        """Both ends before the first byte is delivered. Options are those of `tls13`, for both sides or for one."""
        made = {
            side: scripted(
                side,
                parts(claims, **{**common, **(options or {}).get(side, {})}),
                (parties or {}).get(side, party(side)),
                (edits or {}).get(side, {}),
            )
            for side in Side
        }
        return cls(made[Side.CLIENT], made[Side.SERVER])

    def __getitem__(self, side: Side) -> Machine:
        return self.client if side is Side.CLIENT else self.server

    def run(self) -> "Ends":
        """Deliver everything that is sent, until both sides are silent."""
        for _ in range(MOST):
            sent = False
            for side in Side:
                if data := self[side].outgoing():
                    sent = True
                    self.tape.append((side, data))
                    self[side.other].receive(data)
            if not sent:
                return self
        raise AssertionError("the two sides answer each other for ever")

    def send(self, side: Side, data: bytes) -> "Ends":
        """Send application data, and deliver it."""
        self[side].send(data)
        return self.run()

    def deliver(self, to: Side, data: bytes) -> "Ends":
        """Deliver these bytes as if the peer had sent them, and then everything that is sent."""
        self[to].receive(data)
        return self.run()

    def connected(self) -> "Ends":
        """After the handshake, which must be good."""
        self.run()
        assert_connected(self)
        self.tape.clear()
        return self

    def sent(self, side: Side) -> bytes:
        """All that this side sent."""
        return b"".join(data for sender, data in self.tape if sender is side)


def assert_connected(ends: Ends) -> None:
    """Both sides accepted, agree about what was negotiated, and saw the same messages under the same keys."""
    for side in Side:
        assert ends[side].error is None, ends[side].error
        assert ends[side].accepted
    assert ends.client.negotiated == ends.server.negotiated
    assert ends.client.traffic_secrets == ends.server.traffic_secrets


def assert_talk(ends: Ends) -> None:
    """Data passes both ways, and both applications are told the end."""
    ends.send(Side.CLIENT, ORDER).send(Side.SERVER, RECEIPT)
    for side in Side:
        ends[side].close()
    ends.run()
    for side in Side:
        ends[side].receive_eof()
        assert ends[side].error is None
        assert ends[side].ended
    assert (ends.server.delivered, ends.client.delivered) == (ORDER, RECEIPT)


def error_of(end: Driver) -> ProtocolError:
    """The peer's violation that this side found."""
    assert isinstance(end.error, ProtocolError), repr(end.error)
    return end.error


def violation_of(end: Driver) -> AnyViolation:
    return error_of(end).violation


# Violations ---------------------------------------------------------------------------------------------------------

SILENT = (Violation.ALERT, Violation.TRUNCATED)
"""They are not answered: the peer has gone."""


@dataclass(frozen=True)
class Provocation:
    """A conversation in which `victim` finds the violation, and whether its alert is protected."""

    run: Callable[[], Ends]
    victim: Side
    protected: bool


def sends(sender: Side, kind: type, edit: Edit, protected: bool = True, **options: Any) -> Provocation:
    """The sender edits the messages of that kind."""
    return Provocation(lambda: Ends.create(edits={sender: {kind: edit}}, **options).run(), sender.other, protected)


def later(victim: Side, record: Callable[[Machine], bytes]) -> Provocation:
    """A record that the peer sends after the handshake."""

    def run() -> Ends:
        ends = Ends.create().connected()
        return ends.deliver(victim, record(ends[victim.other]))

    return Provocation(run, victim, protected=True)


def record(content_type: int, content: bytes) -> Callable[[Machine], bytes]:
    return lambda sender: sealed(sender, content_type, content)


def assert_provoked(violation: AnyViolation, provocation: Provocation) -> None:
    """The victim found it, told the application nothing, and sent one alert that the peer can read."""
    ends = provocation.run()
    victim, peer = ends[provocation.victim], ends[provocation.victim.other]
    assert violation_of(victim) is violation, error_of(victim)
    assert victim.delivered == b""
    assert not victim.ended
    records = list(raw_records(ends.sent(victim.side)))
    if violation in SILENT:
        assert not any(each[0] == ALERT for each in records)
        return
    assert records[-1][0] == (APPLICATION_DATA if provocation.protected else ALERT)
    if not provocation.protected:
        assert records[-1] == bytes([ALERT, 3, 3, 0, 2, 2, ALERT_NUMBERS[violation.alert]])
    assert violation_of(peer) is Violation.ALERT, "the peer cannot read the alert"
    assert alert(error_of(peer)) == violation.alert
